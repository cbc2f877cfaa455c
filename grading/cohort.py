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
    inside = next((up for up in (folder, *folder.parents) if (up / ".git").exists()), None)
    if inside is not None:
        raise CampError(
            f"seeds must lie outside git, but {folder} is in the working tree {inside}; "
            "set CAMP_SEEDS to a folder elsewhere"
        )
    return folder / f"{name}.seed"


def create_cohort(name: str) -> Path:
    """Make a new seed for cohort ``name`` and return its file, readable by its owner only.

    Raises:
        CampError: the cohort exists already, or its file cannot be written.
    """
    path = _seed_file(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_new(path, secrets.token_hex(32) + "\n")
    except FileExistsError:
        raise CampError(f"cohort {name!r} exists already, its seed is {path}") from None
    except OSError as error:
        raise CampError(f"{path}: cannot be written ({error.strerror})") from None
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


def claim(course: Path, cohort: Cohort) -> None:
    """Tie a course directory to a cohort and its seed, once and for all.

    Raises:
        CampError: it belongs to another cohort, or to another seed of this one.
    """
    file = course / "cohort.json"
    mine = {"cohort": cohort.name, "fingerprint": cohort.fingerprint}
    if not file.exists():
        write_atomic(file, json.dumps(mine, indent=1) + "\n")
        return
    try:
        theirs = json.loads(file.read_text(encoding="utf-8"))
        name = theirs["cohort"]
    except (ValueError, KeyError, TypeError):
        raise CampError(
            f"{file} does not name a cohort: restore it, or build into another folder with --course"
        ) from None
    if theirs != mine:
        same = name == cohort.name
        how = " with another seed: restore that seed" if same else f": add --cohort {name}"
        raise CampError(
            f"{course} belongs to cohort {name!r}{how}, or build into another folder with --course"
        )
