"""``make bench``: build, the main job, and grading beside plain nbgrader on the same submissions.

Prints Markdown; nothing here can fail a test run.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from grading.samples import hand_in, read_samples
from tests.conftest import ROOT

SUBMISSIONS = 30
BIN = Path(sys.executable).parent
PLAIN = """
from nbgrader.apps import NbGraderApp
c = get_config()
c.CourseDirectory.course_id = "plain"
"""


def timed(folder: Path, *words: str) -> tuple[float, float]:
    """Run a command in ``folder`` and return its wall and CPU seconds, children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    command = [BIN / words[0], *words[1:]]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=env)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def ten_lessons(folder: Path) -> None:
    """Write ten copies of lesson 01 as a course of ten lessons."""
    source = (ROOT / "notebooks/source/01_intro.py").read_text(encoding="utf-8")
    (folder / "notebooks/source").mkdir(parents=True)
    for number in range(1, 11):
        (folder / f"notebooks/source/{number:02}_intro.py").write_text(source, encoding="utf-8")


def thirty_submissions(folder: Path) -> None:
    """Hand in samples of lesson 01 for thirty learners; plain nbgrader stops at copied cells."""
    samples = [one for one in read_samples("01_intro") if not (one.copied or one.deleted)]
    for number in range(SUBMISSIONS):
        path = hand_in(samples[number % len(samples)], folder / "course")
        target = folder / "course/submitted" / f"learner{number:02}" / "01_intro"
        shutil.copytree(path.parent, target)
    for sample in samples:
        shutil.rmtree(folder / "course/submitted" / sample.learner)


def main() -> None:
    """Measure and print a table."""
    rows: list[tuple[str, float, float]] = []

    def measure(what: str, folder: Path, *words: str) -> None:
        rows.append((what, *timed(folder, *words)))
        print(f"{what}: {rows[-1][1]:.1f} s wall, {rows[-1][2]:.1f} s CPU", file=sys.stderr)

    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        one = base / "one"
        shutil.copytree(ROOT / "notebooks", one / "notebooks")
        measure("camp build, 1 lesson, first time", one, "camp", "build")
        measure("camp build, 1 lesson, unchanged", one, "camp", "build")
        ten = base / "ten"
        ten_lessons(ten)
        measure("camp build, 10 lessons, first time", ten, "camp", "build")
        measure("camp build, 10 lessons, unchanged", ten, "camp", "build")
        source = ten / "notebooks/source/05_intro.py"
        source.write_text(source.read_text("utf-8") + "\n# %%\nprint(5)\n", encoding="utf-8")
        measure("camp build, 10 lessons, one edited", ten, "camp", "build")
        demo = base / "demo"
        shutil.copytree(ROOT / "notebooks", demo / "notebooks")
        measure("make run after set-up (camp demo)", demo, "camp", "demo")
        thirty_submissions(one)
        plain = base / "plain"
        shutil.copytree(one, plain)
        (plain / "course/nbgrader_config.py").write_text(PLAIN, encoding="utf-8")
        measure("camp grade, 30 submissions", one, "camp", "grade")
        words = ("nbgrader", "autograde", "01_intro")
        measure("nbgrader autograde, the same 30, plain", plain / "course", *words)
    print(f"\n{platform.processor() or platform.machine()}, {os.cpu_count()} cores\n")
    print("| What | wall s | CPU s |\n|---|---:|---:|")
    for what, wall, cpu in rows:
        print(f"| {what} | {wall:.1f} | {cpu:.1f} |")
    ours, theirs = rows[-2], rows[-1]
    print(f"\nours / plain nbgrader: wall {ours[1] / theirs[1]:.2f}, CPU {ours[2] / theirs[2]:.2f}")


if __name__ == "__main__":
    main()
