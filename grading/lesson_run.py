"""One run over the submissions of a lesson: grades them side by side, enters scores in batches."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from course_lib.errors import CampError, printable
from course_lib.files import write_atomic
from course_lib.language import Text
from grading import copies, journal
from grading.assignment import read_assignment
from grading.book import Book, Entry, Points
from grading.copies import Copy
from grading.course import STRANGE_ID, Course
from grading.engine import ENGINE, key_of, read_rules
from grading.grader import Graded, grade_one, stand_in
from grading.how import settle
from grading.intake import fingerprint
from grading.journal import Journal, Packed
from grading.pool import Pool, cluster, is_lost, threads
from grading.progress import GradingProgress, preparing, warn
from grading.steps import mark_review, to_text
from grading.told import told

_BATCH = 50
_EVERY = 2.0  # seconds after which a smaller batch is entered
_AHEAD = 4  # submissions handed out for each worker
_IN_VAIN = 3


@dataclass(frozen=True)
class Result:
    """Where one submission stands.

    Attributes:
        lesson: name of the lesson.
        learner: the learner's id.
        fresh: graded in this run; false when nothing had changed since an earlier one.
        review: a TA must look at it, for a reason among the remarks.
        score: points in the gradebook, a TA's marks included.
        max_score: points to be had.
        auto_score: what the checks gave.
        pending: cells that wait for a TA's mark.
        remarks: one line each on repairs and on what went wrong.
        seconds: how long grading it took.
        missing: parts of the walls without which its code was run, because that was allowed.
    """

    lesson: str
    learner: str
    fresh: bool
    review: bool
    score: float
    max_score: float
    auto_score: float
    pending: int
    remarks: tuple[Text, ...]
    seconds: float = 0
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """How a run goes.

    Attributes:
        force: grade again what is unchanged since it was last graded.
        workers: submissions graded at the same time; as many as processors when None.
        allow_weaker: go on where parts of the walls around learners' code are missing.
        scheduler: address of a Dask cluster that grades; threads of this process when None.
    """

    force: bool = False
    workers: int | None = None
    allow_weaker: bool = False
    scheduler: str | None = None


class LessonRun:
    """Grades one lesson."""

    def __init__(self, course: Course, lesson: str, options: Options) -> None:
        self.course = course
        self.options = options
        self.rules = read_rules(course, allow_weaker=options.allow_weaker)
        ENGINE.open()
        with preparing(lesson):
            self.assignment = settle(read_assignment(course, lesson), course, self.rules)
        self.key = key_of(self.assignment, self.rules)
        self.journal = Journal(course.state / lesson)
        self.lesson = lesson
        self.finished = 0
        self._stamps: dict[str, str] = {}
        self._missing: set[str] = set()

    def grade(self, learners: list[str]) -> list[Result]:
        """Grade what is due and return where all stand."""
        strange = [one for one in learners if not self.course.is_learner_id(one)]
        named = [one for one in learners if self.course.is_learner_id(one)]
        with self.course.gradebook() as gradebook:
            book = Book(gradebook, self.lesson, self.course.config)
            entered = book.points(named)
            due = [one for one in named if self._is_due(one) or not self._holds(one, entered)]
            if due:
                self.warn_of_tests()
            self._withhold(book, due)
            if due:
                self._grade_due(book, due)
            if not all(self.journal.read(learner).compared for learner in named):
                self._compare(book)
            standings = book.standings(named)
        results = [_strange(self.lesson, learner) for learner in strange]
        for learner in named:
            record = self.journal.read(learner)
            standing = standings[learner]
            results.append(
                Result(
                    self.lesson, learner, learner in due, record.review, standing.score,
                    standing.max_score, standing.auto_score, standing.pending, record.texts,
                    record.seconds, tuple(record.missing),
                )
            )  # fmt: skip
        return sorted(results, key=lambda result: result.learner)

    def warn_of_tests(self) -> None:
        """Say which tests are not as they should be; every submission has them."""
        for notebook in self.assignment.notebooks.values():
            if notebook.stale:
                warn(
                    f"{self.lesson}: {', '.join(notebook.stale)} in source/{self.lesson}/"
                    f"{notebook.name}.ipynb is not what the gradebook has, which counts: run "
                    f"'nbgrader generate_assignment {self.lesson} --force', then 'camp regrade "
                    f"{self.lesson}'"
                )
            if notebook.how.broken:
                warn(
                    f"{self.lesson}: the instructor's own solution does not pass "
                    f"{', '.join(notebook.how.broken)} in {notebook.name}.ipynb; mend them, then "
                    f"'camp regrade {self.lesson}'"
                )
            if notebook.how.together:
                warn(
                    f"{self.lesson}: {', '.join(notebook.how.together)} in {notebook.name}.ipynb "
                    "need the process of the answers and run in it: weaker against cheating"
                )

    def _warn_of_missing(self, graded: Graded) -> None:
        for part in graded.missing:
            if part not in self._missing:
                warn(f"{self.lesson}: graded without {part}")
        self._missing |= {*graded.missing}

    def _is_due(self, learner: str) -> bool:
        """Tell whether a submission is to be graded; note it when only its times changed."""
        folder = self.course.submitted(learner, self.lesson)
        self._stamps[learner] = stamp = journal.stamp_of(folder)
        record = self.journal.read(learner)
        if self.options.force or record.stage != "done" or record.key != self.key:
            return True
        if not all(path.exists() for path in self._autograded(learner)):
            return True
        if stamp == record.stamp:
            return False
        if not record.fingerprint or fingerprint(folder) != record.fingerprint:
            return True
        self.journal.write(learner, record.model_copy(update={"stamp": stamp}))
        return False

    def _holds(self, learner: str, entered: Mapping[str, Mapping[str, Points]]) -> bool:
        """Tell whether the gradebook has what checks gave; another, or an old copy, may not."""
        if learner not in entered:
            return False
        given = self.journal.read(learner).points
        return all(
            (points.auto or 0) == (given.get(cell) or 0)
            for cell, points in entered[learner].items()
        )

    def _autograded(self, learner: str) -> list[Path]:
        folder = self.course.autograded(learner, self.lesson)
        return [folder / f"{name}.ipynb" for name in self.assignment.notebooks]

    def _text(self, graded: Graded, name: str) -> str:
        """Return a notebook's graded file; it says why when there is nothing to show."""
        if name in graded.notebooks:
            return graded.notebooks[name].text
        reason = graded.ungraded.get(name) or graded.remarks[0]
        return stand_in(self.assignment.notebooks[name], reason)

    def _withhold(self, book: Book, due: list[str]) -> None:
        """Take back what due submissions have in the gradebook, and remember a TA's marks."""
        settled = book.settled(due)
        for learner in book.submissions(due):
            record = self.journal.read(learner)
            if record.stage == "done":
                marked = sorted(settled.get(learner, ()))
                self.journal.write(
                    learner, record.model_copy(update={"stage": "due", "settled": marked})
                )
        book.withhold(due)

    def _grade_due(self, book: Book, due: list[str]) -> None:
        batch: list[Graded] = []
        entered = time.monotonic()
        with GradingProgress(self.lesson, len(due)) as progress:
            try:
                for graded in self.graded(due, progress):
                    batch.append(graded)
                    if len(batch) >= _BATCH or time.monotonic() - entered > _EVERY:
                        self._enter(book, batch)
                        batch, entered = [], time.monotonic()
                self._enter(book, batch)
            except KeyboardInterrupt:
                self._enter(book, batch)
                raise CampError(
                    f"stopped after {self.finished} of {len(due)} submissions; "
                    "run the same command again to go on",
                    130,
                ) from None

    def _compare(self, book: Book) -> None:
        """Let a TA look at what somebody else had handed in before.

        All that was ever graded of the lesson is compared. Nothing is lost when this is cut off:
        what was not marked as compared is compared in the next run.
        """
        records = {one: self.journal.read(one) for one in self.journal.learners()}
        graded = {one: found for one, found in records.items() if found.stage == "done"}
        known = book.submissions(graded)
        later = [copy for copy in copies.find(graded) if copy.learner in known]
        settled = book.settled({copy.learner for copy in later})
        for copy in later:
            record = records[copy.learner]
            if copy.cell in record.copies or copy.cell in settled.get(copy.learner, ()):
                continue
            self._flag(book, copy)
            remark = copy.remark
            records[copy.learner] = record.model_copy(
                update={
                    "review": True,
                    "remarks": [*record.remarks, (remark.zh, remark.en)],
                    "copies": {**record.copies, copy.cell: copy.of},
                }
            )
            self.journal.write(copy.learner, records[copy.learner])
        for learner, record in records.items():
            if learner in graded and not record.compared:
                self.journal.write(learner, record.model_copy(update={"compared": True}))

    def _flag(self, book: Book, copy: Copy) -> None:
        """Write into the graded notebook and the gradebook that a TA must look at a cell."""
        name, _, grade_id = copy.cell.partition("/")
        file = self.course.autograded(copy.learner, self.lesson) / f"{name}.ipynb"
        notebook = nbformat.read(file, as_version=4)
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id:
                mark_review(cell, copies.REASON)
        write_atomic(file, to_text(notebook), durable=False)
        book.flag(copy.learner, name, grade_id)

    def graded(self, due: list[str], progress: GradingProgress) -> Iterator[Graded]:
        """Yield submissions as they are graded; nothing is written.

        Those that may be late because the machine was busy are tried once more, alone. Where that
        helped none of several in a row it is no use, and the others keep their first result.
        """
        doubtful: list[Graded] = []
        with self._pool() as pool:
            assignment = pool.share(self.assignment)
            for graded in self._run(pool, assignment, due, _AHEAD * pool.workers, progress):
                if graded.doubtful or graded.fault:
                    doubtful.append(graded)
                else:
                    progress.advance(graded)
                    yield graded
            if doubtful:
                progress.say(_busy(len(doubtful)))
            in_vain = 0
            for graded in doubtful:
                if in_vain < _IN_VAIN:
                    (graded,) = self._run(pool, assignment, [graded.learner], 1, progress)
                    in_vain = in_vain + 1 if graded.doubtful or graded.fault else 0
                progress.advance(graded)
                yield graded

    def _run(
        self, pool: Pool, assignment: Any, due: list[str], ahead: int, progress: GradingProgress
    ) -> Iterator[Graded]:
        """Yield submissions as they are graded, ``ahead`` handed out at a time."""
        waiting = iter(due)
        running: dict[Future[Graded], str] = {}
        while True:
            for learner in itertools.islice(waiting, ahead - len(running)):
                folder = self.course.submitted(learner, self.lesson)
                future = pool.submit(grade_one, folder, learner, assignment, self.rules)
                running[future] = learner
            if not running:
                return
            ended, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            progress.look(sorted(running.values()))
            for future in ended:
                graded = self._result(future, running.pop(future))
                self._warn_of_missing(graded)
                yield graded

    @contextmanager
    def _pool(self) -> Iterator[Pool]:
        scheduler = self.options.scheduler
        opened = (
            cluster(scheduler, self.course.path) if scheduler else threads(self.options.workers)
        )
        with opened as pool:
            try:
                yield pool
            except BaseException:
                pool.stop()
                ENGINE.close()
                raise

    def _result(self, future: Future[Graded], learner: str) -> Graded:
        """Return what became of a submission; a fault of ours is for a TA, and in the log."""
        try:
            return future.result()
        except CampError:
            raise
        except Exception as error:
            if is_lost(error):
                raise CampError(
                    "the cluster was lost; run the same command again to go on"
                ) from None
            self.course.log().exception("grading %s, %s", learner, self.lesson)
            cause = f"{type(error).__name__}: {error}"[:200]
            log = self.course.state / "nbgrader.log"
            remark = Text(
                f"评分程序出错：{cause}（见 {log}）", f"grading failed: {cause} (see {log})"
            )
            return Graded(self.lesson, learner, review=True, remarks=(remark,), fault=True)

    def _enter(self, book: Book, batch: list[Graded]) -> None:
        """Enter a batch: files, then the gradebook in one step, then the journal."""
        before = {graded.learner: self.journal.read(graded.learner) for graded in batch}
        entries = []
        for graded in batch:
            said = told(self.course, graded.learner, self.lesson)
            packed = Packed(number=said.number, time=said.time) if said else None
            record = before[graded.learner].model_copy(update={"packed": packed})
            if record.received is None or record.fingerprint != graded.fingerprint:
                notebooks = list(self.assignment.notebooks)
                received = journal.received_at(self.course, graded.learner, self.lesson, notebooks)
                record = record.model_copy(update={"received": received})
            before[graded.learner] = record
            for target in self._autograded(graded.learner):
                write_atomic(target, self._text(graded, target.stem), durable=False)
            entries.append(Entry(graded, record.received, journal.settled(graded, record)))
        if entries:
            book.save(entries)
        for graded in batch:
            stamp = self._stamps[graded.learner]
            record = journal.done(graded, self.key, stamp, before[graded.learner])
            self.journal.write(graded.learner, record)
        self.finished += len(batch)


def _busy(count: int) -> str:
    """Return what is said before submissions are tried once more."""
    many = "a submission" if count == 1 else f"{count} submissions"
    return f"{many} cut short, perhaps because the machine was busy: once more, one at a time"


def _strange(lesson: str, learner: str) -> Result:
    return Result(lesson, printable(learner), True, True, 0, 0, 0, 0, (STRANGE_ID,))
