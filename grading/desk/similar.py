"""What ``camp similar`` found in a lesson, if it ran, and whether submissions came since."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from course_lib.errors import CampError
from course_lib.files import read_at_most
from course_lib.language import Text
from grading.course import Course
from grading.similar.report import FILE, INDEX, Report

_MOST = 20_000_000  # bytes: 1,000 pairs, each alike in every exercise


@dataclass(frozen=True)
class Compared:
    """A report and how it stands to what was handed in.

    Attributes:
        report: the pairs, in order; no verdict on anybody.
        folder: where the report and the pages of the pairs lie.
        newer: how many submissions came or changed since they were compared.
    """

    report: Report
    folder: Path
    newer: int

    @property
    def index(self) -> Path:
        """The page that lists the pairs."""
        return self.folder / INDEX


def read_compared(course: Course, lesson: str) -> Compared | None:
    """Return what ``camp similar LESSON`` found; None before it ran.

    Raises:
        CampError: the report cannot be read.
    """
    folder = course.similar(lesson)
    try:
        report = Report.model_validate_json(read_at_most(folder / FILE, _MOST))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        why = "" if isinstance(error, ValidationError) else f" ({error})"
        text = Text(
            f"{folder / FILE} 读不出来{why}：再比一次",
            f"{folder / FILE} cannot be read{why}: compare again",
        )
        raise CampError(str(text)) from None
    arrived = [_arrived(course.submitted(one, lesson)) for one in course.learners(lesson)]
    return Compared(report, folder, sum(one > report.made for one in arrived))


def _arrived(folder: Path) -> datetime:
    """Return when a submission was last put there, by this machine's clock."""
    try:
        times = [folder.lstat().st_ctime]
        times += [one.stat(follow_symlinks=False).st_ctime for one in os.scandir(folder)]
    except OSError:
        return datetime.min.replace(tzinfo=UTC)
    return datetime.fromtimestamp(max(times), UTC)


def command_for(course: Course, lesson: str) -> str:
    """Return the command that compares."""
    return shlex.join(["camp", "similar", lesson, "--course", str(course.path)])
