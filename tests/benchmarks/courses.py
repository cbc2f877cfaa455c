"""Two nbgrader courses with submissions, for timings: one of plain Python, one with torch."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ASSIGNMENT = "ps1"
CONFIG = "c = get_config()\nc.CourseDirectory.course_id = 'bench'\n"
_HIDE = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"

# name: the solution's body, the visible test, the hidden test, points
PLAIN = {
    "triangle(n)": (
        "return n * (n + 1) // 2",
        "assert triangle(4) == 10",
        "assert triangle(0) == 0 and triangle(10**6) == 500000500000",
        2,
    ),
    "vowels(text)": (
        "return sum(letter in 'aeiou' for letter in text.lower())",
        "assert vowels('Hello') == 2",
        "assert vowels('') == 0 and vowels('AEIOU xyz') == 5",
        2,
    ),
    "invert(table)": (
        "return {value: key for key, value in table.items()}",
        "assert invert({'a': 1}) == {1: 'a'}",
        "assert invert({i: -i for i in range(50)}) == {-i: i for i in range(50)}",
        3,
    ),
    "flatten(rows)": (
        "return [item for row in rows for item in row]",
        "assert flatten([[1], [2, 3]]) == [1, 2, 3]",
        "good = 0\nfor rows in ([], [[]], [[1, 2], [3]], [['a']] * 9):\n"
        "    good += flatten(rows) == sum(rows, [])\ngood",
        4,
    ),
    "primes(n)": (
        "return [p for p in range(2, n) if all(p % d for d in range(2, int(p**0.5) + 1))]",
        "assert primes(12) == [2, 3, 5, 7, 11]",
        "assert len(primes(2000)) == 303\ntry:\n    primes('x')\nexcept TypeError:\n    pass\n"
        "else:\n    raise AssertionError",
        3,
    ),
}
TORCH = {
    "scores(q, k)": (
        "import math\n    return q @ k.T / math.sqrt(q.shape[-1])",
        "assert torch.allclose(scores(torch.eye(2), torch.eye(2)), torch.eye(2) / 2**0.5)",
        "torch.manual_seed(1)\nq, k = torch.randn(5, 8), torch.randn(7, 8)\n"
        "assert torch.allclose(scores(q, k), q @ k.T / 8**0.5, atol=1e-6)",
        3,
    ),
    "next_token(logits)": (
        "return int(logits(sentence)[-1].argmax())",
        "assert isinstance(next_token(lambda text: torch.eye(3)), int)",
        "assert next_token(logits) == int(logits(sentence)[-1].argmax())",
        4,
    ),
}
GIVEN_TORCH = """import torch
from course_lib import chat, models

bot = chat.load(models.BUILT_IN["camp-mini"])
sentence = "书生大模型实战营"

def logits(text):
    with torch.no_grad():
        return bot.model(torch.tensor([bot.encode(text)])).logits[0]"""


def _cell(source: str, name: str, **marks: object) -> NotebookNode:
    base = {"grade": False, "solution": False, "locked": False, "task": False}
    full = {"schema_version": 3, "grade_id": name, "cell_type": "code", **base, **marks}
    return new_code_cell(source, metadata={"nbgrader": full}, id=name.replace("_", "-"))


def _instructor(exercises: dict[str, tuple[str, str, str, int]], given: str) -> NotebookNode:
    cells = [new_markdown_cell("# Problem set", id="title")]
    if given:
        cells.append(_cell(given, "given", locked=True))
    for signature, (body, visible, hidden, points) in exercises.items():
        name = signature.partition("(")[0]
        solution = f"    ### BEGIN SOLUTION\n    {body}\n    ### END SOLUTION"
        cells.append(_cell(f"def {signature}:\n{solution}", name, solution=True))
        test = f"{visible}\n{_HIDE.format(hidden)}"
        cells.append(_cell(test, f"test_{name}", grade=True, locked=True, points=points))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def nbgrader(course: Path, *words: str) -> None:
    """Run a command of nbgrader's in a course."""
    own = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": f"{own}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "nbgrader", *words]
    subprocess.run(command, cwd=course, env=env, check=True, capture_output=True)


def make(course: Path, *, with_torch: bool = False) -> None:
    """Write a course and release its assignment."""
    exercises = TORCH if with_torch else PLAIN
    source = course / "source" / ASSIGNMENT / "p1.ipynb"
    source.parent.mkdir(parents=True)
    nbformat.write(_instructor(exercises, GIVEN_TORCH if with_torch else ""), source)
    (course / "nbgrader_config.py").write_text(CONFIG, encoding="utf-8")
    nbgrader(course, "generate_assignment", ASSIGNMENT)


def hand_in(course: Path, count: int, *, with_torch: bool = False) -> None:
    """Write submissions: most answers right, some wrong, some left out."""
    exercises = TORCH if with_torch else PLAIN
    released = nbformat.read(course / "release" / ASSIGNMENT / "p1.ipynb", as_version=4)
    text = nbformat.writes(released)
    rng = random.Random(7)
    for number in range(count):
        notebook = nbformat.reads(text, as_version=4)
        for signature, (body, *_) in exercises.items():
            name = signature.partition("(")[0]
            cell = next(c for c in notebook.cells if c.get("id") == name.replace("_", "-"))
            kind = rng.random()
            if kind < 0.8:
                cell.source = f"def {signature}:\n    {body}"
            elif kind < 0.9:
                cell.source = f"def {signature}:\n    return {number}"
        folder = course / "submitted" / f"learner{number:05}" / ASSIGNMENT
        folder.mkdir(parents=True)
        (folder / "p1.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")
