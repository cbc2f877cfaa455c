"""``camp regrade``: grade again, after a test was mended, and say what changes.

A TA's marks stay. With ``--dry-run`` nothing is written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, TypeAdapter, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from course_lib.errors import CampError, printable
from course_lib.files import write_atomic
from grading import database
from grading.book import Book, Points
from grading.course import Course
from grading.grade import find_submissions, grade
from grading.journal import Journal, Record, is_newer
from grading.lesson_run import LessonRun, Options
from grading.pool import Scheduler
from grading.progress import GradingProgress, warn


@dataclass(frozen=True)
class Change:
    """What grading again changes in one cell of one submission.

    Attributes:
        lesson: name of the lesson.
        learner: the learner's id.
        cell: the cell, as ``notebook/cell``.
        old: what its checks had given; None where a TA decides, or nothing was graded.
        new: what they give now.
        mark: a TA's mark, which stays and counts instead.
    """

    lesson: str
    learner: str
    cell: str
    old: float | None
    new: float | None
    mark: float | None


@dataclass(frozen=True)
class Regraded:
    """What grading again changed.

    Attributes:
        submissions: how many were graded again.
        changes: by learner and cell.
        left: learners whose files changed since they were graded; these are for ``camp grade``.
    """

    submissions: int
    changes: tuple[Change, ...]
    left: tuple[str, ...] = ()


class _Kept(BaseModel):
    """What a submission had before it was first graded again, until that is done.

    Attributes:
        fingerprint: of the files that had been graded.
        points: what checks gave, by ``notebook/cell``.
    """

    fingerprint: str
    points: dict[str, float | None]


_STORED = TypeAdapter(dict[str, _Kept])


def regrade(
    lesson: str, course: Course, learners: Sequence[str], options: Options, *, dry_run: bool
) -> Regraded:
    """Grade again what has been graded and return what changes.

    Args:
        lesson: name of the lesson.
        course: the course.
        learners: whose submissions; everybody's when empty.
        options: how the run goes.
        dry_run: write nothing.

    Raises:
        CampError: nothing has been graded, or grading fails, see ``grade``.
    """
    handed_in = [learner for _, learner in find_submissions(lesson, course, learners)]
    graded = _points(course, lesson, handed_in)
    if not graded:
        raise CampError(f"nothing of {lesson} has been graded yet: run 'camp grade {lesson}'")
    records = Journal(course.state / lesson)
    left = [
        one for one in sorted(graded) if is_newer(course.submitted(one, lesson), records.read(one))
    ]
    wanted = [one for one in sorted(graded) if one not in left]
    if not wanted:
        return Regraded(0, (), tuple(left))
    file = course.state / "regrade" / f"{lesson}.json"
    stored = _read(file)
    before = {one: _before(records.read(one), graded[one], stored.get(one)) for one in wanted}
    if dry_run:
        after = _try(course, lesson, wanted, options)
    else:
        write_atomic(file, _STORED.dump_json(stored | before, indent=1))
        grade(lesson, course, wanted, replace(options, force=True))
        after = _points(course, lesson, wanted)
        rest = {one: kept for one, kept in stored.items() if one not in before}
        write_atomic(file, _STORED.dump_json(rest, indent=1))
    changes = [
        Change(lesson, learner, cell, old, new.auto, new.manual)
        for learner, kept in before.items()
        for cell, old in kept.points.items()
        if (new := after[learner].get(cell)) and new.auto != old
    ]
    return Regraded(len(wanted), tuple(changes), tuple(left))


def _read(file: Path) -> dict[str, _Kept]:
    try:
        return _STORED.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return {}


def _before(record: Record, points: dict[str, Points], kept: _Kept | None) -> _Kept:
    """Return what a submission had; what was interrupted has 0 in the gradebook meanwhile."""
    if kept and kept.fingerprint == record.fingerprint:
        return kept
    found = {cell: one.auto for cell, one in points.items()}
    if record.stage == "due":
        found |= {cell: old for cell, old in record.points.items() if cell in found}
    return _Kept(fingerprint=record.fingerprint, points=found)


def _points(course: Course, lesson: str, learners: Sequence[str]) -> dict[str, dict[str, Points]]:
    with course.gradebook() as gradebook:
        return Book(gradebook, lesson, course.config).points(learners)


def _try(
    course: Course, lesson: str, learners: list[str], options: Options
) -> dict[str, dict[str, Points]]:
    """Return what submissions would get, with the marks that TAs gave."""
    marks = _points(course, lesson, learners)
    found: dict[str, dict[str, Points]] = {}
    run = LessonRun(course, lesson, options)
    run.warn_of_tests()
    with course.lock(), GradingProgress(lesson, len(learners)) as progress:
        for graded in run.graded(learners, progress):
            points = {
                f"{name}/{cell}": mark.points
                for name, notebook in graded.notebooks.items()
                for cell, mark in notebook.marks.items()
            }
            found[graded.learner] = {
                key: Points(points.get(key, 0), old.manual)
                for key, old in marks[graded.learner].items()
                if key in points or not graded.notebooks
            }
    return found


def table_of(found: Regraded) -> Table:
    """Return the changes as a table for the terminal."""
    table = Table("learner", "cell", "old", "new", "a TA's mark, which counts")
    for change in found.changes:
        old, new, mark = (
            "" if number is None else f"{number:g}"
            for number in (change.old, change.new, change.mark)
        )
        table.add_row(escape(change.learner), escape(change.cell), old, new, mark)
    return table


def regrade_command(
    lesson: Annotated[str, typer.Argument(help="The lesson.")],
    course: Annotated[Path, typer.Option(help="An nbgrader course directory.")] = Path("course"),
    learner: Annotated[
        list[str] | None, typer.Option(help="Only this learner; may be repeated.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list old and new points; write nothing.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Submissions at the same time; one a processor.")
    ] = None,
    allow_weaker: Annotated[
        bool,
        typer.Option("--allow-weaker", help="Go on where this machine lacks parts of the walls."),
    ] = False,
    scheduler: Scheduler = None,
    db: database.Address = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print changes as JSON.")] = False,
) -> None:
    """Grade again after a test was mended, and list what changes; TAs' marks stay."""
    database.use(db)
    options = Options(workers=workers, allow_weaker=allow_weaker, scheduler=scheduler)
    found = regrade(lesson, Course.open(course), learner or (), options, dry_run=dry_run)
    if found.left:
        names = printable(", ".join(found.left))
        warn(f"{lesson}: handed in again since, for 'camp grade {lesson}': {names}")
    if as_json:
        typer.echo(json.dumps([asdict(change) for change in found.changes], indent=1))
        return
    console = Console()
    learners = len({change.learner for change in found.changes})
    if found.changes:
        console.print(table_of(found))
    would = "would change" if dry_run else "changed"
    console.print(
        f"{found.submissions} graded again; {len(found.changes)} cells of {learners} learners "
        + would
        + ("; nothing was written" if dry_run else "")
    )
