"""Installed packages against ``requirements.lock``: half installed, drifted, shadowed."""

from __future__ import annotations

import os
import site
import sys
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

LOCK = Path(__file__).resolve().parents[2] / "requirements.lock"


@dataclass(frozen=True)
class Drift:
    """A package that is not as the lock wants it; ``found`` is None when it is absent."""

    name: str
    wanted: str
    found: str | None


def locked(lock: Path = LOCK) -> dict[str, str]:
    """Return the version of each package that the lock names for this machine."""
    wanted: dict[str, str] = {}
    for line in lock.read_text(encoding="utf-8").splitlines() if lock.is_file() else []:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:  # a comment
            continue
        if requirement.marker is None or requirement.marker.evaluate():
            wanted[canonicalize_name(requirement.name)] = str(requirement.specifier).lstrip("=")
    return wanted


def first_found() -> dict[str, Distribution]:
    """Return the distribution that an import would use, by canonical name."""
    found: dict[str, Distribution] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"] if distribution.metadata else None
        if name:
            found.setdefault(canonicalize_name(name), distribution)
    return found


def drifted(wanted: dict[str, str], found: dict[str, Distribution]) -> list[Drift]:
    """Return the packages whose version is not the locked one (``+cpu`` and such count as it)."""
    result = []
    for name, version in wanted.items():
        installed = found[name].version if name in found else None
        if installed is None or installed.split("+")[0] != version:
            result.append(Drift(name, version, installed))
    return result


def half_installed(found: dict[str, Distribution]) -> list[str]:
    """Return the packages that lack files they should have, as a broken install leaves them."""
    return sorted(name for name, distribution in found.items() if not _is_whole(distribution))


def _is_whole(distribution: Distribution) -> bool:
    record = distribution.read_text("RECORD")
    if record is None:  # an egg-info folder has none
        return distribution.read_text("PKG-INFO") is not None
    root = Path(str(distribution.locate_file("")))
    for line in record.splitlines():
        name = line.rsplit(",", 2)[0].strip('"')
        if name.endswith(".py") and not (root / name).exists():
            return False
    return True


def leftovers() -> list[Path]:
    """Return what an interrupted pip left: folders such as ``~orch``."""
    folders = [Path(entry) for entry in sys.path if entry.endswith("site-packages")]
    return sorted(path for folder in folders for path in folder.glob("~*"))


def shadowed(wanted: dict[str, str], found: dict[str, Distribution]) -> dict[str, Path]:
    """Return the course's packages that come from outside the environment, with their folder.

    Python takes a package from ``PYTHONPATH`` or ``~/.local`` before the environment's own.
    """
    own = Path(sys.prefix).resolve()
    user = Path(site.getusersitepackages()).resolve()
    outside = {}
    for name in wanted.keys() & found.keys():
        folder = Path(str(found[name].locate_file(""))).resolve()
        if folder == user or (folder in _python_path() and not folder.is_relative_to(own)):
            outside[name] = folder
    return outside


def _python_path() -> set[Path]:
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return {Path(entry).resolve() for entry in entries if entry}
