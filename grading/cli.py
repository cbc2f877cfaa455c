"""The commands of instructors and TAs, added to ``camp``.

What a command needs is imported when it runs, so that ``camp --help`` stays quick.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from course_lib.language import parse_language

COURSE = typer.Option("--course", help="The nbgrader course directory.")
LESSONS = typer.Argument(help="Lessons such as 01_intro; all when none is named.")


def build(
    lessons: Annotated[list[str] | None, LESSONS] = None,
    cohort: Annotated[
        str, typer.Option(help="Whose secret seed makes the hidden tests.")
    ] = "public",
    course: Annotated[Path, COURSE] = Path("course"),
    notebooks: Annotated[Path, typer.Option(help="The folder of lessons.")] = Path("notebooks"),
    language: Annotated[str, typer.Option(help="Of the course's release: zh or en.")] = "zh",
    force: Annotated[bool, typer.Option(help="Build unchanged lessons too.")] = False,
) -> None:
    """Build lessons: learners' notebooks and an nbgrader course, every exercise proven."""
    from grading.build import Builder
    from grading.cohort import find_cohort

    builder = Builder(notebooks, course, find_cohort(cohort), parse_language(language))
    for built in builder.build(lessons or (), force=force):
        typer.echo(f"{built.lesson}: {'built' if built.fresh else 'unchanged'}")
        for kept in built.kept:
            typer.echo(f"  {kept} holds edits and was kept; move it away to get the new one")
    if cohort == "public":
        typer.echo("hidden tests are from the public seed; for grading: camp cohort NAME")


def cohort(name: Annotated[str, typer.Argument(help="A new name, e.g. 2026a.")]) -> None:
    """Start a cohort: make the secret seed of its hidden tests."""
    from grading.cohort import create_cohort

    path = create_cohort(name)
    typer.echo(f"seed of cohort {name}: {path}")
    typer.echo("keep a backup: without it the cohort's tests cannot be built again")
    typer.echo(f"next: camp build --cohort {name} --course FOLDER")


def register(app: typer.Typer) -> None:
    """Add this package's commands to ``app`` (entry point ``camp.commands``)."""
    app.command()(build)
    app.command()(cohort)
