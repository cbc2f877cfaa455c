"""The address of a course's gradebook: SQLite in the course, or PostgreSQL for many TAs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from nbgrader.api import Base
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from course_lib.errors import CampError

VARIABLE = "CAMP_DB"
Address = Annotated[
    str | None, typer.Option(help="Where the gradebook is: postgresql://USER@HOST/NAME.")
]
"""The option ``--db`` of a command; see :func:`use`."""
_OLD = ("no such table", "no such column", "has no column", "undefinedtable", "undefinedcolumn")


def address_of(root: Path) -> str:
    """Return the SQLAlchemy address of the gradebook of the course at ``root``."""
    return with_driver(os.environ.get(VARIABLE) or f"sqlite:///{root / 'gradebook.db'}")


def with_driver(address: str) -> str:
    """Return ``address`` with the driver that is installed, for PostgreSQL psycopg 3.

    Raises:
        CampError: it is no address, or nothing that is installed speaks to such a database.
    """
    try:
        url = make_url(address)
    except ArgumentError:
        raise CampError(
            "the gradebook's address is not understood: postgresql://USER@HOST/NAME is expected "
            "(the password belongs into ~/.pgpass)",
            2,
        ) from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    try:
        url.get_dialect().import_dbapi()
    except (ArgumentError, ImportError) as error:
        raise CampError(
            f"no driver for {url.drivername}:// is installed ({error}): keep the gradebook at "
            "postgresql://USER@HOST/NAME, or leave --db out for a file in the course",
            2,
        ) from None
    return url.render_as_string(hide_password=False)


def prepare(address: str) -> None:
    """Make nbgrader's tables where there are none yet, and note their version as it does.

    nbgrader itself runs the program ``alembic`` of ``PATH`` for the version, which takes seconds.
    """
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    engine = create_engine(address)
    try:
        with engine.begin() as connection:
            if not inspect(connection).get_table_names():
                Base.metadata.create_all(connection)
                migrations = MigrationContext.configure(connection)
                migrations.stamp(ScriptDirectory(ALEMBIC_DIR), "head")
    finally:
        engine.dispose()


def explain(error: SQLAlchemyError) -> str:
    """Return what is wrong with a gradebook and what to do about it, in one line."""
    cause = str(error).splitlines()[0]
    said = cause.lower()
    if any(sign in said for sign in _OLD):
        todo = ": back it up, then run 'nbgrader db upgrade' in the course directory"
    elif "locked" in said:
        todo = ": another program is writing to it; end that or wait, then try again"
    elif isinstance(error, OperationalError) and "connect" in said:
        todo = ": check its address, and that the server runs and lets you in"
    else:
        todo = ""
    return f"({cause}){todo}"


def use(address: str | None) -> None:
    """Let all that follows keep the gradebook at ``address``; the course's own when None."""
    if address:
        os.environ[VARIABLE] = with_driver(address)
