"""A build that would hand a solution or its cases to learners is refused."""

from __future__ import annotations

from nbformat import NotebookNode

from course_lib.errors import CampError
from grading.lesson import BEGIN, END, Lesson

_MARKERS = (BEGIN, END, "HIDDEN TESTS", "BEGIN MARK SCHEME")
_SHARE = 0.6


def refuse_leaks(lesson: Lesson, shipped: NotebookNode) -> None:
    """Check a learner's notebook.

    Raises:
        CampError: a marker, most lines of a solution, or a ``cases`` function is in it.
    """
    where = f"{lesson.path}: the learner's notebook"
    secrets = {
        f"the solution of {exercise.name!r}": telling(solution_lines(exercise.answer.source))
        for exercise in lesson.exercises
    }
    for exercise in lesson.exercises:
        secrets[f"the cases of {exercise.name!r}"] = telling(exercise.cases.source.split("\n"))
        if not secrets[f"the solution of {exercise.name!r}"]:
            raise CampError(
                f"{lesson.path}:{exercise.answer.line}: the solution region of "
                f"{exercise.name!r} holds no line of code"
            )
    for cell in shipped.cells:
        for marker in _MARKERS:
            if marker in cell.source:
                raise CampError(f"{where} would hold {marker!r} in cell {cell.id!r}")
        for secret, tell in secrets.items():
            found = [line for line in tell if line in cell.source]
            if tell and len(found) >= _SHARE * len(tell):
                raise CampError(f"{where} would hold {secret} in cell {cell.id!r}: {found[0]!r}")


def solution_lines(source: str) -> list[str]:
    """Return the lines inside solution regions."""
    lines = []
    inside = False
    for line in source.split("\n"):
        if line.strip() in (BEGIN, END):
            inside = line.strip() == BEGIN
        elif inside:
            lines.append(line)
    return lines


def telling(lines: list[str]) -> list[str]:
    """Return the lines that give something away: code of some length, no comments."""
    stripped = (line.strip() for line in lines)
    return [line for line in stripped if len(line) >= 8 and not line.startswith("#")]
