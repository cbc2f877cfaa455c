"""The command ``camp``: learners' commands here, others from installed packages.

Packages add commands through the entry point group ``camp.commands`` (a function
``register(app)``), so a learner's kit without ``grading`` has the learner's part.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import entry_points
from pathlib import Path

import typer

from course_lib.errors import CampError

app = typer.Typer(
    name="camp",
    help="The InternLM camp as a Jupyter course: build, learn, grade, feedback, points.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _use_own_environment() -> None:
    """Put this interpreter's bin folder first on PATH (nbgrader spawns ``alembic``)."""
    own = str(Path(sys.executable).parent)
    parts = os.environ.get("PATH", "").split(os.pathsep)
    if parts[:1] != [own]:
        os.environ["PATH"] = os.pathsep.join([own, *parts])


def main() -> None:
    """Run ``camp``; a ``CampError`` becomes one line on stderr and an exit code."""
    _use_own_environment()
    for entry in entry_points(group="camp.commands"):
        entry.load()(app)
    try:
        app()
    except CampError as error:
        typer.echo(f"camp: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("camp: stopped; run the same command again to go on", err=True)
        sys.exit(130)
