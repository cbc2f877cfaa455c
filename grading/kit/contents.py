"""What a kit holds: lessons, ``course_lib`` with the built-in model, and what sets them up."""

from __future__ import annotations

import io
import os
import re
import subprocess
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from course_lib import zips
from course_lib.errors import CampError
from course_lib.learner.home import COHORT

FOLDER = "intern-camp-kit"
"""The folder that a kit unpacks to."""
_OWN = Path(__file__).parent / "files"
_OF_THE_COURSE = (
    "LICENSE", "environment.yml", "requirements.lock",
    "docs/learner*.md", "docs/hand-in*.md", "docs/tools*.md",
    "docs/pictures/lessons.*.png", "docs/pictures/progress.*.png",
    "etc/setup.sh", "etc/first_imports.py", "etc/jupyter_lab_config.py",
    "etc/jupyter_server_config.d/*.json", "etc/labconfig/*.json",
    "etc/labextensions/*/*.json", "etc/labextensions/*/static/*.js",
)  # fmt: skip
_TABLES = re.compile(r"\[(build-system|project(?!\.entry-points)|tool\.setuptools)\b")
"""Tables of ``pyproject.toml`` that set up ``course_lib``; commands of ``grading`` are none."""


def contents(root: Path, lessons: Mapping[str, str], cohort: str) -> dict[str, bytes]:
    """Return the files of a kit by path.

    Args:
        root: the repository.
        lessons: texts of the list of lessons and of learners' notebooks, by path below
            ``notebooks``.
        cohort: whose kit it is; "" when of none.

    Raises:
        CampError: ``root`` is not the repository, or lacks a file, or git does not list it.
    """
    try:
        project = (root / "pyproject.toml").read_text(encoding="utf-8")
        known = _known(root)
        files = {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in (*_found(root), *_library(root, project))
            if known is None or path in known
        }
    except FileNotFoundError as error:
        raise CampError(
            f"a kit is made from the course's repository, but {error.filename} is missing: "
            "install it with make setup in a clone"
        ) from None
    files |= {path.name: path.read_bytes() for path in sorted(_OWN.iterdir())}
    files["pyproject.toml"] = own_project(project).encode()
    files |= {f"notebooks/{name}": text.encode() for name, text in lessons.items()}
    if cohort:
        files[COHORT.as_posix()] = f"{cohort}\n".encode()
    return files


def own_project(text: str) -> str:
    """Return the part of ``pyproject.toml`` that a learner's installation needs."""
    tables = re.split(r"(?m)^(?=\[)", text)
    return "".join(table for table in tables if _TABLES.match(table)).rstrip("\n") + "\n"


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return a kit as a zip; the same files give the same bytes."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as kit:
        for name, raw in sorted(files.items()):
            mode = 0o755 if name.endswith(".sh") else 0o644
            kit.writestr(zips.entry_of(f"{FOLDER}/{name}", mode), raw, compresslevel=6)
    return data.getvalue()


def _known(root: Path) -> set[Path] | None:
    """Return the files that git knows, so that what merely lies about stays; None without git.

    Raises:
        CampError: it is a clone, and git cannot tell.
    """
    if not (root / ".git").exists():
        return None
    try:
        listed = subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True)
        said = listed.stderr.decode("utf-8", "replace").strip().split("\n")[0]
    except FileNotFoundError:
        listed, said = None, "it is not installed"
    if listed is None or listed.returncode:
        raise CampError(f"git cannot tell which files of {root} belong to the course ({said})")
    return {root / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name}


def _found(root: Path) -> list[Path]:
    """Return what is taken as it is, by path."""
    found = []
    for pattern in _OF_THE_COURSE:
        paths = sorted(root.glob(pattern))
        if not paths:
            raise FileNotFoundError(2, "is missing", str(root / pattern))
        found += paths
    return found


def _library(root: Path, project: str) -> list[Path]:
    """Return the files of ``course_lib`` that an installation would take."""
    data = tomllib.loads(project)["tool"]["setuptools"]["package-data"]["*"]
    return [
        path
        for path in sorted((root / "course_lib").rglob("*"))
        if path.is_file()
        and not path.is_symlink()
        and not any(part.startswith((".", "__pycache__")) for part in path.relative_to(root).parts)
        and any(path.match(pattern) for pattern in ("*.py", *data))
    ]
