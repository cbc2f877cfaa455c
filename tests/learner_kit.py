"""The kit that ``camp kit`` makes of all lessons, for a cohort with a seed of its own."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT
from tests.kits import camp

COHORT = "2026a"
SEED = b"a seed unlike any picture's rows".hex()


@dataclass(frozen=True)
class LearnerKit:
    """A kit that was made: what the command said, the zip, and the course built on the way."""

    said: str
    path: Path
    course: Path

    def files(self) -> dict[str, bytes]:
        """Return the kit's files by path below its folder."""
        with zipfile.ZipFile(self.path) as kit:
            return {
                name.removeprefix("intern-camp-kit/"): kit.read(name) for name in kit.namelist()
            }


def make(folder: Path) -> LearnerKit:
    """Make a kit from the repository's lessons, from their sources alone."""
    sources = folder / "notebooks/source"
    shutil.copytree(ROOT / "notebooks/source", sources)
    seeds = folder / "seeds"
    seeds.mkdir()
    (seeds / f"{COHORT}.seed").write_text(SEED + "\n")
    done = camp(folder, "kit", "--cohort", COHORT, CAMP_SEEDS=str(seeds))
    assert done.returncode == 0, done.stderr
    (path,) = (folder / "build").glob("*.zip")
    return LearnerKit(done.stdout, path, folder / "build/kit" / COHORT)
