"""``camp grade`` behind nbgrader's own door: ``nbgrader autograde``, and formgrader's button.

Both do what ``camp grade`` does, in the same journal and under the same lock: nbgrader's own steps
read a submission before anybody looked at its files, take the time from a file of the learner's,
and leave the older score where something fails.
"""

from __future__ import annotations

from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.apps import api, autogradeapp
from nbgrader.converters import Autograde, NbGraderException
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool

from course_lib.errors import CampError, printable
from grading.course import Course
from grading.engine import ENGINE
from grading.grade import grade
from grading.journal import Journal, received_at, stamp_of
from grading.lesson_run import Options, Result


class WalledAutograde(Autograde):  # type: ignore[misc]
    """Takes the place of nbgrader's ``Autograde``; the same settings, ``c.Autograde``."""

    allow_weaker = Bool(False, help="Go on where parts of the walls are missing.").tag(config=True)

    def start(self) -> None:
        """Grade the submissions that are asked for.

        Raises:
            NbGraderException: nothing was graded, or not all; the log has one line that says why.
        """
        try:
            self._grade()
        except CampError as error:
            self.log.error("%s", error)
            raise NbGraderException(str(error)) from None
        finally:
            ENGINE.close()  # a server goes on, and packages may change before the next time

    def _grade(self) -> None:
        course = Course.open(Path(self.coursedir.root))
        course.config.merge(self.config)  # what was said on the command line
        lesson = course.check_lesson(self.coursedir.assignment_id)
        if self.coursedir.notebook_id != "*":
            raise CampError("submissions are graded whole: leave out --notebook", 2)
        learners = self._learners(course, lesson)
        options = Options(force=self.force, allow_weaker=self.allow_weaker)
        for result in grade(lesson, course, learners, options):
            self._tell(result)
        for part in ENGINE.missing:
            self.log.warning("graded without %s", part)

    def _learners(self, course: Course, lesson: str) -> list[str]:
        pattern, excluded = self.coursedir.student_id, self.coursedir.student_id_exclude.split(",")
        found = [
            learner
            for learner in course.learners(lesson)
            if fnmatchcase(learner, pattern) and learner not in excluded
        ]
        if not found:
            raise CampError(
                f"no submissions of {lesson} by {pattern}: each lies in "
                f"{course.submitted('LEARNER', lesson)}/"
            )
        if not self.create_student:
            with course.gradebook() as gradebook:
                strange = {*found} - {student.id for student in gradebook.students}
            if strange:
                names = printable(", ".join(sorted(strange)))
                raise CampError(f"not in the gradebook, where they must be entered first: {names}")
        return found

    def _tell(self, result: Result) -> None:
        remarks = "; ".join(text.en for text in result.remarks)
        state = "graded" if result.fresh else "unchanged"
        text = f"{state}: {result.learner}, {result.score:g} / {result.max_score:g}"
        if result.review:
            self.log.warning("%s, needs review: %s", text, remarks)
        else:
            self.log.info("%s%s", text, f" ({remarks})" if remarks else "")


class Refuse(NbGraderPreprocessor):  # type: ignore[misc]
    """The first step of nbgrader's own ``Autograde``, should anybody call it after all."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Stop (nbconvert's interface)."""
        raise NbGraderException(
            "this course is graded behind walls, which this way to nbgrader's autograde goes "
            "around: use 'nbgrader autograde', formgrader or 'camp grade'"
        )


def _received(self: api.NbGraderAPI, assignment_id: str, student_id: str) -> datetime | None:
    """Return the time that the gradebook has if a submission is graded and did not change.

    By this formgrader tells what is graded; a file of the learner's would decide it otherwise.
    """
    course = Course(Path(self.coursedir.root))
    folder = course.submitted(student_id, assignment_id)
    record = Journal(course.state / assignment_id).read(student_id)
    if record.stage == "done" and record.stamp == stamp_of(folder):
        return record.received
    notebooks = [path.stem for path in folder.glob("*.ipynb")]
    return received_at(course, student_id, assignment_id, notebooks)


def replace_nbgraders() -> None:
    """Let nbgrader's command and pages use ours: they name it, and no setting does."""
    api.Autograde = autogradeapp.Autograde = WalledAutograde
    api.NbGraderAPI.get_submitted_timestamp = _received
