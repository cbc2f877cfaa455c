"""The command ``camp``: learners' commands here, others from installed packages.

A package adds commands through the entry point group ``camp.commands``, a sequence of
:class:`Command`; so a learner's kit without ``grading`` has the learner's part, and where there is
one of the same name (``feedback``) it takes that one's place. Only the module
of the command that runs is imported, because some take seconds (nbgrader).
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import typer

from course_lib.errors import CampError
from course_lib.imports import without_garbage

INTERRUPTED = 130  # the exit code that Typer gives Ctrl+C


@dataclass(frozen=True)
class Command:
    """One command of ``camp``: where its function (or Typer app) is, and one line of help."""

    name: str
    target: str
    help: str

    def load(self) -> object:
        """Import the function or Typer app, named ``module:attribute``."""
        module, _, attribute = self.target.partition(":")
        with without_garbage():
            return getattr(import_module(module), attribute)


COMMANDS = (
    Command("lab", "course_lib.lab:lab", "Open JupyterLab on the list of lessons."),
    Command("chat-page", "course_lib.apps.start:chat_page", "Open a web page to chat in."),
    Command("agent-page", "course_lib.apps.start:agent_page", "Open a web page with an agent."),
    Command("rag-page", "course_lib.apps.start:rag_page", "Open a page that answers from files."),
    Command("doctor", "course_lib.doctor.command:doctor", "Say what is wrong here, and the fix."),
    Command("mini", "course_lib.mini.commands:mini_app", "Train, examine, time the small model."),
    Command("tools", "course_lib.toolbox.commands:tools_app", "Install the tools of the lessons."),
    Command("explain", "course_lib.toolbox.commands:explain", "Say why a tool failed and the fix."),
    Command("note", "course_lib.note.command:note_app", "Check the note of level L1-1."),
    Command("status", "course_lib.learner.commands:status_command", "Show where you stand."),
    Command("submit", "course_lib.learner.commands:submit_command", "Hand in a lesson."),
    Command("result", "course_lib.learner.commands:result_command", "Fetch your own result."),
    Command("feedback", "course_lib.learner.commands:result_command", "The same as result."),
)


def use_own_environment() -> None:
    """Put this interpreter's bin folder first on PATH (nbgrader spawns ``alembic``)."""
    own = str(Path(sys.executable).parent)
    parts = os.environ.get("PATH", "").split(os.pathsep)
    if parts[:1] != [own]:
        os.environ["PATH"] = os.pathsep.join([own, *parts])


def make_app(words: list[str]) -> typer.Typer:
    """Return ``camp`` for a command line; commands it does not name are listed, not loaded."""
    app = typer.Typer(
        name="camp",
        help="The InternLM camp as a Jupyter course: learn, build, grade, feedback, points.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    wanted = next((word for word in words if not word.startswith("-")), None)
    found = {command.name: command for command in COMMANDS}
    for entry in entry_points(group="camp.commands"):
        found |= {command.name: command for command in entry.load()}
    for command in found.values():
        target = command.load() if command.name == wanted else _not_loaded
        if isinstance(target, typer.Typer):
            app.add_typer(target, name=command.name, help=command.help)
        else:
            help_text = command.help if target is _not_loaded else None
            app.command(command.name, help=help_text)(target)  # type: ignore[type-var]
    return app


def _not_loaded() -> None:
    """Stand for a command in the list of ``camp --help``."""


def main() -> None:
    """Run ``camp``; a ``CampError`` becomes one line on stderr and an exit code."""
    use_own_environment()
    try:
        make_app(sys.argv[1:])()
    except CampError as error:
        typer.echo(f"camp: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        typer.echo(f"camp: {place}{error.strerror or error}", err=True)
        sys.exit(1)
    except (KeyboardInterrupt, SystemExit) as stop:
        if isinstance(stop, KeyboardInterrupt) or stop.code == INTERRUPTED:
            typer.echo("camp: stopped; run the same command again to go on", err=True)
            sys.exit(INTERRUPTED)
        raise
