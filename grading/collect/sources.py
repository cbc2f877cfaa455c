"""What is offered: bundles in a folder, an nbgrader exchange, an inbox's data, a form's table."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.learner.places import INBOUND, exchange_of
from grading.inbox.receipts import BUNDLES, KEY

_TABLES = {".csv", ".xlsx"}
_LOOK_LIKE_WORK = {".ipynb", ".rar", ".7z", ".tar", ".gz", ".tgz"}


@dataclass(frozen=True)
class Offer:
    """One submission that is offered.

    Attributes:
        label: how it is called when something is said of it.
        place: a bundle, or a folder of an exchange.
        learner: whose it is, as the source has it; "" when it does not say.
        lesson: of which lesson, likewise.
        received: when it arrived, by the form's or the inbox's clock; None of what has none.
        claimed: when it was handed in as the learner's side says, in the name of an exchange's
            folder.
    """

    label: str
    place: Path
    learner: str = ""
    lesson: str = ""
    received: datetime | None = None
    claimed: datetime | None = None


@dataclass(frozen=True)
class Trouble:
    """Something that was offered and cannot be taken, and why, in one line."""

    label: str
    text: Text


def is_table(source: Path) -> bool:
    """Tell whether ``source`` is a form's export."""
    return source.suffix.lower() in _TABLES


def find_offers(source: Path) -> Iterator[Offer | Trouble]:
    """Yield what is in a folder, or the one bundle that is named.

    Raises:
        CampError: there is no such place.
    """
    if source.is_file():
        yield Offer(source.name, source)
    elif not source.is_dir():
        raise CampError(
            f"nothing at {source}: name a folder of bundles, an nbgrader exchange, an inbox's data "
            "folder, or a form's export (.csv, .xlsx)"
        )
    elif exchange := exchange_of(source):
        yield from _exchange(exchange / INBOUND)
    elif _is_of_inbox(source / BUNDLES):
        yield from _bundles(source / BUNDLES, arrived=True)
    else:
        yield from _bundles(source, arrived=_is_of_inbox(source.resolve()))


def _is_of_inbox(folder: Path) -> bool:
    """Tell whether an inbox keeps its bundles here, so that its clock counts.

    Its key lies beside it, and is of whom the folder is: where learners can write, one of them
    may have made both. Where only the owner can write, the key may be anybody's.
    """
    key = folder.parent / KEY
    if folder.name != BUNDLES or not key.is_file():
        return False
    kept = folder.parent.stat()
    others = stat.S_IWGRP | stat.S_IWOTH
    return key.stat().st_uid == kept.st_uid or not (kept.st_mode | folder.stat().st_mode) & others


def find_bundles(folder: Path) -> list[Path]:
    """Return the zip files below ``folder``; hidden ones and what is no file are left out."""
    return [path for path in _files(folder) if path.suffix.lower() == ".zip" and path.is_file()]


def _bundles(folder: Path, *, arrived: bool) -> Iterator[Offer | Trouble]:
    for path in _files(folder):
        label = str(path.relative_to(folder))
        if path.suffix.lower() == ".zip":
            yield Offer(label, path, received=_changed(path) if arrived else None)
        elif path.suffix.lower() in _LOOK_LIKE_WORK:
            yield Trouble(
                label,
                Text(
                    "不是 camp submit 生成的压缩包：请学员用 camp submit 再交",
                    "no bundle of camp submit: ask the learner to hand in with camp submit",
                ),
            )


def _files(folder: Path) -> Iterator[Path]:
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith((".", "__MACOSX")))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(base) / name


def _changed(path: Path) -> datetime:
    return datetime.fromtimestamp(path.lstat().st_mtime, UTC).replace(microsecond=0)


def _exchange(inbound: Path) -> Iterator[Offer | Trouble]:
    """Yield the folders ``LEARNER+LESSON+TIME[+WORD]``; a learner's id may hold ``+`` too.

    Learners make and name them, so their word is all there is: what the disk notes of a folder
    changes with each copy of the exchange.
    """
    for path in _folders(inbound):
        parts = path.name.rsplit("+", 3)
        if len(parts) == 4 and _moment(parts[2]) is None:
            parts = path.name.rsplit("+", 2)  # without the word at the end
        moment = _moment(parts[2]) if len(parts) > 2 else None
        if moment is None:
            yield Trouble(
                path.name,
                Text("文件夹名不是 学员+课程+时间", "the folder is not called LEARNER+LESSON+TIME"),
            )
            continue
        yield Offer(path.name, path, parts[0], parts[1], claimed=moment)


def _folders(inbound: Path) -> Iterable[Path]:
    entries = sorted(os.scandir(inbound), key=lambda one: one.name)
    return [Path(one.path) for one in entries if not one.name.startswith(".")]


def _moment(text: str) -> datetime | None:
    """Return nbgrader's time, such as ``2026-11-28 09:30:00.123456 UTC``."""
    try:
        found = datetime.fromisoformat(text.removesuffix(" UTC"))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
