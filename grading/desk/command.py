"""``camp desk``: opens the TAs' page, for this machine only."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Annotated

import typer

from course_lib.apps.start import WebPage, open_page, until_stopped
from course_lib.errors import CampError
from grading import database
from grading.course import Course
from grading.desk.claims import MAX_NAME
from grading.desk.settings import Settings
from grading.scores import open_gradebook

FIRST_PORT = 8501
TOKEN = "CAMP_DESK_TOKEN"  # noqa: S105 - the name of a variable
PAGE = Path(__file__).with_name("page.py")
_ADDRESS = re.compile(r"https?://[\w.\[\]:-]+\Z")


def open_desk(
    course: Path, *, port: int = FIRST_PORT, name: str = "", formgrader: str = ""
) -> WebPage:
    """Start the page and print its address.

    Args:
        course: the course directory.
        port: the first port to try, on 127.0.0.1 only.
        name: the TA's name; "" to ask for it on the page. The user of this machine tells nothing:
            TAs may share one.
        formgrader: address of ``camp formgrader``.

    Raises:
        CampError: no such course, no gradebook, an address or a name that cannot be, or the page
            does not come up.
    """
    opened = Course.open(course)
    with open_gradebook(opened.path):
        pass  # what is wrong with it is said here, in one line
    if not _ADDRESS.match(formgrader):
        raise CampError(f"--formgrader {formgrader}: give an address as http://127.0.0.1:8890", 2)
    if len(name) > MAX_NAME:
        raise CampError(f"--name: {MAX_NAME} characters at most", 2)
    token = os.environ.get(TOKEN) or secrets.token_hex(16)
    settings = Settings(
        course=opened.path,
        name=name.strip(),
        formgrader=formgrader,
        token=token,
    )
    return open_page(PAGE, port, settings.variables(), f"/?token={token}")


def desk_command(
    course: Annotated[Path, typer.Option(help="The nbgrader course directory.")] = Path("course"),
    port: Annotated[
        int, typer.Option(min=1024, max=65535, help="First port to try on 127.0.0.1.")
    ] = FIRST_PORT,
    name: Annotated[
        str, typer.Option(help="Your name on claims; the page asks for it otherwise.")
    ] = "",
    formgrader: Annotated[
        str, typer.Option(help="Where camp formgrader runs, for links.")
    ] = "http://127.0.0.1:8890",
    db: database.Address = None,
) -> None:
    """Open the TAs' desk: the queue, marks with reusable comments, how exercises do.

    On 127.0.0.1 only, until Ctrl+C.
    """
    database.use(db)
    until_stopped(open_desk(course, port=port, name=name, formgrader=formgrader))
