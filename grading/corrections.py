"""What an instructor or TA books by hand: corrections and bonuses."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from course_lib.errors import CampError
from grading.ledger import Booking, Entry, Kind, Ledger
from grading.rules import FILE_NAME, load_rules
from grading.scores import learners


def correct(course: Path, learner: str, level: str, points: int, reason: str) -> Entry:
    """Book a correction, e.g. -100 to take back what was paid by mistake.

    Raises:
        CampError: learner or level are unknown, or the same correction stands there already.
    """
    if points == 0:
        raise CampError("a correction of 0 points changes nothing; give --points", 2)
    return _book(course, Booking(learner, level, Kind.CORRECTION, points, reason.strip()))


def grant_bonus(course: Path, learner: str, level: str, reason: str) -> Entry:
    """Book a level's bonus, after a TA has seen its optional part.

    Raises:
        CampError: the level has no bonus, or the learner has it already.
    """
    bonus = load_rules(course).level(level).bonus
    if bonus is None:
        raise CampError(f"level {level} has no bonus in {FILE_NAME}")
    return _book(course, Booking(learner, level, Kind.BONUS, bonus.points, reason.strip()))


def _book(course: Path, booking: Booking) -> Entry:
    load_rules(course).level(booking.level)
    if not booking.reason:
        raise CampError("say why with --reason: it stays in the ledger", 2)
    in_gradebook = learners(course)
    ledger = Ledger(course)
    with ledger.locked():
        entries = ledger.entries()
        known = in_gradebook | {entry.learner for entry in entries}
        if booking.learner not in known:
            near = get_close_matches(booking.learner, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise CampError(f"no learner {booking.learner!r} in {course}{hint}")
        for entry in entries:
            same = all(getattr(entry, name) == value for name, value in vars(booking).items())
            if same and booking.kind is Kind.CORRECTION:
                raise CampError(
                    f"this correction stands already as entry {entry.number}; if a second one is"
                    " meant, give it another --reason"
                )
        added = ledger.append([booking])
    if not added:
        raise CampError(f"{booking.learner} has the bonus of {booking.level} already")
    return added[0]


_Course = Annotated[Path, typer.Option("--course", help="The nbgrader course directory.")]
_Learner = Annotated[str, typer.Argument(help="The learner's id.")]
_Level = Annotated[str, typer.Argument(help="Such as L1-1.")]
_Reason = Annotated[str, typer.Option(help="Stays in the ledger.")]


def correct_command(
    learner: _Learner,
    level: _Level,
    points: Annotated[
        int, typer.Option(min=-10_000, max=10_000, help="To add, or to take back: --points -100.")
    ],
    reason: _Reason,
    course: _Course = Path("course"),
) -> None:
    """Correct a learner's points: a new entry in the ledger, nothing is edited."""
    _tell(correct(course, learner, level, points, reason))


def bonus_command(
    learner: _Learner, level: _Level, reason: _Reason, course: _Course = Path("course")
) -> None:
    """Pay the bonus of a level, once, after a TA has seen its optional part."""
    _tell(grant_bonus(course, learner, level, reason))


def _tell(entry: Entry) -> None:
    typer.echo(
        f"entry {entry.number}: {entry.learner} {entry.level} {entry.kind} {entry.points:+d}"
    )
