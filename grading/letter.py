"""What a TA gives out: per learner the feedback pages, and a letter of one printed page on top.

The letter says, in the learner's language (in both where nobody knows it), where each lesson stands
and why, what to look at again, which points that gives and what the certificate lacks. Nothing in
it comes from a notebook.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Language, Text
from grading.course import Course
from grading.feedback_page import shown_name
from grading.journal import Journal
from grading.points import Account, Standing, State, accounts_of, award
from grading.points_report import certificate_remarks
from grading.rendering import render
from grading.rules import Rules
from grading.scores import Score, read_scores

LETTER = "letter.html"
_MOST_NAMES = 4
_WORDS = {
    "title": Text("学习情况", "Where you stand"),
    "lesson": Text("课程", "Lesson"),
    "score": Text("得分", "Score"),
    "state": Text("关卡", "Level"),
    "again": Text("再看一看", "Look at again"),
    "points": Text("算力点", "Compute points"),
    "certificate": Text("证书", "Certificate"),
}
_PASSED, _NO_MORE = Text("已通过", "passed"), Text("不再算通过", "no longer passed")
_WAITS = Text("等助教评分", "waits for a TA")
_ASK = Text("请问助教", "ask your TA")
_BEING_GRADED = Text("正在重新批改", "being graded again")
_REFUSED = Text("没能批改：看反馈页，再交一次", "not graded: see its page, and hand it in again")
_EARNED = Text("已获得", "earned")
_NO_LEVEL = Text("不计关卡", "of no level")


@dataclass(frozen=True)
class _Line:
    """One lesson in the letter, in the learner's language.

    ``pages`` are links and their names; ``score`` is None while it is graded again.
    """

    lesson: str
    pages: list[tuple[str, str]]
    score: float | None
    maximum: float
    state: str
    passed: bool
    again: str


@dataclass(frozen=True)
class _Known:
    """What the letters of a course are made of."""

    course: Course
    rules: Rules
    scores: Mapping[str, Sequence[Score]]
    standings: Mapping[tuple[str, str], Sequence[Standing]]
    accounts: Mapping[str, Account]


def give_out(course: Course, pages: Sequence[Path], folder: Path, rules: Rules) -> list[Path]:
    """Write ``folder/LEARNER/``: the letter, and the learner's pages; unchanged files stay.

    Args:
        course: the course.
        pages: feedback pages, as ``camp feedback`` wrote them.
        folder: where to, outside the course; what else is in it stays.
        rules: of points.

    Returns:
        What lies there now.

    Raises:
        CampError: ``folder`` lies in the course, or cannot be written.
    """
    if course.path.resolve() in (place := folder.resolve(), *place.parents):
        raise CampError(
            f"{folder} lies in the course, whose folders have their own use: name "
            "another one to give out"
        )
    by_learner: dict[str, list[Path]] = defaultdict(list)
    for page in pages:
        by_learner[page.parent.parent.name].append(page)
    known = _read(course, rules)
    written = []
    try:
        for learner, own in sorted(by_learner.items()):
            for page in own:
                written.append(folder / learner / page.parent.name / page.name)
                _write(written[-1], page.read_bytes())
            letter = _letter(known, learner, folder / learner)
            written.append(folder / learner / LETTER)
            _write(written[-1], letter.encode())
    except OSError as error:
        raise CampError(f"cannot write {error.filename or folder}: {error.strerror}") from None
    return written


def _read(course: Course, rules: Rules) -> _Known:
    report = award(course.path, rules, dry_run=True)
    standings: dict[tuple[str, str], list[Standing]] = defaultdict(list)
    for one in report.standings:
        standings[one.learner, one.lesson].append(one)
    scores: dict[str, list[Score]] = defaultdict(list)
    for score in read_scores(course.path):
        scores[score.learner].append(score)
    accounts = accounts_of(scores, report.entries, rules)
    return _Known(course, rules, scores, standings, accounts)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_bytes() != data:
        write_atomic(path, data)


def _letter(known: _Known, learner: str, place: Path) -> str:
    scores = known.scores.get(learner, ())
    language = _language(place)
    pays = any(known.rules.levels_of_lesson(score.lesson) for score in scores)
    account = known.accounts.get(learner) if pays else None
    return render(
        "letter.html.j2",
        learner=learner,
        language=language or "mul",
        words={key: _say(text, language) for key, text in _WORDS.items()},
        lines=[_line(known, score, place, language) for score in scores],
        total=account.total if account else None,
        certificate=[_say(text, language) for text in _certificate(known.rules, account)],
    )


def _certificate(rules: Rules, account: Account | None) -> list[Text]:
    if account is None:
        return []
    lacks = ", ".join(account.lacks)
    state = Text(f"还差 {lacks}", f"lacks {lacks}") if lacks else _EARNED
    return [state, *certificate_remarks(rules)]


def _line(known: _Known, score: Score, place: Path, language: Language | None) -> _Line:
    standings = known.standings.get((score.learner, score.lesson), ())
    account = known.accounts.get(score.learner)
    found = sorted((place / score.lesson).glob("*.html"))
    pages = [(f"{score.lesson}/{page.name}", page.stem) for page in found]
    record = Journal(known.course.state / score.lesson).read(score.learner)
    if record.refused or record.withheld:
        why = _BEING_GRADED if record.withheld else _REFUSED
        return _Line(
            score.lesson, pages, None if record.withheld else score.score, score.max_score,
            _say(why, language), False, "",
        )  # fmt: skip
    states = {one.level: _state(one, account) for one in standings}
    nothing = [shown_name(cell.name) for cell in score.cells if not (cell.score or cell.waits)]
    again = ", ".join(nothing[:_MOST_NAMES]) + (" …" if len(nothing) > _MOST_NAMES else "")
    told = [f"{level}: {_say(state, language)}" for level, state in states.items()]
    return _Line(
        score.lesson, pages, score.score, score.max_score,
        "; ".join(told) or _say(_NO_LEVEL, language),
        _PASSED in states.values(), again,
    )  # fmt: skip


def _state(standing: Standing, account: Account | None) -> Text:
    """Return what a learner is told of a level; remarks for instructors are not."""
    if standing.state is State.PAID:
        return _PASSED
    if standing.state is State.BEFORE:
        return _PASSED if account and standing.level in account.passed else _NO_MORE
    if standing.state is State.WAITS:
        return _WAITS
    if standing.state is State.UNCLEAR:
        return _ASK
    why = standing.remark
    return Text(f"未过关（{why.zh}）", f"not passed ({why.en})")


def _say(text: Text, language: Language | None) -> str:
    return text.in_language(language) if language else f"{text.zh} / {text.en}"


def _language(place: Path) -> Language | None:
    """Return the language of most pages beside the letter, which are in the learner's.

    None when all are in both: of what cannot be read nobody knows the language.
    """
    heads = [page.read_text(encoding="utf-8")[:200] for page in sorted(place.glob("*/*.html"))]
    english = sum('<html lang="en">' in head for head in heads)
    chinese = sum('<html lang="zh">' in head for head in heads)
    return "en" if english > chinese else "zh" if chinese else None
