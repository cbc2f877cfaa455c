"""Feedback given out in an nbgrader exchange, where only its learner can find a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from course_lib.bundle import SECRET
from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.learner.places import exchange_of, page_of
from grading.course import Course
from grading.intake import Refused, read_plain

_CLOSED = 0o711  # as nbgrader leaves it: nobody else sees the names of the pages
_MOST = 1000  # bytes of a secret; nbgrader's has 128


def release(course: Course, pages: Sequence[Path], place: str) -> tuple[list[Path], list[str]]:
    """Put pages where their learners find them, by ``camp result`` or ``nbgrader fetch_feedback``.

    Args:
        course: the course.
        pages: feedback pages, as ``camp feedback`` wrote them; unchanged ones stay.
        place: the course's folder in the exchange, or its ``inbound``.

    Returns:
        What lies there now, and whose newest submission did not come by an exchange.

    Raises:
        CampError: the exchange cannot be written.
    """
    exchange = exchange_of(Path(place)) or Path(place)
    written, others = [], set()
    try:
        for page in pages:
            lesson, learner = page.parent.name, page.parent.parent.name
            secret = _secret(course.submitted(learner, lesson))
            if not secret:
                others.add(learner)
                continue
            target = page_of(exchange, secret, page.stem)
            if not target.parent.is_dir():
                target.parent.mkdir()
                target.parent.chmod(_CLOSED)
            data = page.read_bytes()
            if not target.is_file() or target.read_bytes() != data:
                write_atomic(target, data)
            written.append(target)
    except OSError as error:
        raise CampError(f"cannot write {error.filename or exchange}: {error.strerror}") from None
    return written, sorted(others)


def _secret(submission: Path) -> str:
    """Return what a submission's learner knows alone; "" of one that came another way."""
    try:
        return read_plain(submission / SECRET, _MOST).decode("utf-8")
    except (OSError, Refused, UnicodeDecodeError):
        return ""
