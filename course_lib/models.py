"""Which model the lessons use, and whether a folder really holds one.

``CAMP_MODEL`` decides; else a machine with a GPU uses the InternLM2.5 that lies on it, as in the
camp; else there is camp-mini, which comes with the course. Weights are only read from safetensors.
"""

from __future__ import annotations

import json
import os
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib import machine
from course_lib.errors import CampError
from course_lib.language import Text

VARIABLE = "CAMP_MODEL"
SHIPPED = Path(__file__).parent / "mini" / "weights"
BUILT_IN = {"camp-mini": SHIPPED / "chat", "camp-mini-base": SHIPPED / "base"}
"""The models that come with the course, by name."""
INTERNLM = ("internlm2_5-1_8b-chat", "internlm2_5-7b-chat")
_CONFIGS = ("config.json", "tokenizer_config.json", "generation_config.json")
_INDEX = "model.safetensors.index.json"
_SHARD = re.compile(r"-\d+-of-\d+\.safetensors$")
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json")


@dataclass(frozen=True)
class Model:
    """A model folder and why it was chosen; ``own_code``: it only runs with its own Python code."""

    folder: Path
    why: Text
    own_code: bool = False

    def __str__(self) -> str:
        return f"{self.folder} ({self.why})"


def find(name: str | Path | None = None, *, say: Callable[[str], None] | None = print) -> Model:
    """Return the model to use and say in one line which and why.

    Args:
        name: a folder, or ``camp-mini`` or ``camp-mini-base``; by default see the module.
        say: what shows the line; None for silence.

    Raises:
        CampError: the folder does not exist, is incomplete, has no safetensors, or needs its own
            Python code; the text says what to do.
    """
    model = _find(name)
    if say:
        say(str(Text(f"模型：{model}", f"Model: {model}")))
    return model


def _find(name: str | Path | None) -> Model:
    if name is not None:
        return _named(str(name), Text("你指定的", "you named it"))
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return _named(chosen, Text(f"{VARIABLE} 指定的", f"{VARIABLE} names it"))
    why = Text("课程自带的小模型", "the course's own small model")
    for folder in internlm_folders() if machine.gpus() else ():
        wrong = problem(folder)
        if wrong is None:
            has = Text("这台机器有 GPU，也有 InternLM2.5", "this machine has a GPU and InternLM2.5")
            return Model(folder, has, needs_own_code(folder))
        if folder.is_dir():
            why = Text(
                f"课程自带的小模型；{folder} 用不了：{wrong.zh}",
                f"the course's own small model; {folder} cannot be used: {wrong.en}",
            )
    return Model(BUILT_IN["camp-mini"], why)


def _named(name: str, why: Text) -> Model:
    if name in BUILT_IN:
        return Model(BUILT_IN[name], why)
    folder = Path(name).expanduser()
    wrong = trouble(name)
    if wrong is not None:
        raise CampError(f"{folder}: {wrong}", exit_code=2)
    return Model(folder, why, needs_own_code(folder))


def trouble(name: str) -> Text | None:
    """Return why the model of this name or folder cannot be used, or None."""
    if name in BUILT_IN:
        return None
    folder = Path(name).expanduser()
    known = [place.resolve() for place in internlm_folders()]
    if needs_own_code(folder) and folder.resolve() not in known:
        return Text(
            "这个模型要运行它自带的 Python 代码，本课不运行来历不明的代码："
            "换一个 transformers 直接支持的模型",
            "this model runs Python code of its own, and the course does not run unknown code: "
            "use a model that transformers supports itself",
        )
    return problem(folder)


def share() -> Path:
    """Return where InternStudio has its models, or what ``CAMP_SHARE`` names in its place."""
    root = os.environ.get("CAMP_SHARE") or "/root/share/new_models"
    return Path(root) / "Shanghai_AI_Laboratory"


def internlm_folders() -> Iterator[Path]:
    """Yield where InternLM2.5 may lie: the camp's share, Hugging Face's cache, ModelScope's."""
    environment, home = os.environ, Path.home()
    hugging = Path(environment.get("HF_HOME") or home / ".cache" / "huggingface")
    hub = Path(environment.get("HF_HUB_CACHE") or hugging / "hub")
    scope = Path(environment.get("MODELSCOPE_CACHE") or home / ".cache" / "modelscope" / "hub")
    for name in INTERNLM:
        yield share() / name
        yield from sorted((hub / f"models--internlm--{name}" / "snapshots").glob("*"))
        for root in (scope, scope / "models"):
            yield root / "Shanghai_AI_Laboratory" / name


def small_internlm() -> Path | None:
    """Return where a complete InternLM2.5-1.8B-Chat lies, or None."""
    found = (one for one in internlm_folders() if "1_8b" in str(one))
    return next((one for one in found if problem(one) is None), None)


def problem(folder: Path) -> Text | None:
    """Return why ``folder`` is no complete model, or None."""
    if not folder.is_dir():
        return Text(
            "没有这个目录：写模型目录的完整路径，或 camp-mini",
            "no such folder: give the full path of a model's folder, or camp-mini",
        )
    if _json(folder / "config.json") is None:
        return Text(
            "里面没有可读的 config.json：要的是直接装着 config.json 的那一层目录",
            "has no readable config.json: name the very folder that holds config.json",
        )
    if not any((folder / name).is_file() for name in TOKENIZERS):
        return Text("缺分词器文件：重新下载", "lacks the tokenizer's files: download it again")
    weights = _weight_files(folder)
    if not weights:
        return Text(
            "没有 *.safetensors：本课只读 safetensors，不读 .bin",
            "has no *.safetensors: the course reads safetensors only, never .bin",
        )
    if any(_SHARD.search(path.name) for path in weights) and not (folder / _INDEX).is_file():
        return Text(
            f"缺 {_INDEX}（没下载完？）：重新下载",
            f"lacks {_INDEX} (half downloaded?): download it again",
        )
    broken = [path.name for path in weights if not is_whole(path)]
    if broken:
        return Text(
            f"{broken[0]} 不完整（没下载完？）：重新下载",
            f"{broken[0]} is incomplete (half downloaded?): download it again",
        )
    return None


def needs_own_code(folder: Path) -> bool:
    """Tell whether the model or its tokenizer names Python code in its folder (``auto_map``)."""
    return any((_json(folder / name) or {}).get("auto_map") for name in _CONFIGS)


def is_whole(path: Path) -> bool:
    """Tell whether a safetensors file is as long as its header says."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > size:
                return False
            header = json.loads(file.read(length))
        ends = [t["data_offsets"][1] for name, t in header.items() if name != "__metadata__"]
        return bool(size == 8 + length + max(ends, default=0))
    except (OSError, ValueError, struct.error, KeyError, TypeError, AttributeError):
        return False


def _weight_files(folder: Path) -> list[Path]:
    """Return the safetensors that the index names, else all that are there."""
    index = _json(folder / _INDEX)
    if index is not None:
        return [folder / name for name in sorted(set(index.get("weight_map", {}).values()))]
    return sorted(folder.glob("*.safetensors"))


def _json(path: Path) -> dict[str, Any] | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None
