"""Files written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def write_atomic(path: Path, data: str | bytes, *, durable: bool = True) -> None:
    """Write ``data`` (text as UTF-8) to ``path`` in one step, making its folder.

    A reader sees the old file or the new one, never a part; a crash leaves the old one.

    Args:
        path: the file.
        data: its new content.
        durable: wait until it is on the disk; without, a power cut may lose it (many files).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = data.encode("utf-8") if isinstance(data, str) else data
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_at_most(path: Path, most: int) -> bytes:
    """Return what is in a file that may have been made to be large.

    Raises:
        ValueError: it has more than ``most`` bytes.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        raw = file.read(most + 1)
    if len(raw) > most:
        raise ValueError(f"> {most} bytes")
    return raw


def write_new(path: Path, data: str) -> None:
    """Write ``data`` to a file that is not there yet, whole and on the disk, for its owner only.

    Raises:
        FileExistsError: the file is there, and stays as it is.
    """
    with new_file(path) as file:
        file.write(data.encode("utf-8"))


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write that appears at ``path`` when the block ends, for its owner only.

    It can be read, too. What raises in the block leaves nothing.

    Raises:
        FileExistsError: there is something at ``path``, and it stays as it is.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)  # unlike a renaming, it fails where a file is
        except FileExistsError:
            raise
        except OSError:  # a disk without links, such as a USB stick's
            if os.path.lexists(path):
                raise FileExistsError(17, "is there already", str(path)) from None
            Path(name).rename(path)
    finally:
        Path(name).unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
