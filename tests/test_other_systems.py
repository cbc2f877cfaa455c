"""What a machine that is not Linux is told; only the system's name and one function are changed."""

from __future__ import annotations

import os
import sys

import pytest

from course_lib.errors import CampError
from grading.isolation.spawner import Needs, Spawner
from grading.pool import threads


@pytest.mark.parametrize("allow_weaker", [False, True])
def test_no_code_of_learners_is_run(monkeypatch: pytest.MonkeyPatch, allow_weaker: bool) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(CampError, match="on Linux only, and this machine has darwin"):
        Spawner(Needs(allow_weaker=allow_weaker))


def test_there_are_as_many_workers_as_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    with threads(None) as pool:
        assert pool.workers == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    with threads(None) as pool:
        assert pool.workers == 7
