"""Tables for spreadsheets: CSV and XLSX written safely, read with the errors people make.

A text that starts like a formula is written as text: in XLSX by the cell's type, in CSV behind an
apostrophe, which reading takes off again.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from course_lib.errors import CampError
from course_lib.files import read_at_most, write_atomic

Value: TypeAlias = str | int | float | None
Row: TypeAlias = Sequence[Value]

_FORMULA = tuple("=+-@\t\r＝＋－＠")
_SHIELDED = re.compile(r"^'(?=[=+\-@\t\r＝＋－＠'])")
_NOT_IN_XLSX = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Write ``rows`` as UTF-8 with a byte order mark, so that Excel shows Chinese."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([_shielded(v) for v in row] for row in rows)
    write_out(path, codecs.BOM_UTF8 + text.getvalue().encode())


def _shielded(value: Value) -> Value:
    shield = isinstance(value, str) and value.startswith((*_FORMULA, "'"))
    return f"'{value}" if shield else value


def write_xlsx(path: Path, sheets: dict[str, Sequence[Row]]) -> None:
    """Write a workbook; the first row of each sheet is its heading."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row, start=1):
                cell = sheet.cell(number, column)
                if isinstance(value, str):
                    cell.value = _NOT_IN_XLSX.sub("\ufffd", value)
                    cell.data_type = "s"
                    cell.quotePrefix = value.startswith(_FORMULA)
                else:
                    cell.value = value
                if number == 1:
                    cell.font = Font(bold=True)
        sheet.freeze_panes = "A2"
    data = io.BytesIO()
    book.save(data)
    write_out(path, data.getvalue())


def write_out(path: Path, data: bytes) -> None:
    """Write a file that somebody asked for, whole or not at all.

    Raises:
        CampError: it cannot be written.
    """
    try:
        write_atomic(path, data)
    except OSError as error:
        raise CampError(
            f"cannot write {path}: {error.strerror}; close it elsewhere or name another file"
        ) from None


def read_table(path: Path, most: int | None = None) -> list[list[str]]:
    """Return the rows of a CSV or XLSX file (its first sheet) as stripped texts.

    CSV may be UTF-8 (with or without byte order mark), UTF-16 or GB18030, parted by commas,
    semicolons or tabs.

    Args:
        path: the file.
        most: bytes; by default as many as it has.

    Raises:
        CampError: the file is missing, too large or of another kind.
    """
    try:
        data = path.read_bytes() if most is None else read_at_most(path, most)
    except ValueError:
        raise CampError(f"{path} has more than {most} bytes: too large to be read") from None
    except OSError as error:
        raise CampError(f"cannot read {path}: {error.strerror}") from None
    rows = _xlsx_rows(path, data) if path.suffix.lower() == ".xlsx" else _csv_rows(path, data)
    return [[value.strip() for value in row] for row in rows]


def _csv_rows(path: Path, data: bytes) -> list[list[str]]:
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        text = "\0"
    if "\0" in text:
        raise CampError(f"{path} is not a CSV text; save it as 'CSV UTF-8' or as .xlsx")
    heading = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=heading.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise CampError(f"{path} is not well-formed CSV ({error}); save it as .xlsx") from None
    return [[_SHIELDED.sub("", value) for value in row] for row in rows]


def _xlsx_rows(path: Path, data: bytes) -> list[list[str]]:
    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        return [[_text(value) for value in row] for row in book.worksheets[0].values]
    except Exception as error:  # openpyxl lets zip, XML and its own errors through
        raise CampError(f"{path} is not a workbook that can be read: {error}") from None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
