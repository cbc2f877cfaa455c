"""The address of a course's gradebook: SQLite in the course, or PostgreSQL for many TAs."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from course_lib.errors import CampError

VARIABLE = "CAMP_DB"


def address_of(root: Path) -> str:
    """Return the SQLAlchemy address of the gradebook of the course at ``root``."""
    return with_driver(os.environ.get(VARIABLE) or f"sqlite:///{root / 'gradebook.db'}")


def with_driver(address: str) -> str:
    """Return ``address`` with the driver that is installed, for PostgreSQL psycopg 3.

    Raises:
        CampError: it is no address.
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
    return url.render_as_string(hide_password=False)


def use(address: str | None) -> None:
    """Let all that follows keep the gradebook at ``address``; the course's own when None."""
    if address:
        os.environ[VARIABLE] = with_driver(address)
