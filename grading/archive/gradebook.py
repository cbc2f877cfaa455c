"""A gradebook as it stands at one moment, copied to a file of its own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from nbgrader.api import Base
from sqlalchemy import create_engine, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from course_lib.errors import CampError
from grading import database

_ROWS = 1000


def copy_gradebook(address: str, target: Path) -> None:
    """Copy a gradebook while others may write to it.

    Args:
        address: SQLAlchemy's, of SQLite or of a server.
        target: the new SQLite file.

    Raises:
        CampError: it cannot be read.
    """
    url = make_url(address)
    try:
        if url.get_backend_name() == "sqlite":
            _copy_file(Path(url.database or ""), target)
        else:
            _copy_tables(address, target)
    except (SQLAlchemyError, sqlite3.Error) as error:
        told = database.explain(error) if isinstance(error, SQLAlchemyError) else f"({error})"
        raise CampError(f"the gradebook cannot be copied {told}") from None


def entered(copy: Path) -> set[tuple[str, str]]:
    """Return lesson and learner of each submission in a copy.

    Raises:
        CampError: it is no gradebook.
    """
    query = (
        "SELECT assignment.name, student_id FROM submitted_assignment "
        "JOIN assignment ON assignment.id = assignment_id"
    )
    try:
        with closing(sqlite3.connect(copy)) as book:
            return set(book.execute(query))
    except sqlite3.Error as error:
        raise CampError(f"the gradebook cannot be read ({error})") from None


def _copy_file(source: Path, target: Path) -> None:
    if not source.is_file():
        raise CampError(f"there is no gradebook at {source}: run camp build or camp grade first")
    with (
        # rw: what a crash left half written in it is rolled back first
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=rw", uri=True)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it


def _copy_tables(address: str, target: Path) -> None:
    copy = f"sqlite:///{target}"
    database.prepare(copy)
    source, sink = create_engine(address), create_engine(copy)
    try:
        with (
            source.connect().execution_options(isolation_level="REPEATABLE READ") as old,
            sink.begin() as new,
        ):
            for table in Base.metadata.sorted_tables:
                for rows in old.execute(select(table)).mappings().partitions(_ROWS):
                    new.execute(table.insert(), [dict(row) for row in rows])
    finally:
        source.dispose()
        sink.dispose()
