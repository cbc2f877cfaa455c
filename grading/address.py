"""Addresses of databases: SQLAlchemy's, with the driver that is installed."""

from __future__ import annotations

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from course_lib.errors import CampError


def with_driver(address: str, holds: str = "gradebook") -> str:
    """Return ``address`` with the driver that is installed, for PostgreSQL psycopg 3.

    Args:
        address: such as ``postgresql://USER@HOST/NAME``.
        holds: what the database holds, for the message.

    Raises:
        CampError: it is no address, or nothing that is installed speaks to such a database.
    """
    try:
        url = make_url(address)
    except ArgumentError:
        raise CampError(
            f"the {holds}'s address is not understood: postgresql://USER@HOST/NAME is expected "
            "(the password belongs into ~/.pgpass)",
            2,
        ) from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    try:
        url.get_dialect().import_dbapi()
    except (ArgumentError, ImportError) as error:
        raise CampError(
            f"no driver for {url.drivername}:// is installed ({error}): keep the {holds} at "
            "postgresql://USER@HOST/NAME, or leave --db out for a file",
            2,
        ) from None
    return url.render_as_string(hide_password=False)
