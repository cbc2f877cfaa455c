"""A whole cohort's week: bundles of 1,000 learners for 7 lessons, from hand-in to points."""

from __future__ import annotations

import csv
import json
import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from course_lib.bundle import pack
from tests.alike import note
from tests.benchmarks.grading import Cost, measure

LESSONS = tuple(f"{number:02}_bench" for number in range(1, 8))
LEARNERS = 1000
_TIME = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
# Ways to write the skeleton's exercise, right and wrong, with about the odds of a first attempt.
_RIGHT = (
    "if seconds <= 0:\n        raise ValueError('no time')\n    return tokens / seconds",
    "if not seconds > 0:\n        raise ValueError(seconds)\n    rate = tokens / seconds\n    return rate",
    "if seconds > 0:\n        return tokens / seconds\n    raise ValueError('seconds')",
)
_WRONG = (
    "return tokens / seconds",
    "if seconds <= 0:\n        raise ValueError\n    return tokens // seconds",
    "if seconds <= 0:\n        raise ValueError\n    return 60 * tokens / seconds",
    "return round(tokens / second)",
)
_HEAD = "def tokens_per_second(tokens: int, seconds: float) -> float:\n    "


def week(base: Path) -> Iterator[tuple[str, Cost]]:
    """Yield what each step took, as it ends."""
    course, words = base / "course", ("--course", str(base / "course"))
    (base / "notebooks/source").mkdir(parents=True)
    for number, lesson in enumerate(LESSONS):
        level = ("--level", ("L0-1", "L0-2", "L0-3")[number % 3])
        measure(base, "camp", "new-lesson", lesson, "--notebooks", "notebooks", *level)
    yield "camp build", measure(base, "camp", "build", *words)
    (course / "points.yml").write_text(_rules(), encoding="utf-8")
    _hand_in(course, base / "handed_in")
    yield "camp collect", measure(base, "camp", "collect", "handed_in", *words)
    yield "camp grade", measure(base, "camp", "grade", *words)
    yield "camp grade, unchanged", measure(base, "camp", "grade", *words)
    yield "camp similar, one lesson", measure(base, "camp", "similar", LESSONS[0], *words)
    marks = ("camp", "marks", *words)
    yield "camp marks --template", measure(base, *marks, "--template", "marks.csv")
    _mark(base / "marks.csv")
    yield "camp marks", measure(base, *marks, "marks.csv")
    yield "camp points", measure(base, "camp", "points", *words)
    yield "camp points, again", measure(base, "camp", "points", *words)
    pages = ("camp", "feedback", LESSONS[0], "--release", "out", *words)
    yield "camp feedback --release, one lesson", measure(base, *pages)
    yield "the same, unchanged", measure(base, *pages)
    _look(course)


def _rules() -> str:
    levels = [
        {
            "id": f"L1-{number}",
            "island": "L1",
            "zh": lesson,
            "en": lesson,
            "pays": 100,
            "lesson": lesson,
        }
        for number, lesson in enumerate(LESSONS, start=1)
    ]
    return json.dumps({
        "minimum_percent": 60, "certificate": {"island": "L1"},
        "islands": [{"id": "L1", "zh": "岛", "en": "island"}], "levels": levels,
    })  # fmt: skip


def _hand_in(course: Path, folder: Path) -> None:
    """Write a bundle of each learner for each lesson."""
    folder.mkdir()
    for lesson in LESSONS:
        released = (course / f"release/{lesson}/{lesson}.ipynb").read_text("utf-8")
        for number in range(LEARNERS):
            rng = random.Random(f"{lesson} {number}")
            notebook = json.loads(released)
            for cell in notebook["cells"]:
                marks = cell["metadata"].get("nbgrader", {})
                if marks.get("solution") and cell["cell_type"] == "markdown":
                    cell["source"] = note(rng)
                elif marks.get("solution"):
                    ways = _RIGHT if rng.random() < 0.7 else _WRONG
                    cell["source"] = _HEAD + rng.choice(ways)
            raw = json.dumps(notebook, ensure_ascii=False).encode()
            learner = f"camp_{number:04}"
            bundle = pack(
                {f"{lesson}.ipynb": raw}, learner=learner, nickname="n", lesson=lesson, number=1,
                kit="0.1", time=_TIME,
            )  # fmt: skip
            (folder / f"{learner}-{lesson}.zip").write_bytes(bundle)


def _mark(file: Path) -> None:
    """Give each note half of its points, as two TAs would in a long night."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.DictReader(opened))
    for row in rows:
        row["mark"] = "20"
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _look(course: Path) -> None:
    """Stop if not all submissions were graded and marked."""
    with sqlite3.connect(course / "gradebook.db") as database:
        ((count,),) = database.execute("select count(*) from submitted_assignment")
        ((waits,),) = database.execute("select count(*) from grade where needs_manual_grade")
    if (count, waits) != (LEARNERS * len(LESSONS), 0):
        raise SystemExit(f"{count} submissions in the gradebook, {waits} cells wait")
