"""``camp feedback``: one page per learner and lesson, by nbgrader's own converter.

A page says, in the learner's language, what each exercise earned and why, with the TA's words.
It shows no hidden test, runs no script, loads nothing, and reads well on a phone. Who handed in
what cannot be graded gets a page that says why.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import GenerateFeedback
from nbgrader.converters.base import NbGraderException
from rich.console import Console
from rich.progress import track

import course_lib
from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Text, current_language
from course_lib.learner.places import exchange_of, is_address
from grading import database
from grading.course import CONFIG_FILE, Course, quiet
from grading.journal import Journal, Packed
from grading.refused_page import refusal, refused_page
from grading.rendering import TEMPLATES

_MODULES = (
    "feedback",
    "feedback_page",
    "nbgrader_config",
    "refused_page",
    "rendering",
    "sanitize",
    "steps",
)
_COURSE_LIB = ("language", "verdicts")
_PACKAGES = (
    "beautifulsoup4", "Jinja2", "latex2mathml", "mistune", "nbconvert", "nbformat", "nbgrader",
    "nh3", "Pygments",
)  # fmt: skip
_SHOWN = 20  # failures that are told at once


class PagesFailed(CampError):
    """Some pages could not be written; ``pages`` are the others."""

    def __init__(self, failures: Sequence[str], pages: Sequence[Path], log: Path) -> None:
        more = [f"and {len(failures) - _SHOWN} more"] if len(failures) > _SHOWN else []
        told = "\n  ".join([*failures[:_SHOWN], *more])
        super().__init__(
            f"no new page for these, all others have theirs (more in {log}):\n  {told}"
        )
        self.pages = tuple(pages)


class _Converter(GenerateFeedback):  # type: ignore[misc]
    """nbgrader's feedback generator, writing pages alone, and into ``folder``."""

    folder = Path()
    packed: Packed | None = None
    cause: Exception | None = None  # of a failure, which nbgrader only logs

    def _format_dest(self, assignment_id: str, student_id: str, escape: bool = False) -> str:
        return str(self.folder)

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Copy nothing beside the page."""

    def init_single_notebook_resources(self, notebook_filename: str) -> dict[str, Any]:
        """Return what the page's template gets, besides what is in the notebook."""
        resources: dict[str, Any] = super().init_single_notebook_resources(notebook_filename)
        return resources | {"packed": self.packed}

    def convert_single_notebook(self, notebook_filename: str) -> None:
        """Convert one notebook and remember what stops that."""
        try:
            super().convert_single_notebook(notebook_filename)
        except Exception as error:
            self.cause = error
            raise


@dataclass(frozen=True)
class _Work:
    """One submission's pages.

    Attributes:
        lesson: name of the lesson.
        learner: the learner's id.
        graded: the graded notebooks.
        refused: notebooks that could not be graded, and why.
        packed: which of the learner's submissions it is; None when it does not say.
    """

    lesson: str
    learner: str
    graded: tuple[Path, ...]
    refused: dict[str, tuple[Text, ...]]
    packed: Packed | None


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
        PagesFailed: some pages could not be made; their older versions stay.
        CampError: nothing is graded, or nothing of a learner who was named.
    """
    lessons = [course.check_lesson(lesson)] if lesson else course.lessons()
    found = [work for name in lessons for work in _graded(course, name)]
    known = sorted({work.learner for work in found})
    what = lesson or "any lesson"
    if not found:
        raise CampError(f"nothing graded of {what} in {course.path}: run 'camp grade' first")
    for learner in learners:
        if learner not in known:
            near = get_close_matches(learner, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ": run 'camp grade' first"
            raise CampError(f"nothing graded of {what} by {learner!r}{hint}", 2)
    todo = [work for work in found if not learners or work.learner in learners]
    pages: list[Path] = []
    failures: list[str] = []
    with course.lock(), course.gradebook() as gradebook:
        console = Console(stderr=True)
        for work in track(
            todo, "feedback", console=console, transient=True, disable=not console.is_terminal
        ):
            try:
                pages += _write_pages(course, gradebook, work, force=force)
            except Exception as error:
                course.log().exception("feedback for %s, %s", work.learner, work.lesson)
                cause = " ".join(str(error).split())[:300]
                failures.append(f"{work.learner}, {work.lesson}: {cause}")
    if failures:
        raise PagesFailed(failures, pages, course.state / "nbgrader.log")
    return pages


def _graded(course: Course, lesson: str) -> list[_Work]:
    """Return what was graded of ``lesson``, or was refused, by learner."""
    journal = Journal(course.state / lesson)
    names = [path.stem for path in sorted((course.path / "source" / lesson).glob("*.ipynb"))]
    found = {path.parent.name: path for path in course.path.glob(f"autograded/*/{lesson}")}
    works = []
    for learner in sorted({*found, *journal.learners()}):
        record = journal.read(learner)
        refused = {name: why for name in names if (why := refusal(record, name))}
        there = sorted(found[learner].glob("*.ipynb")) if learner in found else []
        graded = tuple(path for path in there if path.stem not in refused)
        if graded or refused:
            works.append(_Work(lesson, learner, graded, refused, record.packed))
    return works


def _write_pages(course: Course, gradebook: Gradebook, work: _Work, *, force: bool) -> list[Path]:
    if Journal(course.state / work.lesson).read(work.learner).withheld:
        there = course.submitted(work.learner, work.lesson).exists()
        put_back = "" if there else f"put submitted/{work.learner}/{work.lesson} back and "
        raise CampError(
            f"its grading was interrupted: {put_back}run 'camp grade {work.lesson}' first"
        )
    folder = course.feedback(work.learner, work.lesson)
    names = sorted([*(path.stem for path in work.graded), *work.refused])
    pages = [folder / f"{name}.html" for name in names]
    record = course.state / work.lesson / f"{work.learner}.feedback"
    key = _key(course, gradebook, work)
    known = record.read_text(encoding="utf-8") if record.exists() else ""
    if force or key != known or not all(page.exists() for page in pages):
        folder.mkdir(parents=True, exist_ok=True)
        texts = _convert(course, work) if work.graded else {}
        for name, why in work.refused.items():
            texts[name] = refused_page(course, work.learner, name, why, work.packed)
        for page in pages:
            write_atomic(page, texts[page.stem])
        _converter(course, work, folder).set_permissions(work.lesson, work.learner)
        write_atomic(record, key)
    return pages


def _converter(course: Course, work: _Work, folder: Path) -> _Converter:
    converter = _Converter(
        coursedir=course.coursedir(work.lesson, work.learner),
        config=course.config,
        log=course.log(),
        force=True,
    )
    converter.folder = folder
    converter.packed = work.packed
    return converter


def _convert(course: Course, work: _Work) -> dict[str, str]:
    """Return pages by notebook; nbgrader, which first deletes old ones, writes them elsewhere."""
    with tempfile.TemporaryDirectory(dir=course.state) as place:
        folder = Path(place) / "pages"
        converter = _converter(course, work, folder)
        try:
            with quiet():
                converter.start()
        except NbGraderException as error:
            raise converter.cause or error from None
        return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.html")}


@cache
def _code() -> bytes:
    """Return a fingerprint of all that makes pages out of graded notebooks."""
    digest = hashlib.sha256(repr([version(name) for name in _PACKAGES]).encode())
    for path in _sources():
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.digest()


def _sources() -> list[Path]:
    """Return the files of our own that make pages."""
    here, there = Path(__file__).parent, Path(course_lib.__file__).parent
    return [
        *(here / f"{name}.py" for name in _MODULES),
        *(there / f"{name}.py" for name in _COURSE_LIB),
        *sorted((TEMPLATES / "feedback").iterdir()),
    ]


def _key(course: Course, gradebook: Gradebook, work: _Work) -> str:
    """Return a fingerprint of all that a learner's pages show."""
    digest = hashlib.sha256(_code())
    settings = course.path / CONFIG_FILE
    for path in (*work.graded, *([settings] if settings.exists() else [])):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    digest.update(repr((work.packed, work.refused, current_language())).encode())
    try:
        submission = gradebook.find_submission(work.lesson, work.learner)
    except MissingEntry:
        raise CampError(f"not in the gradebook: run 'camp grade {work.lesson}'") from None
    for notebook in submission.notebooks:
        marks = sorted((m.name, m.score, m.needs_manual_grade) for m in notebook.grades)
        words = sorted((item.name, item.comment or "") for item in notebook.comments)
        digest.update(
            repr([notebook.name, notebook.late_submission_penalty, marks, words]).encode()
        )
    gradebook.db.rollback()  # a server would see one transaction for as long as pages are made
    return digest.hexdigest()


def _give_out(course: Course, pages: Sequence[Path], place: str) -> Sequence[Path]:
    """Give pages out in a folder, an exchange, or by an inbox; return what was given out."""
    if is_address(place):
        from grading.inbox.client import release
    elif exchange_of(Path(place)):
        from grading.exchange import release
    else:
        from grading.letter import give_out
        from grading.rules import load_rules

        return give_out(course, pages, Path(place), load_rules(course.path))
    given, others = release(course, pages, place)
    if others:
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        names = ", ".join(others[:_SHOWN]) + more
        typer.echo(f"camp: {place} knows no work of these, so no page for them: {names}", err=True)
    return given


def feedback_command(
    lesson: Annotated[str | None, typer.Argument(help="A lesson; all when none is named.")] = None,
    course: Annotated[Path, typer.Option(help="The nbgrader course directory.")] = Path("course"),
    learner: Annotated[
        list[str] | None, typer.Option(help="Only this learner; may be repeated.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write unchanged pages again.")] = False,
    release: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            help="Give them out: in a folder, one for each learner, with a letter of one page on "
            "all lessons; in an nbgrader exchange, to who handed in there; by an inbox "
            "(https://...), to who is on its roster.",
        ),
    ] = None,
    db: database.Address = None,
) -> None:
    """Write feedback pages (HTML, in each learner's language) of graded submissions."""
    database.use(db)
    opened = Course.open(course)
    failed: PagesFailed | None = None
    try:
        pages: Sequence[Path] = feedback(lesson, opened, learner or (), force=force)
    except PagesFailed as error:
        pages, failed = error.pages, error
    if release is not None:
        pages = _give_out(opened, pages, release)
    for page in pages:
        typer.echo(page)
    if failed:
        raise failed
