"""Writing an archive: file by file, whatever the size of the course."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import make_url

from course_lib import zips
from course_lib.bundle import File
from course_lib.doctor.packages import LOCK
from course_lib.errors import CampError, printable
from course_lib.files import new_file
from grading.archive.gradebook import copy_gradebook, entered
from grading.archive.manifest import (
    COURSE,
    KEPT,
    MANIFEST,
    MOST_FILES,
    MOST_LISTED,
    PINS,
    SEED,
    Manifest,
    fits,
    is_text,
    programs,
    stored_as,
    this_kit,
)
from grading.build import building
from grading.cohort import PUBLIC, Cohort, owner, working_tree
from grading.course import Course
from grading.journal import Journal
from grading.ledger import Ledger

Advance = Callable[[int, int], None]
"""Is told the bytes that are done, and all bytes."""
_GRADEBOOK = "gradebook.db"
_ENDS = ("", "-wal", "-shm", "-journal")  # of SQLite's files
_LOCKS = {
    ".build/lock", ".grading/lock", ".grading/comments.lock", ".grading/similar.lock",
    "points/ledger.lock",
}  # fmt: skip
_LARGE = 1 << 30  # bytes; a zip must know before that a file may pass 4 GB


@dataclass
class _Found:
    """Names of what lies in a course: plain files, empty folders, and all else."""

    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def write_archive(course: Course, cohort: Cohort, target: Path, advance: Advance) -> Manifest:
    """Write all that a cohort's scores came from into one new file, for its owner only.

    Args:
        course: the course.
        cohort: whose course it is.
        target: the file.
        advance: is told how far it is.

    Raises:
        CampError: it is not the cohort's course, something is at ``target``, ``target`` lies in
            the course or in git, the ledger is broken, another command works on the course, its
            scores are in another gradebook, a part of it lies elsewhere, or it has too many files.
    """
    _check(course, cohort, target)
    ledger = Ledger(course.path)
    with contextlib.ExitStack() as stack:
        stack.enter_context(course.lock())
        stack.enter_context(building(course.path))
        if ledger.path.exists():
            stack.enter_context(ledger.locked())
            ledger.entries()
        beside = Path(
            stack.enter_context(tempfile.TemporaryDirectory(dir=target.parent, prefix=".archive-"))
        )
        address = course.config.CourseDirectory.db_url
        copy_gradebook(address, beside / _GRADEBOOK)
        _check_scores(course, beside / _GRADEBOOK)
        found = _look(course.path, _kept_apart(address, course.path))
        left_out = sorted(map(printable, found.left_out))
        sources = {stored_as(name): course.path / name for name in found.files}
        sources[COURSE + _GRADEBOOK] = beside / _GRADEBOOK
        sources |= programs()
        if LOCK.is_file():
            sources[PINS] = LOCK
        if cohort.name != PUBLIC:
            sources[SEED] = beside / SEED
            sources[SEED].write_text(cohort.seed.hex() + "\n", encoding="ascii")
        _check_fits([*sources, *(COURSE + name for name in found.folders)], left_out)
        with new_file(target) as file, zipfile.ZipFile(file, "w") as archive:
            manifest = Manifest(
                cohort=cohort.name, fingerprint=cohort.fingerprint,
                made=datetime.now(UTC).replace(microsecond=0), kit=this_kit(),
                elsewhere=_elsewhere(address, course.path),
                folders=tuple(sorted(found.folders)), left_out=tuple(left_out),
                files=tuple(_add_all(archive, sources, advance)),
            )  # fmt: skip
            text = manifest.model_dump_json(indent=1) + "\n"
            archive.writestr(zips.entry_of(MANIFEST, 0o600), text)
    return manifest


def _elsewhere(address: str, course: Path) -> str:
    """Return what keeps the gradebook at ``address``; "" for the course's own file."""
    kind = make_url(address).get_backend_name()
    own = address == f"sqlite:///{course / _GRADEBOOK}"
    return "" if own else "SQLite" if kind == "sqlite" else kind


def _kept_apart(address: str, course: Path) -> set[str]:
    """Return names in a course that are not taken as they are: locks, and what is copied."""
    books = {course / _GRADEBOOK}
    url = make_url(address)
    if url.get_backend_name() == "sqlite" and url.database:
        books.add(Path(url.database).resolve())
    inside = [book.relative_to(course) for book in books if course in book.parents]
    return {KEPT, *_LOCKS, *(f"{book.as_posix()}{end}" for book in inside for end in _ENDS)}


def _check(course: Course, cohort: Cohort, target: Path) -> None:
    """Refuse a course of another cohort, and a place where an archive may not lie."""
    whose = owner(course.path)
    if whose is None:
        raise CampError(
            f"{course.path} belongs to no cohort: only what camp build --cohort NAME made can be "
            "archived"
        )
    if whose != (cohort.name, cohort.fingerprint):
        also = " with another seed" if whose[0] == cohort.name else ""
        raise CampError(f"{course.path} belongs to cohort {printable(whose[0])!r}{also}")
    folder = target.resolve().parent
    if not folder.is_dir():
        raise CampError(f"{folder} is no folder: make it, or name another file with --output")
    if folder == course.path or course.path in folder.parents:
        raise CampError(f"{target} lies in the course itself: name another file with --output")
    if (tree := working_tree(folder)) is not None:
        raise CampError(
            f"an archive holds secrets and must lie outside git, but {folder} is in the working "
            f"tree {tree}: name another file with --output"
        )
    if os.path.lexists(target):
        raise CampError(f"{target} is there already: name another file with --output")


def _check_scores(course: Course, gradebook: Path) -> None:
    """Refuse a gradebook that lacks what was graded: the scores are in another one."""
    graded = {
        (lesson, learner)
        for lesson in course.lessons()
        for learner in course.learners(lesson)
        if Journal(course.state / lesson).read(learner).stage == "done"
    }
    if graded and (lacks := graded - entered(gradebook)):
        lesson, learner = min(lacks)
        raise CampError(
            f"the gradebook lacks {len(lacks)} of {len(graded)} submissions that were graded (such "
            f"as {learner}, {lesson}): name the one that has them with --db, or run camp grade "
            "--force"
        )


def _look(course: Path, not_taken: set[str]) -> _Found:
    """Return what lies in a course, but for what has the names ``not_taken``.

    Raises:
        CampError: a link leads to something.
    """
    found = _Found()
    todo = [course]
    while todo:
        folder = todo.pop()
        entries = list(os.scandir(folder))
        if not entries and folder != course:
            name = folder.relative_to(course).as_posix()
            (found.folders if is_text(name) else found.left_out).append(name)
        for entry in entries:
            path = Path(entry.path)
            name = path.relative_to(course).as_posix()
            if name in not_taken:
                continue
            if entry.is_dir(follow_symlinks=False):
                todo.append(path)
            elif entry.is_file(follow_symlinks=False):
                found.files.append(name)
            elif entry.is_symlink() and path.exists() and not _is_learners(name):
                raise CampError(
                    f"{printable(str(path))} is a link, and an archive would lack what it leads "
                    "to: put that itself in its place, or take the link away"
                )
            else:
                found.left_out.append(name)
    return found


def _is_learners(name: str) -> bool:
    """Tell whether something lies in a submission; what is no plain file there was refused."""
    return name.startswith("submitted/") and name.count("/") >= 2


def _check_fits(names: Sequence[str], left_out: Sequence[str]) -> None:
    """Refuse what ``restore`` would refuse."""
    for name in names:
        if not fits(name):
            raise CampError(
                f"{printable(name)[:200]}… lies too deep, or its name is too long: move it out of "
                "the course"
            )
    if len(names) > MOST_FILES or sum(map(_listed, [*names, *left_out])) > MOST_LISTED:
        raise CampError(
            f"the course has {len(names)} files, more than an archive takes: move out of it what "
            "no score came from (such as feedback)"
        )


def _listed(name: str) -> int:
    """Return the bytes that a file takes in the manifest, at most."""
    return len(json.dumps(name, ensure_ascii=False).encode()) + 160


def _add_all(
    archive: zipfile.ZipFile, sources: dict[str, Path], advance: Advance
) -> Iterator[File]:
    """Add files by name and yield what each is."""
    total, done = sum(path.stat().st_size for path in sources.values()), 0
    for name, path in sorted(sources.items()):
        digest, size = hashlib.sha256(), 0
        entry = zips.entry_of(name, 0o600)
        with (
            path.open("rb") as source,
            archive.open(entry, "w", force_zip64=path.stat().st_size >= _LARGE) as sink,
        ):
            while chunk := source.read(zips.CHUNK):
                sink.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                done += len(chunk)
                advance(done, total)
        yield File(path=name, size=size, sha256=digest.hexdigest())
