"""nbgrader's own release of a lesson: ``source`` to ``release`` and the gradebook."""

from __future__ import annotations

import contextlib
import io
import logging
import re

from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory

from course_lib.errors import CampError
from grading.course import Course

_RAISED = re.compile(r"(?:\w+\.)*\w+(?:Error|Exception): ")  # the last line of a traceback


def release(course: Course, lesson: str) -> None:
    """Run nbgrader's ``generate_assignment`` on ``source/<lesson>``.

    Raises:
        CampError: nbgrader refused; the text holds its reason.
    """
    course.prepare()
    with course.gradebook():
        pass  # nbgrader finds its tables made
    coursedir = CourseDirectory(config=course.config)
    coursedir.assignment_id = lesson
    converter = GenerateAssignment(coursedir=coursedir, config=course.config)
    converter.force = True
    said = io.StringIO()
    converter.log = logging.Logger("generate_assignment", logging.WARNING)
    converter.log.addHandler(logging.StreamHandler(said))
    try:
        with contextlib.redirect_stderr(said):
            converter.start()
    except (Exception, SystemExit) as error:
        lines = [line for line in said.getvalue().splitlines() if line.strip()]
        raised = [line for line in lines if _RAISED.match(line)]
        reason = [*lines, str(error), *raised][-1]
        raise CampError(f"nbgrader could not release {lesson}: {reason}") from None
