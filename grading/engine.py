"""Judges notebooks in this process's own zygotes: one for each set of imports."""

from __future__ import annotations

import atexit
import dataclasses
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from course_lib.language import Text
from grading.apart import run as apart
from grading.apart.plan import NOT_REACHED, Plan
from grading.assignment import Assignment, Notebook
from grading.course import Course
from grading.isolation.limits import Limits
from grading.isolation.spawner import Needs, Spawner
from grading.steps import REASONS, add_remark, language_of, steps_of, write_outcome

_DATA = (
    ".json", ".jsonl", ".csv", ".tsv", ".txt", ".md", ".png", ".jpg", ".jpeg", ".safetensors",
    ".log", ".yaml", ".yml", ".toml", ".html", ".pdf", ".npy",
)  # fmt: skip
_TOGETHER = Text(
    "这份作业的检查要和答案在同一个进程里跑，防作弊较弱",
    "this assignment's checks need to run in the process of the answers: weaker against cheating",
)
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
        self._spawners: dict[Needs, Spawner] = {}
        atexit.register(self.close)

    def spawner(self, assignment: Assignment, rules: Rules) -> Spawner:
        """Return the zygote for an assignment.

        Raises:
            CampError: it cannot be started with all its walls, see ``isolation``.
        """
        preload = tuple(sorted({*_ALWAYS, *assignment.imports}))
        needs = Needs(preload, rules.read, rules.hide, rules.allow_weaker)
        with self._lock:
            if needs not in self._spawners:
                self._spawners[needs] = Spawner(needs)
            return self._spawners[needs]

    @property
    def missing(self) -> list[str]:
        """Parts of the walls that submissions were run without, because it was allowed."""
        return sorted({part for one in self._spawners.values() for part in one.missing})

    def close(self) -> None:
        """End all zygotes and what they forked."""
        with self._lock:
            for spawner in self._spawners.values():
                spawner.close()
            self._spawners.clear()

    def judge(
        self,
        assignment: Assignment,
        notebook: Notebook,
        repaired: NotebookNode,
        files: Mapping[str, bytes],
        rules: Rules,
    ) -> NotebookNode:
        """Run a repaired notebook and write the results into it.

        Args:
            assignment: what it belongs to.
            notebook: the instructor's one.
            repaired: the submission after ``repair``.
            files: the other files that were handed in.
            rules: limits and walls.
        """
        steps = steps_of(repaired, notebook)
        given = dict(assignment.files)
        plan = Plan(
            steps=tuple(step for step, _ in steps),
            solved=tuple(sorted(notebook.solved)),
            classes=tuple(sorted(notebook.classes)),
            modules=tuple(sorted(notebook.modules)),
            files={**{k: v for k, v in files.items() if Path(k).suffix in _DATA}, **given},
            learner_files={**files, **given},
            times=assignment.times,
            language=language_of(repaired),
            together=notebook.how.place == "together",
        )
        limits = dataclasses.replace(rules.limits, seconds=int(assignment.times.submission) + 10)
        with self.spawner(assignment, rules).job(limits) as job:
            found = apart.run(job, plan)
        cut_off = False
        for (step, cell), outcome in zip(steps, found.outcomes, strict=True):
            if cell is not None:
                write_outcome(repaired, cell, step, outcome, cut_off=cut_off)
                cut_off = cut_off or (step.kind != "test" and bool(outcome.reason))
        if plan.together:
            add_remark(repaired, _TOGETHER)
        if found.reason:
            add_remark(repaired, REASONS[found.reason])
        rest = sum(outcome.reason == NOT_REACHED for outcome in found.outcomes)
        if rest:
            text = REASONS[NOT_REACHED]
            add_remark(repaired, Text(f"{text.zh}（{rest} 个）", f"{text.en} ({rest} cells)"))
        return repaired


ENGINE = Engine()


def read_rules(course: Course, *, allow_weaker: bool = False) -> Rules:
    """Return a course's rules: those of ``c.CampGrade`` in its ``nbgrader_config.py``."""
    settings = course.config.CampGrade
    limits = Limits(
        memory=int(settings.get("memory_mb", Limits.memory >> 20)) << 20,
        processes=int(settings.get("processes", Limits.processes)),
    )
    read = tuple(str(path) for path in settings.get("readable", ()))
    return Rules(limits, read, (str(course.path),), allow_weaker)
