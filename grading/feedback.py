"""``camp feedback``: one page per learner and lesson, by nbgrader's own converter.

A page says, in the learner's language, what each exercise earned and why, with the TA's words.
It shows no hidden test, runs no script, loads nothing, and reads well on a phone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from nbgrader.api import MissingEntry
from nbgrader.converters import GenerateFeedback
from rich.console import Console
from rich.progress import track

from course_lib.errors import CampError
from course_lib.files import write_atomic
from grading import feedback_page
from grading.course import Course, quiet
from grading.feedback_page import TEMPLATES


class _Converter(GenerateFeedback):  # type: ignore[misc]
    """nbgrader's feedback generator without copies of what the learner handed in."""

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Copy nothing beside the page."""


def feedback(
    lesson: str | None, course: Course, learners: Sequence[str] = (), *, force: bool = False
) -> list[Path]:
    """Write the pages of graded submissions and return their paths, unchanged ones included.

    Args:
        lesson: name of the lesson; all when None.
        course: the course.
        learners: whose pages; everybody's when empty.
        force: write unchanged pages again.

    Raises:
        CampError: nothing is graded, or nbgrader fails.
    """
    lessons = [course.check_lesson(lesson)] if lesson else course.lessons()
    todo = [
        (name, folder.parent.name, folder)
        for name in lessons
        for folder in sorted(course.path.glob(f"autograded/*/{name}"))
        if not learners or folder.parent.name in learners
    ]
    if not todo:
        what = f"{lesson or 'any lesson'}" + (f" by {', '.join(learners)}" if learners else "")
        raise CampError(f"nothing graded of {what} in {course.path}: run 'camp grade' first")
    pages: list[Path] = []
    with course.lock():
        console = Console(stderr=True)
        for name, learner, folder in track(
            todo, "feedback", console=console, transient=True, disable=not console.is_terminal
        ):
            pages += _write_pages(course, name, learner, folder, force=force)
    return pages


def _write_pages(
    course: Course, lesson: str, learner: str, folder: Path, *, force: bool
) -> list[Path]:
    notebooks = sorted(folder.glob("*.ipynb"))
    pages = [course.feedback(learner, lesson) / f"{path.stem}.html" for path in notebooks]
    record = course.state / lesson / f"{learner}.feedback"
    key = _key(course, lesson, learner, notebooks)
    known = record.read_text(encoding="utf-8") if record.exists() else ""
    if force or key != known or not all(page.exists() for page in pages):
        converter = _Converter(
            coursedir=course.coursedir(lesson, learner),
            config=course.config,
            log=course.log(),
            force=True,
        )
        try:
            with quiet():
                converter.start()
        except Exception as error:
            log = course.state / "nbgrader.log"
            raise CampError(f"no feedback for {learner}, {lesson}: {error} (see {log})") from None
        write_atomic(record, key)
    return pages


def _key(course: Course, lesson: str, learner: str, notebooks: Sequence[Path]) -> str:
    """Return a fingerprint of all that a learner's pages show."""
    digest = hashlib.sha256()
    for path in (
        *notebooks,
        Path(feedback_page.__file__),
        *sorted((TEMPLATES / "feedback").iterdir()),
    ):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    with course.gradebook() as gradebook:
        try:
            submission = gradebook.find_submission(lesson, learner)
        except MissingEntry:
            raise CampError(
                f"{learner}, {lesson} is not in the gradebook: run 'camp grade {lesson}'"
            ) from None
        for notebook in submission.notebooks:
            marks = sorted((m.name, m.score, m.needs_manual_grade) for m in notebook.grades)
            words = sorted((item.name, item.comment or "") for item in notebook.comments)
            digest.update(
                repr([notebook.name, notebook.late_submission_penalty, marks, words]).encode()
            )
    return digest.hexdigest()


def feedback_command(
    lesson: Annotated[str | None, typer.Argument(help="A lesson; all when none is named.")] = None,
    course: Annotated[Path, typer.Option(help="The nbgrader course directory.")] = Path("course"),
    learner: Annotated[
        list[str] | None, typer.Option(help="Only this learner; may be repeated.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write unchanged pages again.")] = False,
) -> None:
    """Write feedback pages (HTML, in each learner's language) of graded submissions."""
    for page in feedback(lesson, Course.open(course), learner or (), force=force):
        typer.echo(page)
