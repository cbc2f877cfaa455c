"""A lesson's source file, read and checked for form.

The source is jupytext py:percent; ``notebooks/source/README.md`` lists the kinds of cells.
Anything malformed is refused with file, line and reason.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, cast

import jupytext
import yaml
from IPython.core.inputtransformer2 import TransformerManager
from pydantic import ValidationError

from course_lib.errors import CampError
from course_lib.language import LANGUAGES, Text
from grading.lesson import BEGIN, END, Cell, Course, Exercise, Kind, Lesson, check_call
from grading.wellformed import (
    Malformed,
    check_headings,
    check_names,
    check_pairs,
    check_rubrics,
    refuse,
)

_NAMED = (
    "given",
    "exercise",
    "check",
    "cases",
    "wrong",
    "quiz",
    "note",
    "rubric",
    "tool",
    "evidence",
)
_REQUIRED: dict[Kind, set[str]] = {
    "prose": {"lang"},
    "exercise": {"level", "minutes", "points"},
    "note": {"points"},
    "evidence": {"points"},
    "tool": {"minutes"},
}
_JUPYTEXT = ("cell_marker", "lines_to_next_cell", "lines_to_end_of_cell_marker")
_MARKERS = ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS", "MARK SCHEME")
LEVELS = (1, 2, 3)
"""How hard an exercise is."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_IPYTHON = TransformerManager()


def read_lesson(path: Path) -> Lesson:
    """Read one source file.

    Raises:
        CampError: the file is malformed; the text names file, line and reason.
    """
    try:
        return _Reader(path, path.read_text(encoding="utf-8-sig")).lesson()
    except Malformed as error:
        raise CampError(f"{path}:{error.line}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CampError(f"{path}: cannot be read ({error})") from None


class _Reader:
    """Reads one source; holds the path for its messages."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text

    def lesson(self) -> Lesson:
        if not re.fullmatch(r"\d\d_[a-z0-9_]+", self.path.stem):
            refuse(1, "a lesson's file is named NN_name.py, e.g. 01_intro.py")
        try:
            notebook = jupytext.reads(self.text, fmt="py:percent")
        except yaml.YAMLError as error:
            refuse(1, f"the header is not valid YAML: {' '.join(str(error).split())}")
        try:
            course = Course.model_validate(notebook.metadata.get("course", {}))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(["course", *map(str, first["loc"])])
            refuse(1, f"header, {where}: {first['msg']}")
        for name in course.prerequisites:
            if not self.path.with_name(f"{name}.py").is_file():
                refuse(1, f"header, course.prerequisites: there is no lesson {name!r}")
        starts = self._starts([cell.source for cell in notebook.cells])
        cells = tuple(
            self._cell(raw, line) for raw, line in zip(notebook.cells, starts, strict=True)
        )
        for rule in (check_pairs, check_headings, check_names, check_rubrics):
            rule(cells)
        exercises = self._exercises(cells)
        total = sum(cell.points for cell in cells)
        if total != course.points:
            refuse(1, f"points add up to {total:g}, the header says {course.points}")
        return Lesson(self.path, course, self._title(cells), cells, exercises)

    def _title(self, cells: tuple[Cell, ...]) -> Text:
        """Return the headings of the first prose pair."""
        titles = [cell.source.split("\n", 1)[0] for cell in cells[:2] if cell.kind == "prose"]
        if len(titles) < 2 or not all(title.startswith("# ") for title in titles):
            refuse(1, "a lesson begins with a prose pair whose first lines are '# Title'")
        zh, en = (title.removeprefix("# ").strip() for title in titles)
        return Text(zh, en)

    def _starts(self, sources: list[str]) -> list[int]:
        """Return the line of each cell's ``# %%``, skipping look-alikes inside strings."""
        lines = self.text.splitlines()
        marks = [number for number, line in enumerate(lines, 1) if line.startswith("# %%")]
        starts: list[int] = []
        for source in sources:
            first = source.split("\n", 1)[0].strip()
            while marks:
                mark = marks.pop(0)
                body = [line.removeprefix("# ").strip() for line in lines[mark : mark + 2]]
                opened = body[0] in ('"""', 'r"""') if body else False
                if not first or first.removeprefix("# ") in body[: 2 if opened else 1]:
                    starts.append(mark)
                    break
            else:
                starts.append(starts[-1] if starts else 1)
        return starts

    def _cell(self, raw: Any, line: int) -> Cell:
        meta = {key: raw.metadata[key] for key in raw.metadata if key not in _JUPYTEXT}
        named = [kind for kind in _NAMED if kind in meta]
        markdown = raw.cell_type == "markdown"
        if raw.cell_type == "raw":
            refuse(line, "a cell is code or [markdown], not [raw]")
        if "incorrectly_encoded_metadata" in meta:
            refuse(line, "what follows '# %%' is key=value, texts in quotes: points=10 lang=\"zh\"")
        if len(named) > 1:
            refuse(line, f"a cell is one thing, not {' and '.join(named)}")
        kind = cast("Kind", named[0] if named else "prose" if markdown else "code")
        if markdown != (kind in ("prose", "note")):
            refuse(line, f"a {kind} cell is {'code' if markdown else 'markdown'}")
        required = _REQUIRED.get(kind, set())
        missing = sorted(required - meta.keys())
        if missing:
            refuse(line, f"a {kind} cell needs {', '.join(missing)}")
        unknown = sorted(meta.keys() - required - set(named) - {"tags"})
        if unknown:
            refuse(line, f"unknown key {unknown[0]!r} in a {kind} cell")
        name = str(meta.get(kind, ""))
        if named and not _NAME.fullmatch(name):
            refuse(line, f"{kind} name {name!r}: use lower-case letters, digits and _")
        for key in ("level", "minutes", "points"):
            value = meta.get(key, 1)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
                refuse(line, f"{key}={value!r} is not a number above 0")
        if meta.get("level", 1) not in LEVELS:
            refuse(line, f"level={meta['level']!r} is not one of 1, 2, 3")
        if kind == "prose" and meta["lang"] not in LANGUAGES:
            refuse(line, f"lang={meta['lang']!r} is not one of {', '.join(LANGUAGES)}")
        self._refuse_markers(kind, raw.source, line)
        if not markdown:
            plain = kind not in ("code", "tool")  # these may hold IPython's magics
            self._parse(raw.source if plain else _IPYTHON.transform_cell(raw.source), line)
        return Cell(kind, name, raw.source, line, meta)

    def _refuse_markers(self, kind: Kind, source: str, line: int) -> None:
        if kind in ("cases", "wrong"):  # never shipped
            return
        own = (BEGIN, END) if kind == "exercise" else ()
        for offset, text in enumerate(source.split("\n"), 1):
            found = next((marker for marker in _MARKERS if marker in text), None)
            if found and text.strip() not in own:
                refuse(line + offset, f"{found!r} is a marker of nbgrader's, set by the builder")

    def _parse(self, source: str, line: int) -> ast.Module:
        try:
            return ast.parse(source)
        except SyntaxError as error:
            refuse(line + (error.lineno or 0), f"not Python: {error.msg}")

    def _exercises(self, cells: tuple[Cell, ...]) -> tuple[Exercise, ...]:
        answers = {cell.name: cell for cell in cells if cell.kind == "exercise"}
        for cell in cells:
            if cell.kind in ("check", "cases", "wrong") and cell.name not in answers:
                refuse(cell.line, f"{cell.kind} of an unknown exercise {cell.name!r}")
        return tuple(self._exercise(answer, cells) for answer in answers.values())

    def _exercise(self, answer: Cell, cells: tuple[Cell, ...]) -> Exercise:
        parts: dict[str, list[Cell]] = {"check": [], "cases": [], "wrong": []}
        for cell in cells:
            if cell.kind in parts and cell.name == answer.name:
                parts[cell.kind].append(cell)
        for kind, found in parts.items():
            if not found:
                refuse(answer.line, f"exercise {answer.name!r} has no {kind} cell")
            if found[0].line < answer.line:
                refuse(found[0].line, f"{kind} {answer.name!r} stands before its exercise")
        self._check_solution(answer)
        self._check_call(parts["check"][0])
        cases = parts["cases"][0]
        functions = self._functions(cases)
        if functions != ["cases"]:
            refuse(cases.line, "a cases cell defines one function, cases(rng)")
        for wrong in parts["wrong"]:
            if not self._functions(wrong):
                refuse(wrong.line, "a wrong cell defines the function anew")
            if not (wrong.tagged.zh and wrong.tagged.en):
                refuse(wrong.line, "a wrong cell says why in '# zh: ...' and '# en: ...'")
        return Exercise(answer, parts["check"][0], cases, tuple(parts["wrong"]))

    def _functions(self, cell: Cell) -> list[str]:
        body = self._parse(cell.source, cell.line).body
        return [node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]

    def _check_solution(self, answer: Cell) -> None:
        depth = 0
        regions = 0
        for offset, text in enumerate(answer.source.splitlines(), 1):
            depth += (text.strip() == BEGIN) - (text.strip() == END)
            regions += text.strip() == BEGIN
            if depth not in (0, 1):
                refuse(answer.line + offset, f"{BEGIN} and {END} do not pair")
        if depth or not regions:
            refuse(answer.line, f"exercise {answer.name!r} needs {BEGIN} ... {END}")
        if answer.name not in self._functions(answer):
            refuse(answer.line, f"exercise {answer.name!r} does not define {answer.name}")

    def _check_call(self, check: Cell) -> None:
        if check_call(check.source, check.name) is None:
            refuse(check.line, f'a check cell ends in check("{check.name}", [case(...), ...])')
