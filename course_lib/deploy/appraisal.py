"""What a quantised and served model handed in is worth: is it camp-mini's, does it say so again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course_lib import models
from course_lib.deploy import calls, card, layer, talk
from course_lib.deploy.calls import REGISTRY, Dialogue, fits_schema, read_call
from course_lib.errors import CampError
from course_lib.findings import Finding
from course_lib.language import Text
from course_lib.transcript import Exchange, read_transcript
from course_lib.tune.llama import Llama, one_thread
from course_lib.tune.questions import plain
from course_lib.tune.tensors import Damaged

CONFIG, TALK, CALLS = "config.json", talk.FILE, calls.FILE
GPU_TALK = "gpu_talk.json"

SHARES = {"config": 0.2, "packed": 0.4, "talk": 0.2, "calls": 0.15, "refused": 0.05}
MAX_CONFIG = 1 << 16
TALKS = 2


def examine(place: Path) -> list[Finding]:
    """Return what the evidence shows, for the learner and for the grader."""
    with one_thread():
        base = Llama.read(models.BUILT_IN["camp-mini"])
        checks: dict[str, Callable[[Path, Llama], tuple[float, Text]]] = {
            "config": _config,
            "packed": _packed,
            "talk": _talk,
            "calls": _calls,
            "refused": _refused,
        }
        found = [_finding(name, check, place, base) for name, check in checks.items()]
    return [*found, *_seen_on_gpu(place)]


def _finding(
    name: str, check: Callable[[Path, Llama], tuple[float, Text]], place: Path, base: Llama
) -> Finding:
    try:
        part, text = check(place, base)
    except Damaged as error:
        part, text = 0.0, error.why
    except CampError as error:
        part, text = 0.0, Text(str(error), str(error))
    except OSError as error:
        lost = Path(error.filename or place).name
        part, text = (
            0.0,
            Text(f"没有 {lost}（{_STEPS[name].zh}）", f"no {lost} ({_STEPS[name].en})"),
        )
    return Finding(part, text, SHARES[name])


_STEPS = {
    "config": Text("先量化，再收集", "quantise, then collect"),
    "packed": Text("先量化，再收集", "quantise, then collect"),
    "talk": Text("运行服务那一格", "run the cell with the server"),
    "calls": Text("运行服务那一格", "run the cell with the server"),
    "refused": Text("运行服务那一格", "run the cell with the server"),
}


def _read_config(place: Path) -> dict[str, Any]:
    with (place / CONFIG).open("rb") as file:
        raw = file.read(MAX_CONFIG + 1)
    try:
        if len(raw) > MAX_CONFIG:
            raise ValueError
        config = json.loads(raw)
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise Damaged(f"{CONFIG} 不是模型的配置", f"{CONFIG} is no model's configuration")
    return config


def _config(place: Path, base: Llama) -> tuple[float, Text]:
    """Look at the quantised folder's configuration."""
    config = _read_config(place)
    told = config.get("quantization_config")
    if not isinstance(told, dict) or told.get("quant_method") != "awq":
        return 0.0, Text(
            f"{CONFIG} 里没有 quant_method=awq：这是没量化的目录",
            f"{CONFIG} has no quant_method=awq: that folder is not quantised",
        )
    hidden = base.weights[layer.NORM].numel()
    if config.get("hidden_size") != hidden or config.get("num_hidden_layers") != base.layers:
        return 0.0, Text(
            f"{CONFIG} 是另一个模型的：camp-mini 是 {base.layers} 层、宽 {hidden}",
            f"{CONFIG} is another model's: camp-mini has {base.layers} layers, width {hidden}",
        )
    bits, group = told.get("bits"), told.get("group_size")
    shown = f"W{bits}, group {group}"[:40]
    if not isinstance(group, int) or group < layer.NARROW or hidden % group:
        return 0.0, Text(
            f"{CONFIG}：{shown}，这样的分组不能用在 camp-mini 的 {hidden} 个输入上",
            f"{CONFIG}: {shown}, no groups for camp-mini's {hidden} inputs",
        )
    if bits != 4:
        return 0.5, Text(f"{CONFIG}：{shown}，要 4 位", f"{CONFIG}: {shown}, wanted: 4 bits")
    return 1.0, Text(f"{CONFIG}：AWQ，{shown}", f"{CONFIG}: AWQ, {shown}")


def _packed(place: Path, base: Llama) -> tuple[float, Text]:
    """Look at the packed layer, in the groups that the configuration tells, if it tells any."""
    told = None
    with contextlib.suppress(Damaged, OSError):  # which ``_config`` names
        of = _read_config(place).get("quantization_config")
        told = of.get("group_size") if isinstance(of, dict) else None
    return layer.examine(place / layer.FILE, base, told)


def _talk(place: Path, base: Llama) -> tuple[float, Text]:
    """Ask camp-mini again what the transcript says it was asked."""
    found = read_transcript(place / TALK).exchanges
    asked = [
        one
        for one in found
        if one.settings.temperature == 0
        and 0 < one.settings.max_new_tokens <= 512
        and sum(len(turn.content) for turn in one.messages) <= 400
    ][-8:]
    replies = base.replies([one.messages for one in asked], talk.TOKENS) if asked else []
    same = {one.question for one, reply in zip(asked, replies, strict=True) if _again(one, reply)}
    part = min(1.0, len(same) / TALKS)
    return part, Text(
        f"服务的对话：{len(same)} 个不同的问题能由 camp-mini 重现（要 {TALKS} 个）",
        f"served dialogue: {len(same)} questions come out again from camp-mini (wanted: {TALKS})",
    )


def _again(one: Exchange, reply: str) -> bool:
    """Tell whether camp-mini says the same; what the limit cut off is compared as far as it goes.

    A server on a GPU computes in half precision, but these answers leave no near ties.
    """
    told, said = plain(one.reply), plain(reply)
    return told == said or (one.finish == "length" and len(told) >= 12 and said.startswith(told))


def _calls(place: Path, base: Llama) -> tuple[float, Text]:
    """Compute each logged result, and ask camp-mini for the call and for the answer again."""
    dialogues = calls.read_log(place / CALLS).dialogues[-16:]
    found = [(one, name) for one in dialogues if (name := _right(one))]
    prompts = [one.turns[:asked] for one, _ in found for asked in (2, 4)]
    replies = iter(base.replies(prompts, calls.TOKENS) if prompts else [])
    right = {
        name
        for (one, name), call, answer in zip(found, replies, replies, strict=True)
        if read_call(call) == read_call(one.turns[2].content)
        and plain(answer) == plain(one.turns[4].content)
    }
    lost = [name for name in REGISTRY if name not in right]
    part = len(right) / len(REGISTRY)
    if lost:
        names = ", ".join(lost)
        return part, Text(
            f"函数调用：没有 {names} 的一次完整调用（提问、调用、environment 里的正确结果、回答，"
            "都能由 camp-mini 重现）",
            f"function calls: no whole one of {names} (question, call, right result in an "
            "environment turn, answer, as camp-mini gives them again)",
        )
    return part, Text(
        "函数调用：add 和 multiply 都对", "function calls: add and multiply are right"
    )


def _right(one: Dialogue) -> str | None:
    """Return the tool's name when a dialogue's call and result are right, else None."""
    roles = [turn.role for turn in one.turns]
    if roles != ["system", "user", "assistant", "environment", "assistant"]:
        return None
    if sum(len(turn.content) for turn in one.turns) > 1000 or not one.turns[4].content.strip():
        return None
    call = read_call(one.turns[2].content)
    if call is None or call["name"] not in REGISTRY or fits_schema(call) is not None:
        return None
    numbers = calls.Numbers.model_validate_json(call["arguments"])
    try:
        told = float(one.turns[3].content)
    except ValueError:
        return None
    wanted = REGISTRY[call["name"]](numbers.a, numbers.b)
    return call["name"] if told == wanted else None


def _refused(place: Path, _base: Llama) -> tuple[float, Text]:
    refused = calls.read_log(place / CALLS).refused
    good = [one for one in refused if one.name not in REGISTRY and one.error == "unknown-tool"]
    if good:
        return 1.0, Text("拒绝过一次不该运行的调用", "a call that must not run was refused")
    return 0.0, Text(
        "没有拒绝过不认识的函数（call_tool 应返回 unknown-tool）",
        "no unknown function was refused (call_tool returns unknown-tool)",
    )


def _seen_on_gpu(place: Path) -> list[Finding]:
    """Tell what the GPU's cell left. It earns nothing, for nothing here can check it."""
    tells = {card.FILE: _tell_card, GPU_TALK: _tell_gpu_talk}
    return [
        Finding(1, _told(place, name, tell), 0)
        for name, tell in tells.items()
        if _lies(place / name)
    ]


def _lies(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _told(place: Path, name: str, tell: Callable[[Path], Text]) -> Text:
    try:
        text = tell(place / name)
    except CampError as error:
        text = Text(str(error), str(error))
    except OSError as error:
        why = error.strerror or type(error).__name__
        text = Text(f"{name} 读不出来（{why}）", f"{name} cannot be read ({why})")
    return Text(
        f"{text.zh}（0 分，没有核对，给助教看）",
        f"{text.en} (0 points, not checked, for a TA to look at)",
    )


def _tell_card(path: Path) -> Text:
    found = card.read_snapshot(path)
    shown = "; ".join(
        f"{one.name[:60]}, {_mebibytes(one.memory_used)} / {_mebibytes(one.memory_total)} MiB"
        for one in found.cards[:8]
    )
    return Text(f"服务时的显卡：{shown}", f"the card while it served: {shown}")


def _mebibytes(size: int | None) -> str:
    return "?" if size is None else str(size)


def _tell_gpu_talk(path: Path) -> Text:
    found = read_transcript(path).exchanges
    if not found:
        return Text(f"{path.name} 是空的", f"{path.name} is empty")
    last = found[-1]
    model, asked, said = last.model[:60], last.question[:60], last.reply[:120]
    return Text(
        f"GPU 上的对话：{len(found)} 条，{model}：“{asked}”——“{said}”",
        f"talk on the GPU: {len(found)} exchanges, {model}: “{asked}” – “{said}”",
    )
