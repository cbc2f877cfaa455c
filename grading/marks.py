"""Marks of TAs, from a spreadsheet or one by one, entered into the gradebook as formgrader would.

The columns are learner, lesson, cell, mark and comment; others are ignored. A file is taken whole
or not at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from course_lib.errors import CampError
from grading import database
from grading.scores import Key, Slot, open_gradebook, read_slots
from grading.tables import Row, read_table, write_csv, write_xlsx

COLUMNS = ("learner", "lesson", "cell", "mark", "comment")
_SHOWN = 20  # rows with errors that are told at once


@dataclass(frozen=True)
class Mark:
    """One row of a TA's file; no mark with a comment leaves the cell waiting."""

    row: int
    key: Key
    mark: float | None
    comment: str


@dataclass(frozen=True)
class Imported:
    """What an import did: lines to show, marks entered, cells that still wait."""

    changes: tuple[str, ...]
    marked: int
    waiting: int


class AlreadyMarkedError(CampError):
    """Another mark or comment is there, and is not to be replaced."""


class _Refused(ValueError):
    """A row that cannot be taken, and what to do."""


class _Taken(_Refused):
    """A row of a cell that has another mark or comment."""


def import_marks(
    course: Path, file: Path, *, replace: bool = False, only_missing: bool = False
) -> Imported:
    """Enter the marks of ``file``; nothing is entered when a row cannot be taken.

    Args:
        course: the nbgrader course directory.
        file: the marks, CSV or XLSX.
        replace: overwrite other marks and comments.
        only_missing: leave cells that have another mark or comment, or wait for none, as they are.

    Raises:
        CampError: the file cannot be read, or some rows cannot be taken; each is named.
    """
    errors: list[str] = []
    marks = _parse(file, errors)
    with open_gradebook(course) as gradebook:
        slots = read_slots(gradebook)
        if only_missing:
            marks = [mark for mark in marks if _is_missing(mark, slots.get(mark.key))]
        changes = []
        for mark in marks:
            try:
                changes += _check(mark, slots, replace)
            except _Refused as error:
                errors.append(f"row {mark.row}: {error}")
        if errors:
            more = [f"and {len(errors) - _SHOWN} more"] if len(errors) > _SHOWN else []
            told = "\n  ".join([*errors[:_SHOWN], *more])
            raise CampError(f"{file}: nothing was entered, mend these rows:\n  {told}")
        for mark in marks:
            _enter(mark, slots[mark.key])
        gradebook.db.commit()
        waiting = sum(slot.grade.needs_manual_grade for slot in slots.values())
    return Imported(tuple(changes), sum(mark.mark is not None for mark in marks), waiting)


def enter_mark(
    course: Path, key: Key, mark: float | None, comment: str, *, replace: bool = False
) -> tuple[str, ...]:
    """Enter one mark and return what it changed, as lines to show.

    Args:
        course: the nbgrader course directory.
        key: learner, lesson and cell.
        mark: the points; None leaves the cell waiting.
        comment: for the learner; "" leaves the one that is there.
        replace: overwrite another mark and comment.

    Raises:
        AlreadyMarkedError: another mark or comment is there, and ``replace`` is not given.
        CampError: it cannot be taken; nothing was entered.
    """
    given = Mark(0, key, mark, comment)
    with open_gradebook(course) as gradebook:
        slots = read_slots(gradebook, of=key[:2])
        try:
            changes = _check(given, slots, replace)
        except _Taken as error:
            raise AlreadyMarkedError(str(error)) from None
        except _Refused as error:
            raise CampError(str(error)) from None
        _enter(given, slots[key])
        gradebook.db.commit()
    return tuple(changes)


def read_mark(course: Path, key: Key) -> tuple[float | None, str]:
    """Return the mark and the comment that a cell has: None and "" before a TA gave them.

    Args:
        course: the nbgrader course directory.
        key: learner, lesson and cell.

    Raises:
        CampError: there is no such cell.
    """
    with open_gradebook(course) as gradebook:
        slots = read_slots(gradebook, of=key[:2])
        if key not in slots:
            raise CampError(_unknown(key, slots))
        slot = slots[key]
        said = slot.comment.manual_comment if slot.comment else None
        return slot.grade.manual_score, said or ""


def write_template(course: Path, file: Path) -> int:
    """Write what waits for a mark to ``file`` (.csv or .xlsx) and return the number of rows.

    Raises:
        CampError: the file exists already, or cannot be written.
    """
    if file.exists():
        raise CampError(f"{file} exists and may hold marks; name a new file")
    rows: list[Row] = [[*COLUMNS[:3], "max", *COLUMNS[3:], "remark"]]
    with open_gradebook(course) as gradebook:
        for key, slot in sorted(read_slots(gradebook).items(), key=lambda item: item[0]):
            if not slot.grade.needs_manual_grade:
                continue
            said = slot.comment
            remarks = [
                f"marked {slot.grade.manual_score:g} before it was graded again"
                if slot.grade.manual_score is not None
                else "",
                (said.auto_comment or "") if said else "takes no comment",
            ]
            comment = (said.manual_comment or "") if said else ""
            maximum = slot.maximum
            number = int(maximum) if maximum.is_integer() else maximum
            rows.append([*key, number, None, comment, "; ".join(filter(None, remarks))])
    if file.suffix.lower() == ".xlsx":
        write_xlsx(file, {"marks": rows})
    else:
        write_csv(file, rows)
    return len(rows) - 1


def _parse(file: Path, errors: list[str]) -> list[Mark]:
    heading, *rows = read_table(file) or [[]]
    names = [name.lower() for name in heading]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise CampError(
            f"{file} has no column {missing[0]!r}; the first row must name {', '.join(COLUMNS)}"
            " (camp marks --template FILE writes such a file)"
        )
    places = [names.index(name) for name in COLUMNS]
    marks: list[Mark] = []
    seen: dict[Key, int] = {}
    for number, row in enumerate(rows, start=2):
        learner, lesson, cell, mark, comment = (row[i] if i < len(row) else "" for i in places)
        if not (mark or comment):
            continue
        key = (learner, lesson, cell)
        if key in seen:
            errors.append(f"row {number}: repeats row {seen[key]}; keep one of them")
            continue
        seen[key] = number
        try:
            marks.append(Mark(number, key, float(mark) if mark else None, comment))
        except ValueError:
            errors.append(f"row {number}: mark {mark!r} is no number; write one such as 8 or 7.5")
    return marks


def _is_missing(mark: Mark, slot: Slot | None) -> bool:
    """Tell whether a cell waits for what ``mark`` says; so does one that there is not."""
    if slot is None:
        return True
    has = slot.comment.manual_comment if slot.comment else None
    return bool(
        slot.grade.needs_manual_grade
        and slot.grade.manual_score in (None, mark.mark)
        and has in (None, "", mark.comment)
    )


def _check(mark: Mark, slots: dict[Key, Slot], replace: bool) -> list[str]:
    """Return what ``mark`` changes, as lines to show.

    Raises:
        _Refused: the gradebook cannot take it.
    """
    slot = slots.get(mark.key)
    if slot is None:
        raise _Refused(_unknown(mark.key, slots))
    where = " ".join(mark.key)
    changes = []
    if mark.mark is not None:
        if not (math.isfinite(mark.mark) and 0 <= mark.mark <= slot.maximum):
            raise _Refused(f"{where}: mark {mark.mark:g} is not from 0 to {slot.maximum:g}")
        old = slot.grade.manual_score
        if old is not None and old != mark.mark:
            if not replace:
                raise _Taken(
                    f"{where}: marked {old:g} already; add --replace to enter {mark.mark:g}"
                )
            changes.append(f"{where}: {old:g} -> {mark.mark:g}")
        elif old is None:
            changes.append(f"{where}: {mark.mark:g} of {slot.maximum:g}")
    if mark.comment:
        if slot.comment is None:
            raise _Refused(f"{where} takes no comment; empty it, or comment on the answer's cell")
        old = slot.comment.manual_comment
        if old and old != mark.comment:
            if not replace:
                raise _Taken(f"{where}: has another comment already; add --replace to change it")
            changes.append(f"{where}: comment {old!r} -> {mark.comment!r}")
    return changes


def _unknown(key: Key, slots: dict[Key, Slot]) -> str:
    """Say which part of ``key`` the gradebook does not have, and the nearest it has."""
    found = set(slots)
    index = 0
    while any(other[index] == key[index] for other in found):
        found = {other for other in found if other[index] == key[index]}
        index += 1
    name, known = key[index], sorted({other[index] for other in found})
    near = [other for other in known if other.lstrip("0") == name] or get_close_matches(name, known)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    scope = f" of {' '.join(key[:index])}" if index else ""
    return f"no {('learner', 'lesson', 'cell')[index]} {name!r} in the submissions{scope}{hint}"


def _enter(mark: Mark, slot: Slot) -> None:
    """Write one checked mark, as formgrader does."""
    if mark.mark is not None:
        slot.grade.manual_score = mark.mark
        slot.grade.needs_manual_grade = False
    if mark.comment and slot.comment is not None:
        slot.comment.manual_comment = mark.comment


def marks_command(
    file: Annotated[Path | None, typer.Argument(help="The marks, CSV or XLSX.")] = None,
    course: Annotated[Path, typer.Option("--course", help="The nbgrader course directory.")] = Path(
        "course"
    ),
    template: Annotated[
        Path | None, typer.Option(help="Write what waits for a mark there, to fill in.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite other marks.")] = False,
    db: database.Address = None,
) -> None:
    """Enter a TA's marks from a file, or write the file to fill in."""
    database.use(db)
    if (file is None) == (template is None):
        raise CampError("name the file of marks, or --template FILE to write one", 2)
    if template is not None:
        typer.echo(f"{template}: {write_template(course, template)} cells wait for a mark")
    if file is not None:
        done = import_marks(course, file, replace=replace)
        for change in done.changes:
            typer.echo(change)
        typer.echo(f"{done.marked} marks entered; {done.waiting} cells wait for one")
