"""Judges notebooks in this process's own zygotes: one for each set of imports."""

from __future__ import annotations

import atexit
import dataclasses
import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from course_lib.errors import CampError
from course_lib.language import Text, language_of
from grading.apart import run as apart
from grading.apart.folder import is_data
from grading.apart.plan import NOT_REACHED, Outcome, Plan, Step
from grading.assignment import Assignment, Notebook
from grading.course import Course
from grading.isolation.limits import Limits
from grading.isolation.spawner import Needs, Spawner
from grading.steps import (
    REASONS,
    add_missing,
    add_remark,
    steps_of,
    write_outcome,
)

_DATA = (
    ".json", ".jsonl", ".csv", ".tsv", ".txt", ".md", ".png", ".jpg", ".jpeg", ".safetensors",
    ".log", ".yaml", ".yml", ".toml", ".html", ".pdf", ".npy",
)  # fmt: skip
_TOGETHER = Text(
    "这些检查要和答案在同一个进程里跑，防作弊较弱",
    "these checks need to run in the process of the answers, weaker against cheating",
)
_TRIES = 3  # for a solution that may be late because the machine was busy
_ALWAYS = ("unittest", "json", "math", "re", "random", "collections", "itertools", "functools")


@dataclass(frozen=True)
class Rules:
    """How submissions are run; the same for all of a course.

    Attributes:
        limits: what one submission may use.
        read: folders that learners' code may read beside the environment.
        hide: folders that it must not see.
        allow_weaker: go on where parts of the walls are missing.
    """

    limits: Limits
    read: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    allow_weaker: bool = False


class Engine:
    """The zygotes of this process; they are started when first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spawners: dict[tuple[str, Rules], Spawner] = {}
        self._closed = False
        atexit.register(self.close)

    def open(self) -> None:
        """Allow zygotes again after :meth:`close`."""
        self._closed = False

    def spawner(self, assignment: Assignment, rules: Rules) -> Spawner:
        """Return the zygote for an assignment, which has imported what its notebooks need.

        Raises:
            CampError: it cannot be started with all its walls, see ``isolation``, or the engine
                is closed.
        """
        wanted = {*_ALWAYS, *assignment.imports}
        key = assignment.name, rules
        with self._lock:  # not while waiting for its imports: ``close`` needs it too
            if self._closed:
                raise CampError("grading was stopped")
            spawner = self._spawners.get(key)
            if spawner is None:
                needs = Needs(tuple(sorted(wanted)), rules.read, rules.hide, rules.allow_weaker)
                spawner = self._spawners[key] = Spawner(needs)
        try:
            spawner.preload(wanted)
        except CampError:
            with self._lock:
                failed = self._spawners.pop(key, None) if not self._closed else None
            if failed:
                failed.close()
            raise
        return spawner

    def _anew(self, assignment: Assignment, rules: Rules, ended: Spawner) -> Spawner:
        """Return a zygote in the place of one that ended, as when memory ran out.

        Raises:
            CampError: it cannot be started.
        """
        with self._lock:
            known = self._spawners.get((assignment.name, rules))
            if known is ended:
                del self._spawners[assignment.name, rules]
        if known is ended:
            ended.close()
        return self.spawner(assignment, rules)

    @property
    def missing(self) -> list[str]:
        """Parts of the walls that submissions were run without, because it was allowed."""
        return sorted({part for one in self._spawners.values() for part in one.missing})

    def close(self) -> None:
        """End all zygotes and what they forked, also those that are being started."""
        with self._lock:
            self._closed = True
            spawners = list(self._spawners.values())
            self._spawners.clear()
        for spawner in spawners:
            spawner.close()

    def judge(
        self,
        assignment: Assignment,
        notebook: Notebook,
        repaired: NotebookNode,
        files: Mapping[str, bytes],
        rules: Rules,
        seconds: float | None = None,
    ) -> bool:
        """Run a repaired notebook and write the results into it.

        Args:
            assignment: what it belongs to.
            notebook: the instructor's one.
            repaired: the submission after ``repair``.
            files: the other files that were handed in.
            rules: limits and walls.
            seconds: what is left of a submission's time; all of it when None.

        Returns:
            Whether the machine may be why a cell was late or ended, see ``apart.run``.

        Raises:
            NoRoom: a walled process could not be started.
        """
        steps = steps_of(repaired, notebook)
        plan = self._plan(assignment, notebook, [step for step, _ in steps], files)
        plan = dataclasses.replace(plan, language=language_of(repaired.metadata))
        if seconds is not None:
            times = dataclasses.replace(plan.times, submission=seconds)
            plan = dataclasses.replace(plan, times=times)
        spawner = self.spawner(assignment, rules)
        try:
            found = _run(spawner, plan, rules)
        except OSError:
            found = _run(self._anew(assignment, rules, spawner), plan, rules)
        if spawner.missing:
            add_missing(repaired, spawner.missing)
        cut_off = False
        for (step, cell), outcome in zip(steps, found.outcomes, strict=True):
            if cell is not None:
                write_outcome(repaired, cell, step, outcome, cut_off=cut_off)
                cut_off = cut_off or (step.kind != "test" and bool(outcome.reason))
        together = ", ".join(step.name for step in plan.steps if step.together)
        if together:
            add_remark(repaired, Text(f"{together}：{_TOGETHER.zh}", f"{together}: {_TOGETHER.en}"))
        if found.reason:
            add_remark(repaired, REASONS[found.reason])
        rest = sum(outcome.reason == NOT_REACHED for outcome in found.outcomes)
        if rest:
            text = REASONS[NOT_REACHED]
            add_remark(repaired, Text(f"{text.zh}（{rest} 个）", f"{text.en} ({rest} cells)"))
        return found.doubtful

    def learn(
        self, assignment: Assignment, notebook: Notebook, solution: NotebookNode, rules: Rules
    ) -> tuple[list[tuple[Step, Outcome]], apart.Run]:
        """Run the instructor's own solution.

        Returns:
            Its steps, each with what became of it, and the run; doubtful when this machine was too
            busy for it several times.

        Raises:
            CampError: a walled process could not be started.
        """
        steps = [step for step, _ in steps_of(solution, notebook)]
        plan = dataclasses.replace(self._plan(assignment, notebook, steps, {}), learning=True)
        for _ in range(_TRIES):
            try:
                found = _run(self.spawner(assignment, rules), plan, rules)
            except apart.NoRoom as error:
                raise CampError(f"{error}: free memory or processes, and try again") from None
            if not found.doubtful:
                break
        return list(zip(steps, found.outcomes, strict=True)), found

    def _plan(
        self,
        assignment: Assignment,
        notebook: Notebook,
        steps: Sequence[Step],
        files: Mapping[str, bytes],
    ) -> Plan:
        given = dict(assignment.files)
        return Plan(
            steps=tuple(steps),
            solved=tuple(sorted(notebook.solved)),
            read=tuple(sorted(notebook.read)),
            given=tuple(sorted(notebook.given)),
            classes=tuple(sorted(notebook.classes)),
            modules=tuple(sorted(notebook.modules)),
            files={k: v for k, v in files.items() if _is_data(k)} | given,
            learner_files={**files, **given},
            times=assignment.times,
        )


def _run(spawner: Spawner, plan: Plan, rules: Rules) -> apart.Run:
    if plan.times.submission <= 0:
        return apart.Run([Outcome(reason=NOT_REACHED) for _ in plan.steps], "late")
    limits = dataclasses.replace(rules.limits, seconds=int(plan.times.submission) + 10)
    with spawner.job(limits) as job:
        return apart.run(job, plan)


def _is_data(name: str) -> bool:
    return Path(name).suffix in _DATA and is_data(name)


ENGINE = Engine()


def key_of(assignment: Assignment, rules: Rules) -> str:
    """Return a fingerprint of all that a score depends on, beside the submission."""
    parts = [assignment.key, dataclasses.asdict(rules.limits), rules.read]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def read_rules(course: Course, *, allow_weaker: bool = False) -> Rules:
    """Return a course's rules: those of ``c.CampGrade`` in its ``nbgrader_config.py``."""
    settings = course.config.CampGrade
    limits = Limits(
        memory=int(settings.get("memory_mb", Limits.memory >> 20)) << 20,
        processes=int(settings.get("processes", Limits.processes)),
    )
    read = tuple(str(path) for path in settings.get("readable", ()))
    return Rules(limits, read, (str(course.path),), allow_weaker)
