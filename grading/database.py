"""The address of a course's gradebook: SQLite in the course, or PostgreSQL for many TAs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from nbgrader.api import Base
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from grading.address import with_driver

VARIABLE = "CAMP_DB"
Address = Annotated[
    str | None, typer.Option(help="Where the gradebook is: postgresql://USER@HOST/NAME.")
]
"""The option ``--db`` of a command; see :func:`use`."""
_OLD = ("no such table", "no such column", "has no column", "undefinedtable", "undefinedcolumn")


def address_of(root: Path) -> str:
    """Return the SQLAlchemy address of the gradebook of the course at ``root``."""
    return with_driver(os.environ.get(VARIABLE) or f"sqlite:///{root / 'gradebook.db'}")


def prepare(address: str) -> None:
    """Make nbgrader's tables where there are none yet, and note their version as it does.

    nbgrader itself runs the program ``alembic`` of ``PATH`` for the version, which takes seconds.
    """
    engine = create_engine(address)
    try:
        with engine.begin() as connection:
            if not inspect(connection).get_table_names():
                _make_tables(connection)
    finally:
        engine.dispose()


def _make_tables(connection: Connection) -> None:
    from alembic.runtime.migration import MigrationContext  # a second of imports, needed once
    from alembic.script import ScriptDirectory

    Base.metadata.create_all(connection)
    MigrationContext.configure(connection).stamp(ScriptDirectory(ALEMBIC_DIR), "head")


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
