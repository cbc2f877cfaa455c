"""What the inbox keeps: bundles and feedback pages on the disk, and a row for each.

A file is written whole, under a name that nothing else has, and is on the disk before its row is;
the receipt comes after the row. So whatever a crash leaves, every row has its file.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Select, distinct, exists, func, select
from sqlalchemy.exc import SQLAlchemyError

from course_lib import bundle
from course_lib.bundle import BadBundle
from course_lib.errors import CampError
from grading.inbox.database import Database, FeedbackRow, MemberRow, SubmissionRow, alone, now
from grading.inbox.members import Member
from grading.inbox.receipts import BUNDLES, Receipt, Signer, signer
from grading.inbox.refusals import Refusal
from grading.inbox.upload import Arrived


@dataclass(frozen=True)
class Folders:
    """The inbox's data folder, for its user alone."""

    data: Path

    @property
    def bundles(self) -> Path:
        """Accepted bundles, ``<id>.zip``."""
        return self.data / BUNDLES

    @property
    def feedback(self) -> Path:
        """Released pages, ``<id>.html``."""
        return self.data / "feedback"

    @property
    def incoming(self) -> Path:
        """What is being sent; nothing in it counts."""
        return self.data / "incoming"

    def make(self) -> None:
        """Make the folders, and drop what a server that was killed left half sent."""
        for folder in (self.data, self.bundles, self.feedback, self.incoming):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in self.incoming.iterdir():
            left.unlink()
        _sync(self.data)


class Store:
    """Takes bundles in and hands things out; all methods may wait for the disk.

    Args:
        folders: where.
        database: the rows.
        signer: of the receipts.
        quota: bytes that all bundles of one learner may take.
    """

    def __init__(self, folders: Folders, database: Database, signer: Signer, quota: int) -> None:
        self.folders = folders
        self._database = database
        self._signer = signer
        self._quota = quota

    def accept(self, member: Member, lesson: str, arrived: Arrived) -> tuple[Receipt, bool]:
        """Take a bundle in, and return its receipt and whether it is new.

        The same bytes of the same learner for the same lesson have one receipt for ever; sent
        again, they also replace a file that was lost or damaged.

        Raises:
            Refusal: it is no bundle, another's, of another lesson, or too much.
        """
        _check_bundle(member, lesson, arrived.path)
        identity = secrets.token_hex(16)
        path = self._bundle(identity)
        row = SubmissionRow(
            id=identity, learner=member.id, lesson=lesson, cohort=member.cohort,
            sha256=arrived.sha256, size=arrived.size, received=now(),
        )  # fmt: skip
        _date(arrived.path, row)
        arrived.path.rename(path)
        try:
            _sync(self.folders.bundles)
            row, fresh = self._enter(row)
        except BaseException:
            self._withdraw(SubmissionRow, path)
            raise
        if not fresh:
            _date(path, row)
            path.replace(self._bundle(row.id))
            _sync(self.folders.bundles)
        return self._receipt(row), fresh

    def _enter(self, new: SubmissionRow) -> tuple[SubmissionRow, bool]:
        """Enter a row, or find that of the same bytes; tell whether it is new."""
        mine = (SubmissionRow.learner == new.learner, SubmissionRow.lesson == new.lesson)
        with self._database.writing() as session:
            session.get(MemberRow, new.learner, with_for_update=True)  # one upload at a time
            same = select(SubmissionRow).where(*mine, SubmissionRow.sha256 == new.sha256)
            if row := session.scalar(same):
                return row, False
            used = session.scalar(
                select(func.sum(SubmissionRow.size)).where(SubmissionRow.learner == new.learner)
            )
            if int(used or 0) + new.size > self._quota:
                raise Refusal(
                    413,
                    f"你交的文件合计超过 {self._quota / 1e6:g} MB：请联系助教",
                    f"your submissions take more than {self._quota / 1e6:g} MB: ask your TA",
                )
            last = session.scalar(select(func.max(SubmissionRow.number)).where(*mine))
            new.number = (last or 0) + 1
            alone(session.connection(), f"queue {new.cohort}/{new.lesson}")
            new.queue = (session.scalar(_others_waiting(new)) or 0) + 1
            session.add(new)
        return new, True

    def _withdraw(self, table: type[SubmissionRow] | type[FeedbackRow], path: Path) -> None:
        """Remove a file that has no row; where that cannot be told, it stays."""
        with suppress(SQLAlchemyError, OSError):
            with self._database.reading() as session:
                row = session.scalar(select(table.id).where(table.id == path.stem))
            if row is None:
                path.unlink(missing_ok=True)

    def submissions(self, member: Member, lesson: str | None) -> list[Receipt]:
        """Return the receipts of all submissions that ``member`` may see, oldest first."""
        query = select(SubmissionRow).order_by(SubmissionRow.serial)
        if lesson is not None:
            query = query.where(SubmissionRow.lesson == lesson)
        with self._database.reading() as session:
            rows = session.scalars(query).all()
        return [self._receipt(row) for row in rows if member.may_see(row.cohort)]

    def bundle(self, member: Member, identity: str) -> Path:
        """Return the file of a submission that ``member`` may see.

        Raises:
            Refusal: there is none.
        """
        with self._database.reading() as session:
            row = session.scalar(select(SubmissionRow).where(SubmissionRow.id == identity))
        if row is None or not member.may_see(row.cohort):
            raise Refusal(404, "没有这份提交", "there is no such submission")
        return _there(self._bundle(row.id))

    def release(self, learner: str, lesson: str, arrived: Arrived) -> bool:
        """Keep a feedback page as the newest of a learner and lesson; tell whether it is new."""
        identity = secrets.token_hex(16)
        path = self._page(identity)
        arrived.path.rename(path)
        try:
            _sync(self.folders.feedback)
            with self._database.writing() as session:
                session.get(MemberRow, learner, with_for_update=True)
                newest = session.scalar(_newest(learner, lesson))
                if fresh := newest is None or newest.sha256 != arrived.sha256:
                    row = FeedbackRow(
                        id=identity, learner=learner, lesson=lesson, sha256=arrived.sha256,
                        released=now(),
                    )  # fmt: skip
                    session.add(row)
        except BaseException:
            self._withdraw(FeedbackRow, path)
            raise
        if newest is not None and not fresh:
            path.replace(self._page(newest.id))
        return fresh

    def feedback(self, member: Member, lesson: str) -> Path:
        """Return the newest page that was released to ``member``.

        Raises:
            Refusal: there is none.
        """
        with self._database.reading() as session:
            row = session.scalar(_newest(member.id, lesson))
        if row is None:
            raise Refusal(
                404, f"课程 {lesson} 还没有反馈", f"there is no feedback on {lesson} for you yet"
            )
        return _there(self._page(row.id))

    def problems(self) -> Iterator[str]:
        """Yield a line for each bundle that is missing, damaged, or in no row."""
        with self._database.reading() as session:
            rows = session.scalars(select(SubmissionRow).order_by(SubmissionRow.serial)).all()
        for row in rows:
            if fault := fault_of(self._bundle(row.id), row.sha256):
                whose = f"{row.learner} {row.lesson} number {row.number}"
                yield f"{whose}: bundles/{row.id}.zip {fault}"
        known = {f"{row.id}.zip" for row in rows}
        for path in sorted(self.folders.bundles.iterdir()):
            if path.name not in known:
                yield f"bundles/{path.name} is of no submission (a crash, or an old database)"

    def ping(self) -> None:
        """Ask the database for a row."""
        with self._database.reading() as session:
            session.scalar(select(MemberRow.id).limit(1))

    def _receipt(self, row: SubmissionRow) -> Receipt:
        place = self._bundle(row.id).relative_to(self.folders.data).as_posix()
        receipt = Receipt(
            id=row.id, learner=row.learner, lesson=row.lesson, cohort=row.cohort,
            number=row.number, sha256=row.sha256, received=row.received, place=place,
            queue=row.queue,
        )  # fmt: skip
        return self._signer.sign(receipt)

    def _bundle(self, identity: str) -> Path:
        return self.folders.bundles / f"{identity}.zip"

    def _page(self, identity: str) -> Path:
        return self.folders.feedback / f"{identity}.html"


def open_store(data: Path, database: Database, quota: int, *, new: bool = False) -> Store:
    """Return the store of the data folder ``data``; ``new`` makes what is not there.

    Raises:
        CampError: there is no inbox, or its key cannot be used.
    """
    folders = Folders(data.resolve())
    if new:
        folders.make()
    return Store(folders, database, signer(folders.data, new=new), quota)


def fault_of(path: Path, sha256: str) -> str:
    """Return what is wrong with a file that should have this SHA-256, "" if nothing."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        raise CampError(f"cannot read {path}: {error.strerror}") from None
    return "" if found == sha256 else "is damaged"


def _there(path: Path) -> Path:
    if not path.is_file():
        raise Refusal(404, "文件丢了：请告诉助教", "its file was lost: tell your TA")
    return path


def _check_bundle(member: Member, lesson: str, path: Path) -> None:
    try:
        submission = bundle.verify(path)
    except BadBundle as error:
        raise Refusal(422, error.text.zh, error.text.en) from None
    if submission.learner != member.id:
        raise Refusal(
            422,
            f"这份提交是 {submission.learner} 的，令牌是 {member.id} 的：请用自己的令牌交自己的；"
            f"编号写错了就用 camp submit {lesson} --id {shlex.quote(member.id)}",
            f"this is a submission of {submission.learner}, the token is {member.id}'s: hand in "
            f"your own with your own token; if the id is mistyped: camp submit {lesson} --id "
            f"{shlex.quote(member.id)}",
        )
    if submission.lesson != lesson:
        raise Refusal(
            422,
            f"这份提交是课程 {submission.lesson} 的，不是 {lesson} 的",
            f"this is a submission of {submission.lesson}, not of {lesson}",
        )


def _newest(learner: str, lesson: str) -> Select[FeedbackRow]:
    return (
        select(FeedbackRow)
        .where(FeedbackRow.learner == learner, FeedbackRow.lesson == lesson)
        .order_by(FeedbackRow.serial.desc())
        .limit(1)
    )


def _others_waiting(new: SubmissionRow) -> Select[int]:
    """Count the others of a cohort who handed a lesson in and had no feedback since."""
    since = exists().where(
        FeedbackRow.learner == SubmissionRow.learner,
        FeedbackRow.lesson == SubmissionRow.lesson,
        FeedbackRow.released >= SubmissionRow.received,
    )
    return select(func.count(distinct(SubmissionRow.learner))).where(
        SubmissionRow.cohort == new.cohort,
        SubmissionRow.lesson == new.lesson,
        SubmissionRow.learner != new.learner,
        ~since,
    )


def _date(path: Path, row: SubmissionRow) -> None:
    """Give a bundle's file the time at which it was received, which camp collect goes by."""
    moment = datetime.fromisoformat(row.received).timestamp()
    os.utime(path, (moment, moment))


def _sync(folder: Path) -> None:
    """Wait until the disk has the names in ``folder``."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
