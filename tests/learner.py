"""A lesson as a learner goes through it: its cells run in order, its notebook handed in."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import nbformat

from course_lib.checks import case, check
from course_lib.errors import CampError
from course_lib.language import Language
from grading.build import Builder, released
from grading.cells import blank_source, in_language
from grading.cohort import PUBLIC, find_cohort
from grading.course import Course
from grading.lesson import Lesson
from tests.conftest import ROOT

BLANK = ("code", "given", "exercise")
"""What runs without a tool; checks would stop at the first blank exercise."""
SOLVED = (*BLANK, "check")
WITH_TOOLS = (*SOLVED, "tool")


def run_cells(
    lesson: Lesson,
    language: Language,
    kinds: Collection[str] = SOLVED,
    edit: Callable[[str], str] = lambda source: source,
) -> dict[str, Any]:
    """Run the cells of these kinds; exercises hold the solution, or nothing with ``BLANK``.

    Args:
        lesson: the lesson.
        language: the notebook's.
        kinds: of cells.
        edit: what a learner changes in each cell.

    Returns:
        The names of the notebook.
    """
    names: dict[str, Any] = {"case": case, "check": check, "display": print}
    for cell in lesson.cells:
        if cell.kind in kinds:
            source = blank_source(cell.source) if kinds == BLANK else cell.source
            exec(in_language(edit(source), language), names)
    return names


def without_tools(
    lesson: Lesson, language: Language, names: dict[str, Any], *, left_out: Collection[str] = ()
) -> dict[str, str]:
    """Run the tools' cells after all others; return the one line with which each of them fails."""
    said = {}
    for cell in lesson.of_kind("tool"):
        if cell.name not in left_out:
            try:
                exec(in_language(cell.source, language), names)
            except CampError as error:
                (said[cell.name],) = str(error).splitlines()
    return said


def new_course(folder: Path, lesson: Lesson) -> Course:
    """Build a lesson into a course of the public cohort, in Chinese."""
    builder = Builder(ROOT / "notebooks", folder, find_cohort(PUBLIC), "zh")
    builder.build([lesson.name])
    return Course.open(builder.course)


def hand_in(course: Course, lesson: Lesson, learner: str, *, solved: bool) -> Path:
    """Hand in the released notebook, with the solutions or as it is; return the folder."""
    notebook = nbformat.read(released(course.path, lesson.name, "zh"), as_version=4)
    answers = {one.name: one.answer.source for one in lesson.exercises} if solved else {}
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.get(name, cell.source)
    folder = course.submitted(learner, lesson.name)
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{lesson.name}.ipynb")
    return folder
