"""A small nbgrader course and submissions to it, written by the tests themselves."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grading.course import Course
from grading.release import release

LESSON = "01_toy"
SECRET = 987654321  # only in hidden tests
TEMPLATE = "(your note)"
DEMONSTRATION = "import math as shown\nprint('demonstration ran', shown.pi)"

_SOURCES: list[tuple[str, str, dict[str, Any]]] = [
    ("markdown", "# Toy lesson", {}),
    ("code", 'BASE = {"one": 1}\n# 中文注释', {"grade_id": "given_base", "locked": True}),
    (
        "code",
        'def double(x):\n    """中文说明"""\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION',
        {"grade_id": "double", "solution": True},
    ),
    (
        "code",
        "assert double(BASE['one']) == 2, 'double(1) should be 2'\n### BEGIN HIDDEN TESTS\n"
        f"assert double({SECRET}) == {2 * SECRET}, 'a big number fails'\n### END HIDDEN TESTS",
        {"grade_id": "check_double", "grade": True, "points": 10},
    ),
    (
        "code",
        "def triple(x):\n    ### BEGIN SOLUTION\n    return 3 * x\n    ### END SOLUTION",
        {"grade_id": "triple", "solution": True},
    ),
    (
        "code",
        f"assert triple(1) == 3\n### BEGIN HIDDEN TESTS\nassert triple({SECRET}) == {3 * SECRET}\n"
        "### END HIDDEN TESTS",
        {"grade_id": "check_triple", "grade": True, "points": 20},
    ),
    (
        "code",
        "def share():\n    ### BEGIN SOLUTION\n    return 4.0\n    ### END SOLUTION",
        {"grade_id": "share", "solution": True},
    ),
    ("code", "share()", {"grade_id": "check_share", "grade": True, "points": 4}),
    ("code", DEMONSTRATION, {}),
    ("markdown", TEMPLATE, {"grade_id": "note_toy", "grade": True, "solution": True, "points": 6}),
]
ANSWERS = {
    "double": "def double(x):\n    return x + x",
    "triple": "def triple(x):\n    return x * 3",
    "share": "def share():\n    return 4",
}
CHECKS = {"double": 10, "triple": 20, "share": 4}


def instructor() -> NotebookNode:
    """Return the instructor's notebook."""
    cells = []
    for number, (kind, source, marks) in enumerate(_SOURCES):
        new = new_code_cell if kind == "code" else new_markdown_cell
        cell = new(source, id=f"cell-{number}")
        if marks:
            full = {"grade": False, "solution": False, "task": False, "locked": False} | marks
            full["locked"] = full["locked"] or (full["grade"] and not full["solution"])
            cell.metadata["nbgrader"] = {"schema_version": 3, "cell_type": kind, **full}
        if marks.get("grade_id", "").startswith("check_"):
            cell.metadata["tags"] = ["raises-exception"]
        cells.append(cell)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "course": {"language": "zh", "lesson": LESSON}}
    return new_notebook(cells=cells, metadata=metadata)


def make_course(root: Path, change: Callable[[NotebookNode], None] | None = None) -> Course:
    """Write and release the course at ``root``, its notebook after ``change``."""
    source = root / "source" / LESSON / f"{LESSON}.ipynb"
    source.parent.mkdir(parents=True)
    notebook = instructor()
    if change:
        change(notebook)
    nbformat.write(notebook, source)
    course = Course(root)
    release(course, LESSON)
    return course


def rewrite(course: Course, change: Callable[[NotebookNode], None]) -> None:
    """Let the instructor change the notebook and release it again."""
    path = course.path / "source" / LESSON / f"{LESSON}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)
    release(course, LESSON)


def released(course: Course) -> NotebookNode:
    """Return the released notebook."""
    return nbformat.read(course.path / "release" / LESSON / f"{LESSON}.ipynb", as_version=4)


def find(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return the first cell with this grade id."""
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def solve(notebook: NotebookNode, *names: str) -> NotebookNode:
    """Fill in right answers: all, or those named."""
    for name in names or ANSWERS:
        find(notebook, name).source = ANSWERS[name]
    return notebook


def solved(course: Course, change: Callable[[NotebookNode], None] | None = None) -> NotebookNode:
    """Return a submission with all answers right, after ``change``."""
    notebook = solve(released(course))
    if change:
        change(notebook)
    return notebook


def answer(name: str, source: str) -> Callable[[NotebookNode], None]:
    """Return a change that answers a cell with ``source``."""

    def change(notebook: NotebookNode) -> None:
        find(notebook, name).source = source

    return change


def insert_after(notebook: NotebookNode, name: str, cell: NotebookNode) -> None:
    """Insert a cell after the one with this grade id."""
    notebook.cells.insert(notebook.cells.index(find(notebook, name)) + 1, cell)


def duplicate(notebook: NotebookNode, name: str, source: str | None = None) -> None:
    """Insert a copy of a cell after it, as copy and paste in JupyterLab does."""
    twin = copy.deepcopy(find(notebook, name))
    twin.id += "-copy"
    if source is not None:
        twin.source = source
    insert_after(notebook, name, twin)


def hand_in(course: Course, learner: str, notebook: NotebookNode | str | bytes) -> Path:
    """Write a submission and return the notebook's path."""
    path = course.submitted(learner, LESSON) / f"{LESSON}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(notebook, bytes):
        path.write_bytes(notebook)
    else:
        path.write_text(
            notebook if isinstance(notebook, str) else nbformat.writes(notebook), encoding="utf-8"
        )
    return path


NASTY_NOTE = r"""# 我的笔记

Energy is $E = mc^2$.

<script>window.pwned = 1</script><img src=x onerror="window.pwned = 2">
[click](javascript:window.pwned=3) $\text{<script>window.pwned = 4</script>}$
![remote](https://example.com/pixel.png) <svg onload="window.pwned = 5"></svg>

| stage | tool |
|---|---|
| data | MinerU |
"""
NASTY_CODE = r"""from IPython.display import HTML, SVG, Javascript, display
display(HTML("<b>bold</b><script>window.pwned = 6</script><img src=x onerror='window.pwned = 7'>"))
display(HTML("<iframe srcdoc='<script>parent.pwned = 8</script>'></iframe>"))
display(Javascript("window.pwned = 9"))
display(SVG("<svg xmlns='http://www.w3.org/2000/svg'><script>window.pwned = 10</script></svg>"))
display({"image/png": "x\" onerror=\"window.pwned = 11"}, raw=True)
display({"image/png": "aGk="}, raw=True, metadata={"image/png": {"width": "1 onerror=pwned=12"}})"""


def hand_in_for_marking(course: Course) -> None:
    """Write three submissions: nasty HTML, wrong answers in English, and all right."""
    nasty = solved(course)
    find(nasty, "note_toy").source = NASTY_NOTE
    insert_after(nasty, "triple", new_code_cell(NASTY_CODE))
    find(nasty, "triple").source += "\n" + NASTY_CODE
    hand_in(course, "a_nasty", nasty)

    wrong = solved(course)
    wrong.metadata["course"] = {"language": "en"}
    find(wrong, "double").source = "def double(x):\n    print('asked', x)\n    return min(2 * x, 9)"
    find(wrong, "triple").source = "def triple(x):\n    raise ValueError(f'bad {x}')"
    find(wrong, "note_toy").source = "A note with $x^2$."
    hand_in(course, "b_wrong", wrong)

    right = solved(course)
    duplicate(right, "check_triple")
    hand_in(course, "c_right", right)
