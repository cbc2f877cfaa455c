"""Environments of their own for real tools, made once and kept under the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "intern-camp-kit"
MARK = "camp-ready"


def find_links() -> list[str]:
    """Return the folders of wheels that pip is told of, which uv does not read by itself."""
    named = os.environ.get("PIP_FIND_LINKS")
    if named is None:
        ask = [sys.executable, "-m", "pip", "config", "get", "global.find-links"]
        named = subprocess.run(ask, capture_output=True, text=True).stdout
    return [word for link in named.split() for word in ("--find-links", link)]


def environment(name: str, *requirements: str) -> Path:
    """Return the Python of an environment that holds ``requirements``, making it if need be."""
    key = hashlib.sha256("\n".join(requirements).encode()).hexdigest()[:8]
    folder = ROOT / "environments" / f"{name}-{key}"
    python = folder / "bin" / "python"
    if (folder / MARK).is_file():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    install = [uv, "pip", "install", "-q", "--python", str(python), *find_links()]
    subprocess.run([*install, *requirements], check=True)
    (folder / MARK).touch()
    return python
