"""The inbox's tables, in SQLite or PostgreSQL, through SQLAlchemy 2."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    ForeignKey,
    String,
    UniqueConstraint,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy import inspect as look_at
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from course_lib.errors import CampError
from grading.address import with_driver

VARIABLE = "CAMP_INBOX_DB"
_WAIT = 30  # seconds, for a lock or a connection


class Base(DeclarativeBase):
    """What the tables share."""


class MemberRow(Base):
    """Somebody on the roster."""

    __tablename__ = "inbox_members"
    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(80), default="")
    cohort: Mapped[str] = mapped_column(String(64), default="")
    token: Mapped[str | None] = mapped_column(String(64), unique=True)  # SHA-256 of it
    issued: Mapped[str | None] = mapped_column(String(32))


class SubmissionRow(Base):
    """A submission that was accepted; its bundle is on the disk before the row is.

    ``queue`` is the place among those of the cohort who waited for feedback on the lesson then.
    """

    __tablename__ = "inbox_submissions"
    __table_args__ = (
        UniqueConstraint("learner", "lesson", "sha256"),
        UniqueConstraint("learner", "lesson", "number"),
    )
    serial: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    learner: Mapped[str] = mapped_column(ForeignKey("inbox_members.id"), index=True)
    lesson: Mapped[str] = mapped_column(String(100), index=True)
    cohort: Mapped[str] = mapped_column(String(64))
    number: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    received: Mapped[str] = mapped_column(String(32))
    queue: Mapped[int]


class FeedbackRow(Base):
    """A feedback page that was released; the newest of a learner and lesson is shown."""

    __tablename__ = "inbox_feedback"
    serial: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    learner: Mapped[str] = mapped_column(ForeignKey("inbox_members.id"), index=True)
    lesson: Mapped[str] = mapped_column(String(100))
    sha256: Mapped[str] = mapped_column(String(64))
    released: Mapped[str] = mapped_column(String(32))


class Database:
    """The inbox's database.

    Args:
        address: SQLAlchemy's; :func:`address_of` gives the usual one.

    Raises:
        CampError: it cannot be used, or holds something else.
    """

    def __init__(self, address: str) -> None:
        options: dict[str, Any] = {"pool_size": 10, "max_overflow": 30, "pool_timeout": _WAIT}
        is_file = address.startswith("sqlite")
        if is_file:
            options["connect_args"] = {"timeout": _WAIT}
            _keep_private(address)
        self._engine = create_engine(
            address, hide_parameters=True, pool_pre_ping=not is_file, **options
        )
        if is_file:
            event.listen(self._engine, "connect", _on_connect)
            event.listen(self._engine, "begin", _on_begin)
        self._writer = self._engine.execution_options(camp_writes=True)
        try:
            with self._writer.begin() as connection:
                names = set(look_at(connection).get_table_names())
                if "assignment" in names:
                    raise CampError(
                        "this database holds a gradebook: give the inbox one of its own "
                        "(createdb inbox)"
                    )
                alone(connection, "the inbox's tables")
                Base.metadata.create_all(connection)
        except SQLAlchemyError as error:
            raise unusable(error) from None

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that only reads."""
        with Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a session whose changes are on the disk when the block ends, all or none."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def alone(connection: Connection, what: str) -> None:
    """Wait for other transactions that asked for the same, and keep new ones waiting until the end.

    SQLite lets one write at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        key = int.from_bytes(hashlib.sha256(what.encode()).digest()[:8], "big", signed=True)
        connection.execute(select(func.pg_advisory_xact_lock(key)))


def _keep_private(address: str) -> None:
    """Make the file of an SQLite database, if there is none yet, for its user alone."""
    file = make_url(address).database
    if file and file != ":memory:":
        try:
            Path(file).touch(mode=0o600)
        except OSError as error:
            raise CampError(f"cannot write {file}: {error.strerror}") from None


def _on_connect(connection: sqlite3.Connection, _: object) -> None:
    """Leave transactions to :func:`_on_begin`; a commit waits for the disk."""
    connection.isolation_level = None
    for setting in ("journal_mode = wal", "synchronous = full", "foreign_keys = on"):
        connection.execute(f"pragma {setting}")


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("camp_writes")
    connection.exec_driver_sql("begin immediate" if writes else "begin")


def address_of(data: Path, address: str | None) -> str:
    """Return the address to use: ``address``, else ``CAMP_INBOX_DB``, else a file in ``data``."""
    return with_driver(
        address or os.environ.get(VARIABLE) or f"sqlite:///{data.resolve() / 'inbox.db'}", "inbox"
    )


def unusable(error: SQLAlchemyError) -> CampError:
    """Return what is wrong with the database in one line."""
    cause = str(getattr(error, "orig", None) or error).splitlines()[0]
    return CampError(f"the inbox's database cannot be used ({cause}): check --db, then try again")


def now() -> str:
    """Return the time as it is kept: UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
