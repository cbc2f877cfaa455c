"""``make bench``: build, the main job, grading beside plain nbgrader, grading at scale.

Prints Markdown; nothing here can fail a test run. ``make bench ARGS="build grade"`` measures some
parts only: ``build``, ``grade``, ``torch``, ``otter``, ``scale``, ``similar``, ``cohort``.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import cohort as cohorts
from tests.benchmarks import grading
from tests.benchmarks import similar as similarity
from tests.benchmarks.grading import Cost, measure
from tests.conftest import ROOT

SCALE = 2000


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)


def table(title: str, rows: list[tuple[str, Cost]]) -> None:
    """Print a table of costs."""
    say(f"\n### {title}\n\n| What | wall s | CPU s |\n|---|---:|---:|")
    for what, cost in rows:
        say(f"| {what} | {cost.wall:.1f} | {cost.cpu:.1f} |")


def ten_lessons(folder: Path) -> None:
    """Write ten copies of lesson 01 as a course of ten lessons."""
    source = (ROOT / "notebooks/source/01_intro.py").read_text(encoding="utf-8")
    (folder / "notebooks/source").mkdir(parents=True)
    for number in range(1, 11):
        (folder / f"notebooks/source/{number:02}_intro.py").write_text(source, encoding="utf-8")


def build(base: Path) -> None:
    """Time the builder and the main job."""
    rows = []
    one, ten = base / "one", base / "ten"
    shutil.copytree(ROOT / "notebooks", one / "notebooks")
    rows.append(("camp build, 1 lesson, first time", measure(one, "camp", "build", "01_intro")))
    rows.append(("camp build, 1 lesson, unchanged", measure(one, "camp", "build", "01_intro")))
    ten_lessons(ten)
    rows.append(("camp build, 10 lessons, first time", measure(ten, "camp", "build")))
    rows.append(("camp build, 10 lessons, unchanged", measure(ten, "camp", "build")))
    source = ten / "notebooks/source/05_intro.py"
    source.write_text(source.read_text("utf-8") + "\n# %%\nprint(5)\n", encoding="utf-8")
    rows.append(("camp build, 10 lessons, one edited", measure(ten, "camp", "build")))
    demo = base / "demo"
    shutil.copytree(ROOT / "notebooks", demo / "notebooks")
    rows.append(("make run after set-up (camp demo)", measure(demo, "camp", "demo")))
    table("Build and the main job", rows)


def beside(base: Path, count: int, *, with_torch: bool = False) -> None:
    """Time grading beside plain nbgrader."""
    ours, theirs = grading.beside_nbgrader(base, count, with_torch=with_torch)
    what = f"{count} submissions" + (" with torch and a model" if with_torch else "")
    table(f"{what}, the same scores", [("camp grade", ours), ("nbgrader autograde", theirs)])
    wall, cpu = theirs.wall / ours.wall, theirs.cpu / ours.cpu
    say(f"\nnbgrader / ours: wall {wall:.1f}, CPU {cpu:.1f}; private memory of one process at "
        f"most {ours.private:.0f} MB")  # fmt: skip


def grade(base: Path) -> None:
    """Time grading of plain Python."""
    beside(base, 30)
    beside(base, 300)


def torch(base: Path) -> None:
    """Time grading of answers that use torch."""
    beside(base, 30, with_torch=True)


def otter(base: Path) -> None:
    """Time grading beside otter-grader."""
    found = grading.beside_otter(base, 30)
    if isinstance(found, str):
        say(f"\notter-grader: {found}")
        return
    ours, theirs = found
    rows = [("camp grade", ours), ("otter run (3 measured, times 10)", theirs)]
    table("30 submissions beside otter-grader 7.0.0", rows)
    say(f"\notter / ours: wall {theirs.wall / ours.wall:.0f}, CPU {theirs.cpu / ours.cpu:.0f}")


def scale(base: Path) -> None:
    """Time many submissions."""
    say(f"\n### {SCALE} submissions\n\n| workers | wall s | CPU s | per s | CPU ms each "
        "| resident MB | unchanged: wall s |\n|---:|---:|---:|---:|---:|---:|---:|")  # fmt: skip
    for workers in (1, 2):
        for count in (SCALE // 4, SCALE):
            cost, again = grading.at_scale(base, count, workers)
            each = 1000 * cost.cpu / count
            say(f"| {workers} ({count} submissions) | {cost.wall:.1f} | {cost.cpu:.1f} "
                f"| {count / cost.wall:.1f} | {each:.0f} | {cost.resident:.0f} "
                f"| {again.wall:.1f} |")  # fmt: skip


def similar(base: Path) -> None:
    """Time the comparison of many submissions."""
    cost = similarity.at_scale(base, SCALE)
    table(f"camp similar, {SCALE} submissions of lesson 01", [("camp similar", cost)])
    say(f"\nresident memory {cost.resident:.0f} MB")


def cohort(base: Path) -> None:
    """Time a cohort's week."""
    say(f"\n### {cohorts.LEARNERS} learners, {len(cohorts.LESSONS)} lessons\n\n"
        "| What | wall s | CPU s | resident MB |\n|---|---:|---:|---:|")  # fmt: skip
    for what, cost in cohorts.week(base):
        say(f"| {what} | {cost.wall:.1f} | {cost.cpu:.1f} | {cost.resident:.0f} |")


PARTS: dict[str, Callable[[Path], None]] = {
    "build": build, "grade": grade, "torch": torch, "otter": otter, "scale": scale,
    "similar": similar, "cohort": cohort,
}  # fmt: skip


def main() -> None:
    """Measure and print tables."""
    wanted = sys.argv[1:] or list(PARTS)
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        raise SystemExit(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    say(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}")  # fmt: skip
    for name in wanted:
        with tempfile.TemporaryDirectory() as folder:
            PARTS[name](Path(folder))


if __name__ == "__main__":
    main()
