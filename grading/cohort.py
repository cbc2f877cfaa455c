"""Cohorts and their secret seeds, from which a course's hidden tests are made.

A seed is one file outside every git working tree. The built-in cohort ``public`` has a seed
everybody knows: good for trying things, not for grading.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import random
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CampError
from course_lib.files import write_atomic, write_new

PUBLIC = "public"
_OWNER = "cohort.json"  # in a course
_PUBLIC_SEED = b"intern-camp-kit: the seed of the cohort public"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Cohort:
    """A cohort's name and seed; the seed never shows in ``repr`` or logs."""

    name: str
    seed: bytes

    def __repr__(self) -> str:
        return f"Cohort({self.name!r})"

    @property
    def fingerprint(self) -> str:
        """A word that tells two seeds apart and gives neither away."""
        return hmac.new(self.seed, b"fingerprint", hashlib.sha256).hexdigest()[:16]

    def random(self, lesson: str, exercise: str) -> random.Random:
        """Return the random numbers of one exercise in this cohort, the same each time."""
        key = hmac.new(self.seed, f"{lesson}/{exercise}".encode(), hashlib.sha256).digest()
        return random.Random(int.from_bytes(key, "big"))  # noqa: S311 - seeded from a secret


def seed_folder() -> Path:
    """Return the folder of seeds: ``CAMP_SEEDS``, else under the user's config folder."""
    if own := os.environ.get("CAMP_SEEDS"):
        return Path(own).expanduser().resolve()
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser().resolve() / "intern-camp" / "seeds"


def _seed_file(name: str) -> Path:
    if not _NAME.fullmatch(name) or name == PUBLIC:
        raise CampError(
            f"cohort {name!r}: use letters, digits, '.', '_' and '-', and not {PUBLIC!r}", 2
        )
    folder = seed_folder()
    inside = working_tree(folder)
    if inside is not None:
        raise CampError(
            f"seeds must lie outside git, but {folder} is in the working tree {inside}; "
            "set CAMP_SEEDS to a folder elsewhere"
        )
    return folder / f"{name}.seed"


def working_tree(folder: Path) -> Path | None:
    """Return the git working tree that an absolute ``folder`` lies in, if any."""
    return next((up for up in (folder, *folder.parents) if (up / ".git").exists()), None)


def create_cohort(name: str) -> Path:
    """Make a new seed for cohort ``name`` and return its file, readable by its owner only.

    Raises:
        CampError: the cohort exists already, or its file cannot be written.
    """
    path = _seed_file(name)
    try:
        _write_seed(path, secrets.token_bytes(32))
    except FileExistsError:
        raise CampError(f"cohort {name!r} exists already, its seed is {path}") from None
    return path


def _write_seed(path: Path, seed: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_new(path, seed.hex() + "\n")
    except FileExistsError:
        raise
    except OSError as error:
        raise CampError(f"{path}: cannot be written ({error.strerror})") from None


def has_seed(cohort: Cohort) -> bool:
    """Tell whether a cohort's seed is on this machine.

    Raises:
        CampError: the cohort has another seed here, or its name cannot be.
    """
    if cohort.name == PUBLIC:
        return True
    path = _seed_file(cohort.name)
    if not path.exists():
        return False
    if find_cohort(cohort.name).seed != cohort.seed:
        raise CampError(f"{path} is another seed of cohort {cohort.name!r}: move it away")
    return True


def keep_seed(cohort: Cohort) -> Path:
    """Write a seed that came from elsewhere to where :func:`find_cohort` looks; return its file.

    Raises:
        CampError: as :func:`has_seed`, or it cannot be written.
    """
    path = _seed_file(cohort.name)
    if not has_seed(cohort):
        _write_seed(path, cohort.seed)
    return path


def find_cohort(name: str) -> Cohort:
    """Return cohort ``name`` with its seed.

    Raises:
        CampError: the seed file is missing or not a seed.
    """
    if name == PUBLIC:
        return Cohort(PUBLIC, _PUBLIC_SEED)
    path = _seed_file(name)
    try:
        seed = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        raise CampError(
            f"no seed for cohort {name!r} at {path}: restore the file from your backup, "
            f"or start a new cohort with 'camp cohort {name}'"
        ) from None
    except (OSError, ValueError) as error:
        raise CampError(f"{path}: cannot be read as a seed ({error})") from None
    if len(seed) < 16:
        raise CampError(f"{path}: a seed has at least 32 hexadecimal digits")
    return Cohort(name, seed)


def owner(course: Path) -> tuple[str, str] | None:
    """Return the name of the cohort that a course belongs to, and its seed's fingerprint.

    Raises:
        CampError: the file that says so is damaged.
    """
    file = course / _OWNER
    if not file.exists():
        return None
    try:
        theirs = json.loads(file.read_text(encoding="utf-8"))
        return str(theirs["cohort"]), str(theirs["fingerprint"])
    except (ValueError, KeyError, TypeError):
        raise CampError(
            f"{file} does not name a cohort: restore it, or build into another folder with --course"
        ) from None


def claim(course: Path, cohort: Cohort) -> None:
    """Tie a course directory to a cohort and its seed, once and for all.

    Raises:
        CampError: it belongs to another cohort, or to another seed of this one.
    """
    theirs = owner(course)
    if theirs is None:
        mine = {"cohort": cohort.name, "fingerprint": cohort.fingerprint}
        write_atomic(course / _OWNER, json.dumps(mine, indent=1) + "\n")
    elif theirs != (cohort.name, cohort.fingerprint):
        name = theirs[0]
        same = name == cohort.name
        how = " with another seed: restore that seed" if same else f": add --cohort {name}"
        raise CampError(
            f"{course} belongs to cohort {name!r}{how}, or build into another folder with --course"
        )
