"""``camp similar`` on a large cohort of a real lesson, its answers and notes written by dice."""

from __future__ import annotations

import json
import random
from pathlib import Path

from tests.alike import answer, note
from tests.benchmarks.grading import Cost, measure
from tests.conftest import ROOT

LESSON = "01_intro"
PICTURE = "iVBORw0KGgo" + 4_000 * "QUJDREVGR0g="  # as long as one that a lesson draws


def at_scale(base: Path, count: int) -> Cost:
    """Compare ``count`` submissions; all exercises and the note are answered."""
    notebooks = ROOT / "notebooks"
    words = ("--notebooks", str(notebooks), "--course", str(base / "similar"))
    measure(base, "camp", "build", LESSON, *words)
    course = base / "similar"
    released = (course / f"release/{LESSON}/{LESSON}.ipynb").read_text("utf-8")
    for number in range(count):
        rng = random.Random(number)
        notebook = json.loads(released)
        for cell in notebook["cells"]:
            if not cell["metadata"].get("nbgrader", {}).get("solution"):
                continue
            if cell["cell_type"] == "markdown":
                cell["source"] = note(rng)
            else:
                cell["source"] = answer(rng)
                data = {"image/png": PICTURE}
                shown = {"output_type": "display_data", "data": data, "metadata": {}}
                cell["outputs"] = [shown]
        folder = course / f"submitted/learner{number:05}/{LESSON}"
        folder.mkdir(parents=True)
        (folder / f"{LESSON}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    return measure(base, "camp", "similar", LESSON, "--course", str(course))
