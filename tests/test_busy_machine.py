"""What a busy machine does to a submission costs its learner nothing: it is tried once more."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from grading.course import CONFIG_FILE, Course
from grading.grade import grade
from grading.lesson_run import Result
from tests.toy_course import LESSON, answer, hand_in, make_course, solved

pytestmark = pytest.mark.usefixtures("walls")

FULL = 34
BUSY = "the machine may have been too busy"
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
    assert f"{BUSY} for a submission: once more, one at a time" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "again"),
    [(COMPUTES, False), (QUITS, False), (SLEEPS, True)],
    ids=["computes", "quits", "sleeps"],
)
def test_what_is_a_learners_own_doing_stays_so(
    source: str, again: bool, course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    hand_in(course, "ann", solved(course, answer("double", source)))
    result = only(course)
    assert (result.score, result.review) == (FULL - 10, True)
    assert (BUSY in capsys.readouterr().err) == again
