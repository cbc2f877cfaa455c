"""A course: a standard nbgrader course directory."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from filelock import FileLock, Timeout
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import SAWarning, SQLAlchemyError
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from course_lib.bundle import is_learner_id
from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Text
from grading import database
from grading.address import with_driver
from grading.apart.plan import Times
from grading.nbgrader_config import make_safe

CONFIG_FILE = "nbgrader_config.py"
STRANGE_ID = Text("学员编号里有不能用的字符", "the learner's id has characters not allowed")
_CONFIG = '''"""nbgrader's settings for this course; add your own at the end."""

from pathlib import Path

from grading.nbgrader_config import configure

c = get_config()  # noqa: F821
configure(c, root=Path(__file__).parent)
'''


@contextmanager
def quiet() -> Iterator[None]:
    """Keep back SQLAlchemy's warnings about nbgrader's code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        yield


@dataclass(frozen=True)
class Course:
    """A course directory; nbgrader's own commands and formgrader work in it too."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> Course:
        """Return the course at ``path``.

        Raises:
            CampError: there is no course.
        """
        course = cls(path.resolve())
        if not (course.path / "source").is_dir():
            raise CampError(
                f"{path} is no course directory (it has no folder 'source'): run 'camp build' "
                "first, or name the course with --course DIR"
            )
        return course

    @cached_property
    def config(self) -> Config:
        """Safe settings, under those of the course's ``nbgrader_config.py``; ``--db`` is on top."""
        config = Config()
        make_safe(config, self.path)
        file = self.path / CONFIG_FILE
        if file.exists():
            try:
                config.merge(PyFileConfigLoader(file.name, path=str(self.path)).load_config())
            except Exception as error:
                raise CampError(f"{file} cannot be loaded, mend it: {error!r}") from None
        place = os.environ.get(database.VARIABLE) or config.CourseDirectory.db_url
        config.CourseDirectory.db_url = with_driver(place)
        return config

    def prepare(self) -> None:
        """Write ``nbgrader_config.py`` unless the course has one."""
        if not (self.path / CONFIG_FILE).exists():
            write_atomic(self.path / CONFIG_FILE, _CONFIG)

    @property
    def state(self) -> Path:
        """Where grading keeps its journal and nbgrader's log."""
        return self.path / ".grading"

    def submitted(self, learner: str, lesson: str) -> Path:
        """Return the folder of one submission."""
        return self.path / "submitted" / learner / lesson

    def autograded(self, learner: str, lesson: str) -> Path:
        """Return the folder of one graded submission."""
        return self.path / "autograded" / learner / lesson

    def feedback(self, learner: str, lesson: str) -> Path:
        """Return the folder of one learner's feedback."""
        return self.path / "feedback" / learner / lesson

    def similar(self, lesson: str) -> Path:
        """Return the folder of what ``camp similar`` finds."""
        return self.path / "similar" / lesson

    def lessons(self) -> list[str]:
        """Return the names of the lessons."""
        return sorted(item.name for item in (self.path / "source").iterdir() if item.is_dir())

    def check_lesson(self, lesson: str) -> str:
        """Return ``lesson`` if the course has it.

        Raises:
            CampError: it has not.
        """
        if lesson not in self.lessons():
            known = ", ".join(self.lessons()) or "none yet; run 'camp build'"
            raise CampError(f"no lesson {lesson!r} in {self.path}; there are: {known}", 2)
        return lesson

    def learners(self, lesson: str) -> list[str]:
        """Return who handed in ``lesson``."""
        folder = self.path / "submitted"
        found = folder.iterdir() if folder.is_dir() else iter(())
        return sorted(item.name for item in found if _is_there(item / lesson))

    @staticmethod
    def is_learner_id(name: str) -> bool:
        """Tell whether ``name`` may be a learner's id: it becomes a path and part of pages."""
        return is_learner_id(name)

    @contextmanager
    def gradebook(self) -> Iterator[Gradebook]:
        """Open nbgrader's database.

        Raises:
            CampError: the database cannot be used.
        """
        settings = self.config.CourseDirectory
        try:
            course_id = settings.get("course_id", "")
            database.prepare(settings.db_url)
            with quiet(), Gradebook(settings.db_url, course_id) as gradebook:
                yield gradebook
        except SQLAlchemyError as error:
            raise CampError(
                f"the gradebook of {self.path} cannot be used {database.explain(error)}"
            ) from None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep a second run off this course.

        Raises:
            CampError: another run is under way.
        """
        self.state.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.state / "lock", timeout=0):
                yield
        except Timeout:
            raise CampError(
                f"another camp command is grading in {self.path}: wait until it ends"
            ) from None

    def coursedir(self, lesson: str, learner: str = ".") -> CourseDirectory:
        """Return nbgrader's view of one submission."""
        return CourseDirectory(config=self.config, assignment_id=lesson, student_id=learner)

    def log(self) -> logging.Logger:
        """Return the logger of nbgrader's converters: a file, so that the terminal stays ours."""
        logger = logging.getLogger(f"camp.nbgrader.{self.path}")
        if not logger.handlers:
            self.state.mkdir(parents=True, exist_ok=True)
            handler = logging.FileHandler(self.state / "nbgrader.log", encoding="utf-8", delay=True)
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            logger.propagate = False
        return logger

    @property
    def times(self) -> Times:
        """What one call, cell and submission may take: nbgrader's own limit of a cell, and ours."""
        settings = self.config.CampGrade
        cell = float(self.config.Execute.get("timeout", None) or Times.cell)
        return Times(
            call=min(cell, float(settings.get("call_seconds", cell))),
            cell=cell,
            submission=float(settings.get("submission_seconds", max(Times.submission, cell))),
        )


def _is_there(path: Path) -> bool:
    """Tell whether there is anything at ``path``; what may not be looked at counts."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def prepare(path: Path) -> Course:
    """Return the course directory at ``path``, made usable for nbgrader's own commands."""
    course = Course(path.resolve())
    course.prepare()
    return course
