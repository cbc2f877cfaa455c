"""What learners' bundles tell in ``submission.json``; nothing of what came another way."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from course_lib.bundle import MANIFEST, MAX_MANIFEST, Begun, Submission
from grading.course import Course
from grading.intake import Refused, read_plain


def told(course: Course, learner: str, lesson: str) -> Submission | None:
    """Return what a learner's newest submission of a lesson tells."""
    file = course.submitted(learner, lesson) / MANIFEST
    try:
        return Submission.model_validate_json(read_plain(file, MAX_MANIFEST))
    except (OSError, Refused, ValidationError):
        return None


def begun_elsewhere(course: Course) -> dict[str, Mapping[str, Begun]]:
    """Return how far each learner was in other lessons, as the newest bundle tells it."""
    newest: dict[str, Submission] = {}
    for lesson in course.lessons():
        for learner in course.learners(lesson):
            said, before = told(course, learner, lesson), newest.get(learner)
            if said and (before is None or said.time > before.time):
                newest[learner] = said
    return {learner: said.elsewhere for learner, said in newest.items()}
