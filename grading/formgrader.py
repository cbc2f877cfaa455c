"""``camp formgrader``: nbgrader's marking pages on one course, on this machine only."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from course_lib.errors import CampError
from course_lib.lab import has_display
from course_lib.ports import LOOPBACK, first_free
from grading import database
from grading.course import Course

# Scripts and styles of Jupyter itself are inline; what matters is that no page calls out.
_CONTENT_SECURITY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    f"connect-src 'self' ws://{LOOPBACK}:* data: blob:; frame-ancestors 'self'; object-src 'none'; "
    "base-uri 'self'; form-action 'self'"
)


# In place of nbgrader's own extension, which does not know the settings that `camp` adds.
_EXTENSIONS = {
    "grading.formgrader_pages": True,
    "nbgrader.server_extensions.formgrader": False,
}


def server_arguments(course: Course, port: int) -> list[str]:
    """Return the arguments of ``python -m jupyterlab`` for formgrader on ``course``."""
    headers = {"headers": {"Content-Security-Policy": _CONTENT_SECURITY}}
    arguments = [
        f"--ServerApp.ip={LOOPBACK}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={course.path}",
        f"--ServerApp.tornado_settings={headers!r}",
        f"--ServerApp.jpserver_extensions={_EXTENSIONS!r}",
        "--ServerApp.answer_yes=True",
        "--Application.log_level=ERROR",
        "--LabApp.default_url=/formgrader",
        "--LabApp.extension_manager=readonly",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--ServerApp.allow_root=True")
    return arguments


def formgrader_command(
    course: Annotated[Path, typer.Option(help="The nbgrader course directory.")] = Path("course"),
    port: Annotated[
        int, typer.Option(min=1024, max=65535, help="First port to try on 127.0.0.1.")
    ] = 8890,
    browser: Annotated[
        bool, typer.Option(help="Open a browser window where there is a display.")
    ] = True,
    db: database.Address = None,
) -> None:
    """Open formgrader, where a TA marks notes and adds comments (on 127.0.0.1 only)."""
    database.use(db)
    opened = Course.open(course)
    opened.prepare()
    with opened.gradebook():
        pass  # what is wrong with it or with the settings is said here, in one line
    (opened.path / "exchange").mkdir(exist_ok=True)  # nbgrader's pages complain without it
    free = first_free(port)
    if free is None:
        raise CampError(f"ports {port} to {port + 49} are all taken: choose another with --port")
    token = os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(16)
    typer.echo(f"formgrader: http://{LOOPBACK}:{free}/formgrader?token={token}")
    typer.echo("Stop with Ctrl+C.")
    sys.stdout.flush()
    os.chdir(opened.path)  # where the pages look for their course
    command = [
        *(sys.executable, "-m", "jupyterlab"),
        *server_arguments(opened, free),
        f"--ServerApp.open_browser={browser and has_display()}",
    ]
    os.execve(command[0], command, {**os.environ, "JUPYTER_TOKEN": token})  # noqa: S606
