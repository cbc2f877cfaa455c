"""A lesson's source file, read and checked for form.

The source is jupytext py:percent; ``notebooks/source/README.md`` lists the kinds of cells.
Anything malformed is refused with file, line and reason.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, NoReturn, cast

import jupytext
from pydantic import ValidationError

from course_lib.errors import CampError
from course_lib.language import LANGUAGES, Language, Text
from grading.forms import read_quiz, read_rubric
from grading.lesson import BEGIN, END, HEADING, Cell, Course, Exercise, Kind, Lesson, check_call

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
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def read_lesson(path: Path) -> Lesson:
    """Read one source file.

    Raises:
        CampError: the file is malformed; the text names file, line and reason.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CampError(f"{path}: cannot be read ({error})") from None
    return _Reader(path, text).lesson()


class _Reader:
    """Reads one source; holds the path for its messages."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text

    def refuse(self, line: int, reason: str) -> NoReturn:
        raise CampError(f"{self.path}:{line}: {reason}")

    def lesson(self) -> Lesson:
        if not re.fullmatch(r"\d\d_[a-z0-9_]+", self.path.stem):
            self.refuse(1, "a lesson's file is named NN_name.py, e.g. 01_intro.py")
        notebook = jupytext.reads(self.text, fmt="py:percent")
        try:
            course = Course.model_validate(notebook.metadata.get("course", {}))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            self.refuse(1, f"header, course.{where}: {first['msg']}")
        starts = self._starts([cell.source for cell in notebook.cells])
        cells = tuple(
            self._cell(raw, line) for raw, line in zip(notebook.cells, starts, strict=True)
        )
        self._check_pairs(cells)
        self._check_headings(cells)
        self._check_names(cells)
        self._check_rubrics(cells)
        exercises = self._exercises(cells)
        total = sum(cell.points for cell in cells)
        if total != course.points:
            self.refuse(1, f"points add up to {total:g}, the header says {course.points}")
        return Lesson(self.path, course, self._title(cells), cells, exercises)

    def _title(self, cells: tuple[Cell, ...]) -> Text:
        """Return the headings of the first prose pair."""
        titles = [cell.source.split("\n", 1)[0] for cell in cells[:2] if cell.kind == "prose"]
        if len(titles) < 2 or not all(title.startswith("# ") for title in titles):
            self.refuse(1, "a lesson begins with a prose pair whose first lines are '# Title'")
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
        if len(named) > 1:
            self.refuse(line, f"a cell is one thing, not {' and '.join(named)}")
        kind = cast("Kind", named[0] if named else "prose" if markdown else "code")
        if markdown != (kind in ("prose", "note")):
            self.refuse(line, f"a {kind} cell is {'code' if markdown else 'markdown'}")
        required = _REQUIRED.get(kind, set())
        missing = sorted(required - meta.keys())
        if missing:
            self.refuse(line, f"a {kind} cell needs {', '.join(missing)}")
        unknown = sorted(meta.keys() - required - set(named) - {"tags"})
        if unknown:
            self.refuse(line, f"unknown key {unknown[0]!r} in a {kind} cell")
        name = str(meta.get(kind, ""))
        if named and not _NAME.fullmatch(name):
            self.refuse(line, f"{kind} name {name!r}: use lower-case letters, digits and _")
        for key in ("level", "minutes", "points"):
            value = meta.get(key, 1)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
                self.refuse(line, f"{key}={value!r} is not a number above 0")
        if kind == "prose" and meta["lang"] not in LANGUAGES:
            self.refuse(line, f"lang={meta['lang']!r} is not one of {', '.join(LANGUAGES)}")
        if kind in ("given", "exercise", "check", "cases", "wrong", "quiz", "rubric", "evidence"):
            self._parse(raw.source, line)
        return Cell(kind, name, raw.source, line, meta)

    def _parse(self, source: str, line: int) -> ast.Module:
        try:
            return ast.parse(source)
        except SyntaxError as error:
            self.refuse(line + (error.lineno or 0), f"not Python: {error.msg}")

    def _check_pairs(self, cells: tuple[Cell, ...]) -> None:
        expected: Language = "zh"
        previous = cells[0] if cells else None
        for cell in cells:
            lang = cell.meta["lang"] if cell.kind == "prose" else None
            if expected == "en" and lang != "en":
                assert previous is not None
                self.refuse(previous.line, 'prose lang="zh" is not followed by its lang="en" cell')
            if expected == "zh" and lang == "en":
                self.refuse(cell.line, 'prose lang="en" has no lang="zh" cell right before it')
            expected = "en" if lang == "zh" else "zh"
            previous = cell
        if expected == "en" and previous is not None:
            self.refuse(previous.line, 'prose lang="zh" is not followed by its lang="en" cell')

    def _check_headings(self, cells: tuple[Cell, ...]) -> None:
        pairs = [number for number, cell in enumerate(cells) if cell.meta.get("lang") == "zh"]
        for number in pairs:
            found = [cell.source.split("\n").count(HEADING) for cell in cells[number : number + 2]]
            before = [cell.kind for cell in cells[number + 2 : number + 3]] == ["exercise"]
            if found not in ([0, 0], [1, 1] if before else [0, 0]):
                self.refuse(
                    cells[number].line,
                    f"a line '{HEADING}' stands once in each prose cell of a pair, right before "
                    "an exercise",
                )

    def _check_names(self, cells: tuple[Cell, ...]) -> None:
        seen: dict[tuple[str, str], int] = {}
        for cell in cells:
            if cell.kind in ("prose", "code", "wrong"):
                continue
            first = seen.setdefault((cell.kind, cell.name), cell.line)
            if first != cell.line:
                self.refuse(cell.line, f"second {cell.kind} {cell.name!r}; first at line {first}")

    def _check_rubrics(self, cells: tuple[Cell, ...]) -> None:
        notes = {cell.name: cell for cell in cells if cell.kind == "note"}
        rubrics = {cell.name: cell for cell in cells if cell.kind == "rubric"}
        for name, note in notes.items():
            if name not in rubrics:
                self.refuse(note.line, f"note {name!r} has no rubric cell")
        for name, cell in rubrics.items():
            if name not in notes:
                self.refuse(cell.line, f"rubric of an unknown note {name!r}")
            try:
                total = sum(criterion.points for criterion in read_rubric(cell.source))
            except Exception as error:
                self.refuse(cell.line, f"not a rubric: {error}")
            if total != notes[name].points:
                self.refuse(
                    cell.line,
                    f"the criteria add up to {total:g}, the note is {notes[name].points:g}",
                )
        for cell in cells:
            if cell.kind == "quiz":
                try:
                    read_quiz(cell.source)
                except Exception as error:
                    self.refuse(cell.line, f"not a quiz item: {error}")

    def _exercises(self, cells: tuple[Cell, ...]) -> tuple[Exercise, ...]:
        answers = {cell.name: cell for cell in cells if cell.kind == "exercise"}
        for cell in cells:
            if cell.kind in ("check", "cases", "wrong") and cell.name not in answers:
                self.refuse(cell.line, f"{cell.kind} of an unknown exercise {cell.name!r}")
        return tuple(self._exercise(answer, cells) for answer in answers.values())

    def _exercise(self, answer: Cell, cells: tuple[Cell, ...]) -> Exercise:
        parts: dict[str, list[Cell]] = {"check": [], "cases": [], "wrong": []}
        for cell in cells:
            if cell.kind in parts and cell.name == answer.name:
                parts[cell.kind].append(cell)
        for kind, found in parts.items():
            if not found:
                self.refuse(answer.line, f"exercise {answer.name!r} has no {kind} cell")
            if found[0].line < answer.line:
                self.refuse(found[0].line, f"{kind} {answer.name!r} stands before its exercise")
        self._check_solution(answer)
        self._check_call(parts["check"][0])
        cases = parts["cases"][0]
        functions = self._functions(cases)
        if functions != ["cases"]:
            self.refuse(cases.line, "a cases cell defines one function, cases(rng)")
        for wrong in parts["wrong"]:
            if not self._functions(wrong):
                self.refuse(wrong.line, "a wrong cell defines the function anew")
            if not (wrong.tagged.zh and wrong.tagged.en):
                self.refuse(wrong.line, "a wrong cell says why in '# zh: ...' and '# en: ...'")
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
                self.refuse(answer.line + offset, f"{BEGIN} and {END} do not pair")
        if depth or not regions:
            self.refuse(answer.line, f"exercise {answer.name!r} needs {BEGIN} ... {END}")
        if answer.name not in self._functions(answer):
            self.refuse(answer.line, f"exercise {answer.name!r} does not define {answer.name}")

    def _check_call(self, check: Cell) -> None:
        if check_call(check.source, check.name) is None:
            self.refuse(check.line, f'a check cell ends in check("{check.name}", [case(...), ...])')
