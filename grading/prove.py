"""Hidden tests made from the reference solution, and the proof that an exercise is sound.

Sound means: the solution passes, a blank answer does not, and each typical wrong answer fails
with the message that names it. Only ``given`` cells, exercises, checks, cases and wrong
answers run here, never a lesson's demonstrations.
"""

from __future__ import annotations

import contextlib
import io
import random
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

from course_lib import checks, values
from course_lib.cases import Case, Mistakes, call, case, write_case
from course_lib.errors import CampError
from course_lib.language import LANGUAGES, Language, current_language, use_language
from course_lib.payload import fold
from course_lib.verdicts import NotPassed
from grading.cells import blank_source, check_source, in_language
from grading.cohort import Cohort
from grading.lesson import Cell, Exercise, Lesson

SECONDS_PER_TRIAL = 30
MOST_CASES = 200
Names = dict[str, Any]


@dataclass(frozen=True)
class Tests:
    """What the builder writes into one check cell."""

    mistakes: str
    hidden: str


class _TimeUp(KeyboardInterrupt):
    """A trial ran too long; no answer's ``except`` may swallow it."""


def prove_lesson(lesson: Lesson, cohort: Cohort) -> dict[str, Tests]:
    """Make the tests of every exercise and prove them.

    Returns:
        The tests by exercise name.

    Raises:
        CampError: an exercise is unsound; the text names file, line and reason.
    """
    names: Names = {"case": case, "expect": checks.expect}
    for cell in lesson.cells:
        if cell.kind in ("given", "exercise"):
            with _running(lesson, cell, f"{cell.kind} {cell.name!r}"):
                _run(cell.source, names, cell)
    return {
        exercise.name: _Trial(lesson, exercise, names, cohort).tests()
        for exercise in lesson.exercises
    }


class _Trial:
    """Tries the answers to one exercise."""

    def __init__(self, lesson: Lesson, exercise: Exercise, names: Names, cohort: Cohort) -> None:
        self.lesson = lesson
        self.exercise = exercise
        self.names = names
        self.cohort = cohort

    def tests(self) -> Tests:
        visible, rtol = self._visible()
        hidden = self._hidden()
        shown = fold(self._mistakes(visible, rtol).write())
        table = self._mistakes(hidden, rtol).write()
        tests = Tests(shown, fold({"tests": [write_case(item) for item in hidden], **table}))
        self._prove(tests)
        return tests

    def _refuse(self, cell: Cell, reason: str) -> CampError:
        return CampError(f"{self.lesson.path}:{cell.line}: {reason}")

    def _visible(self) -> tuple[Sequence[Case], float]:
        """Return the cases of the visible check and its tolerance."""
        seen: list[tuple[Sequence[Case], float]] = []

        def record(
            name: str, cases: Sequence[Case], rtol: float = values.RELATIVE_TOLERANCE
        ) -> None:
            seen.append((cases, rtol))

        cell = self.exercise.check
        with _running(self.lesson, cell, "its check, with the reference solution,"):
            _run(cell.source, {**self.names, "check": record}, cell)
        if not seen[0][0] or not all(item.decided for item in seen[0][0]):
            raise self._refuse(cell, "each case of a check says gives=... or raises=...")
        return seen[0]

    def _hidden(self) -> list[Case]:
        """Return the cohort's cases, decided by the reference solution."""
        cell = self.exercise.cases
        with _running(self.lesson, cell, "cases"):
            names = _run(cell.source, dict(self.names), cell)
            first, second = (
                self._draw(names, self.cohort.random(self.lesson.name, cell.name)) for _ in range(2)
            )
            if _written(first) != _written(second):
                raise self._refuse(cell, "cases(rng) differs from run to run; use only rng")
            if _written(first) == _written(self._draw(names, random.Random(0))):  # noqa: S311
                raise self._refuse(cell, "cases(rng) gives every cohort the same tests; use rng")
            decided = [self._decide(item) for item in first]
        if not 1 <= len(decided) <= MOST_CASES:
            raise self._refuse(cell, f"cases(rng) yields {len(decided)}, not 1 to {MOST_CASES}")
        return decided

    def _draw(self, names: Names, numbers: random.Random) -> list[Case]:
        return [
            item if isinstance(item, Case) else Case(tuple(item))
            for item in names["cases"](numbers)
        ]

    def _decide(self, item: Case) -> Case:
        outcome = call(self.names[item.fn or self.exercise.name], item)
        if outcome.error is None:
            try:
                return replace(item, gives=values.plain(outcome.value))
            except values.NotPlain as kind:
                reason = f"the solution returns a {kind}; a check compares plain data only"
                raise self._refuse(self.exercise.answer, reason) from None
        return replace(item, raises=type(outcome.error).__name__)

    def _mistakes(self, cases: Sequence[Case], rtol: float) -> Mistakes:
        """Return what each wrong answer does on ``cases``, where that is not right."""
        rows: list[dict[str, list[int]]] = [{} for _ in cases]
        texts = []
        for number, wrong in enumerate(self.exercise.wrongs):
            texts.append(wrong.tagged)
            with _running(self.lesson, wrong, "this wrong answer"):
                names = _run(wrong.source, dict(self.names), wrong)
                for row, item in zip(rows, cases, strict=True):
                    outcome = call(names[item.fn or self.exercise.name], item)
                    if not outcome.meets(item, rtol):
                        row.setdefault(outcome.key, []).append(number)
        return Mistakes(tuple(texts), tuple(rows))

    def _prove(self, tests: Tests) -> None:
        name, answer = self.exercise.name, self.exercise.answer
        source = check_source(self.exercise, tests.mistakes, tests.hidden)
        for language, verdict in self._verdicts(answer.source, source, answer):
            if verdict is not None:
                raise self._refuse(answer, f"the solution fails its check ({language}): {verdict}")
        silent = blank_source(answer.source).replace("raise NotImplementedError", "pass")
        for _, verdict in self._verdicts(silent, source, answer):
            if verdict is None:
                raise self._refuse(answer, "what learners get passes without its stub: a solution")
        for _, verdict in self._verdicts(blank_source(answer.source), source, answer):
            if verdict is None or verdict.kind != "not attempted":
                raise self._refuse(answer, f"a blank {name!r} is not 'not attempted': {verdict}")
        for wrong in self.exercise.wrongs:
            for language, verdict in self._verdicts(wrong.source, source, wrong):
                why = wrong.tagged.in_language(language)
                if verdict is None:
                    raise self._refuse(wrong, f"this wrong answer to {name!r} passes: {why}")
                if why not in str(verdict):
                    raise self._refuse(
                        wrong,
                        f"this wrong answer to {name!r} is not named; add a case that tells it "
                        f"from the others: wanted {why!r}, the learner reads {str(verdict)!r}",
                    )

    def _verdicts(
        self, answer: str, check: str, cell: Cell
    ) -> Iterator[tuple[Language, NotPassed | None]]:
        """Yield the verdict on ``answer`` in each language; None is a pass."""
        before = current_language()
        for language in LANGUAGES:
            use_language(language)
            verdict = None
            try:
                with _running(self.lesson, cell, f"the check of {self.exercise.name!r}"):
                    names = _run(in_language(answer, language), dict(self.names), cell)
                    _run(in_language(check, language), names, self.exercise.check)
            except NotPassed as error:
                verdict = error
            finally:
                use_language(before)
            yield language, verdict


def _written(cases: Sequence[Case]) -> list[dict[str, Any]]:
    return [write_case(item) for item in cases]


def _run(source: str, names: Names, cell: Cell) -> Names:
    """Run ``source`` in ``names``; tracebacks show the cell's kind and name."""
    code = compile(source, f"<{cell.kind} {cell.name}>", "exec")
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code, names)  # noqa: S102 - the instructor's own source
    return names


@contextlib.contextmanager
def _running(lesson: Lesson, cell: Cell, what: str) -> Iterator[None]:
    """Turn an exception or a long run inside into a refusal; verdicts pass through."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise _TimeUp

    before: Callable[..., Any] | Mapping[str, Any] | int | None = signal.signal(
        signal.SIGALRM, stop
    )
    signal.alarm(SECONDS_PER_TRIAL)
    try:
        yield
    except (NotPassed, CampError):
        raise
    except _TimeUp:
        raise CampError(
            f"{lesson.path}:{cell.line}: {what} ran longer than {SECONDS_PER_TRIAL} s"
        ) from None
    except Exception as error:
        raise CampError(
            f"{lesson.path}:{cell.line}: {what} raised {type(error).__name__}: {error}"
        ) from None
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)  # type: ignore[arg-type]
