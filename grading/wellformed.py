"""Rules of form that concern several cells of a lesson's source."""

from __future__ import annotations

from typing import NoReturn

from course_lib.language import Language
from grading.forms import read_quiz, read_rubric
from grading.lesson import HEADING, Cell

_GRADED = {
    "exercise": "",
    "check": "check_",
    "given": "given_",
    "note": "note_",
    "evidence": "evidence_",
}


class Malformed(Exception):
    """A rule of form is broken, on a line of the source."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def refuse(line: int, reason: str) -> NoReturn:
    """Say where a rule is broken and why.

    Raises:
        Malformed: always.
    """
    raise Malformed(line, reason)


def check_pairs(cells: tuple[Cell, ...]) -> None:
    """Refuse prose without its other language right after it."""
    expected: Language = "zh"
    previous = cells[0] if cells else None
    for cell in cells:
        lang = cell.meta["lang"] if cell.kind == "prose" else None
        if expected == "en" and lang != "en":
            assert previous is not None
            refuse(previous.line, 'prose lang="zh" is not followed by its lang="en" cell')
        if expected == "zh" and lang == "en":
            refuse(cell.line, 'prose lang="en" has no lang="zh" cell right before it')
        expected = "en" if lang == "zh" else "zh"
        previous = cell
    if expected == "en" and previous is not None:
        refuse(previous.line, 'prose lang="zh" is not followed by its lang="en" cell')


def check_headings(cells: tuple[Cell, ...]) -> None:
    """Refuse a heading slot that no exercise fills."""
    pairs = [number for number, cell in enumerate(cells) if cell.meta.get("lang") == "zh"]
    for number in pairs:
        found = [cell.source.split("\n").count(HEADING) for cell in cells[number : number + 2]]
        before = [cell.kind for cell in cells[number + 2 : number + 3]] == ["exercise"]
        if found not in ([0, 0], [1, 1] if before else [0, 0]):
            refuse(
                cells[number].line,
                f"a line '{HEADING}' stands once in each prose cell of a pair, right before "
                "an exercise",
            )


def check_names(cells: tuple[Cell, ...]) -> None:
    """Refuse two cells of one kind and name, and names that nbgrader would confuse."""
    seen: dict[tuple[str, str], int] = {}
    for cell in cells:
        if cell.kind in ("prose", "code", "wrong"):
            continue
        first = seen.setdefault((cell.kind, cell.name), cell.line)
        if first != cell.line:
            refuse(cell.line, f"second {cell.kind} {cell.name!r}; first at line {first}")
    ids: dict[str, int] = {}
    for cell in cells:
        if cell.kind in _GRADED:
            name = f"{_GRADED[cell.kind]}{cell.name}"
            if ids.setdefault(name, cell.line) != cell.line:
                refuse(cell.line, f"nbgrader would call this cell {name!r}, like line {ids[name]}")


def check_rubrics(cells: tuple[Cell, ...]) -> None:
    """Refuse notes without sound rubrics, and unsound quiz items."""
    notes = {cell.name: cell for cell in cells if cell.kind == "note"}
    rubrics = {cell.name: cell for cell in cells if cell.kind == "rubric"}
    for name, note in notes.items():
        if name not in rubrics:
            refuse(note.line, f"note {name!r} has no rubric cell")
    for name, cell in rubrics.items():
        if name not in notes:
            refuse(cell.line, f"rubric of an unknown note {name!r}")
        try:
            total = sum(criterion.points for criterion in read_rubric(cell.source))
        except Exception as error:
            refuse(cell.line, f"not a rubric: {error}")
        if total != notes[name].points:
            refuse(
                cell.line,
                f"the criteria add up to {total:g}, the note is {notes[name].points:g}",
            )
    for cell in cells:
        if cell.kind == "quiz":
            try:
                read_quiz(cell.source)
            except Exception as error:
                refuse(cell.line, f"not a quiz item: {error}")
