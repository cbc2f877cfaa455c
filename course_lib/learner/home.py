"""The learner's folder: the kit, with what the learner did in it.

``.camp`` holds what the course remembers (verdicts, who the learner is, receipts), ``submissions``
the bundles, ``feedback`` the pages that came back. None of it is ever put into a bundle.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CampError
from course_lib.language import Language, Text

CONFIG = Path("etc/jupyter_lab_config.py")
COHORT = Path("etc/cohort")
"""Names the cohort that a kit was made for."""


@dataclass(frozen=True)
class Home:
    """A kit's folder."""

    path: Path

    @property
    def notebooks(self) -> Path:
        """The folder of lessons."""
        return self.path / "notebooks"

    @property
    def state(self) -> Path:
        """What the course remembers of this learner."""
        return self.path / ".camp"

    @property
    def bundles(self) -> Path:
        """Where ``camp submit`` puts bundles."""
        return self.path / "submissions"

    @property
    def feedback(self) -> Path:
        """Where ``camp result`` puts pages."""
        return self.path / "feedback"

    @property
    def cohort(self) -> str:
        """The cohort that the kit was made for; "" when none."""
        file = self.path / COHORT
        return file.read_text(encoding="utf-8").strip() if file.is_file() else ""

    def notebook(self, lesson: str, language: Language) -> Path:
        """Return where a lesson's notebook lies."""
        return self.notebooks / language / f"{lesson}.ipynb"


def is_home(folder: Path) -> bool:
    """Tell whether ``folder`` is a kit's."""
    return (folder / CONFIG).is_file() and (folder / "notebooks").is_dir()


def find_home() -> Home:
    """Return the kit in the working folder or one above, else the installed one.

    Raises:
        CampError: there is none.
    """
    here = Path.cwd()
    installed = Path(__file__).resolve().parent.parent.parent
    for folder in (here, *here.parents, installed):
        if is_home(folder):
            return Home(folder)
    what = Text(
        f"{here} 里没有课程：请到有 notebooks/ 和 etc/ 的文件夹里再运行",
        f"no course in {here}: go to the folder that holds notebooks/ and etc/, then run it again",
    )
    raise CampError(str(what))


def home_of_notebook() -> Home | None:
    """Return the kit among whose lessons the working folder is; None anywhere else."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if folder.name == "notebooks" and is_home(folder.parent):
            return Home(folder.parent)
    return None
