"""Zip files as the course writes and reads them.

What is written depends on names and content alone: no times, no owners. What is read may come
from anybody: lists, names and kinds of entries are looked at before a byte of theirs is written.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from course_lib.errors import CampError, printable
from course_lib.language import Text

CHUNK = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip knows
_BROKEN = (
    zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, RuntimeError,
    UnicodeDecodeError, ValueError,
)  # fmt: skip


class BadZip(CampError):
    """A zip that cannot be read or may not be unpacked; ``text`` says why in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        self.text = Text(printable(zh), printable(en))
        super().__init__(str(self.text))


def entry_of(name: str, mode: int = 0o644) -> zipfile.ZipInfo:
    """Return the entry of a plain file; the same name and mode give the same bytes.

    Args:
        name: its path in the zip, with ``/``.
        mode: permission bits.
    """
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system, entry.external_attr = 3, (stat.S_IFREG | mode) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def size_of_list(file: IO[bytes]) -> int:
    """Return the bytes of a zip's list of entries, which ``zipfile`` reads into memory at once.

    Raises:
        BadZip: the file is not a whole zip.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 98))
    tail = file.read()
    file.seek(0)
    end, locator, large = tail[-22:], tail[-42:-22], tail[-98:-42]
    if len(end) < 22 or not end.startswith(b"PK\x05\x06"):
        raise BadZip("不是完整的 zip", "not a whole zip file")
    (listed,) = struct.unpack("<L", end[12:16])
    if locator.startswith(b"PK\x06\x07"):
        if len(large) < 56 or not large.startswith(b"PK\x06\x06"):
            raise BadZip("不是完整的 zip", "not a whole zip file")
        (listed,) = struct.unpack("<Q", large[40:48])
    return int(listed)


@contextmanager
def opened(file: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """Open a zip; what is wrong with it, here or while it is read, becomes one line.

    Raises:
        BadZip: the zip is damaged.
    """
    try:
        with zipfile.ZipFile(file) as found:
            yield found
    except OSError as error:
        if error.errno != errno.EINVAL:  # its list of entries points outside of it
            raise
        raise BadZip("zip 坏了", "the zip is damaged") from None
    except _BROKEN as error:
        reason = " ".join(str(error).split())[:120]
        raise BadZip(f"zip 坏了（{reason}）", f"the zip is damaged ({reason})") from None


def plain_files(found: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the files of a zip by name; folders are left out.

    Raises:
        BadZip: a name stands there twice, or an entry is no plain file that can be read here.
    """
    files = [entry for entry in found.infolist() if not entry.is_dir()]
    entries = {entry.filename: entry for entry in files}
    if len(entries) < len(files):
        raise BadZip("zip 里有重名的文件", "the zip holds a file twice")
    for name, entry in entries.items():
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG) or entry.flag_bits & 1:
            raise BadZip(
                f"{name} 是链接、特殊文件或加密文件",
                f"{name} is a link, a special file or encrypted",
            )
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BadZip(f"{name} 用了别的压缩方法", f"{name} is compressed in another way")
    return entries


def stays_inside(name: str) -> bool:
    """Tell whether a file of this name lies inside the folder that it is unpacked into."""
    parts = name.split("/")
    return all(part not in ("", ".", "..") and len(os.fsencode(part)) <= 255 for part in parts)


def copied(found: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path | None) -> Iterator[bytes]:
    """Yield an entry in chunks, never more than it says, and write them to ``target``.

    Args:
        found: the zip.
        entry: one of its files.
        target: a file that is not there yet; None to read only.
    """
    with found.open(entry) as source:
        if target is None:
            while chunk := source.read(CHUNK):
                yield chunk
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as copy:
            while chunk := source.read(CHUNK):
                copy.write(chunk)
                yield chunk
