"""Grading beside plain nbgrader on the same submissions, and at growing numbers of them."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.benchmarks import courses

BIN = Path(sys.executable).parent
_SCORES = """
    select s.student_id, c.name, g.auto_score from grade g
    join submitted_notebook m on g.notebook_id = m.id
    join submitted_assignment s on m.assignment_id = s.id
    join base_cell c on g.cell_id = c.id order by 1, 2"""


@dataclass(frozen=True)
class Cost:
    """What one command took: seconds of wall and of CPU with all children, peak memory in MB."""

    wall: float
    cpu: float
    resident: float = 0
    private: float = 0


def measure(folder: Path, *words: str) -> Cost:
    """Run a command in ``folder``.

    Memory is that of the command and all below it: resident at the peak, and the largest private
    part of any one process that runs or judges a learner's code.
    """
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    running = subprocess.Popen(
        [BIN / words[0], *words[1:]],
        cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    peaks = {"resident": 0.0, "private": 0.0}
    watcher = threading.Thread(target=_watch, args=(running, peaks), daemon=True)
    watcher.start()
    output, _ = running.communicate()
    wall = time.monotonic() - start
    if running.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{output[-3000:]}")
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, peaks["resident"], peaks["private"])


def _watch(running: subprocess.Popen[str], peaks: dict[str, float]) -> None:
    """Look at memory from time to time; a look costs little beside what is measured."""
    while running.poll() is None:
        try:
            command = psutil.Process(running.pid)
            family = command.children(recursive=True)
            zygotes = [two for one in command.children() for two in one.children()]
            rooms = [room for zygote in zygotes for room in zygote.children()]
            found = sum(_memory(one)[0] for one in [command, *family])
            private = max((_memory(room)[1] for room in rooms), default=0)
        except psutil.Error:
            continue
        peaks["resident"] = max(peaks["resident"], found)
        peaks["private"] = max(peaks["private"], private)
        time.sleep(1)


def _memory(process: psutil.Process) -> tuple[float, float]:
    """Return the share of memory of a process, and what is its alone, in MB."""
    try:
        memory = process.memory_full_info()
    except psutil.Error:
        return 0, 0
    return memory.pss / 1e6, memory.uss / 1e6


def scores(course: Path) -> list[tuple[str, str, float]]:
    """Return what the gradebook has."""
    with sqlite3.connect(course / "gradebook.db") as database:
        return list(database.execute(_SCORES))


def beside_nbgrader(base: Path, count: int, *, with_torch: bool = False) -> tuple[Cost, Cost]:
    """Grade the same submissions with both; the scores must be the same."""
    ours, theirs = base / f"ours{count}{with_torch}", base / f"theirs{count}{with_torch}"
    courses.make(ours, with_torch=with_torch)
    courses.hand_in(ours, count, with_torch=with_torch)
    shutil.copytree(ours, theirs)
    mine = measure(ours, "camp", "grade", courses.ASSIGNMENT, "--course", ".")
    plain = measure(theirs, "nbgrader", "autograde", courses.ASSIGNMENT)
    different = sorted(set(scores(ours)) ^ set(scores(theirs)))
    if different:
        raise SystemExit(f"{count} submissions: the scores differ: {different[:10]}")
    shutil.rmtree(ours)
    shutil.rmtree(theirs)
    return mine, plain


def at_scale(base: Path, count: int, workers: int) -> tuple[Cost, Cost]:
    """Grade ``count`` submissions, and once more when nothing has changed."""
    course = base / f"many{workers}"
    courses.make(course)
    courses.hand_in(course, count)
    words = ("camp", "grade", courses.ASSIGNMENT, "--course", ".", "--workers", str(workers))
    first = measure(course, *words)
    again = measure(course, *words)
    shutil.rmtree(course)
    return first, again


def beside_otter(base: Path, count: int) -> tuple[Cost, Cost] | str:
    """Grade the same answers with otter-grader, in an environment of its own.

    Returns:
        Our cost and its, or why it could not be measured.
    """
    home = Path("build/otter").resolve()
    python = home / "bin/python"
    if not python.exists():
        uv = BIN / "uv"
        subprocess.run([uv, "venv", "-q", "-p", sys.executable, home], check=True)
        wanted = ["otter-grader==7.0.0", "nbconvert", "ipykernel", "setuptools<81"]
        done = subprocess.run([uv, "pip", "install", "-q", "-p", python, *wanted])
        if done.returncode:
            shutil.rmtree(home)
            return "otter-grader could not be installed"
    folder = base / "otter"
    (folder / "tests").mkdir(parents=True)
    (folder / "out").mkdir()
    for signature, (_, visible, hidden, points) in courses.PLAIN.items():
        name = signature.partition("(")[0]
        case = "\n".join(
            f">>> {line}" if not line.startswith((" ", "else", "except")) else f"... {line}"
            for line in visible.splitlines()
        )
        test = {
            "name": name, "points": points,
            "suites": [{"cases": [{"code": case, "hidden": False}], "type": "doctest"}],
        }  # fmt: skip
        (folder / f"tests/{name}.py").write_text(f"OK_FORMAT = True\ntest = {test!r}\n", "utf-8")
        assert hidden
    course = base / "otter-ours"
    courses.make(course)
    courses.hand_in(course, count)
    mine = measure(course, "camp", "grade", courses.ASSIGNMENT, "--course", ".")
    notebooks = sorted(course.glob("submitted/*/*/p1.ipynb"))
    env = {**os.environ, "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(
        [home / "bin/otter", "generate", "-t", "tests", "-o", "autograder.zip", "--no-environment"],
        cwd=folder, env=env, check=True, capture_output=True,
    )  # fmt: skip
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    for notebook in notebooks[: min(3, count)]:
        done = subprocess.run(
            [home / "bin/otter", "run", "-a", "autograder.zip", "-o", "out", notebook],
            cwd=folder, env=env, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode or not list((folder / "out").glob("results.json")):
            return f"otter run failed: {(done.stderr or done.stdout)[-300:]}"
        json.loads((folder / "out/results.json").read_text("utf-8"))
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    part = count / min(3, count)
    return mine, Cost(wall * part, cpu * part)
