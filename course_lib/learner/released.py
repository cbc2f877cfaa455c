"""Feedback that lies in a folder: a learner's own, one shared by all, or an nbgrader exchange."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from course_lib.errors import CampError
from course_lib.files import read_at_most
from course_lib.language import Text
from course_lib.learner.places import INBOUND, exchange_of, page_of
from course_lib.learner.sent import Sent

_MOST = 20_000_000  # bytes of a page


def find_page(folder: Path, learner: str, lesson: str, sent: Sequence[Sent]) -> bytes | None:
    """Return the newest feedback page of a lesson, HTML; None when there is none yet.

    Args:
        folder: what ``camp feedback --release`` wrote, the learner's own folder of that, or an
            exchange.
        learner: the learner's id; "" when it was not told yet.
        lesson: name of the lesson.
        sent: the learner's submissions of it, oldest first.

    Raises:
        CampError: it is far too large for a page.
        OSError: it cannot be read.
    """
    page = next((one for one in _places(folder, learner, lesson, sent) if one.is_file()), None)
    if page is None:
        return None
    try:
        return read_at_most(page, _MOST)
    except ValueError:
        raise CampError(
            str(Text(f"{page} 太大，不是反馈页", f"{page} is too large for a page"))
        ) from None


def folder_of(delivery: str) -> Path:
    """Return the folder or exchange that a submission was put into."""
    place = Path(delivery)
    return place.parent.parent if place.parent.name == INBOUND else place.parent


def _places(folder: Path, learner: str, lesson: str, sent: Sequence[Sent]) -> Iterator[Path]:
    if exchange := exchange_of(folder):
        for one in reversed(sent):
            yield page_of(exchange, one.sha256, lesson)
    if learner:
        yield folder / learner / lesson / f"{lesson}.html"
    yield folder / lesson / f"{lesson}.html"
