"""A small disk of a test's own, for what happens when it is full."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_WAYS = (["unshare", "-m"], ["unshare", "-rm"], ["sudo", "-n", "unshare", "-m"])


def with_small_disk(place: Path, size: str) -> list[str]:
    """Return how a command begins that sees a disk of ``size`` at the folder ``place``.

    Root may mount one, and an ordinary user in a namespace; the test is skipped where neither can.
    """
    mount = ["sh", "-c", 'mount -t tmpfs -o size="$1" none "$2" && shift 2 && exec "$@"', "sh"]
    for way in _WAYS:
        begin = [*way, *mount, size, str(place)]
        if (
            shutil.which(way[0])
            and not subprocess.run([*begin, "true"], capture_output=True).returncode
        ):
            return begin
    pytest.skip("needs the right to mount a small disk (root, or user namespaces)")
