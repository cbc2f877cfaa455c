"""What was collected: every submission as it came, and the newest in ``submitted/``.

``collected/LESSON/LEARNER/NUMBER`` is outside of what nbgrader looks at; nothing in it is changed
or removed. ``submitted/LEARNER/LESSON`` is a copy of the newest by the time it was received.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from course_lib import bundle
from course_lib.bundle import (
    MANIFEST,
    MAX_BUNDLE,
    TIMESTAMP,
    BadBundle,
    Submission,
    id_key,
    is_learner_id,
)
from course_lib.errors import printable
from course_lib.files import write_atomic
from course_lib.language import Text
from grading.collect.record import OF_EXCHANGE, Damaged, Record, digest_of, digest_or_none
from grading.collect.sources import Offer
from grading.course import Course
from grading.intake import Refused, list_files, read_plain

_RECORD, _FILES, _PART = "collected.json", "files", ".part-"
_NOT_LISTED = {MANIFEST, *OF_EXCHANGE}
Became = Literal["new", "again", "older", "kept"]


class Archive:
    """The submissions that a course has collected.

    Args:
        course: the course.
    """

    def __init__(self, course: Course) -> None:
        self.course = course
        self.path = course.path / "collected"

    def take(self, offer: Offer) -> tuple[Record, Became]:
        """Check an offer and keep it as it came, unless it is there already.

        Returns:
            What is known of it, and ``new`` or ``again``.

        Raises:
            BadBundle: it is not what it says, or not of this course.
            Refused: the folder of an exchange holds something else than plain files.
            Damaged: the record of an earlier one cannot be read.
            OSError: it cannot be read or written.
        """
        with self._fresh() as fresh:
            said = self._unpack(offer, fresh / _FILES)
            learner, lesson = self._whose(offer, said)
            self._check_spelling(learner)
            digest = digest_of(fresh / _FILES)
            folder = self._folder(learner, lesson)
            now = datetime.now(UTC).replace(microsecond=0)
            for place, record in self.records(learner, lesson).items():
                if record.digest == digest:
                    if offer.received and record.clock == "learner":  # came another way before
                        record = record.model_copy(
                            update={
                                "received": min(offer.received, now),
                                "clock": "source",
                                "source": printable(offer.label),
                            }
                        )
                        write_atomic(place / _RECORD, record.model_dump_json(indent=1) + "\n")
                    return record, "again"
            owner = self._owner(offer.place, learner)
            told = offer.received or offer.claimed or (said.time if said else now)
            record = Record(
                learner=learner, lesson=lesson, nickname=said.nickname if said else "",
                number=said.number if said else 0, received=min(told, now),
                clock="source" if offer.received else "learner", digest=digest,
                source=printable(offer.label), owner=owner,
            )  # fmt: skip
            write_atomic(fresh / _RECORD, record.model_dump_json(indent=1) + "\n")
            folder.mkdir(parents=True, exist_ok=True)
            number = 1 + max((int(one.name) for one in _numbered(folder)), default=0)
            fresh.rename(folder / f"{number:03d}")
        return record, "new"

    def place(self, learner: str, lesson: str) -> tuple[Record, Became]:
        """Put a learner's newest submission where nbgrader looks.

        Returns:
            The newest, and ``new`` when it was put there, ``again`` when it was there, ``kept``
            when something lies there that was not collected, which stays.

        Raises:
            Damaged: a record cannot be read.
            OSError: it cannot be read or written.
        """
        records = self.records(learner, lesson)
        newest = max(records, key=lambda one: (records[one].received, records[one].number, one))
        record = records[newest]
        target = self.course.submitted(learner, lesson)
        if target.exists():
            there = digest_or_none(target)
            if there == record.digest:
                return record, "again"
            if there not in {one.digest for one in records.values()}:
                return record, "kept"
        with self._fresh() as fresh:
            shutil.copytree(newest / _FILES, fresh / "new")
            if not (fresh / "new" / TIMESTAMP).exists():
                stamp = f"{record.received.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC\n"
                (fresh / "new" / TIMESTAMP).write_text(stamp, encoding="utf-8")
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                target.rename(fresh / "old")  # a copy: collected/ has it
            (fresh / "new").rename(target)
        return record, "new"

    def check(self, learner: str, lesson: str) -> None:
        """Refuse what cannot be somebody's, or is of no lesson here.

        Raises:
            BadBundle: it is so.
        """
        if not is_learner_id(learner):
            raise BadBundle(f"学员编号 {learner!r} 不能用", f"{learner!r} cannot be a learner's id")
        if lesson not in self.course.lessons():
            known = ", ".join(self.course.lessons())
            raise BadBundle(
                f"没有课程 {lesson!r}（有：{known}）",
                f"no lesson {lesson!r} here (there are: {known})",
            )

    def records(self, learner: str, lesson: str) -> dict[Path, Record]:
        """Return what was collected of a learner's lesson, by folder.

        Raises:
            Damaged: a record cannot be read.
        """
        found = {}
        for folder in _numbered(self._folder(learner, lesson)):
            try:
                found[folder] = Record.model_validate_json((folder / _RECORD).read_bytes())
            except (OSError, ValidationError):
                raise Damaged(folder / _RECORD) from None
        return found

    def received(self, learner: str, lesson: str) -> datetime | None:
        """Return when what is graded of a learner's lesson came, by its form's or inbox's clock.

        None when it was not collected, or came by something that has no clock.
        """
        try:
            records = self.records(learner, lesson).values()
        except Damaged:
            return None
        times = {one.digest: one.received for one in records if one.clock == "source"}
        digest = digest_or_none(self.course.submitted(learner, lesson)) if times else None
        return times.get(digest) if digest else None

    def tidy(self) -> None:
        """Remove what a run that was killed left half unpacked."""
        for left in self.path.glob(f"{_PART}*"):
            shutil.rmtree(left, ignore_errors=True)

    def _folder(self, learner: str, lesson: str) -> Path:
        return self.path / lesson / learner

    @contextmanager
    def _fresh(self) -> Iterator[Path]:
        """Give a new folder on the course's disk; what is left of it goes."""
        self.path.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=self.path, prefix=_PART))
        fresh.chmod(0o755)
        try:
            yield fresh
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _unpack(self, offer: Offer, target: Path) -> Submission | None:
        if not offer.place.is_dir():
            return bundle.unpack(offer.place, target)
        root, files = list_files(offer.place)
        sizes = sum(path.lstat().st_size for path in files)
        if sizes > MAX_BUNDLE:
            most = f"{MAX_BUNDLE / 1e6:.0f} MB"
            raise BadBundle(f"超过 {most}", f"more than {most}")
        for path in files:
            copy = target / path.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(read_plain(path, MAX_BUNDLE))
        return self._manifest(target)

    @staticmethod
    def _manifest(folder: Path) -> Submission | None:
        """Return what an unpacked bundle says of itself; None of what nbgrader handed in."""
        if not (folder / MANIFEST).is_file():
            return None
        try:
            said = Submission.model_validate_json((folder / MANIFEST).read_bytes())
        except ValidationError:
            raise BadBundle(f"{MANIFEST} 坏了", f"{MANIFEST} is damaged") from None
        names = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and path.relative_to(folder).as_posix() not in _NOT_LISTED
        }
        known = {file.path for file in said.files}
        if names.keys() != known or bundle.describe(names) != said.files:
            raise BadBundle(
                f"文件与 {MANIFEST} 对不上（打包后被改过）",
                f"files differ from {MANIFEST} (changed after packing)",
            )
        return said

    def _whose(self, offer: Offer, said: Submission | None) -> tuple[str, str]:
        learner = said.learner if said else offer.learner
        lesson = said.lesson if said else offer.lesson
        if offer.learner and id_key(offer.learner.strip()) != id_key(learner):
            raise BadBundle(
                f"来源写的是 {offer.learner}，压缩包里是 {learner}：问清楚是谁的",
                f"it came as {offer.learner}, inside it says {learner}: ask whose it is",
            )
        self.check(learner, lesson)
        return learner, lesson

    def _check_spelling(self, learner: str) -> None:
        """Refuse the id of somebody whom the course has under another spelling."""
        spellings = self._spellings.setdefault(id_key(learner), {learner})
        if learner not in spellings:
            others = ", ".join(sorted(spellings))
            raise BadBundle(
                f"编号写的是 {learner}，课程里是 {others}：问清楚是不是同一位；是的话请用 "
                f"camp submit --id {others} 再交",
                f"the id is {learner}, the course has {others}: ask whether that is the same "
                f"person, who then hands it in by camp submit --id {others}",
            )

    def _owner(self, place: Path, learner: str) -> int | None:
        """Return the account that put a folder into an exchange; None when it is ours: a copy.

        Raises:
            BadBundle: it is another than of the learner's earlier ones, of any lesson; a page would
                go to it.
            Damaged: the record of an earlier one cannot be read.
        """
        owner = place.lstat().st_uid if place.is_dir() else os.getuid()
        if owner == os.getuid():
            return None
        lessons = [folder.parent.name for folder in self.path.glob(f"[!.]*/{learner}")]
        known = {
            record.owner for lesson in lessons for record in self.records(learner, lesson).values()
        } - {None}
        if known and owner not in known:
            raise BadBundle(
                f"放它的账号和 {learner} 以前的不同：问清楚是谁的；是本人的，就把它复制到文件夹 "
                "NEW/inbound 里，再运行 camp collect NEW",
                f"another account put it there than {learner}'s earlier ones: ask whose it is; if "
                f"{learner}'s, copy it into a folder NEW/inbound and run camp collect NEW",
            )
        return owner

    @cached_property
    def _spellings(self) -> dict[str, set[str]]:
        """The ids that the course has, by what their spellings share."""
        found: dict[str, set[str]] = {}
        for folder in [*self.path.glob("[!.]*/*"), *self.course.path.glob("submitted/*")]:
            found.setdefault(id_key(folder.name), set()).add(folder.name)
        return found


def _numbered(folder: Path) -> list[Path]:
    """Return the folders of submissions, ``001`` and so on."""
    names = folder.iterdir() if folder.is_dir() else ()
    return sorted(one for one in names if re.fullmatch("[0-9]+", one.name))


def reason_of(error: BadBundle | Refused | Damaged | OSError) -> Text:
    """Return why an offer could not be taken."""
    if isinstance(error, BadBundle | Damaged):
        return error.text
    if isinstance(error, Refused):
        return error.remark
    line = error.strerror or str(error)
    return Text(f"读不出来：{line}", f"cannot be read: {line}")
