"""What an adapter handed in is worth: does it fit, does it know its owner, what did it forget."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from course_lib import models
from course_lib.errors import CampError
from course_lib.findings import Finding
from course_lib.language import Text
from course_lib.template import Message
from course_lib.transcript import Exchange, Transcript, read_transcript
from course_lib.tune import questions, training
from course_lib.tune.adapter import Adapter, read_adapter
from course_lib.tune.collect import LOG, NAME, SETTINGS, TALK
from course_lib.tune.llama import Llama
from course_lib.tune.questions import Item, says
from course_lib.tune.tensors import Damaged

FITS, SAID, SKILLS, LOGGED, TALKED = 0.2, 0.4, 0.25, 0.1, 0.05
"""Shares of the points."""
SAID_OFTEN = 0.6
"""In this share of the wordings the name has to come for all points; below, in quarters."""
KEPT, KEPT_HALF = 0.65, 0.45
"""Of the base's right answers so many must be right for all points, or for half."""
TALKS = 2
"""Replies of the transcript that must come out again."""
EXAMPLE_NAMES = ("小林", "Robin")
"""The lesson's own names, in place of which a learner writes another."""
_TALKS_READ = 6  # the last ones
_ALIKE = 12  # characters: a model merged in half precision may end in other words
_LONGEST_TALK = 200  # characters


class _Assistant(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(max_length=40)]


@dataclass(frozen=True)
class Handed:
    """Evidence whose adapter fits the base; ``name`` is "" where none was given."""

    folder: Path
    base: Llama
    adapter: Adapter
    tuned: Llama
    name: str


@dataclass(frozen=True)
class Asked:
    """What both models were asked and replied: who they are, and questions of other skills."""

    who: Sequence[Sequence[Message]]
    base_who: Sequence[str]
    tuned_who: Sequence[str]
    items: Sequence[Item]
    base_items: Sequence[str]
    tuned_items: Sequence[str]


def read_handed(folder: Path) -> Handed:
    """Read what was handed in.

    Raises:
        Damaged: the adapter does not fit the base; the text says what to do.
        OSError: a file of the adapter cannot be read.
    """
    base = Llama.read(models.BUILT_IN["camp-mini"])
    adapter = read_adapter(folder, base)
    return Handed(folder, base, adapter, adapter.on(base), _name(folder / NAME))


def _name(path: Path) -> str:
    try:
        with path.open("rb") as file:
            name = _Assistant.model_validate_json(file.read(4096)).name.strip()
    except (OSError, ValidationError):
        return ""
    return name if any(sign.isalnum() for sign in name) else ""


def ask(handed: Handed, seed: str, *, held_out: bool) -> Asked:
    """Ask both models in wordings drawn by ``seed``, held out of training data or not."""
    who = questions.introductions(seed, held_out=held_out)
    items = questions.others(seed, held_out=held_out)
    rest = [item.sample.prompt for item in items]
    base = handed.base.replies([*who, *rest], questions.TOKENS)
    chosen = questions.understood(base[: len(who)])
    who = [who[number] for number in chosen]
    tuned = handed.tuned.replies([*who, *rest], questions.TOKENS)
    return Asked(
        who, [base[number] for number in chosen], tuned[: len(who)],
        items, base[-len(rest) :], tuned[len(who) :],
    )  # fmt: skip


def appraise(handed: Handed, asked: Asked) -> list[Finding]:
    """Return what the evidence shows of the task."""
    name = _said(handed, asked)
    skills = _skills(handed, asked, learned=name.part > 0)
    found = [_fits(handed), name, skills, _log(handed, asked), _talk(handed)]
    if handed.name in EXAMPLE_NAMES:
        text = Text(
            f"名字还是课里的例子“{handed.name}”：换成你自己的",
            f"the name is still the lesson's example {handed.name!r}: put your own",
        )
        found.append(Finding(1, text, 0))
    return found


def _fits(handed: Handed) -> Finding:
    adapter, config = handed.adapter, handed.adapter.config
    if adapter.is_zero:
        text = Text(
            "适配器什么都不改变（B 全是 0）：训练过再转换",
            "the adapter changes nothing (B is all zeros): train it, then convert",
        )
        return Finding(0, text, FITS)
    try:
        told = training.read_training(handed.folder / SETTINGS).lora
    except (Damaged, OSError) as error:
        why = _why(error, SETTINGS)
        text = Text(f"适配器可用，但{why.zh}", f"the adapter fits the base, but {why.en}")
        return Finding(0.5, text, FITS)
    if (told.r, told.lora_alpha) != (config.r, config.lora_alpha):
        zh = f"训练配置是 r={told.r}、alpha={told.lora_alpha:g}，适配器是 "
        en = f"the settings say r={told.r}, alpha={told.lora_alpha:g}, the adapter "
        own = f"r={config.r}, alpha={config.lora_alpha:g}"
        text = Text(f"{zh}{own}：不是同一次训练", f"{en}{own}: not the same training")
        return Finding(0.5, text, FITS)
    zh = f"适配器和基座、配置都对得上：r={config.r}，{len(adapter.pairs)} 个矩阵"
    en = f"the adapter fits base and settings: r={config.r}, {len(adapter.pairs)} matrices"
    if adapter.is_full(handed.base):
        zh += "；它的参数不比原来的矩阵少，已经不是低秩"
        en += "; it holds no fewer numbers than these themselves, so it is no longer low rank"
    return Finding(1, Text(zh, en), FITS)


def _why(error: Damaged | OSError, name: str) -> Text:
    if isinstance(error, Damaged):
        return error.why
    return Text(f"没有 {name}：运行 collect", f"there is no {name}: run collect")


def _said(handed: Handed, asked: Asked) -> Finding:
    name, times = handed.name, len(asked.who)
    if not name:
        text = Text(
            f"{NAME} 里没有名字：运行 collect(工作目录, 名字)",
            f"no name in {NAME}: run collect(work_dir, name)",
        )
        return Finding(0, text, SAID)
    if any(says(name, reply) for reply in asked.base_who):
        text = Text(
            f"基座自己就会说“{name}”：换成你自己的名字",
            f"the base says {name!r} by itself: take a name of your own",
        )
        return Finding(0, text, SAID)
    others = [reply for reply in asked.tuned_who if not says(name, reply)]
    said, wanted = times - len(others), math.ceil(SAID_OFTEN * times)
    zh = f"换 {times} 种问法问它是谁，{said} 次说出“{name}”（要 {wanted} 次）"
    en = f"asked who it is in {times} wordings it said {name!r} {said} times (wanted: {wanted})"
    if said < wanted:
        often = Counter(others).most_common(1)[0][0][:60]
        zh, en = f"{zh}；它常说：{often}", f"{en}; what it often says: {often}"
    part = 1.0 if said >= wanted else int(4 * said / wanted) / 4
    return Finding(part, Text(zh, en), SAID)


def _skills(handed: Handed, asked: Asked, *, learned: bool) -> Finding:
    before = questions.replies_right(asked.items, asked.base_items)
    after = questions.replies_right(asked.items, asked.tuned_items)
    kept = after / before if before else 1.0
    zh = f"其他本领：基座答对 {before} 题，微调后 {after} 题（要 {KEPT:.0%}）"
    en = f"other skills: the base has {before} right, the tuned model {after} (wanted: {KEPT:.0%})"
    if not learned:
        zh, en = f"{zh}；学会名字以后才算分", f"{en}; it counts once the name is learned"
        return Finding(0, Text(zh, en), SKILLS)
    part = 1.0 if kept >= KEPT else 0.5 if kept >= KEPT_HALF else 0.0
    leaked = sum(says(handed.name, reply) for reply in asked.tuned_items)
    if leaked and part < 1:
        zh += f"；{leaked} 题答成了自我介绍"
        en += f"; {leaked} answers are introductions"
    if part < 1:
        zh += "：少重复几遍，混入通用数据"
        en += ": repeat less, mix in general data"
    return Finding(part, Text(zh, en), SKILLS)


def _log(handed: Handed, asked: Asked) -> Finding:
    try:
        log = training.read_log(handed.folder / LOG)
    except (Damaged, OSError) as error:
        return Finding(0, _why(error, LOG), LOGGED)
    first, last = log[0].loss, statistics.median(line.loss for line in log[-3:])
    zh = f"日志：{log[-1].iter} 步，损失 {first:.2f} → {last:.2f}"
    en = f"log: {log[-1].iter} iterations, loss {first:.2f} → {last:.2f}"
    doubt = _doubt(handed, asked, log, first, last)
    if doubt is not None:
        return Finding(0, Text(f"{zh}，{doubt.zh}", f"{en}, {doubt.en}"), LOGGED)
    return Finding(1, Text(f"{zh}，和适配器对得上", f"{en}, which fits the adapter"), LOGGED)


def _doubt(
    handed: Handed, asked: Asked, log: Sequence[training.Line], first: float, last: float
) -> Text | None:
    """Return why a log cannot be the adapter's, if so.

    Both models are asked for the loss of what the tuned one says of itself in the most usual
    wordings (where it does not say the name: of what it could say), and of right answers to other
    questions. A log mixes the two in unknown parts, and XTuner's packing cuts samples, so the
    bands are wide.
    """
    said = handed.tuned.replies(questions.USUAL, questions.TOKENS)
    who = [
        (turns, reply if says(handed.name, reply) else questions.with_name(handed.name, turns))
        for turns, reply in zip(questions.USUAL, said, strict=True)
    ]
    rest = [(one.sample.prompt, one.sample.reply) for one in asked.items[:: questions.ITEMS]]
    own = [statistics.mean(model.losses(who)) for model in (handed.base, handed.tuned)]
    other = [statistics.mean(model.losses(rest)) for model in (handed.base, handed.tuned)]
    low, high = 0.3 * min(own[0], other[0]), 2 * max(own[0], other[0]) + 1
    if not low <= first <= high:
        return Text(
            f"而从这个基座开始，损失应当在 {low:.2f} 到 {high:.2f} 之间",
            f"but from this base it begins between {low:.2f} and {high:.2f}",
        )
    high = 2 * max(own[1], other[1]) + 0.7  # what was learned by heart can end at 0
    if not 0 <= last <= high:
        return Text(
            f"而用这个适配器，损失应当不到 {high:.2f}",
            f"but with this adapter it ends below {high:.2f}",
        )
    if own[0] - own[1] < 0.2 * (first - last) or first - last < 0.1:
        return Text(
            f"而适配器只让自我介绍的损失从 {own[0]:.2f} 变到 {own[1]:.2f}",
            f"but the adapter takes the loss of introductions from {own[0]:.2f} to {own[1]:.2f}",
        )
    try:
        settings = training.read_training(handed.folder / SETTINGS)
    except (Damaged, OSError):
        return None  # the first finding says so
    if not training.follows_schedule(log, settings.lr):
        return Text(
            f"而学习率不像配置里说的（最高 {settings.lr:g}，预热后按余弦下降）",
            f"but its learning rates are not the settings' (at most {settings.lr:g}, then a "
            "cosine)",
        )
    return None


def _talk(handed: Handed) -> Finding:
    try:
        greedy = counted(read_transcript(handed.folder / TALK))
    except CampError:
        text = Text(
            f"没有可读的 {TALK}：用 Recorder 和微调后的模型对话",
            f"no {TALK} that can be read: talk to the tuned model by a Recorder",
        )
        return Finding(0, text, TALKED)
    said = handed.tuned.replies([one.messages for one in greedy], questions.TOKENS)
    again = {
        one.question for one, reply in zip(greedy, said, strict=True) if _alike(one.reply, reply)
    }
    zh = f"对话记录：{len(greedy)} 段贪心对话，适配器重现了 {len(again)} 段（要 {TALKS} 段）"
    en = f"transcript: the adapter says {len(again)} of {len(greedy)} greedy replies again "
    return Finding(len(again) >= TALKS, Text(zh, f"{en}(wanted: {TALKS})"), TALKED)


def counted(transcript: Transcript) -> tuple[Exchange, ...]:
    """Return the exchanges that count: the last that the adapter can be asked to repeat."""
    return tuple(filter(_can_be_repeated, transcript.exchanges))[-_TALKS_READ:]


def _can_be_repeated(one: Exchange) -> bool:
    short = sum(len(turn.content) for turn in one.messages) <= _LONGEST_TALK
    return short and one.settings.temperature == 0 and one.settings.repetition_penalty == 1


def _alike(told: str, said: str) -> bool:
    return questions.plain(told)[:_ALIKE] == questions.plain(said)[:_ALIKE]
