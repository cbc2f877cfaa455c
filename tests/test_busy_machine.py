"""What a busy machine does to a submission costs its learner nothing: it is tried once more."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from grading.apart.plan import Outcome
from grading.apart.run import Run, _is_doubtful
from grading.course import CONFIG_FILE, Course
from grading.grade import grade
from grading.grader import Graded
from grading.isolation.limits import Limits
from grading.isolation.spawner import Ending, Job
from grading.lesson_run import LessonRun, Result
from tests.toy_course import LESSON, answer, hand_in, make_course, solved

pytestmark = pytest.mark.usefixtures("walls")

FULL = 34
BUSY = "a submission cut short, perhaps because the machine was busy"
SLOW = "import time\ntime.sleep(1)\ndef double(x):\n    return 2 * x"
SLEEPS = "import time\ntime.sleep(60)"
COMPUTES = "def double(x):\n    while True:\n        x += 1"
QUITS = "import os\nos._exit(3)"


@pytest.fixture
def course(tmp_path: Path) -> Course:
    course = make_course(tmp_path)
    (course.path / CONFIG_FILE).write_text("get_config().Execute.timeout = 4\n")
    hand_in(course, "zoe", solved(course))
    grade(LESSON, Course.open(course.path))  # the instructor's solution was tried
    return Course.open(course.path)


def only(course: Course) -> Result:
    (result,) = grade(LESSON, course, ["ann"])
    return result


def below() -> set[psutil.Process]:
    """Return all processes below this one."""
    return set(psutil.Process().children(recursive=True))


@contextmanager
def once(number: signal.Signals, seconds: float) -> Iterator[None]:
    """Send the walled processes of the first submission a signal, and a later one to go on."""

    others = below()

    def send() -> None:
        deadline = time.monotonic() + 30
        while len(below() - others) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        found = below() - others
        for one in found:
            one.send_signal(number)
        time.sleep(seconds)
        for one in found:
            if one.is_running():
                one.send_signal(signal.SIGCONT)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@pytest.mark.parametrize(
    ("number", "seconds"), [(signal.SIGSTOP, 6), (signal.SIGKILL, 0)], ids=["starved", "killed"]
)
def test_what_the_machine_cut_short_has_its_points(
    number: signal.Signals, seconds: float, course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped, processes compute nothing, as when others do; killed, as where memory runs out."""
    hand_in(course, "ann", solved(course, answer("double", SLOW)))
    with once(number, seconds):
        result = only(course)
    assert (result.score, result.review, result.remarks) == (FULL, False, ())
    assert f"{BUSY}: once more, one at a time" in capsys.readouterr().err


@pytest.mark.parametrize("source", [COMPUTES, QUITS, SLEEPS], ids=["computes", "quits", "sleeps"])
def test_what_is_a_learners_own_doing_stays_so(
    source: str, course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    hand_in(course, "ann", solved(course, answer("double", source)))
    result = only(course)
    assert (result.score, result.review) == (FULL - 10, True)
    again = BUSY in capsys.readouterr().err
    assert again or source != SLEEPS
    assert not again or source != QUITS  # of a loop it depends on how busy this machine is


def test_where_it_is_of_no_use_it_is_not_done_for_all(
    course: Course, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (course.path / CONFIG_FILE).write_text("get_config().Execute.timeout = 1\n")
    course = Course.open(course.path)
    names = [f"sleeper{number}" for number in range(5)]
    for name in names:
        hand_in(course, name, solved(course, answer("double", SLEEPS)))
    tried: list[str] = []
    run = LessonRun._run

    def seen(self: LessonRun, *words: Any) -> Iterator[Graded]:
        tried.extend(words[2])
        return run(self, *words)

    monkeypatch.setattr(LessonRun, "_run", seen)
    results = grade(LESSON, course, names)
    assert "5 submissions cut short" in capsys.readouterr().err
    assert sorted(tried[:5]) == names
    assert len(tried) == 5 + 3
    assert [(one.score, one.review) for one in results] == [(FULL - 10, True)] * 5


KILLED = -signal.SIGKILL


@pytest.mark.parametrize(
    ("reason", "endings", "doubtful"),
    [
        ("late", [Ending(KILLED, "killed", 0.1), Ending(KILLED, "killed", 3.5)], False),
        ("late", [Ending(KILLED, "killed", 0.1), Ending(KILLED, "killed", 1.5)], True),
        ("late", [Ending(KILLED, "killed", 4.0)], True),  # of the other one nothing was heard
        ("ended", [Ending(KILLED, "killed", 0.1), Ending(KILLED, "", 0.1)], True),
        ("ended", [Ending(KILLED, "killed", 0.1), Ending(3, "", 0.1)], False),
        ("ended", [Ending(KILLED, "memory", 0.1), Ending(KILLED, "killed", 0.1)], False),
        ("unreadable", [Ending(KILLED, "killed", 0), Ending(KILLED, "", 0)], False),
    ],
)
def test_only_what_may_be_the_machines_doing_is_doubtful(
    reason: str, endings: list[Ending], doubtful: bool, tmp_path: Path
) -> None:
    """A judge and one answerer, and a limit of 4 s that was hit."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    there.close()
    known = dict(zip(("judge", "answerer1"), endings, strict=False))
    found = Run([Outcome(reason=reason)], answerers=1)
    with Job(here, Limits(), tmp_path / "job", None, known) as job:
        assert _is_doubtful(job, found, 4.0) == doubtful
