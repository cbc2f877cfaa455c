"""The rubrics of a course's notes: ``rubrics/LESSON.json``, which ``camp build`` writes.

A course of another make may have such files too: by cell, a list of criteria.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from course_lib.errors import CampError
from grading.build import rubrics_file
from grading.forms import Criterion, read_rubric
from grading.lesson import Lesson

_RUBRICS = TypeAdapter(dict[str, tuple[Criterion, ...]])


def write_rubrics(lesson: Lesson) -> str:
    """Return the file's text: the criteria by the cell that a TA marks."""
    found = {
        f"note_{cell.name}": tuple(read_rubric(cell.source)) for cell in lesson.of_kind("rubric")
    }
    return _RUBRICS.dump_json(found, indent=1).decode() + "\n"


def read_rubrics(course: Path, lesson: str) -> dict[str, tuple[Criterion, ...]]:
    """Return the criteria by cell; none where the course has no such file.

    Raises:
        CampError: the file is damaged.
    """
    file = rubrics_file(course, lesson)
    try:
        return _RUBRICS.validate_json(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.strerror
        raise CampError(f"{file} cannot be read ({reason}): build the lesson again") from None
