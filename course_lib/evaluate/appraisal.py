"""What a handed-in evaluation is worth: do its parts agree, do models say it again, who rose."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from course_lib import models
from course_lib.errors import CampError
from course_lib.evaluate import exam, paired
from course_lib.evaluate.config import MAX_OUT, TEXTS, Form, labels
from course_lib.evaluate.exam import Question
from course_lib.evaluate.replies import examples
from course_lib.evaluate.rescore import perplexities, shortfalls
from course_lib.evaluate.results import Prediction, Run
from course_lib.findings import Finding
from course_lib.language import Text
from course_lib.mini.choice import LETTERS
from course_lib.mini.course_facts import course_facts
from course_lib.tune.adapter import Adapter, read_adapter
from course_lib.tune.llama import Llama

MINE = "mine"
WANTED: dict[str, tuple[tuple[str, Form], ...]] = {
    "gen": (("camp-mini", "gen"),),
    "ppl": (("camp-mini-base", "plain"), ("camp-mini", "chat")),
    "tuned": ((MINE, "chat"),),
}
"""Which models and forms of each run are handed in, on all subjects."""
AGREES, GEN, PPL, TUNED, RISES = 0.3, 0.15, 0.15, 0.15, 0.25
"""Shares of the points."""
ALIKE = 0.0005
"""By so much, in nats a token, a perplexity may differ.

OpenCompass pads and batches otherwise, which leaves 0.000013. Two PPLs moved by as much as this
make one wrong choice of 603 right; by 0.02, twenty-two.
"""
TIE = 0.001
"""By so much, in nats, a token of a reply may fall short of the one that the model likes best.

Rounding leaves about 1e-5; camp-mini's closest call in the exam is 0.0017.
"""
WRITTEN = 16
"""So many replies are written again at most; of camp-mini's own none needs it."""
_SHOWN = 60


@dataclass(frozen=True)
class Handed:
    """An evaluation as handed in; ``adapter`` is None, and ``why`` says so, where none fits."""

    folder: Path
    base: Llama
    adapter: Adapter | None
    why: Text

    def run(self, name: str) -> Run:
        """Return one of the runs."""
        return Run(self.folder / name)

    @cached_property
    def named(self) -> dict[str, Llama]:
        """Return the models that can be asked again, by the names in the runs."""
        found = {
            "camp-mini": self.base,
            "camp-mini-base": Llama.read(models.BUILT_IN["camp-mini-base"]),
        }
        if self.adapter is not None:
            found[MINE] = self.adapter.on(self.base)
        return found


def read_handed(folder: Path) -> Handed:
    """Read what was handed in; the files of the runs are read when they are needed."""
    base = Llama.read(models.BUILT_IN["camp-mini"])
    try:
        return Handed(folder, base, read_adapter(folder, base), Text("", ""))
    except CampError as error:
        why = Text(str(error), str(error))
    except OSError as error:
        name = Path(error.filename or folder).name
        why = Text(f"没有 {name}：运行 collect", f"there is no {name}: run collect")
    return Handed(folder, base, None, why)


def appraise(handed: Handed, seed: str) -> list[Finding]:
    """Return what the evidence shows; ``seed`` draws the other wordings."""
    return [
        _agrees(handed),
        _again(handed, "gen", GEN),
        _again(handed, "ppl", PPL),
        _again(handed, "tuned", TUNED),
        _rises(handed, seed),
    ]


def _agrees(handed: Handed) -> Finding:
    """Compute every score again from the predictions and compare it with the summary."""
    whole, doubts = 0, []
    wanted = list(_wanted())
    for name, model, dataset in wanted:
        try:
            doubt = _disagreement(handed.run(name), model, dataset)
        except CampError as error:
            doubt = Text(str(error), str(error))
        if doubt is None:
            whole += 1
        else:
            doubts.append(doubt)
    zh = f"从预测重算，{len(wanted)} 个分数里 {whole} 个和汇总一致"
    en = f"computed again from the predictions, {whole} of {len(wanted)} scores are the summary's"
    if not doubts:
        return Finding(1, Text(zh, en), AGREES)
    part = 0.5 if whole >= 0.75 * len(wanted) and not _edited(doubts) else 0.0
    return Finding(part, Text(f"{zh}；{doubts[0].zh}", f"{en}; {doubts[0].en}"), AGREES)


class _Edited(Text):
    """A doubt that no honest run leaves."""


def _edited(doubts: Sequence[Text]) -> bool:
    return any(isinstance(one, _Edited) for one in doubts)


def _wanted() -> Iterator[tuple[str, str, str]]:
    for name, pairs in WANTED.items():
        for model, form in pairs:
            for subject in exam.NAMES:
                yield name, model, f"{form}-{subject}"


def _disagreement(run: Run, model: str, dataset: str) -> Text | None:
    """Return how summary and predictions differ, if they do."""
    place = f"{run.folder.name}/{model}/{dataset}"
    found = run.predictions(model, dataset)
    for number, one in enumerate(found):
        if one.gold != one.question.answer:
            return _Edited(
                f"{place} 第 {number} 题的答案不是考卷上的",
                f"{place}: gold of {number} is not the exam's",
            )
        if one.ppl and (set(one.ppl) != set(LETTERS) or one.text != one.letter):
            return _Edited(
                f"{place} 第 {number} 题选的不是 PPL 最低的选项",
                f"{place}: number {number} does not choose the lowest PPL",
            )
    made = 100 * sum(one.right for one in found) / len(found)
    score = run.score(model, dataset)
    if score is None:
        return Text(f"汇总里没有 {place}", f"the summary has no {place}")
    for where, told in (("summary", score), ("results", run.result(model, dataset))):
        if not abs(made - told) <= 0.006:  # a nan neither
            return _Edited(
                f"{place} 的预测是 {made:.2f} 分，{where} 里写着 {told:.2f}",
                f"the predictions of {place} score {made:.2f}, not {told:.2f} as in the {where}",
            )
    return None


def _again(handed: Handed, name: str, share: float) -> Finding:
    """Let the models that are named answer every question again."""
    count, wrong = 0, []
    try:
        for model, form in WANTED[name]:
            if model not in handed.named:
                zh, en = f"{name}：{handed.why.zh}", f"{name}: {handed.why.en}"
                return Finding(0, Text(zh, en), share)
            told = [
                handed.run(name).predictions(model, f"{form}-{subject}") for subject in exam.NAMES
            ]
            count += sum(map(len, told))
            if form == "gen":
                wrong += _unwritten(model, handed.named[model], told)
            else:
                every = list(itertools.chain.from_iterable(told))
                wrong += _unlike(model, handed.named[model], form, every)
    except CampError as error:
        return Finding(0, Text(str(error), str(error)), share)
    zh = f"{name}：让写着名字的模型重答 {count} 题，{count - len(wrong)} 题一样"
    en = f"{name}: of {count} questions the named models answer {count - len(wrong)} as before"
    if wrong:
        zh, en = f"{zh}；{wrong[0].zh}", f"{en}; {wrong[0].en}"
    return Finding(0 if wrong else 1, Text(zh, en), share)


def _unwritten(name: str, model: Llama, told: Sequence[Sequence[Prediction]]) -> list[Text]:
    """Return how replies, by subject, differ from what the model writes.

    The model reads each with its question and must choose each token, or one that it likes as well.
    Only what it would not have chosen does it write again.
    """
    doubtful = []
    for some in told:
        shorts = shortfalls(model, [(examples(one.question), one.text) for one in some], MAX_OUT)
        doubtful += [one for one, short in zip(some, shorts, strict=True) if short > TIE]
    asked = [examples(one.question) for one in doubtful[:WRITTEN]]
    said = model.replies(asked, MAX_OUT) if asked else []
    found = []
    for one, reply in itertools.zip_longest(doubtful, said):
        if reply is not None and one.text.strip() == reply.removesuffix("…").strip():
            continue
        question, then, now = one.question.question, one.text[:_SHOWN], (reply or "…")[:_SHOWN]
        found.append(
            Text(
                f"“{question}”：预测写着“{then}”，{name} 答“{now}”",
                f"“{question}”: the prediction is “{then}”, {name} says “{now}”",
            )
        )
    return found


def _unlike(name: str, model: Llama, form: Form, told: Sequence[Prediction]) -> Iterator[Text]:
    """Yield how perplexities differ when they are computed again."""
    made = perplexities(model, [text for one in told for text in _texts(form, one.question)])
    for number, one in enumerate(told):
        now4 = dict(zip(LETTERS, made[4 * number : 4 * number + 4], strict=True))
        far = max(LETTERS, key=lambda letter: abs(now4[letter] - one.ppl.get(letter, 99)))
        if abs(now4[far] - one.ppl.get(far, 99)) > ALIKE:
            question, then = one.question.question, one.ppl.get(far, 99)
            yield Text(
                f"“{question}”选项 {far}：文件里 PPL {then:.4f}，{name} 是 {now4[far]:.4f}",
                f"“{question}” option {far}: PPL {then:.4f} in the file, {now4[far]:.4f} by {name}",
            )


def _texts(form: Form, question: Question) -> list[str]:
    """Return the four texts whose PPL is compared."""
    return [text.format(**question.row) for text in labels(form, question.subject).values()]


def other_wording(seed: str) -> list[Question]:
    """Return questions on the course's facts in a wording that exam and training data lack."""
    dice = random.Random(f"{seed} rises")  # noqa: S311
    made = []
    for number, fact in enumerate(one for one in course_facts() if not one.known):
        options = dice.sample([fact.zh.answer, *fact.zh.wrong], 4)
        answer = LETTERS[options.index(fact.zh.answer)]
        made.append(Question("", number, fact.zh.ask[1], tuple(options), answer))
    return made


def _rises(handed: Handed, seed: str) -> Finding:
    """Ask in another wording: what the tuned model has right that camp-mini has not."""
    if handed.adapter is None:
        return Finding(0, handed.why, RISES)
    questions = other_wording(seed)
    before, after = (_right(handed.named[name], questions) for name in ("camp-mini", MINE))
    change = paired.test(before, after)
    zh = f"换一种问法的 {len(questions)} 题：camp-mini 对 {sum(before)}，"
    zh += f"你的模型对 {sum(after)}（{change}）"
    en = f"{len(questions)} questions in another wording: camp-mini has {sum(before)} right, your "
    en += f"model {sum(after)} ({change})"
    if change.gained > change.lost and change.p < 0.05:
        return Finding(1, Text(zh, en), RISES)
    zh += "；配对检验要 p < 0.05：多训练几步"
    en += "; the paired test wants p < 0.05: train more steps"
    return Finding(0.5 if change.gained > change.lost + 3 else 0.0, Text(zh, en), RISES)


def _right(model: Llama, questions: Sequence[Question]) -> list[bool]:
    texts = [
        (TEXTS["chat"] % "{option}").format(question=one.question, option=option)
        for one in questions
        for option in one.options
    ]
    made = perplexities(model, texts)
    found = []
    for number, one in enumerate(questions):
        four = made[4 * number : 4 * number + 4]
        found.append(LETTERS[four.index(min(four))] == one.answer)
    return found
