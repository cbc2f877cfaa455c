"""The engine as steps of nbgrader's own ``autograde``: it becomes safe without another command.

The first step rebuilds the notebook from the instructor's, the second has it judged behind walls
and leaves in each check cell the one output that nbgrader counts.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from traitlets import Bool, Unicode

from grading.assignment import Assignment, read_assignment
from grading.course import Course
from grading.engine import ENGINE, read_rules
from grading.how import settle
from grading.intake import accept
from grading.repair import repair
from grading.steps import review_reason


class _Step(NbGraderPreprocessor):  # type: ignore[misc]
    """A step that knows the course."""

    root = Unicode(help="The course directory.").tag(config=True)
    allow_weaker = Bool(False, help="Go on where parts of the walls are missing.").tag(config=True)

    def assignment(self, resources: dict[str, Any]) -> Assignment:
        """Return the assignment that is being graded."""
        return _assignment(self.root, resources["nbgrader"]["assignment"], self.allow_weaker)


@lru_cache(maxsize=4)
def _assignment(root: str, name: str, allow_weaker: bool) -> Assignment:
    course = Course.open(Path(root))
    rules = read_rules(course, allow_weaker=allow_weaker)
    return settle(read_assignment(course, name), course, rules)


class Repair(_Step):
    """The first of ``Autograde.sanitize_preprocessors``."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Return the repaired notebook (nbconvert's interface)."""
        source = self.assignment(resources).notebooks[resources["nbgrader"]["notebook"]]
        repaired, _ = repair(nb, source.instructor, source.plan)
        return repaired, resources


class Judge(_Step):
    """Takes the place of ``Execute`` among ``Autograde.autograde_preprocessors``."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Return the notebook with its results (nbconvert's interface).

        Raises:
            Refused: the submission holds links, special files, or too much.
        """
        names = resources["nbgrader"]
        course = Course.open(Path(self.root))
        assignment = self.assignment(resources)
        folder = course.submitted(names["student"], names["assignment"])
        files = accept(folder, assignment.notebooks).files
        source = assignment.notebooks[names["notebook"]]
        rules = read_rules(course, allow_weaker=self.allow_weaker)
        return ENGINE.judge(assignment, source, nb, files, rules), resources


class SaveGrades(SaveAutoGrades):  # type: ignore[misc]
    """Saves scores; a cell that needs review is entered as needing a TA."""

    def _add_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        super()._add_score(cell, resources)
        if review_reason(cell) is not None:
            names = resources["nbgrader"]
            grade = self.gradebook.find_grade(
                cell.metadata["nbgrader"]["grade_id"],
                names["notebook"],
                names["assignment"],
                names["student"],
            )
            grade.needs_manual_grade = True
            self.gradebook.db.commit()
