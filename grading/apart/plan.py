"""What the grader sends to the judge, and what the judge tells back."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from grading.apart.wire import NotPlain

Kind = Literal["learner", "given", "support", "test"]
MAX_TEXT = 100_000


@dataclass(frozen=True)
class Step:
    """One code cell on its way through the judge.

    Attributes:
        kind: ``learner`` cells run in the learner's process, ``given`` ones in both, ``support``
            ones only in the judge's, ``test`` ones in the judge's.
        name: what the cell is called in messages.
        source: its text, hidden tests included.
        points: what a test is worth.
        visible: a test's text without its hidden part.
        hidden_from: the line where its hidden part begins; 0 without one.
        writes_back: whether arguments changed by a learner's function change for the test.
    """

    kind: Kind
    name: str
    source: str
    points: float = 0
    visible: str = ""
    hidden_from: int = 0
    writes_back: bool = False


@dataclass(frozen=True)
class Times:
    """Seconds that one call, one cell, one submission may take."""

    call: float = 30
    cell: float = 30
    submission: float = 300


@dataclass(frozen=True)
class Plan:
    """All that the judge needs for one notebook of one submission.

    Attributes:
        steps: the cells, in order.
        solved: names that the instructor's solution binds.
        classes: those of them that are classes.
        modules: modules that the instructor's notebook imports.
        files: what lies in the judge's work folder, by relative path.
        learner_files: what lies in the learner's.
        times: limits.
        language: the language of messages.
        together: tests run in the learner's process, because they cannot do without.
    """

    steps: tuple[Step, ...]
    solved: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    files: dict[str, bytes] = field(default_factory=dict)
    learner_files: dict[str, bytes] = field(default_factory=dict)
    times: Times = Times()
    language: str = "zh"
    together: bool = False

    def message(self) -> dict[str, Any]:
        """Return what crosses to the judge."""
        return {
            "cells": [asdict(step) for step in self.steps],
            "solved": list(self.solved),
            "classes": list(self.classes),
            "modules": list(self.modules),
            "files": self.files,
            "learner_files": self.learner_files,
            "call_seconds": float(self.times.call),
            "cell_seconds": float(self.times.cell),
            "language": self.language,
            "together": self.together,
        }


@dataclass(frozen=True)
class Error:
    """An exception that ended a cell.

    Attributes:
        name: the name of its kind.
        text: its message.
        line: the line of the cell, or 0.
        learners: the learner's code made this kind up.
    """

    name: str
    text: str
    line: int = 0
    learners: bool = False


@dataclass
class Outcome:
    """What became of one step.

    Attributes:
        outputs: what a learner's cell showed, see ``outputs``.
        error: what ended the cell.
        score: points of a test.
        printed: what was printed while a test ran.
        reason: why a TA must look: ``late``, ``ended``, ``unreadable``, ``no number``,
            ``not reached`` or "".
        clean: nothing in it can come from a hidden test.
        said: of an unclean test, the error of its visible part alone; it may be shown.
        seconds: how long it took.
    """

    outputs: list[dict[str, Any]] = field(default_factory=list)
    error: Error | None = None
    score: float = 0
    printed: str = ""
    reason: str = ""
    clean: bool = True
    said: Error | None = None
    seconds: float = 0


NOT_REACHED = "not reached"
_REASONS = {"", "late", "ended", "unreadable", "no number"}


def read_outcome(step: Step, told: Any) -> Outcome:
    """Return what the judge told of a step.

    Raises:
        NotPlain: it is not what a judge tells, for example a score above the step's points.
    """
    found = Outcome()
    try:
        found.seconds = float(told["seconds"])
        if step.kind == "support":
            return found
        found.clean = told["clean"] is True
        found.reason = told["reason"]
        found.error = read_error(told["error"])
        if step.kind == "test":
            found.score = told["score"]
            found.printed = told["printed"][:MAX_TEXT]
        else:
            found.outputs = told["outputs"]
    except (KeyError, TypeError, ValueError):
        raise NotPlain("no outcome") from None
    score = found.score
    valid = type(score) in (int, float) and math.isfinite(score) and 0 <= score <= step.points
    if not valid or found.reason not in _REASONS or (found.error and score):
        raise NotPlain("no valid outcome")
    return found


def read_error(told: Any) -> Error | None:
    """Return the error of a cell.

    Raises:
        NotPlain: it is none.
    """
    if told is None:
        return None
    name, text, line, learners = told
    if type(name) is not str or type(text) is not str or type(line) is not int:
        raise NotPlain("no error")
    return Error(name[:200], text[:MAX_TEXT], line, learners is True)
