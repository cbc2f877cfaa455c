"""Files that a test makes for a learner's function, or a learner's function for a test."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

_MAX_BYTES = 16 << 20  # of all files that cross at one time
_MAX_FILES = 200
_CODE = (".py", ".pyc", ".pyo", ".so", ".pth", ".pyd", ".zip", ".egg", ".whl")


def is_data(name: str) -> bool:
    """Tell whether Python finds neither code nor settings in a file of this path."""
    path = Path(name)
    folders = (one for one in path.parts if one.endswith((".dist-info", ".egg-info")))
    return path.suffix not in _CODE and not any(folders)


class Folder:
    """The work folder and the one for temporary files, and what of them the other side has."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.home = str(home)
        self._known: dict[str, tuple[int, int]] = {}

    def write(self, files: Mapping[str, bytes | None]) -> None:
        """Write files; names are relative to the work folder, or of temporary files."""
        for name, content in files.items():
            _put(self._home / name, name, content)
        self.look()

    def accept(self, files: Mapping[str, bytes | None], kept: Mapping[str, bytes]) -> None:
        """Write files that the learner's process made; None stands for one that is gone.

        Args:
            files: by path; anything else than data is left out.
            kept: files of the instructor's, which nobody changes.
        """
        for name, content in files.items():
            path = Path(os.path.normpath(self._home / name))
            inside = any(path.is_relative_to(folder) for folder in self._folders())
            relative = str(path.relative_to(self._home)) if path.is_relative_to(self._home) else ""
            if not inside or not is_data(name) or relative in kept:
                continue
            if content is None or type(content) is bytes:
                _put(path, name, content)
        self.look()

    def _folders(self) -> tuple[Path, Path]:
        return self._home, Path(tempfile.gettempdir())

    def look(self) -> None:
        """Take what is there as known to the other side."""
        self._known = dict(self._stamps())

    def changed(self) -> dict[str, bytes | None]:
        """Return what changed since the last look: contents, None for what is gone."""
        found: dict[str, bytes | None] = {}
        room = _MAX_BYTES
        present = dict(self._stamps())
        for name, stamp in present.items():
            if self._known.get(name) == stamp or stamp[1] > room or len(found) >= _MAX_FILES:
                continue
            found[name] = b"" if name.endswith("/") else (self._home / name).read_bytes()
            room -= stamp[1]
        found |= dict.fromkeys(self._known.keys() - present.keys())
        self._known = present
        return found

    def _stamps(self) -> Iterator[tuple[str, tuple[int, int]]]:
        for folder in self._folders():
            for path in _entries(folder):
                name = str(path.relative_to(folder) if folder == self._home else path)
                if path.is_dir():
                    yield f"{name}/", (0, 0)
                else:
                    status = path.stat()
                    yield name, (status.st_mtime_ns, status.st_size)


def _put(path: Path, name: str, content: bytes | None) -> None:
    """Make a file or folder what it is on the other side."""
    if content is None:
        with contextlib.suppress(OSError):
            path.rmdir() if name.endswith("/") else path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith("/"):
        path.mkdir(exist_ok=True)
    else:
        path.write_bytes(content)


def _entries(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Yield files and folders; hidden ones, and what is deep down, are left out."""
    if depth > 5:
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries[:1000]:
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_dir():
            yield Path(entry.path)
            yield from _entries(Path(entry.path), depth + 1)
        elif entry.is_file():
            yield Path(entry.path)
