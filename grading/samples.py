"""Sample submissions: what made-up learners wrote, put into the released notebook.

A sample is a py:percent file with a learner's answers by exercise (``exercise="name"``), the note
(``note="name"``) and slips: ``copy="id"`` repeats a cell, ``delete="id"`` removes one.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Language, parse_language
from grading.build import released

FOLDER = Path(__file__).parent / "samples"


@dataclass(frozen=True)
class Sample:
    """One learner's answers to one lesson."""

    learner: str
    lesson: str
    language: Language
    answers: dict[str, str]
    copied: tuple[str, ...]
    deleted: tuple[str, ...]


def read_samples(lesson: str, folder: Path = FOLDER) -> list[Sample]:
    """Return the kit's samples of ``lesson``, by learner."""
    samples = [_read(path, lesson) for path in sorted((folder / lesson).glob("*.py"))]
    if not samples:
        raise CampError(f"the kit has no sample submissions of {lesson!r}")
    return samples


def marks_file(lesson: str, folder: Path = FOLDER) -> Path:
    """Return the marks that a made-up TA gave to the samples of ``lesson``."""
    return folder / lesson / "marks.csv"


def _read(path: Path, lesson: str) -> Sample:
    notebook = jupytext.read(path, fmt="py:percent")
    answers: dict[str, str] = {}
    copied, deleted = [], []
    for cell in notebook.cells:
        match dict(cell.metadata):
            case {"exercise": str(name)}:
                answers[name] = cell.source
            case {"note": str(name)}:
                answers[f"note_{name}"] = cell.source
            case {"copy": str(name)}:
                copied.append(name)
            case {"delete": str(name)}:
                deleted.append(name)
    language = parse_language(notebook.metadata.get("course", {}).get("language"))
    return Sample(path.stem, lesson, language, answers, tuple(copied), tuple(deleted))


def fill_in(sample: Sample, blank: NotebookNode) -> NotebookNode:
    """Return the learner's notebook: ``blank`` with the sample's answers and slips.

    Raises:
        CampError: the sample names a cell that the lesson does not have.
    """
    notebook: NotebookNode = copy.deepcopy(blank)
    by_id = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    for name in (*sample.answers, *sample.copied, *sample.deleted):
        if name not in by_id:
            raise CampError(f"sample {sample.learner!r}: {sample.lesson} has no cell {name!r}")
    for name, answer in sample.answers.items():
        by_id[name].source = answer
    for name in sample.copied:
        twin = copy.deepcopy(by_id[name])
        twin.id = f"{twin.id}-copy"
        notebook.cells.insert(notebook.cells.index(by_id[name]) + 1, twin)
    for name in sample.deleted:
        notebook.cells.remove(by_id[name])
    return notebook


def hand_in(sample: Sample, course: Path) -> Path:
    """Write the sample as a submission of ``course`` and return its notebook.

    Args:
        sample: what the learner wrote.
        course: the nbgrader course directory, built.
    """
    blank = nbformat.read(released(course, sample.lesson, sample.language), as_version=4)
    folder = course / "submitted" / sample.learner / sample.lesson
    target = folder / f"{sample.lesson}.ipynb"
    text = nbformat.writes(fill_in(sample, blank))
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        write_atomic(target, text)
        stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        write_atomic(folder / "timestamp.txt", stamp + "\n")
    return target
