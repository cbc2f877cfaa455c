"""One nbgrader course from material, graded by plain nbgrader and by ``camp grade``."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from course_lib.cli import use_own_environment
from grading.course import Course, quiet
from grading.grade import grade
from tests.conftest import isolated_home
from tests.gradebooks import empty_gradebook
from tests.honest.material import Material

Cell = tuple[str, str, str, str]  # assignment, notebook, learner, cell


@dataclass(frozen=True)
class Entry:
    """What the gradebook says of one cell of a submission."""

    score: float
    auto_score: float | None
    waits: bool
    comment: str | None = None


def write_course(root: Path, materials: Sequence[Material]) -> None:
    """Write a course, release it, and hand in what all learners wrote."""
    use_own_environment()
    root.mkdir(parents=True, exist_ok=True)
    (root / "gradebook.db").write_bytes(empty_gradebook())
    for material in materials:
        source = root / "source" / material.name
        source.mkdir(parents=True)
        nbformat.write(material.instructor(), source / f"{material.name}.ipynb")
        for name, text in material.files.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(text, encoding="utf-8")
        release(root, material.name)
        folder = root / "release" / material.name
        for learner, number in material.learners():
            target = root / "submitted" / learner / material.name
            shutil.copytree(folder, target)
            file = target / f"{material.name}.ipynb"
            released = nbformat.read(file, as_version=4)
            file.write_text(nbformat.writes(material.submission(released, number)), "utf-8")


def release(root: Path, name: str) -> None:
    """Do what ``nbgrader generate_assignment`` does, without settings of ours."""
    config = Config()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.db_url = f"sqlite:///{root / 'gradebook.db'}"
    coursedir = CourseDirectory(config=config, assignment_id=name)
    with quiet():
        GenerateAssignment(coursedir=coursedir, config=config).start()


def plainly(root: Path, name: str) -> None:
    """Run ``nbgrader autograde`` as it is."""
    command = [sys.executable, "-m", "nbgrader", "autograde", name]
    variables = isolated_home(root / ".home")
    variables.pop("PYTHONDONTWRITEBYTECODE", None)  # or each kernel compiles torch and pandas anew
    done = subprocess.run(command, cwd=root, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def safely(root: Path, name: str) -> dict[str, str]:
    """Run ``camp grade`` and return what it remarks on each submission."""
    results = grade(name, Course.open(root))
    return {one.learner: "; ".join(text.en for text in one.remarks) for one in results}


def read_book(root: Path) -> dict[Cell, Entry]:
    """Return what a course's gradebook says of each graded cell."""
    found: dict[Cell, Entry] = {}
    with quiet(), Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
        for assignment in gradebook.assignments:
            for submission in assignment.submissions:
                for notebook in submission.notebooks:
                    comments = {comment.name: comment.comment for comment in notebook.comments}
                    for mark in notebook.grades:
                        key = (assignment.name, notebook.name, submission.student_id, mark.name)
                        found[key] = Entry(
                            mark.score, mark.auto_score, bool(mark.needs_manual_grade),
                            comments.get(mark.name),
                        )  # fmt: skip
    return found
