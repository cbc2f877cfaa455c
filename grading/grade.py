"""``camp grade``: grades submissions one by one; a run that was stopped goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from course_lib.errors import CampError
from course_lib.language import current_language
from grading.course import Course
from grading.grader import Grader, Result


def grade(
    lesson: str | None, course: Course, learners: Sequence[str] = (), *, force: bool = False
) -> list[Result]:
    """Grade submissions of one lesson, or of all.

    Args:
        lesson: name of the lesson; all that were handed in when None.
        course: the course.
        learners: whose submissions; everybody's when empty.
        force: grade again what is unchanged since it was last graded.

    Raises:
        CampError: there is nothing to grade, or the run was interrupted.
    """
    todo = find_submissions(lesson, course, learners)
    keys = {name: course.lesson_key(name) for name in dict(todo)}
    results: list[Result] = []
    with course.lock(), _progress() as progress:
        task = progress.add_task("", total=len(todo), learner="")
        try:
            for name, learner in todo:
                progress.update(task, learner=escape(learner))
                results.append(Grader(course, name, learner, keys[name]).grade(force=force))
                progress.advance(task)
        except KeyboardInterrupt:
            raise CampError(
                f"stopped after {len(results)} of {len(todo)} submissions; "
                "run the same command again to go on",
                130,
            ) from None
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
                + ", ".join(sorted(known)[:20]),
                2,
            )
    return [item for item in found if not learners or item[1] in learners]


def _progress() -> Progress:
    return Progress(
        TextColumn("grading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[learner]}"),
        console=Console(stderr=True),
        transient=True,
    )


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
    course: Annotated[Path, typer.Option(help="The nbgrader course directory.")] = Path("course"),
    learner: Annotated[
        list[str] | None, typer.Option(help="Only this learner; may be repeated.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Grade unchanged ones again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print results as JSON.")] = False,
) -> None:
    """Grade submissions: run the checks and enter the scores into the gradebook.

    Learners' code runs with the rights of the user who grades: this version has no isolation, so
    grade only submissions of people you trust, or on a machine that holds nothing of value.
    """
    results = grade(lesson, Course.open(course), learner or (), force=force)
    if as_json:
        typer.echo(json.dumps([asdict(result) for result in results], ensure_ascii=False, indent=1))
        return
    console = Console()
    console.print(table_of(results))
    fresh, review = (sum(getattr(result, key) for result in results) for key in ("fresh", "review"))
    console.print(f"{fresh} graded, {len(results) - fresh} unchanged, {review} need review")
