"""``camp grade``: grades the submissions that are asked for and says where all stand."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from course_lib.errors import CampError, printable
from course_lib.language import current_language
from grading import database
from grading.course import Course
from grading.lesson_run import LessonRun, Options, Result
from grading.pool import Scheduler

_DEFAULT = Options()


def grade(
    lesson: str | None,
    course: Course,
    learners: Sequence[str] = (),
    options: Options = _DEFAULT,
) -> list[Result]:
    """Grade submissions of one lesson, or of all.

    Args:
        lesson: name of the lesson; all that were handed in when None.
        course: the course.
        learners: whose submissions; everybody's when empty.
        options: how the run goes.

    Raises:
        CampError: there is nothing to grade, the walls around learners' code are missing here,
            or the run was interrupted.
    """
    todo = find_submissions(lesson, course, learners)
    lessons = list(dict.fromkeys(name for name, _ in todo))
    results: list[Result] = []
    with course.lock():
        for name in lessons:
            wanted = [learner for one, learner in todo if one == name]
            results += LessonRun(course, name, options).grade(wanted)
    return results


def find_submissions(
    lesson: str | None, course: Course, learners: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """Return lesson and learner of each submission asked for.

    Raises:
        CampError: there is none, or a learner who was named has handed in nothing.
    """
    lessons = [course.check_lesson(lesson)] if lesson else course.lessons()
    found = [(name, learner) for name in lessons for learner in course.learners(name)]
    what = lesson or "any lesson"
    if not found:
        raise CampError(
            f"no submissions of {what}: put each at "
            f"{course.submitted('LEARNER', lesson or 'LESSON')}/"
        )
    known = {learner for _, learner in found}
    for learner in learners:
        if learner not in known:
            raise CampError(
                f"{learner!r} has not handed in {what}; those who have: "
                + printable(", ".join(sorted(known)[:20])),
                2,
            )
    return [item for item in found if not learners or item[1] in learners]


def table_of(results: Sequence[Result]) -> Table:
    """Return results as a table for the terminal."""
    table = Table("lesson", "learner", "score", "checks", "to mark", "remarks")
    for result in results:
        remarks = [text.in_language(current_language()) for text in result.remarks]
        table.add_row(
            result.lesson,
            escape(result.learner),
            f"{result.score:g} / {result.max_score:g}",
            f"{result.auto_score:g}",
            str(result.pending or ""),
            "\n".join(
                [*(["[red]needs review[/red]"] if result.review else []), *map(escape, remarks)]
            ),
        )
    return table


def grade_command(
    lesson: Annotated[str | None, typer.Argument(help="A lesson; all when none is named.")] = None,
    course: Annotated[Path, typer.Option(help="An nbgrader course directory.")] = Path("course"),
    learner: Annotated[
        list[str] | None, typer.Option(help="Only this learner; may be repeated.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Submissions at the same time; one a processor.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Grade unchanged ones again.")] = False,
    allow_weaker: Annotated[
        bool,
        typer.Option("--allow-weaker", help="Go on where this machine lacks parts of the walls."),
    ] = False,
    scheduler: Scheduler = None,
    db: database.Address = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print results as JSON.")] = False,
) -> None:
    """Grade submissions: run the checks and enter the scores into the gradebook.

    Learners' code runs behind walls, in another process than the checks: it sees no hidden test,
    no other submission, no gradebook, no network. What cannot be graded is listed as "needs
    review" with the reason, and the others go on.
    """
    database.use(db)
    options = Options(force, workers, allow_weaker, scheduler)
    started = time.monotonic()
    results = grade(lesson, Course.open(course), learner or (), options)
    if as_json:
        typer.echo(json.dumps([asdict(result) for result in results], ensure_ascii=False, indent=1))
        return
    console = Console()
    console.print(table_of(results))
    fresh, review = (sum(getattr(result, key) for result in results) for key in ("fresh", "review"))
    seconds = time.monotonic() - started
    console.print(
        f"{fresh} graded in {seconds:.0f} s, {len(results) - fresh} unchanged, {review} need review"
    )
