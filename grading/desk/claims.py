"""Which TA works on which submission: at most one, until the claim ends by itself.

With the gradebook in PostgreSQL the claims lie in the same database, else in a file of the course,
so that taking some never waits for a long run of ``camp grade``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import Column as TableColumn
from sqlalchemy import Connection, Engine, MetaData, String, Table, create_engine, select
from sqlalchemy import DateTime as Moment
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from course_lib.errors import CampError
from grading import database
from grading.course import Course

LASTS = timedelta(hours=4)
"""How long a claim holds unless it is renewed."""
MAX_NAME = 64
_WAIT = 30  # seconds, for another's lock
_TABLE = Table(
    "camp_claims",
    MetaData(),
    TableColumn("lesson", String(128), primary_key=True),
    TableColumn("learner", String(256), primary_key=True),
    TableColumn("ta", String(MAX_NAME), nullable=False),
    TableColumn("until", Moment, nullable=False),  # UTC
)
Place: TypeAlias = tuple[str, str]
"""Lesson and learner."""


@dataclass(frozen=True)
class Claim:
    """Who works on a submission, and until when it is kept from others, UTC."""

    lesson: str
    learner: str
    ta: str
    until: datetime


class Claims:
    """The claims of a course.

    Args:
        course: the course.

    Raises:
        CampError: the database cannot be used.
    """

    def __init__(self, course: Course) -> None:
        address = str(course.config.CourseDirectory.db_url)
        options: dict[str, Any] = {}
        if make_url(address).get_backend_name() != "postgresql":
            course.state.mkdir(parents=True, exist_ok=True)
            address = f"sqlite:///{course.state / 'claims.db'}"
            options["connect_args"] = {"timeout": _WAIT}
        self._engine: Engine = create_engine(address, hide_parameters=True, **options)
        with contextlib.suppress(IntegrityError), self._connection() as connection:
            connection.execute(CreateTable(_TABLE, if_not_exists=True))

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """Open a transaction."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except IntegrityError:  # PostgreSQL: another process made the table at the same moment
            raise
        except SQLAlchemyError as error:
            raise CampError(f"claims cannot be kept {database.explain(error)}") from None

    def take(
        self, ta: str, wanted: Sequence[Place], most: int, now: datetime | None = None
    ) -> list[Place]:
        """Claim submissions that nobody else holds, and renew those that ``ta`` holds.

        Each is claimed in one statement, which the database lets one TA at a time win.

        Args:
            ta: the TA's name.
            wanted: lesson and learner of each, in order.
            most: how many at most.
            now: the time, UTC.

        Returns:
            What ``ta`` holds of them now.
        """
        got: list[Place] = []
        for lesson, learner in wanted:
            if len(got) >= most:
                break
            with self._connection() as connection:
                if _take_one(connection, ta, lesson, learner, _moment(now)):
                    got.append((lesson, learner))
        return got

    def held(self, lesson: str, now: datetime | None = None) -> dict[str, Claim]:
        """Return the claims on a lesson that hold, by learner."""
        with self._connection() as connection:
            rows = connection.execute(
                select(_TABLE)
                .where(_TABLE.c.lesson == lesson, _TABLE.c.until > _moment(now))
                .order_by(_TABLE.c.learner)
            ).all()
        return {row.learner: Claim(*row) for row in rows}

    def release(self, ta: str, places: Sequence[Place]) -> None:
        """Give back what ``ta`` holds of ``places``."""
        for lesson, learner in places:
            with self._connection() as connection:
                connection.execute(
                    _TABLE.delete().where(
                        _TABLE.c.lesson == lesson, _TABLE.c.learner == learner, _TABLE.c.ta == ta
                    )
                )


def _take_one(connection: Connection, ta: str, lesson: str, learner: str, now: datetime) -> bool:
    """Claim one submission unless another's claim on it holds; tell whether ``ta`` holds it."""
    on_postgresql = connection.dialect.name == "postgresql"
    values = {"lesson": lesson, "learner": learner, "ta": ta, "until": now + LASTS}
    statement = (insert_postgresql if on_postgresql else insert_sqlite)(_TABLE).values(values)
    done = connection.execute(
        statement.on_conflict_do_update(
            index_elements=[_TABLE.c.lesson, _TABLE.c.learner],
            set_={"ta": ta, "until": now + LASTS},
            where=(_TABLE.c.ta == ta) | (_TABLE.c.until <= now),
        ).returning(_TABLE.c.ta)
    )
    return done.first() is not None


def _moment(now: datetime | None) -> datetime:
    return (now or datetime.now(UTC)).replace(tzinfo=None)
