"""How often one caller may ask: a bucket for each, that fills up again with time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Buckets:
    """Token buckets, one for each key.

    Args:
        size: how many may be taken at once.
        seconds: in which an empty bucket is full again.
        clock: seconds that only go up.
    """

    def __init__(
        self, size: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._size = size
        self._rate = size / seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> float:
        """Take one; return 0, or in how many seconds there will be one."""
        with self._lock:
            moment = self._clock()
            left, then = self._left.get(key, (float(self._size), moment))
            left = min(float(self._size), left + (moment - then) * self._rate)
            wait = 0.0 if left >= 1 else (1 - left) / self._rate
            self._left[key] = (left if wait else left - 1, moment)
            return wait
