"""What a package consists of, as far as notebooks and scores can tell."""

from __future__ import annotations

from pathlib import Path

_NO_PARTS = (".pyc", ".lock")  # solutions and cases do not see them


def parts(package: Path) -> list[Path]:
    """Return all files of a package in order, programs and data: what Python cached is none."""
    return [
        path
        for path in sorted(package.rglob("*"))
        if path.suffix not in _NO_PARTS and "__pycache__" not in path.parts and path.is_file()
    ]
