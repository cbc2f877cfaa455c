"""Reading an archive that anybody may have made: all of it is checked, or nothing is left."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

from pydantic import ValidationError

from course_lib import zips
from course_lib.bundle import File
from course_lib.errors import CampError, printable
from course_lib.zips import BadZip
from grading.archive.manifest import (
    COURSE,
    KEPT,
    MANIFEST,
    MOST_LISTED,
    PACKAGES,
    PINS,
    SEED,
    Manifest,
    fits,
    in_course,
)
from grading.archive.write import Advance
from grading.cohort import PUBLIC, Cohort, find_cohort, has_seed, keep_seed

_MOST_SEED = 1000
_Entries = dict[str, zipfile.ZipInfo]


def restore(path: Path, folder: Path, most: float, advance: Advance) -> Manifest:
    """Unpack an archive to a new course folder, whole or not at all; keep its cohort's seed.

    Only its owner may look into the folder.

    Args:
        path: the archive.
        folder: is not there yet.
        most: bytes that it may unpack to.
        advance: is told how far it is.

    Raises:
        CampError: it is no archive, not what it says of itself, or too large; ``folder`` is
            there; or the cohort has another seed on this machine.
        OSError: a file cannot be read or written.
    """
    if os.path.lexists(folder):
        raise CampError(f"{folder} is there already: name a folder that is not", 2)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".restore-") as beside:
        fresh = Path(beside) / "course"
        fresh.mkdir(mode=0o700)
        try:
            with path.open("rb") as file:
                if zips.size_of_list(file) > MOST_LISTED:
                    raise BadZip("文件太多", "its list of files is too long")
                with zips.opened(file) as found:
                    manifest, cohort = _read(found, fresh, most, advance)
        except BadZip as error:
            raise CampError(f"{path} is no archive that can be restored: {error}") from None
        if cohort.name != PUBLIC:
            keep_seed(cohort)
        fresh.rename(folder)
    return manifest


def _read(
    found: zipfile.ZipFile, fresh: Path, most: float, advance: Advance
) -> tuple[Manifest, Cohort]:
    entries = zips.plain_files(found)
    if MANIFEST not in entries:
        raise BadZip(f"里面没有 {MANIFEST}", f"there is no {MANIFEST} in it")
    raw = _small(found, entries.pop(MANIFEST), MOST_LISTED)
    manifest = _manifest(raw)
    said = {file.path: file for file in manifest.files}
    _check(entries, said, manifest)
    _check_room(manifest.size, most, fresh)
    cohort = _cohort(found, entries, manifest)
    done = 0
    for name, entry in entries.items():
        digest = hashlib.sha256()
        for chunk in zips.copied(found, entry, _place(name, fresh)):
            digest.update(chunk)
            done += len(chunk)
            advance(done, manifest.size)
        if digest.hexdigest() != said[name].sha256:
            raise _changed(name)
    for name in manifest.folders:
        (fresh / name).mkdir(parents=True, exist_ok=True)
    (fresh / KEPT).mkdir(exist_ok=True)
    (fresh / KEPT / MANIFEST).write_bytes(raw)
    return manifest, cohort


def _manifest(raw: bytes) -> Manifest:
    try:
        return Manifest.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = printable(".".join(map(str, first["loc"])) or "JSON")
        raise BadZip(
            f"{MANIFEST} 的 {where} 不对：{first['msg']}",
            f"{MANIFEST}: {where} is wrong: {first['msg']}",
        ) from None


def _check(entries: _Entries, said: Mapping[str, File], manifest: Manifest) -> None:
    """Refuse what the manifest does not know, and names that lead elsewhere or meet."""
    if said.keys() != entries.keys() or len(said) != len(manifest.files):
        odd = min(said.keys() ^ entries.keys(), default="?")[:200]
        raise BadZip(
            f"{odd} 与 {MANIFEST} 的清单对不上", f"{odd}: {MANIFEST} and the zip disagree on it"
        )
    for name, entry in entries.items():
        inside = in_course(name)
        known = (
            name in (SEED, PINS) or name.split("/")[0] in PACKAGES
            if inside is None
            else inside.split("/")[0] != KEPT
        )
        if not known or not _can_be(_meant(name)):
            raise BadZip(f"文件名不能用：{name[:200]}", f"a file may not be called {name[:200]}")
        if entry.file_size != said[name].size:
            raise _changed(name)
    for name in manifest.folders:
        if not _can_be(COURSE + name):
            raise BadZip(
                f"文件夹名不能用：{name[:200]}", f"a folder may not be called {name[:200]}"
            )
    if meets := _is_both(map(_meant, entries), [COURSE + name for name in manifest.folders]):
        raise BadZip(f"{meets} 既是文件又是文件夹", f"{meets} is a file and a folder")


def _meant(name: str) -> str:
    """Return a name as it was before it was encoded for the archive."""
    inside = in_course(name)
    return name if inside is None else COURSE + inside


def _can_be(name: str) -> bool:
    return fits(name) and zips.stays_inside(name) and "\0" not in name


def _is_both(files: Iterable[str], folders: Iterable[str]) -> str:
    """Return a file that would have to be a folder, too; "" when there is none."""
    names = [name.split("/") for name in files] + [[*name.split("/"), ""] for name in folders]
    for name, after in pairwise(sorted(names)):  # what lies in a folder comes right after it
        if name[-1] and after[: len(name)] == name:
            return "/".join(name)[:200]
    return ""


def _check_room(size: int, most: float, fresh: Path) -> None:
    free = shutil.disk_usage(fresh).free
    if size > most:
        raise CampError(
            f"it unpacks to {size / 1e9:.1f} GB, more than {most / 1e9:g} GB: if that is to be "
            f"expected, add --max-gb {-(-size // 10**9)}"
        )
    if size > free:
        raise CampError(f"it unpacks to {size / 1e9:.1f} GB, {free / 1e9:.1f} GB are free")


def _cohort(found: zipfile.ZipFile, entries: _Entries, manifest: Manifest) -> Cohort:
    """Return the archive's cohort, whose seed may be kept on this machine.

    Raises:
        BadZip: the seed is missing, or is not the course's.
        CampError: the cohort has another seed here.
    """
    if manifest.cohort == PUBLIC:
        cohort = find_cohort(PUBLIC)
    else:
        if SEED not in entries:
            raise BadZip("里面没有这一期的种子", "the cohort's seed is not in it")
        try:
            seed = bytes.fromhex(_small(found, entries[SEED], _MOST_SEED).decode("ascii").strip())
        except ValueError:
            raise BadZip("种子坏了", "the cohort's seed is damaged") from None
        cohort = Cohort(manifest.cohort, seed)
    if cohort.fingerprint != manifest.fingerprint:
        raise BadZip("种子不是这一期的", "its seed is not the cohort's")
    has_seed(cohort)
    return cohort


def _small(found: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    if entry.file_size > most:
        raise BadZip(f"{entry.filename} 太大", f"{entry.filename} is too large")
    return b"".join(zips.copied(found, entry, None))


def _place(name: str, fresh: Path) -> Path | None:
    """Return where a file goes; the seed goes elsewhere."""
    if name == SEED:
        return None
    inside = in_course(name)
    return fresh / KEPT / name if inside is None else fresh / inside


def _changed(name: str) -> BadZip:
    return BadZip(
        f"{name} 在归档后被改过（SHA-256 不符）",
        f"{name} was changed after archiving (its SHA-256 differs)",
    )
