"""An assignment as grading needs it: the instructor's cells, and how each test can be judged."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.api import MissingEntry

from course_lib.errors import CampError
from grading.apart.plan import Step, Times
from grading.cell_names import (
    CellNames,
    changed_names,
    classes_of,
    imports_everything,
    imports_of,
    names_of,
    parse,
)
from grading.course import Course
from grading.database import VARIABLE
from grading.plan import Planned

SCORING_VERSION = 6  # raised when the same submission may get another score


EVIDENCE = "evidence_"  # how the builder names cells that check files handed in


@dataclass(frozen=True)
class How:
    """How a notebook's tests are judged, found out with the instructor's own solution.

    Attributes:
        close: what has to cross beside calls and values, by test, see ``apart.plan.Step``.
        together: tests that need the learner's own process.
        shows: tests whose last value is no score.
        failing: tests that the instructor's own solution does not pass.
        traits: what the solution did, by test, see ``apart.traits``.
        imports: modules that it imported while it ran.
        cut_short: the machine was too busy for it; what stands here may be wrong.
    """

    close: dict[str, tuple[str, ...]] = field(default_factory=dict)
    together: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    failing: tuple[str, ...] = ()
    traits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    imports: tuple[str, ...] = ()
    cut_short: bool = False

    @property
    def broken(self) -> list[str]:
        """Failing tests that need no file which only learners hand in."""
        return [name for name in self.failing if not name.startswith(EVIDENCE)]


@dataclass(frozen=True)
class Notebook:
    """One notebook of an assignment, from the instructor's copy.

    Attributes:
        name: its name without ``.ipynb``.
        content: the instructor's notebook as JSON.
        planned: the cells that grading needs, with the text that counts.
        points: points of each graded cell.
        how: how its tests are judged.
    """

    name: str
    content: dict[str, Any]
    planned: tuple[tuple[str, str, str | None], ...]
    points: dict[str, float]
    how: How = field(default_factory=How)

    @cached_property
    def instructor(self) -> NotebookNode:
        """The instructor's notebook, its planned cells with the points that count."""
        notebook: NotebookNode = nbformat.from_dict(self.content)
        for cell in notebook.cells:
            marks = cell.metadata.get("nbgrader", {})
            if marks.get("grade_id") in self.points:
                marks["points"] = self.points[marks["grade_id"]]
        return notebook

    @cached_property
    def plan(self) -> list[Planned]:
        """The planned cells in the instructor's order."""
        cells = {
            cell.metadata["nbgrader"]["grade_id"]: cell
            for cell in self.instructor.cells
            if "grade_id" in cell.metadata.get("nbgrader", {})
        }
        return [Planned(name, cells[name], text, checksum) for name, text, checksum in self.planned]

    @cached_property
    def stale(self) -> list[str]:
        """Checks that have been edited since the assignment was last generated."""
        return [
            item.name for item in self.plan
            if utils.is_grade(item.cell) and not utils.is_solution(item.cell)
            and item.cell.source.strip() != item.text.strip()
        ]  # fmt: skip

    @cached_property
    def solved(self) -> frozenset[str]:
        """Names that the instructor's solution binds, or whose values it changes."""
        trees = [parse(cell.source) for cell in self._code() if utils.is_solution(cell)]
        changed = (changed_names(tree) for tree in trees if tree)
        return frozenset().union(*(names.bound for names in self._of_solution()), *changed)

    @cached_property
    def read(self) -> frozenset[str]:
        """Names that the instructor's solution reads."""
        return frozenset().union(*(names.read for names in self._of_solution()))

    @cached_property
    def binds(self) -> dict[str, frozenset[str]]:
        """Names that the instructor's cells bind, by grade id."""
        marks = [(cell, cell.metadata.get("nbgrader", {}).get("grade_id")) for cell in self._code()]
        return {
            name: known.bound
            for cell, name in marks
            if name and (known := names_of(_as_python(cell.source)))
        }

    def _of_solution(self) -> list[CellNames]:
        cells = [cell for cell in self._code() if utils.is_solution(cell)]
        return [names for cell in cells if (names := names_of(_as_python(cell.source)))]

    @cached_property
    def given(self) -> frozenset[str]:
        """Names that the instructor's other cells bind."""
        cells = [cell for cell in self._code() if not utils.is_solution(cell)]
        found = [names_of(_as_python(cell.source)) for cell in cells if not utils.is_grade(cell)]
        return frozenset().union(*(names.bound for names in found if names))

    @cached_property
    def classes(self) -> frozenset[str]:
        """Those of them that are classes."""
        trees = [parse(cell.source) for cell in self._code() if utils.is_solution(cell)]
        return frozenset().union(*(classes_of(tree) for tree in trees if tree))

    @cached_property
    def support(self) -> dict[str, list[Step]]:
        """Plain cells of the instructor's that tests need, by the planned cell they precede.

        Tests use the instructor's copy of them, whatever a submission holds in their place.
        """
        plain = [
            cell for cell in self._code() if "grade_id" not in cell.metadata.get("nbgrader", {})
        ]
        names = {id(cell): names_of(_as_python(cell.source)) for cell in plain}
        needed: set[str] = set()
        for item in self.plan:
            found = names_of(_as_python(item.text)) if item.cell.cell_type == "code" else None
            if found and item.locked:
                needed |= found.read - found.bound
        wanted = {id(cell) for cell in plain if imports_everything(cell.source)}
        while True:
            more = {
                id(cell) for cell in plain
                if (known := names[id(cell)]) and known.bound & (needed - self.solved)
            } - wanted  # fmt: skip
            if not more:
                break
            wanted |= more
            needed |= {name for one in more if (known := names[one]) for name in known.read}
        return self._before(wanted)

    def _before(self, wanted: set[int]) -> dict[str, list[Step]]:
        planned = {item.name for item in self.plan}
        found: dict[str, list[Step]] = {}
        waiting: list[Step] = []
        for number, cell in enumerate(self.instructor.cells):
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if id(cell) in wanted:
                waiting.append(Step("support", f"cell {number}", cell.source))
            elif name in planned and waiting:
                found[name], waiting = waiting, []
        return found

    @cached_property
    def imports(self) -> frozenset[str]:
        """What the cells import that run when a submission is graded (not demonstrations)."""
        trees = [parse(cell.source) for cell in self._code() if "nbgrader" in cell.metadata]
        trees += [parse(item.text) for item in self.plan if item.cell.cell_type == "code"]
        trees += [parse(step.source) for steps in self.support.values() for step in steps]
        found: frozenset[str] = frozenset().union(*(imports_of(tree) for tree in trees if tree))
        shows = any(line.startswith("%matplotlib") for line in self._lines())
        return found | {"matplotlib.pyplot" for _ in range(shows)} | {*self.how.imports}

    def _lines(self) -> Iterator[str]:
        return (line.strip() for cell in self._code() for line in cell.source.splitlines())

    @cached_property
    def modules(self) -> frozenset[str]:
        """Modules that the instructor's notebook imports, with the packages they are in."""
        trees = [parse(cell.source) for cell in self._code()]
        found = set()
        for entry in frozenset().union(*(imports_of(tree) for tree in trees if tree)):
            module, _, name = entry.partition(":")
            parts = module.split(".")
            found |= {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
            if name:
                found.add(f"{module}.{name}")
        return frozenset(found)

    def _code(self) -> Iterator[NotebookNode]:
        return (cell for cell in self.instructor.cells if cell.cell_type == "code")


def _as_python(source: str) -> str:
    """Return a cell's text without what only IPython understands."""
    tree = parse(source)
    return ast.unparse(tree) if tree else ""


@dataclass(frozen=True)
class Assignment:
    """What grading a submission of one assignment depends on.

    Attributes:
        name: the assignment, for us a lesson.
        notebooks: its notebooks by name.
        files: other files that the instructor gives, by relative path.
        times: limits.
    """

    name: str
    notebooks: Mapping[str, Notebook]
    files: Mapping[str, bytes]
    times: Times

    @cached_property
    def key(self) -> str:
        """A fingerprint: submissions graded under another one are graded anew."""
        parts: list[Any] = [SCORING_VERSION, self.name, dataclasses.astuple(self.times)]
        for notebook in self.notebooks.values():
            parts += [notebook.name, notebook.content, notebook.planned]
            parts.append(sorted(notebook.points.items()))
            how = notebook.how
            parts.append([how.close, how.together, how.shows])
        parts += [
            [name, hashlib.sha256(raw).hexdigest()] for name, raw in sorted(self.files.items())
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def with_notebook(self, notebook: Notebook) -> Assignment:
        """Return the assignment with one notebook replaced."""
        return dataclasses.replace(self, notebooks={**self.notebooks, notebook.name: notebook})

    @property
    def imports(self) -> frozenset[str]:
        """What to have imported before submissions run."""
        return frozenset().union(*(one.imports for one in self.notebooks.values()))


def read_assignment(course: Course, name: str) -> Assignment:
    """Read an assignment from the instructor's notebooks and the gradebook.

    Raises:
        CampError: it is not in the gradebook, or its source is missing or damaged.
    """
    folder = course.path / "source" / name
    with course.gradebook() as gradebook:
        try:
            entries = gradebook.find_assignment(name).notebooks
        except MissingEntry:
            raise CampError(
                f"lesson {name} is not in the gradebook of {course.path}: run 'camp build', "
                f"or 'nbgrader generate_assignment {name}' in that folder{_elsewhere()}"
            ) from None
        notebooks = {}
        for entry in entries:
            content = read_source(folder / f"{entry.name}.ipynb")
            texts = {cell.name: (cell.source, cell.checksum) for cell in entry.source_cells}
            order = [
                cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in content["cells"]
            ]
            graded = [*entry.grade_cells, *entry.task_cells]
            notebooks[entry.name] = Notebook(
                entry.name,
                content,
                tuple((grade_id, *texts[grade_id]) for grade_id in order if grade_id in texts),
                {cell.name: float(cell.max_score) for cell in graded},
            )
    return Assignment(name, notebooks, _read_files(folder), course.times)


def _elsewhere() -> str:
    """Return how those commands find a gradebook that is not the course's own file."""
    if not os.environ.get(VARIABLE):
        return ""
    return f", with {VARIABLE} (camp) or --db (nbgrader) saying where this gradebook is"


def read_source(path: Path) -> dict[str, Any]:
    """Return an instructor's notebook as JSON, the text of each cell in one piece.

    Raises:
        CampError: it is missing or damaged.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise CampError(f"{path} is missing: grading takes the tests from it") from None
    except Exception as error:
        raise CampError(f"{path} is no notebook that can be read: {error}") from None
    content: dict[str, Any] = json.loads(nbformat.writes(notebook))
    for cell in content["cells"]:
        cell["source"] = "".join(cell["source"])
    return content


def _read_files(folder: Path) -> dict[str, bytes]:
    """Return the instructor's other files, which learners' code and tests may read."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".ipynb" and not _is_ignored(path.relative_to(folder)):
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def _is_ignored(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)
