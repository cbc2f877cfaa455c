"""What an XTuner training leaves behind, read as data: its configuration and its losses.

MMEngine writes both into ``<work dir>/<time>/vis_data``: ``config.py``, in which everything is
spelled out as literals, and ``scalars.json`` with one JSON object a line.
"""

from __future__ import annotations

import ast
import contextlib
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from course_lib.files import read_at_most
from course_lib.tune.tensors import Damaged

MAX_BYTES = 2 << 20
MAX_LINES = 20_000
_Number = Annotated[float, Field(allow_inf_nan=False)]


class Line(BaseModel):
    """One line of the log: the mean loss of the iterations since the last, in nats a token."""

    model_config = ConfigDict(frozen=True)

    iter: Annotated[int, Field(ge=1, le=10**9)]
    loss: _Number
    lr: _Number


class Lora(BaseModel):
    """What the configuration says of the adapter."""

    r: int
    lora_alpha: float


class Training(BaseModel):
    """The settings of a training that leave traces elsewhere."""

    lr: Annotated[float, Field(gt=0, le=10)]
    max_epochs: Annotated[float, Field(gt=0)]
    lora: Lora

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Return the settings in a configuration that :func:`read_settings` read."""
        model = settings.get("model")
        lora = model.get("lora") if isinstance(model, dict) else None
        return cls.model_validate({**settings, "lora": lora})


def _read(path: Path) -> str:
    try:
        return read_at_most(path, MAX_BYTES).decode("utf-8", "replace")
    except ValueError:
        most = MAX_BYTES >> 20
        raise Damaged(
            f"{path.name} 超过 {most} MB", f"{path.name} has more than {most} MB"
        ) from None


def read_training(path: Path) -> Training:
    """Read MMEngine's ``config.py`` without running it.

    Raises:
        Damaged: it is not the file that a LoRA training leaves.
        OSError: it cannot be read.
    """
    try:
        return Training.of(_settings(_read(path)))
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise Damaged(
            f"{path.name} 里没有可用的 {where}："
            "要工作目录里 vis_data/config.py 那一份（LoRA 训练）",
            f"{path.name} has no usable {where}: hand in vis_data/config.py of the work folder of "
            "a LoRA training",
        ) from None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Damaged(
            f"{path.name} 读不懂：要工作目录里 vis_data/config.py 那一份",
            f"{path.name} cannot be read: hand in vis_data/config.py of the work folder",
        ) from None


def _settings(text: str) -> dict[str, Any]:
    """Return the values assigned on the top level that are literals; nothing is executed."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = _value(node.value)
    return found


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item) for item in items]
        case ast.Call(func=ast.Name(id="dict"), args=[], keywords=words):
            return {word.arg: _value(word.value) for word in words if word.arg}
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {k.value: _value(v) for k, v in pairs if isinstance(k, ast.Constant)}
    return None


def read_log(path: Path) -> list[Line]:
    """Read the losses of a training.

    Raises:
        Damaged: a line is no entry, or iterations do not rise.
        OSError: it cannot be read.
    """
    lines = [line for line in _read(path).splitlines()[: MAX_LINES + 1] if line.strip()]
    try:
        found = [Line.model_validate(told) for told in map(json.loads, lines) if "loss" in told]
    except (ValueError, RecursionError, TypeError):
        found = []
    rising = all(a.iter < b.iter for a, b in itertools.pairwise(found))
    if len(found) < 3 or len(lines) > MAX_LINES or not rising:
        raise Damaged(
            f"{path.name} 不是一次训练的日志（至少 3 行，iter 递增，loss 是数）",
            f"{path.name} is no log of a training (at least 3 lines, rising iter, a loss in each)",
        )
    return found


def join(logs: Iterable[str]) -> str:
    """Return the log of a training that was resumed: what was trained anew replaces what was."""
    kept: list[Line] = []
    for log in logs:
        new = list(_lines(log))
        if new:
            kept = [line for line in kept if line.iter < new[0].iter] + new
    return "".join(f"{line.model_dump_json()}\n" for line in kept)


def _lines(log: str) -> Iterator[Line]:
    """Yield the entries of a log; a line that was cut off is none."""
    for text in log.splitlines():
        with contextlib.suppress(ValidationError):
            yield Line.model_validate_json(text)


_OFF = 0.1  # of the highest rate
_LOOKED_AT = 50  # lines


def follows_schedule(log: Sequence[Line], peak: float) -> bool:
    """Tell whether learning rates rise to ``peak`` and fall along a cosine, as the camp's do.

    The length of the training is not in the log; the one that fits best is taken. XTuner's warm-up
    takes few iterations, which are left out here: so are those up to the highest rate logged.
    """
    rates = [line.lr for line in log]
    if max(rates) > peak * 1.001 or min(rates) < 0:
        return False
    top = rates.index(max(rates))
    falling = log[top :: 1 + len(log) // _LOOKED_AT]
    if len(falling) < 3:
        return True
    last = falling[-1].iter
    best = math.inf
    for total in range(last, 4 * last, max(1, last // 200)):
        for start in {0, falling[0].iter}:
            off = max(
                abs(one.lr - _cosine(one.iter - start, total - start, peak)) for one in falling
            )
            best = min(best, off / peak)
    return best < _OFF


def _cosine(at: float, total: float, peak: float) -> float:
    share = min(1.0, max(0.0, at / total)) if total > 0 else 1.0
    return peak * (1 + math.cos(math.pi * share)) / 2
