"""What plain nbgrader gave for the corpus: ``python -m tests.honest.record`` has it grade anew."""

from __future__ import annotations

import hashlib
import json
import tempfile
from importlib.metadata import version
from pathlib import Path

import nbformat
from rich.progress import track

from course_lib.files import write_atomic
from tests.honest.course import Cell, Entry, plainly, read_book, write_course
from tests.honest.material import Material
from tests.honest.materials import MATERIALS

FOLDER = Path(__file__).parent / "plain"


def key(material: Material) -> str:
    """Return what the scores depend on: nbgrader's version and every cell of everybody."""
    released = material.instructor()
    texts = [version("nbgrader"), nbformat.writes(released), json.dumps(material.files)]
    for learner, number in material.learners():
        handed = material.submission(material.instructor(), number)
        texts += [learner, nbformat.writes(handed)]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def read(material: Material) -> dict[Cell, Entry]:
    """Return each graded cell's entry; fail when the corpus or nbgrader is another by now."""
    told = json.loads((FOLDER / f"{material.name}.json").read_text(encoding="utf-8"))
    assert told["key"] == key(material), "the corpus changed: run python -m tests.honest.record"
    return {tuple(one["cell"]): Entry(*one["entry"]) for one in told["cells"]}


def write(material: Material, found: dict[Cell, Entry]) -> None:
    """Record what plain nbgrader gave, one line for each cell of each learner."""
    lines = [
        json.dumps(
            {"cell": cell, "entry": [one.score, one.auto_score, one.waits, one.comment]},
            ensure_ascii=False,
        )
        for cell, one in sorted(found.items())
    ]
    text = f'{{"key": "{key(material)}", "cells": [\n' + ",\n".join(lines) + "\n]}\n"
    write_atomic(FOLDER / f"{material.name}.json", text)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, one in track(MATERIALS.items(), "plain nbgrader grades"):
        with tempfile.TemporaryDirectory() as folder:
            write_course(Path(folder), [one])
            plainly(Path(folder), name)
            write(one, read_book(Path(folder)))
