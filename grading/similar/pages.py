"""The pages of ``camp similar``: a list of pairs, and each pair side by side.

They run no script, load nothing, and escape all that learners wrote.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from filelock import FileLock

from course_lib.files import write_atomic
from course_lib.language import Text, current_language
from grading.course import Course
from grading.rendering import render
from grading.similar.compare import (
    COMMON_LEAST,
    COMMON_MOST,
    COMMON_SHARE,
    Alike,
    Document,
    Match,
)
from grading.similar.handed_in import part_title
from grading.similar.report import FILE, INDEX, LeftOut, PairFound, PartFound, Report
from grading.similar.run import Findings

NO_VERDICT = Text(
    "相似不是结论：短练习的正确写法本来就不多，同学之间也会讨论。自己看，再问学员。",
    "Similarity is no verdict: short exercises have few right answers, and learners talk to each "
    "other. Look for yourself, and ask the learners.",
)
_WORDS = {
    "title": Text("相似的提交", "Similar submissions"),
    "no_verdict": NO_VERDICT,
    "learners": Text("提交数", "Submissions"),
    "pair": Text("两位学员", "Two learners"),
    "part": Text("练习或笔记", "Exercise or note"),
    "share": Text("各自相同的比例", "Share of either"),
    "length": Text("相同的长度", "Same length"),
    "none": Text("没有值得看的。", "Nothing that is worth a look."),
    "left_out": Text("读不出来的", "What could not be read"),
    "back": Text("所有的对", "All pairs"),
    "lesson_text": Text("灰色：课程给出的，不计", "Grey: from the lesson, does not count"),
    "how": Text(
        "变量名、注释、排版、顺序不影响比较。不计的有：课程给出的文字、代码和参考答案；"
        f"超过 {COMMON_SHARE:.0%} 并且超过 {COMMON_LEAST} 位、或者超过 {COMMON_MOST} 位学员都有的"
        "片段。排序看相同的部分有多长、在这一期里多少见，以及占各自所写的比例。"
        "长度：代码按词法单元，笔记按汉字和单词。",
        "Names, comments, layout and order make no difference. What does not count: the lesson's "
        "text, code and own solution; passages that more than "
        f"{COMMON_SHARE:.0%} of the learners have and more than {COMMON_LEAST}, or more than "
        f"{COMMON_MOST}. The order "
        "follows how long and how unusual in this cohort the same passages are, and their share "
        "of what either wrote. Lengths: tokens of code; Chinese characters and words of a note.",
    ),
}


@dataclass(frozen=True)
class Segment:
    """A stretch of a text that is shown in one way.

    Attributes:
        text: the text, as the learner wrote it.
        passage: the number of the same passage that it belongs to, from 1; 0 for none.
        first: whether the passage begins here.
        from_lesson: whether it is from the lesson.
    """

    text: str
    passage: int = 0
    first: bool = False
    from_lesson: bool = False


def write_pages(course: Course, lesson: str, found: Findings) -> Report:
    """Write the pages and the report, and remove the pages of pairs that are no longer there."""
    report = _report(lesson, found)
    folder = course.similar(lesson)
    course.state.mkdir(parents=True, exist_ok=True)
    with FileLock(
        course.state / "similar.lock"
    ):  # another run's pages and list do not mix with these
        for pair, alike in zip(report.pairs, found.pairs, strict=True):
            matches = [_shown(number, match) for number, match in enumerate(alike.matches, 1)]
            write_atomic(
                folder / pair.page,
                _render("pair.html.j2", report=report, pair=pair, matches=matches),
                durable=False,
            )
        index = _render("index.html.j2", report=report, titles=_titles(found))
        write_atomic(folder / INDEX, index, durable=False)
        write_atomic(folder / FILE, report.model_dump_json(indent=1) + "\n", durable=False)
        for page in {*folder.glob("pair-*.html")} - {folder / pair.page for pair in report.pairs}:
            page.unlink()
    return report


def _report(lesson: str, found: Findings) -> Report:
    return Report(
        lesson=lesson,
        made=found.began,
        learners=len(found.learners),
        pairs=[_pair(found.learners[pair.a], found.learners[pair.b], pair) for pair in found.pairs],
        left_out=[
            LeftOut(learner=learner, zh=remark.zh, en=remark.en)
            for learner, remark in found.left_out
        ],
    )


def _pair(a: str, b: str, pair: Alike) -> PairFound:
    """Return a pair as it is reported; its page keeps its name from run to run."""
    name = hashlib.sha256(f"{a}\n{b}".encode()).hexdigest()[:16]
    parts = [
        PartFound(
            part=match.part,
            kind=match.kind,
            share_a=round(match.shares[0], 3),
            share_b=round(match.shares[1], 3),
            length=match.length,
        )
        for match in pair.matches
    ]
    return PairFound(a=a, b=b, page=f"pair-{name}.html", parts=parts)


def _titles(found: Findings) -> dict[str, Text]:
    return {match.part: part_title(match.part) for pair in found.pairs for match in pair.matches}


def _render(template: str, **values: object) -> str:
    return render(f"similar/{template}", language=current_language(), words=_WORDS, **values)


def _shown(number: int, match: Match) -> dict[str, object]:
    """Return what the page of a pair shows of one part."""
    starts = (
        [(passage.a, passage.length) for passage in match.passages],
        [(passage.b, passage.length) for passage in match.passages],
    )
    sides = [
        list(segments(document, places))
        for document, places in zip(match.documents, starts, strict=True)
    ]
    return {"number": number, "title": part_title(match.part), "kind": match.kind, "sides": sides}


def segments(document: Document, passages: list[tuple[int, int]]) -> Iterator[Segment]:
    """Yield the stretches of a text; together they are the whole of it.

    Args:
        document: the text.
        passages: first token and length of each passage, numbered from 1 in this order.
    """
    tokens = document.tokens
    numbers = [0] * len(tokens.codes)
    for number, (start, length) in enumerate(passages, 1):
        numbers[start : start + length] = [number] * length
    firsts = {start for start, _ in passages}
    at = 0
    for (number, own), run in groupby(
        range(len(numbers)), key=lambda token: (numbers[token], bool(document.own[token]))
    ):
        places = list(run)
        start, end = int(tokens.starts[places[0]]), int(tokens.ends[places[-1]])
        if start > at:  # space or a comment, inside a passage too
            inside = number if number and places[0] not in firsts else 0
            yield Segment(tokens.text[at:start], inside)
        yield Segment(tokens.text[start:end], number, bool(number) and places[0] in firsts, not own)
        at = end
    if at < len(tokens.text):
        yield Segment(tokens.text[at:])
