"""Grading on a real Dask cluster and into a real PostgreSQL server."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from distributed import Client

from course_lib.errors import CampError
from grading import database
from grading.address import with_driver
from grading.archive.restore import restore
from grading.archive.write import write_archive
from grading.cohort import PUBLIC, claim, find_cohort
from grading.course import Course
from grading.grade import Options, grade
from tests.conftest import ROOT, free_port
from tests.postgres import running_postgres
from tests.toy_course import CHECKS, LESSON, find, hand_in, make_course, released, solved

FULL = sum(CHECKS.values())
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("walls")]


@contextlib.contextmanager
def process(*words: str, cwd: Path) -> Iterator[subprocess.Popen[bytes]]:
    log = (cwd / f"{words[0]}-{time.monotonic_ns()}.log").open("wb")
    command = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]]
    running = subprocess.Popen(command, cwd=cwd, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield running
    finally:
        family = [running, *psutil.Process(running.pid).children(recursive=True)]
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                one.kill()
        running.wait()
        log.close()


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a cluster of two worker processes."""
    folder = tmp_path_factory.mktemp("dask")
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = ("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    worker = ("worker", address, "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1")
    with (
        process(*scheduler, cwd=folder),
        process(*worker, cwd=folder),
        process(*worker, cwd=folder),
        Client(address, timeout=60, set_as_default=False) as client,
    ):
        client.wait_for_workers(2, timeout=60)
        yield address


def cohort(course: Course, size: int) -> dict[str, float]:
    """Hand in for so many learners and return what they should get."""
    expected = {}
    for number in range(size):
        notebook = solved(course) if number % 3 else released(course)
        if number % 3 == 2:
            find(
                notebook, "triple"
            ).source = "import time\ntime.sleep(0.2)\ndef triple(x): return 0"
        learner = f"l{number:03}"
        hand_in(course, learner, notebook)
        expected[learner] = (0, FULL, FULL - 20)[number % 3]
    return expected


def test_a_cluster_gives_the_same_scores_although_a_worker_dies(
    scheduler: str, tmp_path: Path
) -> None:
    course = make_course(tmp_path / "course")
    expected = cohort(course, 40)
    command = [str(Path(sys.executable).parent / "camp"), "grade", LESSON]
    command += ["--course", str(course.path), "--scheduler", scheduler]
    with Client(scheduler, set_as_default=False) as client:
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 90
        while not client.processing() or not any(client.processing().values()):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        time.sleep(1)
        assert running.poll() is None, "nothing was left to be interrupted"
        victim = next(iter(client.run(os.getpid).values()))
        os.kill(victim, signal.SIGKILL)
        output, _ = running.communicate(timeout=120)
    assert running.returncode == 0, output.decode()
    results = grade(LESSON, course)
    assert not any(result.fresh for result in results)
    assert {one.learner: one.score for one in results} == expected
    assert not any(one.review for one in results)


def test_a_cluster_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course")
    hand_in(course, "ann", solved(course))
    with pytest.raises(CampError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1 "):
        grade(LESSON, course, options=Options(scheduler="tcp://127.0.0.1:1"))


@pytest.mark.parametrize(
    ("address", "code", "told"),
    [
        ("foo", 2, "tcp://HOST:PORT is expected"),
        ("tcp://host:port", 2, "tcp://HOST:PORT is expected"),
        ("tcp://no-such-host.invalid:8786", 1, "no Dask scheduler answers"),
    ],
)
def test_an_address_without_a_scheduler_is_one_line_at_once(
    tmp_path: Path, address: str, code: int, told: str
) -> None:
    course = make_course(tmp_path / "course")
    hand_in(course, "ann", solved(course))
    grade(LESSON, course)
    command = [str(Path(sys.executable).parent / "camp"), "grade"]  # nothing is due
    command += ["--course", str(course.path), "--scheduler", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == code
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """Return the address of an empty database."""
    with running_postgres() as address:
        yield address


def test_postgresql_keeps_the_gradebook(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(database.VARIABLE, with_driver(postgres))
    course = make_course(tmp_path / "course")
    expected = cohort(course, 9)
    assert {one.learner: one.score for one in grade(LESSON, course)} == expected
    assert not (course.path / "gradebook.db").exists()
    with course.gradebook() as gradebook:
        assert gradebook.db.bind.url.get_backend_name() == "postgresql"
        mark = gradebook.find_grade("note_toy", LESSON, LESSON, "l001")
        mark.manual_score, mark.needs_manual_grade = 5, False
        gradebook.db.commit()
    hand_in(course, "l000", solved(course))
    camp, place = Path(sys.executable).parent / "camp", ("--course", course.path, "--db", postgres)
    plain = {name: value for name, value in os.environ.items() if name != database.VARIABLE}
    for words, told in (
        (("grade", LESSON, "--force"), "9 graded"),
        (("marks", "--template", tmp_path / "marks.csv"), "cells wait for a mark"),
        (("feedback", LESSON), "l000"),
        (("points",), "l000"),
    ):
        done = subprocess.run(
            [camp, *words, *place], cwd=ROOT, env=plain, capture_output=True, text=True, check=True
        )
        assert told in done.stdout
    assert not (course.path / "gradebook.db").exists()
    scores = {one.learner: one.score for one in grade(LESSON, course)}
    assert scores == expected | {"l000": FULL, "l001": FULL + 5}

    public = find_cohort(PUBLIC)
    claim(course.path, public)
    said = write_archive(course, public, tmp_path / "a.zip", lambda _done, _total: None)
    assert said.elsewhere == "postgresql"
    monkeypatch.delenv(database.VARIABLE)
    restore(tmp_path / "a.zip", tmp_path / "back", 10**9, lambda _done, _total: None)
    restored = grade(LESSON, Course.open(tmp_path / "back"))
    assert {one.learner: one.score for one in restored} == scores
    assert not any(one.fresh for one in restored)


def test_an_address_that_is_none_is_one_clear_line() -> None:
    with pytest.raises(CampError, match=r"postgresql://USER@HOST/NAME is expected"):
        with_driver("not an address")
