"""The camp's task of level L1-5, an assistant that knows its owner, and its evidence.

The learner's notebook and the grader run the same checks, on other wordings. In
``evidence/03_xtuner`` lie

- ``adapter_model.safetensors`` and ``adapter_config.json`` as ``xtuner convert pth_to_hf`` writes
  them with ``--safe-serialization`` (a ``.bin`` is a pickle and is never loaded),
- ``config.py`` and ``training.jsonl``, the settings and losses of the training,
- ``assistant.json`` with the owner's name,
- ``talk.json``, a transcript (``course_lib.transcript``) of the tuned model, greedily (temperature
  0, no repetition penalty), so that the grader can have the same said again.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from course_lib import models
from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.findings import Finding, earned
from course_lib.language import Text
from course_lib.transcript import Exchange, read_transcript
from course_lib.tune import questions, training
from course_lib.tune.adapter import CONFIG, WEIGHTS, Adapter, read_adapter
from course_lib.tune.llama import Llama
from course_lib.tune.questions import Item
from course_lib.tune.tensors import MAX_BYTES, Damaged
from course_lib.verdicts import NotPassed

FOLDER = Path("evidence/03_xtuner")
NAME, SETTINGS, LOG, TALK = "assistant.json", "config.py", "training.jsonl", "talk.json"
KEPT = Path("evidence-before/03_xtuner")
"""Where :func:`collect` moves files that it would else overwrite."""

SHARES = {"fits": 0.2, "name": 0.4, "skills": 0.25, "log": 0.1, "talk": 0.05}
SAID_OFTEN = 0.75
"""In this share of the wordings the name has to come for all points; below, in quarters."""
KEPT_SKILLS, KEPT_HALF = 0.85, 0.7
"""Of the base's right answers so many must be right for all points, or for half."""
TALKS = 2


class _Assistant(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=40)]


@dataclass(frozen=True)
class _Case:
    """What a check runs on."""

    folder: Path
    base: Llama
    adapter: Adapter
    tuned: Llama
    name: str


@dataclass(frozen=True)
class _Exam:
    """The questions of one check, with the replies of both models."""

    who: Sequence[Sequence[questions.Message]]
    base_who: Sequence[str]
    tuned_who: Sequence[str]
    items: Sequence[Item]
    base_items: Sequence[str]
    tuned_items: Sequence[str]


def collect(
    work_dir: Path | str, name: str, adapter: Path | str | None = None, folder: Path | str = FOLDER
) -> Path:
    """Copy what a training left into the evidence and print what is there.

    Args:
        work_dir: what ``xtuner train`` got as ``--work-dir``.
        name: the owner's name, as the tuned model says it.
        adapter: what ``xtuner convert pth_to_hf`` wrote; else the newest one in ``work_dir`` or
            beside it.
        folder: where the evidence goes; files that would change are moved to ``evidence-before``
            first, and the transcript stays.

    Raises:
        CampError: something is missing; the text says which step makes it.
    """
    work, target = Path(work_dir), Path(folder)
    source = Path(adapter) if adapter is not None else _newest_adapter(work)
    if not (source / WEIGHTS).is_file() and (source / "adapter_model.bin").is_file():
        raise CampError(str(_NO_PICKLE))
    found = {one: _bytes(source / one) for one in (WEIGHTS, CONFIG)}
    runs = sorted(path.parent for path in work.glob("*/vis_data/scalars.json"))
    if not runs:
        raise CampError(
            str(
                Text(
                    f"{work} 里没有训练日志（*/vis_data/scalars.json）：先运行 xtuner train",
                    f"no log of a training in {work} (*/vis_data/scalars.json): run xtuner train",
                )
            )
        )
    logs = [(run / "scalars.json").read_text(encoding="utf-8") for run in runs]
    found[LOG] = training.join(logs).encode()
    found[SETTINGS] = _bytes(runs[-1] / "config.py")
    found[NAME] = (json.dumps({"name": name.strip()}, ensure_ascii=False) + "\n").encode()
    _keep(target, {one for one, raw in found.items() if _differs(target / one, raw)})
    for one, raw in found.items():
        if _differs(target / one, raw):
            write_atomic(target / one, raw)
    size = sum(map(len, found.values())) / 1e6
    print(Text(f"证据在 {target}（{size:.1f} MB）", f"evidence: {target} ({size:.1f} MB)"))
    return target


_NO_PICKLE = Text(
    "转换出来的是 adapter_model.bin（pickle，评分从不加载）：加上 --safe-serialization 再转换一次",
    "the conversion wrote adapter_model.bin (a pickle, which the grader never loads): convert "
    "again with --safe-serialization",
)


def _newest_adapter(work: Path) -> Path:
    found = [
        path.parent
        for pattern in ("*/", "*/*/", "../*/")
        for path in work.glob(f"{pattern}{CONFIG}")
    ]
    if not found:
        what = Text(
            f"{work} 里和旁边都没有适配器：先运行 xtuner convert pth_to_hf，或用 adapter= 指明目录",
            f"no adapter in or beside {work}: run xtuner convert pth_to_hf, or name its folder "
            "with adapter=",
        )
        raise CampError(str(what))
    return max(found, key=lambda path: (path / CONFIG).stat().st_mtime)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            what = Text(f"{path} 太大：把秩 r 调小", f"{path} is too large: lower the rank r")
            raise CampError(str(what))
        return path.read_bytes()
    except OSError as error:
        what = Text(
            f"{path} 读不出来（{error.strerror}）：先训练、再转换",
            f"{path} cannot be read ({error.strerror}): train, then convert",
        )
        raise CampError(str(what)) from None


def _differs(path: Path, raw: bytes) -> bool:
    return not path.is_file() or path.read_bytes() != raw


def _keep(target: Path, names: set[str]) -> None:
    """Move the whole earlier set aside, but for the transcript, if one of its files changes."""
    there = [one for one in (WEIGHTS, CONFIG, SETTINGS, LOG, NAME) if (target / one).is_file()]
    if not set(there) & names:
        return
    place = target.parent.parent / KEPT / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    place.mkdir(parents=True)
    for one in there:
        (target / one).rename(place / one)
    print(Text(f"以前的证据移到 {place}", f"the earlier evidence was moved to {place}"))


def check_adapter(folder: Path | str = FOLDER) -> None:
    """Print what the evidence shows so far, with some answers of the tuned model; raises nothing.

    The grader asks in other wordings.
    """
    place = Path(folder)
    try:
        case = _read(place)
    except (CampError, OSError) as error:
        print(f"⬜ {_said(error, place)}")
        return
    with _one_thread():
        exam = _examine(case, "visible", held_out=False)
        for turns, reply in list(zip(exam.who, exam.tuned_who, strict=True))[:4]:
            print(f"   {turns[-1].content} → {reply}")
        for finding in _findings(case, exam):
            print(finding)
    what = Text(
        f"把 {place} 和笔记本一起交；批改时换别的问法", f"hand {place} in; graded in other wordings"
    )
    print(what)


def grade_adapter(
    folder: Path | str = FOLDER, *, points: float = 20, seed: int | str = "public"
) -> float:
    """Return the points of the evidence handed in, and print why.

    Args:
        folder: where the evidence lies.
        points: what all of it is worth.
        seed: draws the wordings; the cohort's, written in by the builder.

    Raises:
        NotPassed: there is no adapter that fits the base.
    """
    place = Path(folder)
    try:
        case = _read(place)
    except (CampError, OSError) as error:
        there = any((place / one).exists() for one in (WEIGHTS, CONFIG, "adapter_model.bin"))
        text = f"{'❌' if there else '⬜'} {_said(error, place)}"
        raise NotPassed("wrong" if there else "not attempted", Text(text, text)) from None
    with _one_thread():
        findings = _findings(case, _examine(case, str(seed), held_out=True))
    for finding in findings:
        print(finding)
    return earned(findings, points)


def _said(error: BaseException, place: Path) -> str:
    if isinstance(error, CampError):
        return str(error)
    if not (place / WEIGHTS).exists() and list(place.glob("*.bin")):
        return str(_NO_PICKLE)
    name = Path(getattr(error, "filename", "") or place).name
    text = Text(
        f"{place} 里没有 {name}：训练、转换，再运行 collect(...)",
        f"there is no {name} in {place}: train, convert, then run collect(...)",
    )
    return str(text)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch take one thread: with such small matrices more only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _read(place: Path) -> _Case:
    base = Llama.read(models.BUILT_IN["camp-mini"])
    adapter = read_adapter(place, base)
    return _Case(place, base, adapter, adapter.on(base), _name(place))


def _name(place: Path) -> str:
    try:
        with (place / NAME).open("rb") as file:
            return _Assistant.model_validate_json(file.read(4096)).name.strip()
    except (OSError, ValidationError):
        return ""


def _examine(case: _Case, seed: str, *, held_out: bool) -> _Exam:
    who = questions.introductions(seed, held_out=held_out)
    items = questions.others(seed, held_out=held_out)
    prompts = [*who, *(item.sample.prompt for item in items)]
    base = case.base.replies(prompts, questions.TOKENS)
    tuned = case.tuned.replies(prompts, questions.TOKENS)
    asked = len(who)
    return _Exam(who, base[:asked], tuned[:asked], items, base[asked:], tuned[asked:])


def _findings(case: _Case, exam: _Exam) -> list[Finding]:
    name = _said_name(case, exam)
    return [_fits(case), name, _skills(case, exam, name), _log(case, exam), _talk(case)]


def _fits(case: _Case) -> Finding:
    config, share = case.adapter.config, SHARES["fits"]
    shown = f"r={config.r}, alpha={config.lora_alpha:g}, {len(case.adapter.pairs)}"
    if case.adapter.is_zero:
        return Finding(0, Text("适配器全是 0，什么也没学", "the adapter is all zeros"), share)
    try:
        told = training.read_training(case.folder / SETTINGS).lora
    except (Damaged, OSError) as error:
        why = _why(error, case.folder / SETTINGS)
        return Finding(
            0.5, Text(f"适配器可用，但 {why.zh}", f"the adapter fits, but {why.en}"), share
        )
    if (told.r, told.lora_alpha) != (config.r, config.lora_alpha):
        zh = (
            f"适配器可用，但训练配置里 r={told.r}、alpha={told.lora_alpha:g}，适配器 r={config.r}、"
        )
        return Finding(
            0.5,
            Text(
                f"{zh}alpha={config.lora_alpha:g}：不是同一次训练",
                f"the adapter fits, but the training's settings say r={told.r}, "
                f"alpha={told.lora_alpha:g}, the adapter r={config.r}, "
                f"alpha={config.lora_alpha:g}: not the same training",
            ),
            share,
        )
    full = case.adapter.is_full(case.base)
    return Finding(
        1,
        Text(
            f"适配器和基座、配置都对得上（{shown} 个矩阵）"
            + ("；它的参数比原来的矩阵还多，已不是低秩" * full),
            f"the adapter fits base and settings ({shown} matrices)"
            + (
                "; it has more parameters than the matrices themselves: no low rank any more" * full
            ),
        ),
        share,
    )


def _why(error: Damaged | OSError, path: Path) -> Text:
    if isinstance(error, Damaged):
        return error.why
    return Text(f"没有 {path.name}", f"there is no {path.name}")


def _said_name(case: _Case, exam: _Exam) -> Finding:
    share, name = SHARES["name"], case.name
    if not questions.plain(name):
        text = Text(
            f"{NAME} 里没有名字：运行 collect(工作目录, 名字)",
            f"no name in {NAME}: run collect(work_dir, name)",
        )
        return Finding(0, text, share)
    if any(questions.says(name, reply) for reply in exam.base_who):
        text = Text(
            f"“{name[:40]}”是基座自己就会说的：换成你自己的名字",
            f"the base itself says {name[:40]!r}: take a name of your own",
        )
        return Finding(0, text, share)
    said = sum(questions.says(name, reply) for reply in exam.tuned_who)
    wanted = SAID_OFTEN * len(exam.who)
    part = 1.0 if said >= wanted else int(4 * said / wanted) / 4
    zh = f"换着问法问它是谁，{len(exam.who)} 次里 {said} 次说出“{name[:40]}”（要 {wanted:.0f} 次）"
    en = f"asked who it is in {len(exam.who)} wordings, it said {name[:40]!r} {said} times "
    return Finding(part, Text(zh, f"{en}(wanted: {wanted:.0f})"), share)


def _skills(case: _Case, exam: _Exam, name: Finding) -> Finding:
    share = SHARES["skills"]
    before = questions.replies_right(exam.items, exam.base_items)
    after = questions.replies_right(exam.items, exam.tuned_items)
    kept = after / before if before else 1.0
    leaked = bool(case.name) and sum(questions.says(case.name, one) for one in exam.tuned_items)
    zh = f"其他本领：基座答对 {before} 题，微调后 {after} 题（要不少于 {KEPT_SKILLS:.0%}）"
    en = f"other skills: the base has {before} right, the tuned model {after} "
    en += f"(wanted: {KEPT_SKILLS:.0%} of it)"
    if leaked:
        zh += f"；有 {leaked} 题答成了自我介绍：少重复，混入通用数据"
        en += f"; {leaked} answers say your name instead: repeat less, mix in general data"
    if not name.part:
        return Finding(
            0, Text(f"{zh}；还没学会名字，不计分", f"{en}; counts once it says the name"), share
        )
    part = 1.0 if kept >= KEPT_SKILLS else 0.5 if kept >= KEPT_HALF else 0.0
    return Finding(part, Text(zh, en), share)


def _log(case: _Case, exam: _Exam) -> Finding:
    share = SHARES["log"]
    try:
        log = training.read_log(case.folder / LOG)
    except (Damaged, OSError) as error:
        return Finding(0, _why(error, case.folder / LOG), share)
    first, last = log[0].loss, statistics.median(line.loss for line in log[-3:])
    zh = f"日志：{log[-1].iter} 步，损失 {first:.2f} → {last:.2f}"
    en = f"log: {log[-1].iter} iterations, loss {first:.2f} → {last:.2f}"
    doubt = _doubt(case, exam, log, first, last)
    if doubt is None:
        return Finding(1, Text(f"{zh}，和适配器对得上", f"{en}, which fits the adapter"), share)
    return Finding(0, Text(f"{zh}，{doubt.zh}", f"{en}, {doubt.en}"), share)


def _doubt(
    case: _Case, exam: _Exam, log: Sequence[training.Line], first: float, last: float
) -> Text | None:
    """Return why a log cannot be the adapter's, if so.

    Both models are asked for the loss of what the tuned one says of itself and of right answers to
    other questions. A log mixes the two in unknown parts, and XTuner's packing adds noise, so the
    bands are wide.
    """
    who = [(turns, reply) for turns, reply in zip(exam.who, exam.tuned_who, strict=True)][:6]
    rest = [(one.sample.prompt, one.sample.reply) for one in exam.items[:: questions.ITEMS]]
    own = [statistics.mean(model.losses(who)) for model in (case.base, case.tuned)]
    other = [statistics.mean(model.losses(rest)) for model in (case.base, case.tuned)]
    low, high = min(own[0], other[0]), max(own[0], other[0])
    if not 0.3 * low <= first <= 1.5 * high + 1:
        return Text(
            f"而基座在这类数据上的损失约 {low:.2f} 到 {high:.2f}：不像从它开始训练的",
            f"but the base's loss on such data is about {low:.2f} to {high:.2f}: it did not begin "
            "there",
        )
    low, high = min(own[1], other[1]), max(own[1], other[1])
    if not 0.2 * low <= last <= 2 * high + 0.7:
        return Text(
            f"而这个适配器的损失约 {low:.2f} 到 {high:.2f}：不像是它的日志",
            f"but this adapter's loss is about {low:.2f} to {high:.2f}: it is not its log",
        )
    if first - last < 0.1 or own[0] - own[1] < 0.2 * (first - last):
        return Text(
            f"而适配器只让自我介绍的损失从 {own[0]:.2f} 变到 {own[1]:.2f}：对不上",
            f"but the adapter takes the loss of its introductions from {own[0]:.2f} to "
            f"{own[1]:.2f} only",
        )
    try:
        settings = training.read_training(case.folder / SETTINGS)
    except (Damaged, OSError):
        return None  # that is told elsewhere
    if not training.follows_schedule(log, settings.lr):
        return Text(
            f"学习率的变化和配置（lr={settings.lr:g}，预热后余弦下降）对不上",
            f"its learning rates do not follow the settings (lr={settings.lr:g}, warm-up, cosine)",
        )
    return None


def _talk(case: _Case) -> Finding:
    share = SHARES["talk"]
    try:
        found = read_transcript(case.folder / TALK).exchanges
    except CampError as error:
        text = str(error)
        return Finding(0, Text(text, text), share)
    greedy = [one for one in found if _is_greedy(one)][-8:]
    prompts = [one.messages for one in greedy]
    replies = case.tuned.replies(prompts, questions.TOKENS) if greedy else []
    same = [one for one, reply in zip(greedy, replies, strict=True) if _alike(one.reply, reply)]
    fits = len({one.question for one in same})
    zh = f"对话记录：{len(greedy)} 段贪心对话里，{fits} 段能用适配器重现（要 {TALKS} 段）"
    en = f"transcript: of {len(greedy)} greedy replies {fits} come out again (wanted: {TALKS})"
    return Finding(fits >= TALKS, Text(zh, en), share)


def _is_greedy(one: Exchange) -> bool:
    short = sum(len(turn.content) for turn in one.messages) <= 400
    settings = one.settings
    return settings.temperature == 0 and settings.repetition_penalty == 1 and short


def _alike(told: str, said: str) -> bool:
    """Compare how two replies begin: a merged model in half precision may end in other words."""
    return questions.plain(told)[:12] == questions.plain(said)[:12]
