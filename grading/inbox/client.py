"""The inbox from afar, for TAs and instructors: bundles come from it, pages go to it."""

from __future__ import annotations

import getpass
import hashlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from course_lib.bundle import BadBundle
from course_lib.errors import CampError
from course_lib.learner.inbox import VARIABLE, Busy, Inbox, NotThere
from course_lib.learner.sent import Receipt
from grading.course import Course

_RECEIPTS = TypeAdapter(list[Receipt])
_LONGEST = 120  # seconds
_LOST = (
    "收件箱里的文件丢了或坏了：从备份恢复，或请学员再交一次",
    "its file in the inbox is lost or damaged: restore it from a backup, or ask the learner to "
    "hand it in again",
)
_T = TypeVar("_T")


class Staff:
    """An inbox, asked with the token of a TA or an instructor.

    Args:
        address: such as ``https://inbox.example.org``.

    Raises:
        CampError: the address cannot be one, or there is no token.
    """

    def __init__(self, address: str) -> None:
        self._inbox = Inbox(address, _token())

    @property
    def address(self) -> str:
        """The inbox's address."""
        return self._inbox.address

    def submissions(self) -> list[Receipt]:
        """Return what was handed in, oldest first, as far as the token's owner may see it.

        Raises:
            CampError: the inbox cannot be reached, or refused.
        """
        answer = _patiently(lambda: self._inbox.ask("GET", "/v1/submissions"))
        try:
            return _RECEIPTS.validate_json(answer.content)
        except ValidationError:
            raise CampError(f"{self.address} does not answer like an inbox: check it") from None

    def bundle(self, receipt: Receipt) -> bytes:
        """Return a bundle, byte for byte as it was handed in.

        Raises:
            BadBundle: the inbox does not have it any more.
            CampError: the inbox cannot be reached, or refused.
        """
        path = f"/v1/submissions/{quote(receipt.id, safe='')}/bundle"
        try:
            raw = _patiently(lambda: self._inbox.ask("GET", path)).content
        except NotThere:
            raise BadBundle(*_LOST) from None
        if hashlib.sha256(raw).hexdigest() != receipt.sha256:
            raise BadBundle(*_LOST)
        return raw

    def release(self, learner: str, lesson: str, page: bytes) -> None:
        """Let a learner read a feedback page.

        Raises:
            NotThere: there is no such learner on the roster, or not of the TA's cohort.
            CampError: the inbox cannot be reached, or refused.
        """
        path = f"/v1/feedback/{quote(learner, safe='')}/{quote(lesson, safe='')}"
        _patiently(lambda: self._inbox.ask("PUT", path, {"Content-Type": "text/html"}, page))


def release(course: Course, pages: Sequence[Path], place: str) -> tuple[list[Path], list[str]]:
    """Give feedback pages to their learners by an inbox.

    Args:
        course: the course.
        pages: feedback pages, as ``camp feedback`` wrote them; a lesson has one in an inbox.
        place: the inbox's address.

    Returns:
        The pages that their learners can read now, and who is not on the inbox's roster.

    Raises:
        CampError: the inbox cannot be reached, or refused.
    """
    inbox = Staff(place)
    given, others = [], set()
    for page in pages:
        lesson, learner = page.parent.name, page.parent.parent.name
        if page.stem != lesson:
            continue
        try:
            inbox.release(learner, lesson, page.read_bytes())
        except NotThere:
            others.add(learner)
        else:
            given.append(page)
    return given, sorted(others)


def _patiently(ask: Callable[[], _T]) -> _T:
    """Return the answer; wait as long as the inbox says when that was too often."""
    while True:
        try:
            return ask()
        except Busy as busy:
            if busy.seconds > _LONGEST:
                raise
            time.sleep(busy.seconds)


def _token() -> str:
    """Return the token in ``CAMP_TOKEN``, or one asked for; none is kept."""
    found = os.environ.get(VARIABLE, "").strip()
    if not found and sys.stdin and sys.stdin.isatty():
        found = getpass.getpass("your inbox token (camp_...): ").strip()
    if not found:
        raise CampError(f"no token for the inbox: set {VARIABLE} to a TA's or an instructor's", 2)
    return found
