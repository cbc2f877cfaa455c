"""``camp build``: lessons' sources to learners' notebooks and an nbgrader course.

A lesson is built again only when its source, its cohort's seed, the builder or an output
changed. Proofs of several lessons run side by side.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console
from rich.progress import Progress

import course_lib
from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import LANGUAGES, Language
from grading.cohort import Cohort, claim
from grading.generated import is_edited, keep_aside, write_if_new
from grading.index import listed, write_index
from grading.parts import parts

_WORKERS = 2
_IGNORED = "# hidden tests and learners' work: not for a public repository\n*\n"
_MODULES = (
    "assemble", "build", "cells", "cohort", "course", "forms", "generated", "leaks", "lesson",
    "nbgrader_config", "prove", "reader", "release", "rubrics", "wellformed",
)  # fmt: skip


_PACKAGES = ("jupytext", "nbformat", "nbgrader", "numpy", "torch", "transformers")


@dataclass(frozen=True)
class Built:
    """What became of one lesson."""

    lesson: str
    fresh: bool
    kept: tuple[Path, ...]


@dataclass(frozen=True)
class _Texts:
    """The notebooks of one lesson as file texts."""

    instructor: str
    learners: dict[Language, str]
    rubrics: str


class Builder:
    """Builds lessons of one notebooks folder into one course directory."""

    def __init__(self, notebooks: Path, course: Path, cohort: Cohort, language: Language) -> None:
        self.notebooks = notebooks
        self.course = course.resolve()
        self.cohort = cohort
        self.language = language
        self._state = self.course / ".build"

    def sources(self, lessons: Sequence[str] = ()) -> list[Path]:
        """Return the sources of ``lessons``, or all."""
        found = {path.stem: path for path in sorted((self.notebooks / "source").glob("*.py"))}
        if not found:
            raise CampError(
                f"no lessons in {self.notebooks / 'source'}: run camp in the kit's folder, "
                "or name another with --notebooks"
            )
        wanted = list(lessons) or list(found)
        for name in wanted:
            if name not in found:
                raise CampError(f"no lesson {name!r}; there are: {', '.join(found)}", 2)
        return [found[name] for name in wanted]

    def build(self, lessons: Sequence[str] = (), *, force: bool = False) -> list[Built]:
        """Build what changed.

        Args:
            lessons: names of lessons; all when empty.
            force: build again what is unchanged, and put edited ``source`` files aside.

        Raises:
            CampError: a lesson is malformed, unsound, or would ship a solution.
        """
        sources = self.sources(lessons)
        if not self.course.is_dir() or not any(self.course.iterdir()):
            write_atomic(self.course / ".gitignore", _IGNORED)
        with building(self.course):
            claim(self.course, self.cohort)
            due = [path for path in sources if force or not self._is_current(path)]
            if not force:
                for path in due:
                    self._refuse_edited_source(path.stem)
            for path, texts in self._texts(due):
                self._write(path, texts)
            built = [
                Built(path.stem, fresh=path in due, kept=self._publish(path.stem))
                for path in sources
            ]
            self._write_index(fresh=bool(due))
            return built

    def _write_index(self, *, fresh: bool) -> None:
        """List the lessons that have learners' notebooks, unless nothing can have changed."""
        there = [
            path
            for path in self.sources()
            if all((self.notebooks / one / f"{path.stem}.ipynb").exists() for one in LANGUAGES)
        ]
        if not fresh and listed(self.notebooks) == {path.stem for path in there}:
            return
        from grading.reader import read_lesson  # takes a second

        try:
            write_index(self.notebooks, [read_lesson(path) for path in there])
        except CampError:  # a lesson that nobody asked for is being written
            return

    def _outputs(self, name: str) -> dict[str, Path]:
        """Return the files made of one lesson, all inside the course directory."""
        file = f"{name}.ipynb"
        return {
            "source": self.course / "source" / name / file,
            "release": self.course / "release" / name / file,
            "rubrics": rubrics_file(self.course, name),
            **{str(language): released(self.course, name, language) for language in LANGUAGES},
        }

    def _publish(self, name: str) -> tuple[Path, ...]:
        """Copy the learners' notebooks to the notebooks folder; return those with edits, kept."""
        kept = []
        for language in LANGUAGES:
            file = self.notebooks / language / f"{name}.ipynb"
            if is_edited(file):
                kept.append(file)
            else:
                text = released(self.course, name, language).read_text(encoding="utf-8")
                write_if_new(file, text)
        return tuple(kept)

    def _key(self, path: Path) -> str:
        """Return a fingerprint of all that goes into a lesson's notebooks."""
        versions = [version(name) for name in _PACKAGES]
        found = hashlib.sha256(f"{self.cohort.fingerprint} {self.language} {versions}".encode())
        modules = [Path(__file__).parent / f"{name}.py" for name in _MODULES]
        for file in [*modules, *parts(Path(course_lib.__file__).parent)]:
            found.update(hashlib.sha256(file.read_bytes()).digest())
        found.update(path.read_bytes())
        return found.hexdigest()

    def _is_current(self, path: Path) -> bool:
        try:
            known = json.loads((self._state / f"{path.stem}.json").read_text(encoding="utf-8"))
            key, files = known["key"], known["files"]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        outputs = self._outputs(path.stem)
        return bool(
            key == self._key(path)
            and all(file.exists() for file in outputs.values())
            and all(_digest(outputs[name]) == files.get(name) for name in ("source", "release"))
        )

    def _was_changed(self, name: str, output: str) -> bool:
        """Tell whether an output is there and is not as it was built."""
        file = self._outputs(name)[output]
        try:
            known = json.loads((self._state / f"{name}.json").read_text(encoding="utf-8"))
            return file.exists() and _digest(file) != known["files"][output]
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def _refuse_edited_source(self, name: str) -> None:
        source = self._outputs(name)["source"]
        if is_edited(source):
            raise CampError(
                f"{source} was edited: carry the edit over into notebooks/source/{name}.py; "
                "'camp build --force' then puts the edited file aside"
            )

    def _texts(self, due: list[Path]) -> Iterable[tuple[Path, _Texts]]:
        """Yield the notebooks of each lesson, with a progress bar."""
        if not due:
            return
        console = Console(stderr=True)
        with (
            ProcessPoolExecutor(
                min(_WORKERS, len(due)),
                mp_context=_server(),
                initializer=_end_on_ctrl_c,
            ) as pool,
            Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
        ):
            task = progress.add_task("proving lessons", total=len(due))
            waiting = [
                (path, pool.submit(make_texts, path, self.cohort, self.language)) for path in due
            ]
            for path, future in waiting:
                try:
                    yield path, future.result()
                except BrokenProcessPool:
                    raise CampError(
                        f"{path}: proving it ended its process (os._exit, a crash, or no memory "
                        "left); build it alone to be sure that it is this lesson"
                    ) from None
                progress.advance(task)

    def _write(self, path: Path, texts: _Texts) -> None:
        from grading.course import Course
        from grading.release import release

        outputs = self._outputs(path.stem)
        if is_edited(outputs["source"]):
            keep_aside(outputs["source"], self.course / "edited")
        if self._was_changed(path.stem, "release"):
            keep_aside(outputs["release"], self.course / "edited")
        write_atomic(outputs["source"], texts.instructor)
        write_atomic(outputs["rubrics"], texts.rubrics)
        for language in LANGUAGES:
            write_atomic(outputs[language], texts.learners[language])
        release(Course(self.course), path.stem)
        files = {name: _digest(file) for name, file in outputs.items()}
        record = {"key": self._key(path), "files": files}
        write_atomic(self._state / f"{path.stem}.json", json.dumps(record) + "\n")


@contextmanager
def building(course: Path) -> Iterator[None]:
    """Keep a second build off a course directory.

    Raises:
        CampError: another build is under way.
    """
    state = course / ".build"
    state.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(state / "lock", timeout=0):
            yield
    except Timeout:
        raise CampError(
            f"another camp command is building in {course}: wait until it ends"
        ) from None


def _server() -> BaseContext:
    """Return what forks workers from one process that has imported all, for later builds too."""
    os.environ["PYTHONHASHSEED"] = "0"  # sets in a lesson then come in one order everywhere
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["grading.assemble", "grading.leaks", "grading.prove"])
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited by the server
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return context


def _end_on_ctrl_c() -> None:
    """End this worker on Ctrl+C, without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def released(course: Path, lesson: str, language: Language) -> Path:
    """Return the learner's notebook as built for ``course``, untouched by anybody."""
    return course / ".build" / language / f"{lesson}.ipynb"


def rubrics_file(course: Path, lesson: str) -> Path:
    """Return where ``course`` has the rubrics of a lesson's notes, see ``rubrics``."""
    return course / "rubrics" / f"{lesson}.json"


def make_texts(path: Path, cohort: Cohort, language: Language) -> _Texts:
    """Read, prove and assemble one lesson (in a process of its own).

    Raises:
        CampError: the lesson is malformed, unsound, or would ship a solution.
    """
    from grading.assemble import instructor_notebook, learner_notebook
    from grading.generated import seal
    from grading.leaks import refuse_leaks
    from grading.prove import prove_lesson
    from grading.reader import read_lesson
    from grading.rubrics import write_rubrics

    lesson = read_lesson(path)
    tests = prove_lesson(lesson, cohort)
    seeds = {
        cell.name: cohort.random(lesson.name, f"evidence {cell.name}").getrandbits(64)
        for cell in lesson.of_kind("evidence")
    }
    learners = {}
    instructor = ""
    for each in LANGUAGES:
        full = instructor_notebook(lesson, tests, seeds, each)
        shipped = learner_notebook(full)
        refuse_leaks(lesson, shipped)
        learners[each] = seal(shipped)
        if each == language:
            instructor = seal(full)
    return _Texts(instructor, learners, write_rubrics(lesson))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
