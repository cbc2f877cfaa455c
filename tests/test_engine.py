"""The engine's processes: they end at once, also while they start, and say why they cannot."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from nbformat import NotebookNode

from course_lib.errors import CampError
from grading.course import Course
from grading.grade import grade
from grading.isolation import spawner
from grading.isolation.spawner import Needs, Spawner
from tests.toy_course import LESSON, find, hand_in, make_course, rewrite, solved

pytestmark = pytest.mark.usefixtures("walls")

CAMP = str(Path(sys.executable).parent / "camp")


def _with_torch(notebook: NotebookNode) -> None:
    find(notebook, "given_base").source += "\nimport torch"


def test_an_interrupt_stops_at_once_while_a_zygote_imports_torch(tmp_path: Path) -> None:
    course = make_course(tmp_path)
    rewrite(course, _with_torch)
    hand_in(course, "ann", solved(course))
    grade(LESSON, course)  # from now on the first submission starts the zygote, in a thread
    command = [CAMP, "grade", LESSON, "--force", "--workers", "2", "--course", str(course.path)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        family = _wait_for_torch(running)
        begin = time.monotonic()
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=60)
        took = time.monotonic() - begin
        assert running.returncode == 130, output
        assert "run the same command again" in output
        assert took < 3  # on a quiet machine under 1
        _, alive = psutil.wait_procs(family, timeout=2)
        assert not alive
    finally:
        running.kill()


def _wait_for_torch(running: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the processes below one that grades, as soon as a zygote reads torch's library."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and running.poll() is None:
        family = psutil.Process(running.pid).children(recursive=True)
        for one in family:
            maps = Path(f"/proc/{one.pid}/maps")
            try:
                if "libtorch" in maps.read_text(errors="replace"):
                    return family
            except OSError:
                continue
        time.sleep(0.01)
    pytest.fail("no zygote imported torch")


def test_a_zygote_that_does_not_start_says_so_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spawner, "_environment", lambda: {"PYTHONPATH": str(tmp_path)})
    (tmp_path / "selectors.py").write_text("raise RuntimeError('broken installation')\n")
    monkeypatch.setattr(spawner.tempfile, "tempdir", str(tmp_path))
    with pytest.raises(CampError, match="did not start") as raised, Spawner(Needs()):
        pass
    text = str(raised.value)
    assert "\n" not in text
    assert "RuntimeError: broken installation" in text
    assert "Traceback" not in text
    kept = re.search(r"\(all of it: (.+)\)$", text)
    assert kept
    assert "Traceback" in Path(kept[1]).read_text()


def test_a_course_can_be_graded_after_an_interrupted_one(tmp_path: Path) -> None:
    from grading.engine import ENGINE

    course: Course = make_course(tmp_path)
    hand_in(course, "ann", solved(course))
    ENGINE.close()
    assert [one.review for one in grade(LESSON, course)] == [False]


def test_a_zygote_that_was_killed_is_started_anew(tmp_path: Path) -> None:
    course = make_course(tmp_path)
    for learner in ("ann", "ben"):
        hand_in(course, learner, solved(course))
    (first,) = grade(LESSON, course, ["ann"])
    zygotes = [
        one
        for one in psutil.Process().children(recursive=True)
        if "grading.isolation.zygote" in one.cmdline()
    ]
    assert zygotes
    for one in zygotes:
        one.kill()
    psutil.wait_procs(zygotes, timeout=5)
    (second,) = grade(LESSON, course, ["ben"])
    assert (second.score, second.review) == (first.score, False)
