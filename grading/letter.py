"""What a TA gives out: per learner the feedback pages, and a letter of one printed page on top.

The letter says, in the learner's language, where each lesson stands, what to look at again, which
points that gives and what the certificate lacks. Nothing in it comes from a notebook.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Language, Text
from grading.course import Course
from grading.desk.graded import file_of, read_graded
from grading.feedback_page import TEMPLATES, shown_name
from grading.points import Account, Standing, State, award
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
_STATES = {
    State.PAID: Text("已通过", "passed"),
    State.BEFORE: Text("已通过", "passed"),
    State.WAITS: Text("等助教评分", "waits for a TA"),
    State.UNCLEAR: Text("请问助教", "ask your TA"),
}
_EARNED = Text("已获得", "earned")
_NO_LEVEL = Text("不计关卡", "of no level")


@dataclass(frozen=True)
class _Line:
    """One lesson in the letter, in the learner's language; ``page`` is beside it, or ""."""

    lesson: str
    page: str
    score: float
    maximum: float
    state: str
    passed: bool
    again: str


def give_out(course: Course, pages: Sequence[Path], folder: Path, rules: Rules) -> list[Path]:
    """Write ``folder/LEARNER/``: the learner's pages, and the letter; unchanged files stay.

    Args:
        course: the course.
        pages: feedback pages, as ``camp feedback`` wrote them.
        folder: where to; what else is in it stays.
        rules: of points.

    Returns:
        What lies there now.

    Raises:
        CampError: ``folder`` is in the way of the pages themselves, or cannot be written.
    """
    own = (course.path / "feedback").resolve()
    if own == folder.resolve() or own in folder.resolve().parents:
        raise CampError(f"{folder} is where the pages are made: name another folder", 2)
    by_learner: dict[str, list[Path]] = defaultdict(list)
    for page in pages:
        by_learner[page.parent.parent.name].append(page)
    report = award(course.path, rules, dry_run=True)
    accounts = {one.learner: one for one in report.accounts}
    standings: dict[tuple[str, str], list[Standing]] = defaultdict(list)
    for one in report.standings:
        standings[one.learner, one.lesson].append(one)
    scores: dict[str, list[Score]] = defaultdict(list)
    for score in read_scores(course.path):
        scores[score.learner].append(score)
    written = []
    try:
        for learner, own_pages in sorted(by_learner.items()):
            place = folder / learner
            place.mkdir(parents=True, exist_ok=True)
            for page in own_pages:
                written.append(place / _name_of(page))
                _write(written[-1], page.read_text(encoding="utf-8"))
            letter = _letter(
                course, learner, scores[learner], standings, accounts.get(learner), place, rules
            )
            written.append(place / LETTER)
            _write(written[-1], letter)
    except OSError as error:
        raise CampError(f"cannot write {error.filename or folder}: {error.strerror}") from None
    return written


def _name_of(page: Path) -> str:
    lesson = page.parent.name
    return f"{lesson}.html" if page.stem == lesson else f"{lesson}-{page.stem}.html"


def _write(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_atomic(path, text)


def _letter(
    course: Course,
    learner: str,
    scores: Sequence[Score],
    standings: Mapping[tuple[str, str], Sequence[Standing]],
    account: Account | None,
    place: Path,
    rules: Rules,
) -> str:
    language = _language(course, learner, [score.lesson for score in scores])
    lines = [
        _line(score, standings.get((learner, score.lesson), ()), place, language)
        for score in scores
    ]
    lacks = ", ".join(account.lacks) if account else ""
    certificate = Text(f"还差 {lacks}", f"lacks {lacks}") if lacks else _EARNED
    island = next(one for one in rules.islands if one.id == rules.certificate.island)
    loader = FileSystemLoader(TEMPLATES / "feedback")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template("letter.html.j2").render(
        learner=learner,
        language=language,
        words={key: text.in_language(language) for key, text in _WORDS.items()},
        lines=lines,
        total=account.total if account else 0,
        certificate=certificate.in_language(language),
        island=island.text.in_language(language),
    )


def _line(score: Score, standings: Iterable[Standing], place: Path, language: Language) -> _Line:
    page = f"{score.lesson}.html"
    states = [
        f"{one.level}: {_STATES.get(one.state, one.remark).in_language(language)}"
        for one in standings
    ]
    nothing = [shown_name(cell.name) for cell in score.cells if not (cell.score or cell.waits)]
    again = ", ".join(nothing[:_MOST_NAMES]) + (" …" if len(nothing) > _MOST_NAMES else "")
    return _Line(
        score.lesson, page if (place / page).is_file() else "", score.score, score.max_score,
        "; ".join(states) or _NO_LEVEL.in_language(language),
        any(one.state in (State.PAID, State.BEFORE) for one in standings), again,
    )  # fmt: skip


def _language(course: Course, learner: str, lessons: Sequence[str]) -> Language:
    """Return the language of the last lesson that could be graded."""
    for lesson in reversed(lessons):
        notebook = read_graded(file_of(course, lesson, learner, lesson))
        if notebook is not None:
            return notebook.language
    return "zh"
