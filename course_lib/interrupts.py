"""When an interrupt (Ctrl+C, a notebook's Stop button) is heard."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def put_off() -> Iterator[None]:
    """Let an interrupt raise at the end of the block, not inside.

    Compiled code that calls Python may lose a KeyboardInterrupt, or make another error of it:
    matplotlib's drawing says "Invalid bounding box". Nothing is put off in a thread, which no
    interrupt reaches.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield
        return
    came = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: came.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came.is_set():
            signal.raise_signal(signal.SIGINT)
