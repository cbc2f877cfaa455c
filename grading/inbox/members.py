"""Who may come in: learners, TAs and instructors, each with a token that is kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select

from course_lib.bundle import id_key, is_learner_id
from course_lib.errors import CampError
from grading.inbox.database import Database, MemberRow, now

PREFIX = "camp_"
FIELDS = ("role", "name", "cohort")


class Role(StrEnum):
    """What somebody may do."""

    LEARNER = "learner"
    TA = "ta"
    INSTRUCTOR = "instructor"


@dataclass(frozen=True)
class Member:
    """Somebody on the roster; ``issued`` is when the token was made, None without one."""

    id: str
    role: Role = Role.LEARNER
    name: str = ""
    cohort: str = ""
    issued: str | None = None

    def may_see(self, cohort: str) -> bool:
        """Tell whether a TA or instructor may see the work of a cohort."""
        if self.role is Role.INSTRUCTOR:
            return True
        return self.role is Role.TA and self.cohort in ("", cohort)


@dataclass(frozen=True)
class Invitation:
    """A member and the token, which is shown this once."""

    member: Member
    token: str


def digest(token: str) -> str:
    """Return what is kept of a token; its 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Roster:
    """The roster in the inbox's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def members(self) -> list[Member]:
        """Return everybody, by id."""
        with self._database.reading() as session:
            return [_member(row) for row in session.scalars(select(MemberRow).order_by("id"))]

    def find(self, member: str) -> Member | None:
        """Return who has the id ``member``, or None."""
        with self._database.reading() as session:
            row = session.get(MemberRow, member)
            return _member(row) if row else None

    def holder(self, token: str) -> Member | None:
        """Return whose ``token`` is, or None."""
        with self._database.reading() as session:
            row = session.scalar(select(MemberRow).where(MemberRow.token == digest(token)))
            return _member(row) if row else None

    def enter(
        self, members: Sequence[Member], *, fields: Collection[str] = FIELDS, new: bool = False
    ) -> tuple[int, int]:
        """Enter members, all or none; tokens of those who are there stay.

        Args:
            members: whom.
            fields: what is changed of those who are there.
            new: refuse who is there already.

        Returns:
            How many are new, and how many were changed.

        Raises:
            CampError: an id or a text may not be, or somebody is there twice, maybe in another
                spelling.
        """
        check(members)
        known = {id_key(one.id): one.id for one in self.members()}
        added = changed = 0
        with self._database.writing() as session:
            for one in members:
                row = session.get(MemberRow, one.id)
                values = {"role": str(one.role), "name": one.name, "cohort": one.cohort}
                if row is None:
                    other = known.setdefault(id_key(one.id), one.id)
                    if other != one.id:
                        raise CampError(
                            f"{one.id} is the id {other} in another spelling: use one of them"
                        )
                    session.add(MemberRow(id=one.id, **values))
                    added += 1
                    continue
                if new:
                    raise CampError(
                        f"{one.id} is on the roster already: for a new token run "
                        f"'camp roster invite {one.id}'"
                    )
                values = {name: value for name, value in values.items() if name in fields}
                changed += any(getattr(row, name) != value for name, value in values.items())
                for name, value in values.items():
                    setattr(row, name, value)
        return added, changed

    def invite(self, ids: Collection[str]) -> list[Invitation]:
        """Return new invitations, not valid before :meth:`issue` has them.

        Raises:
            CampError: somebody is not on the roster.
        """
        known = {one.id: one for one in self.members()}
        _check_known(ids, known)
        return [
            Invitation(known[one], PREFIX + secrets.token_urlsafe(32)) for one in dict.fromkeys(ids)
        ]

    def issue(self, invitations: Iterable[Invitation]) -> None:
        """Make the tokens of ``invitations`` valid, and older ones of the same members void."""
        with self._database.writing() as session:
            for one in invitations:
                row = session.get_one(MemberRow, one.member.id)
                row.token, row.issued = digest(one.token), now()

    def revoke(self, ids: Collection[str]) -> int:
        """Make tokens void; return how many there were.

        Raises:
            CampError: somebody is not on the roster.
        """
        _check_known(ids, {one.id for one in self.members()})
        count = 0
        with self._database.writing() as session:
            for one in dict.fromkeys(ids):
                row = session.get_one(MemberRow, one)
                count += row.token is not None
                row.token = row.issued = None
        return count


def check(members: Iterable[Member]) -> None:
    """Refuse what may not be on a roster.

    Raises:
        CampError: an id or a text may not be, or somebody is there twice.
    """
    seen: set[str] = set()
    for one in members:
        if not is_learner_id(one.id):
            raise CampError(f"{one.id!r} cannot be an id: letters, digits and . _ @ + - only", 2)
        if one.id in seen:
            raise CampError(f"{one.id} is there twice", 2)
        seen.add(one.id)
        for what, text, most in (("name", one.name, 80), ("cohort", one.cohort, 64)):
            if len(text) > most or not text.isprintable():
                raise CampError(f"{one.id}: a {what} is one line of up to {most} characters", 2)


def _check_known(ids: Collection[str], known: Collection[str]) -> None:
    if unknown := [one for one in ids if one not in known]:
        raise CampError(f"not on the roster: {', '.join(unknown[:5])}; add them first")


def _member(row: MemberRow) -> Member:
    return Member(row.id, Role(row.role), row.name, row.cohort, row.issued)
