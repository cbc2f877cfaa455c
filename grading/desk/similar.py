"""The report of ``camp similar``, if there is one."""

from __future__ import annotations

import shlex
from pathlib import Path

from grading.course import Course
from grading.similar.report import INDEX


def report_of(course: Course, lesson: str) -> Path | None:
    """Return the page that ``camp similar LESSON`` wrote; None before it ran."""
    page = course.similar(lesson) / INDEX
    return page if page.is_file() else None


def command_for(course: Course, lesson: str) -> str:
    """Return the command that writes it."""
    return shlex.join(["camp", "similar", lesson, "--course", str(course.path)])
