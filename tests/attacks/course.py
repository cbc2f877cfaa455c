"""A course in plain nbgrader form to attack: hidden tests, partial credit, unittest, TA's cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grading.course import Course
from grading.release import release

HOMEWORK = "hw1"
SECRET = 741_852_963  # only in hidden tests
CALL = 2.0  # seconds that one call may take
CONFIG = f"""
c = get_config()
c.CourseDirectory.course_id = "attacked"
c.Execute.timeout = 5
c.CampGrade.call_seconds = {CALL}
c.CampGrade.submission_seconds = 15
c.CampGrade.memory_mb = 400
c.CampGrade.processes = 24
"""
HELPERS = '''def show(values):
    """Write numbers in one line."""
    return ", ".join(str(value) for value in values)


class Box:
    """Something with a lid."""

    def __init__(self, content=None):
        self.content = content
'''


@dataclass(frozen=True)
class Exercise:
    """What the instructor's notebook holds of one exercise."""

    solution: str
    test: str
    points: float


def _exercise(points: float, solution: str, visible: str, hidden: str, after: str = "") -> Exercise:
    head, _, body = solution.partition("\n")
    stub = f"{head}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION\n"
    region = f"### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS\n"
    return Exercise(stub, f"{visible}\n{region}{after}", points)


EXERCISES: dict[str, Exercise] = {
    "digits": _exercise(
        2,
        "def digits(number):\n    return [int(one) for one in str(number)]",
        "def same(number, wanted):\n    assert digits(number) == wanted, 'wrong digits'\n\n"
        "same(507, [5, 0, 7])",
        f"same({SECRET}, {[int(one) for one in str(SECRET)]})",
    ),
    "mean": _exercise(
        2,
        "def mean(numbers):\n    if not numbers:\n        raise ValueError('no numbers')\n"
        "    return sum(numbers) / len(numbers)",
        "assert abs(mean([1, 2, 6]) - 3) < 1e-9",
        f"assert abs(mean([{SECRET}, {SECRET + 2}]) - {SECRET + 1}) < 1e-6\n"
        "try:\n    mean([])\nexcept ValueError:\n    pass\nelse:\n"
        "    raise AssertionError('an empty list is accepted')",
    ),
    "slug": _exercise(
        4,
        "def slug(title):\n    return '-'.join(title.lower().split())",
        "got = 0",
        "for title, wanted in [('A b', 'a-b'), ('  Two  words ', 'two-words'), ('ÜBER', 'über'),\n"
        f"                      ('No {SECRET}', 'no-{SECRET}')]:\n"
        "    try:\n        got += slug(title) == wanted\n    except Exception:\n        pass",
        "got",
    ),
    "Account": _exercise(
        3,
        "class Account:\n    def __init__(self, money=0):\n        self.money = money\n\n"
        "    def put(self, amount):\n        if amount <= 0:\n            raise ValueError(amount)\n"
        "        self.money += amount\n        return self.money",
        "import io\nimport unittest\n\n\nclass TestAccount(unittest.TestCase):\n"
        "    def test_put(self):\n        account = Account(5)\n"
        "        self.assertEqual(account.put(3), 8)\n        self.assertEqual(account.money, 8)\n",
        f"    def test_large(self):\n        self.assertEqual(Account({SECRET}).put(1), {SECRET + 1})\n"
        "    def test_refuses(self):\n        with self.assertRaises(ValueError):\n"
        "            Account().put(-1)",
        "\nfound = unittest.TextTestRunner(stream=io.StringIO()).run(\n"
        "    unittest.defaultTestLoader.loadTestsFromTestCase(TestAccount))\n"
        "assert found.wasSuccessful()",
    ),
    "Vector": _exercise(
        2,
        "class Vector:\n    def __init__(self, x, y):\n        self.x, self.y = x, y\n\n"
        "    def __add__(self, other):\n        return Vector(self.x + other.x, self.y + other.y)\n\n"
        "    def __eq__(self, other):\n        return (self.x, self.y) == (other.x, other.y)",
        "assert (Vector(1, 2) + Vector(3, 4)).x == 4",
        f"total = Vector(1, {SECRET}) + Vector(1, 1)\n"
        f"assert total == Vector(2, {SECRET + 1})\nassert total != Vector(2, 0)\n"
        f"assert (total.x, total.y) == (2, {SECRET + 1})",
    ),
    "twice": _exercise(
        2,
        "def twice(function, value):\n    return function(function(value))",
        "assert twice(lambda x: x + 3, 1) == 7",
        f"seen = []\n\ndef spy(x):\n    seen.append(x)\n    return x * 2\n\n"
        f"assert twice(spy, {SECRET}) == {4 * SECRET}\nassert seen == [{SECRET}, {2 * SECRET}]",
    ),
    "countdown": _exercise(
        2,
        "def countdown(start):\n    while start > 0:\n        yield start\n        start -= 1",
        "assert list(countdown(3)) == [3, 2, 1]",
        "counter = countdown(2)\nassert next(counter) == 2\nassert next(counter) == 1\n"
        "assert next(counter, 'end') == 'end'",
    ),
    "tidy": _exercise(
        2,
        "def tidy(numbers):\n    numbers[:] = sorted(set(numbers))",
        "numbers = [3, 1, 3]\ntidy(numbers)\nassert numbers == [1, 3]",
        f"numbers = [{SECRET}, 2, {SECRET}]\ntidy(numbers)\nassert numbers == [2, {SECRET}]",
    ),
    "norm": _exercise(
        3,
        "def norm(vector):\n    return vector / np.sqrt((vector ** 2).sum())",
        "assert np.allclose(norm(np.array([3.0, 4.0])), [0.6, 0.8])",
        "for wanted in (np.array([1.0, 0, 0]), np.array([0.6, -0.8])):\n"
        f"    assert np.allclose(norm(wanted * {SECRET}), wanted)",
    ),
    "evens": _exercise(
        2,
        "def evens(numbers):\n    return [one for one in numbers if one % 2 == 0]",
        "assert evens([1, 2, 4]) == [2, 4]",
        f"for got, wanted in zip(map(evens, [[{SECRET}], [{SECRET + 1}]]), [[], [{SECRET + 1}]]):\n"
        "    assert got == wanted",
    ),
}
ANSWERS = {
    name: one.solution.replace("    ### BEGIN SOLUTION\n", "").replace("    ### END SOLUTION\n", "")
    for name, one in EXERCISES.items()
}
POINTS = {name: one.points for name, one in EXERCISES.items()}
FULL = sum(POINTS.values())
MARKED = 10.0  # points of the two cells that a TA marks


def _marks(name: str, kind: str = "code", **more: object) -> dict[str, object]:
    marks = {"grade": False, "solution": False, "task": False, "locked": False, **more}
    return {"nbgrader": {"schema_version": 3, "cell_type": kind, "grade_id": name, **marks}}


def instructor() -> NotebookNode:
    """Return the instructor's notebook."""
    cells = [
        new_markdown_cell("# Homework 1", id="title"),
        new_code_cell("import numpy as np", id="imports"),
        new_code_cell(HELPERS, id="helpers", metadata=_marks("helpers", locked=True)),
    ]
    for name, one in EXERCISES.items():
        answer = _marks(name, solution=True)
        check = _marks(f"test_{name}", grade=True, locked=True, points=one.points)
        cells.append(new_code_cell(one.solution, id=name, metadata=answer))
        cells.append(new_code_cell(one.test, id=f"test-{name}", metadata=check))
    drawn = _marks("drawing", grade=True, solution=True, points=5)
    essay = _marks("essay", "markdown", grade=True, solution=True, points=5)
    cells.append(new_code_cell("# draw something", id="drawing", metadata=drawn))
    cells.append(new_markdown_cell("(why?)", id="essay", metadata=essay))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel, "course": {"language": "zh"}})


def make_course(root: Path) -> Course:
    """Write and release the course at ``root``."""
    source = root / "source" / HOMEWORK / f"{HOMEWORK}.ipynb"
    source.parent.mkdir(parents=True)
    nbformat.write(instructor(), source)
    (root / "nbgrader_config.py").write_text(CONFIG)
    course = Course.open(root)
    release(course, HOMEWORK)
    return course


def released(course: Course) -> NotebookNode:
    """Return what learners got."""
    return nbformat.read(course.path / "release" / HOMEWORK / f"{HOMEWORK}.ipynb", as_version=4)


def find(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return the cell with this grade id."""
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def answer(notebook: NotebookNode, sources: Mapping[str, str]) -> NotebookNode:
    """Write answers into a released notebook."""
    for name, source in sources.items():
        find(notebook, name).source = source
    return notebook


def folder_of(course: Course, learner: str) -> Path:
    """Return where a learner's submission lies, made if need be."""
    folder = course.submitted(learner, HOMEWORK)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
