"""A time limit for a call that may never end, in a notebook's own process."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

LONGEST = 20
"""Seconds that one call of a check may take."""


class TooLong(BaseException):
    """A call took longer than it may."""


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """End what runs inside after :data:`LONGEST`.

    Nothing is limited in a thread, on Windows, or where somebody else uses the alarm, such as the
    grader, which has limits of its own.

    Raises:
        TooLong: inside.
    """
    alarm = getattr(signal, "SIGALRM", None)
    main = threading.current_thread() is threading.main_thread()
    if alarm is None or not main or signal.getsignal(alarm) != signal.SIG_DFL:
        yield
        return

    def stop(*_: object) -> None:
        raise TooLong

    signal.signal(alarm, stop)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(alarm, signal.SIG_DFL)
