"""Ways of a bundle to the course: a shared folder, or an nbgrader exchange."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from course_lib.bundle import SECRET, TIMESTAMP, Submission, unpack
from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Text

INBOUND, _FEEDBACK = "inbound", "feedback"
_OPEN = 0o777  # as nbgrader leaves it: the instructor may take it away


def put(bundle: Path, submission: Submission, folder: Path) -> Path:
    """Put a bundle into a folder and return where it is; nothing there is overwritten.

    Numbers are those of one kit's folder, and a learner's new one begins with 1 again: a bundle
    whose name is taken gets some of its SHA-256 added to it.

    In an exchange it lies unpacked, as ``LEARNER+LESSON+TIME+WORD`` with the time and a secret,
    the way ``nbgrader submit`` does it.

    Args:
        bundle: the bundle.
        submission: its ``submission.json``.
        folder: where to.

    Raises:
        CampError: there is no such folder, or other files have the bundle's names.
        OSError: it cannot be written.
    """
    if not folder.is_dir():
        what = Text(
            f"没有文件夹 {folder}：检查路径，或先挂载它",
            f"no folder {folder}: check the path, or mount it",
        )
        raise CampError(str(what))
    if exchange := exchange_of(folder):
        return _exchange(bundle, submission, exchange / INBOUND)
    data = bundle.read_bytes()
    other = f"{bundle.stem}-{hashlib.sha256(data).hexdigest()[:8]}{bundle.suffix}"
    for target in (folder / bundle.name, folder / other):
        if not os.path.lexists(target):
            write_atomic(target, data)
            return target
        if target.is_file() and target.read_bytes() == data:
            return target
    what = Text(
        f"{target} 已经存在，内容不同，没有覆盖：请告诉助教",
        f"{target} is there with other content and was not overwritten: tell your TA",
    )
    raise CampError(str(what))


def is_address(place: str) -> bool:
    """Tell whether ``place`` is an inbox's address and not a folder."""
    return place.lower().startswith(("http://", "https://"))


def exchange_of(folder: Path) -> Path | None:
    """Return the course's folder in an nbgrader exchange: ``folder``, or the one around it.

    An exchange is a folder that has a folder ``inbound``.
    """
    if folder.name == INBOUND:
        return folder.parent
    return folder if (folder / INBOUND).is_dir() else None


def page_of(exchange: Path, secret: str, notebook: str) -> Path:
    """Return where an exchange keeps a feedback page: nobody else can guess its name.

    It is nbgrader's (0.9, ``utils.notebook_hash``).
    """
    name = hashlib.md5(f"{secret}{notebook}".encode("utf-8", "replace")).hexdigest()  # noqa: S324
    return exchange / _FEEDBACK / f"{name}.html"


def _exchange(bundle: Path, submission: Submission, inbound: Path) -> Path:
    moment = f"{submission.time:%Y-%m-%d %H:%M:%S.%f} UTC"
    secret = hashlib.sha256(bundle.read_bytes()).hexdigest()
    word = secret[:16]  # nobody else can guess it
    name = f"{submission.learner}+{submission.lesson}+{moment}+{word}"
    target, unfinished = inbound / name, inbound / f".{name}"
    if os.path.lexists(target):
        return target
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was cut off
    unpack(bundle, unfinished)
    (unfinished / TIMESTAMP).write_text(moment, encoding="utf-8")
    (unfinished / SECRET).write_text(secret, encoding="utf-8")
    unfinished.chmod(_OPEN)
    unfinished.rename(target)
    return target
