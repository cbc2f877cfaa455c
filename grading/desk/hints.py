"""How many learners opened a hint of each exercise, as far as their notebooks noted it.

The course's JupyterLab notes it in the notebook, and ``camp submit`` puts it into
``submission.json``. Whoever works elsewhere, or hands in without ``camp submit``, leaves no note:
the counts are lower bounds.
"""

from __future__ import annotations

from collections import Counter

from grading.course import Course
from grading.told import told


def count_opened(course: Course, lesson: str) -> Counter[str]:
    """Return how many learners opened a hint, by exercise; of each the newest submission counts."""
    found: Counter[str] = Counter()
    for learner in course.learners(lesson):
        if said := told(course, learner, lesson):
            found.update(name for name, count in said.hints.items() if count > 0)
    return found
