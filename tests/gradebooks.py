"""Real nbgrader gradebooks for tests: lessons with cells, learners with scores."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from nbgrader.api import Gradebook

from course_lib.cli import use_own_environment
from grading.course import Course, quiet

LESSON = "01_intro"
NOTE = "note_hello_intern"
CHECKS = {"check_count_params": 40.0, "check_weight_bytes": 30.0}


@cache
def _empty() -> bytes:
    """Return an empty gradebook; nbgrader spawns ``alembic`` for it, which takes seconds."""
    use_own_environment()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gradebook.db"
        Gradebook(f"sqlite:///{file}").close()
        return file.read_bytes()


@contextmanager
def opened(course: Path) -> Iterator[Gradebook]:
    """Open the gradebook that nbgrader's own commands would use in ``course``."""
    settings = Course(course).config.CourseDirectory
    with quiet(), Gradebook(settings.db_url, settings.get("course_id", "")) as gradebook:
        yield gradebook


def make_lesson(course: Path, lesson: str = LESSON) -> None:
    """Enter a lesson of 100 points: two checks and a note that a TA marks with up to 30."""
    course.mkdir(parents=True, exist_ok=True)
    if not (course / "gradebook.db").exists():
        (course / "gradebook.db").write_bytes(_empty())
    with opened(course) as gradebook:
        gradebook.add_assignment(lesson)
        gradebook.add_notebook(lesson, lesson)
        for name, points in CHECKS.items():
            gradebook.add_grade_cell(name, lesson, lesson, max_score=points, cell_type="code")
            answer = name.removeprefix("check_")
            gradebook.add_solution_cell(answer, lesson, lesson)
        gradebook.add_grade_cell(NOTE, lesson, lesson, max_score=30, cell_type="markdown")
        gradebook.add_solution_cell(NOTE, lesson, lesson)


def submit(
    course: Path,
    learner: str,
    *,
    checks: float,
    note: float | None = None,
    lesson: str = LESSON,
) -> None:
    """Enter a graded submission: each check earned the share ``checks``; None: note not marked."""
    with opened(course) as gradebook:
        gradebook.update_or_create_student(learner)
        gradebook.update_or_create_submission(lesson, learner)
        for name, points in CHECKS.items():
            grade = gradebook.find_grade(name, lesson, lesson, learner)
            grade.auto_score = checks * points
            grade.needs_manual_grade = False
        grade = gradebook.find_grade(NOTE, lesson, lesson, learner)
        grade.manual_score = note
        grade.needs_manual_grade = note is None
        gradebook.db.commit()
