"""``camp note check FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from course_lib.note.check import check_note
from course_lib.note.file import read_note
from course_lib.note.report import NoteReport
from course_lib.note.view import print_report

note_app = typer.Typer(no_args_is_help=True, help="Check the note of level L1-1.")


def check_file(path: Path) -> NoteReport:
    """Return the report on the note in ``path``: Markdown, plain text, or a notebook.

    Raises:
        CampError: when there is no such file, or no note that can be read in it.
    """
    source = read_note(path)
    return check_note(source.text, source.others)


@note_app.callback()
def _note() -> None:
    """Check the note of level L1-1."""


@note_app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A .md, .txt or .ipynb file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Check a note's length, stages, link and images; advice for you and the TA, never a mark."""
    report = check_file(file)
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        print_report(report, Console())
