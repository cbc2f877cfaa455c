"""``camp archive`` and ``camp restore``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from course_lib.errors import CampError, printable
from grading import database

if TYPE_CHECKING:
    from grading.archive.write import Advance


@contextmanager
def _bar(what: str) -> Iterator[Advance]:
    """Show a bar of bytes on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = TextColumn(what), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(what)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def archive_command(
    cohort: Annotated[str, typer.Argument(help="Whose course it is, e.g. 2026a.")],
    course: Annotated[Path, typer.Option(help="The course directory.")] = Path("course"),
    output: Annotated[
        Path | None, typer.Option(help="The file; COHORT-archive.zip beside the course.")
    ] = None,
    db: database.Address = None,
) -> None:
    """Keep all that a cohort's scores came from in one file, to reproduce them anywhere.

    It holds the course (tests, submissions, gradebook, ledger, journal), the cohort's seed, the
    programs with the rules of points, the versions of all libraries, and the SHA-256 of every
    file. Nothing is overwritten.
    """
    from grading.archive.write import write_archive
    from grading.cohort import find_cohort
    from grading.course import Course

    database.use(db)
    opened = Course.open(course)
    target = output or opened.path.parent / f"{cohort}-archive.zip"
    with _bar("archiving") as advance:
        manifest = write_archive(opened, find_cohort(cohort), target, advance)
    for name in manifest.left_out:
        typer.echo(f"left out, no plain file: {name}", err=True)
    files = f"{len(manifest.files)} files, {target.stat().st_size / 1e6:.1f} MB"
    typer.echo(f"{target}: {files}\nSHA-256 {_digest(target)}")
    typer.echo(
        "it holds secrets (seed, hidden tests, learners' work): only you may read it (mode 0600);\n"
        "note its SHA-256 somewhere else, for camp restore --sha256"
    )


def restore_command(
    archive: Annotated[Path, typer.Argument(help="What camp archive wrote.")],
    folder: Annotated[Path, typer.Argument(help="The course directory to make.")],
    sha256: Annotated[
        str | None, typer.Option(help="What camp archive said: nobody changed it since.")
    ] = None,
    max_gb: Annotated[
        float, typer.Option(min=0, max=1_000_000, help="Larger ones are refused.")
    ] = 20,
) -> None:
    """Make a cohort's course again from its archive, every file checked, on any machine.

    The seed goes to where camp build looks for it. An archive holds programs (tests, settings):
    restore only those of people whom you trust.
    """
    from grading.archive.manifest import KEPT, this_kit
    from grading.archive.restore import restore

    if sha256 is not None and _digest(archive) != sha256.strip().lower():
        raise CampError(f"{archive} is not the archive with that SHA-256: get a good copy")
    with _bar("restoring") as advance:
        manifest = restore(archive, folder, max_gb * 1e9, advance)
    made = f"{manifest.made:%Y-%m-%d %H:%M} UTC"
    typer.echo(
        f"{folder}: cohort {manifest.cohort} as archived on {made}, "
        f"{len(manifest.files)} files checked"
    )
    if manifest.elsewhere:
        typer.echo(
            f"its gradebook lay elsewhere ({printable(manifest.elsewhere)}); the copy is "
            f"{folder}/gradebook.db: "
            "leave out --db and CAMP_DB, and db_url in nbgrader_config.py"
        )
    if manifest.kit != this_kit():
        typer.echo(
            f"its scores came from other programs (kit {printable(manifest.kit.version)}, Python "
            f"{printable(manifest.kit.python)}): they lie in {folder}/{KEPT}; for the very same "
            f"install its requirements.lock and set PYTHONPATH={folder}/{KEPT}"
        )
    typer.echo(f"next: camp grade --course {folder} (--force runs everything again)")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
