"""How an assignment's tests are judged: found out once, with the instructor's own solution.

The process of the tests holds no object of a learner, so a test that needs one (it patches a
module that learners' code uses, looks into a list that a function changed) would fail for
everybody. The instructor's notebook shows which tests those are before any submission is graded.
"""

from __future__ import annotations

import dataclasses
import sys
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from course_lib.files import write_atomic
from grading.assignment import Assignment, How, Notebook
from grading.course import Course
from grading.engine import ENGINE, Rules, key_of
from grading.repair import repair

_ALL = ("args", "chance", "files", "globals")
_CLOSE = (_ALL, *((one,) for one in ("args", "chance", "files", "names", "globals")))
_STORED = TypeAdapter(dict[str, Any])
_HOW = TypeAdapter(How)


def settle(assignment: Assignment, course: Course, rules: Rules) -> Assignment:
    """Return the assignment with how each notebook is judged, found out now or earlier.

    Raises:
        CampError: the walls around learners' code are missing here.
    """
    file = _file(course, assignment.name)
    key = {"course": key_of(assignment, rules), "packages": _packages(assignment)}
    try:
        stored = _STORED.validate_json(file.read_bytes())
        known = _hows(stored)
        if stored["key"] != key or known.keys() != assignment.notebooks.keys():
            raise ValueError
        if any(
            how.broken or how.cut_short for how in known.values()
        ):  # perhaps the machine's fault
            raise ValueError
    except (OSError, ValidationError, ValueError, KeyError):
        known = {
            name: find_out(assignment, notebook, rules)
            for name, notebook in assignment.notebooks.items()
        }
        told = {
            "key": key,
            "notebooks": {name: dataclasses.asdict(how) for name, how in known.items()},
        }
        write_atomic(file, _STORED.dump_json(told, indent=1))
    notebooks = {
        name: dataclasses.replace(notebook, how=known[name])
        for name, notebook in assignment.notebooks.items()
    }
    return dataclasses.replace(assignment, notebooks=notebooks)


def broken_tests(course: Course, lesson: str) -> list[str]:
    """Return the tests of a graded lesson that the instructor's own solution does not pass."""
    stored = _STORED.validate_json(_file(course, lesson).read_bytes())
    return [test for how in _hows(stored).values() for test in how.broken]


def _file(course: Course, lesson: str) -> Path:
    return course.state / "how" / f"{lesson}.json"


def _hows(stored: dict[str, Any]) -> dict[str, How]:
    return {name: _HOW.validate_python(how) for name, how in stored["notebooks"].items()}


def _packages(assignment: Assignment) -> dict[str, str | None]:
    """Return the versions of the distributions that an assignment imports; None if missing."""
    modules = {entry.partition(":")[0].partition(".")[0] for entry in assignment.imports}
    others = modules - sys.stdlib_module_names
    known = packages_distributions() if others else {}
    versions: dict[str, str | None] = {}
    for module in sorted(others):
        versions[module] = None
        for name in known.get(module, ()):
            versions[name] = version(name)
    return versions


def find_out(assignment: Assignment, notebook: Notebook, rules: Rules) -> How:
    """Return how a notebook's tests are judged so that the instructor's own solution passes.

    Checks of evidence fail in any case: the solution comes without it.
    """
    trial = _Trial(assignment, notebook, rules)
    how = trial.run(How())
    if how.broken:
        how = _closer(trial, how)
    while how.broken:  # more than once where other tests need what one binds
        asked = {*how.together, *how.broken}
        tried = trial.run(dataclasses.replace(how, together=tuple(sorted(asked))))
        together = tuple(sorted(asked - set(tried.failing)))
        if together == how.together:
            break
        how = trial.run(dataclasses.replace(how, together=together))
    return how


def _closer(trial: _Trial, how: How) -> How:
    """Let no more cross than what each failing test needs to pass."""
    helped = set(how.broken)
    for close in _CLOSE:
        tried = trial.run(
            dataclasses.replace(how, close=how.close | dict.fromkeys(sorted(helped), close))
        )
        passing = helped - set(tried.failing)
        how = dataclasses.replace(how, close=how.close | dict.fromkeys(sorted(passing), close))
        if close == _ALL:
            helped = passing
            if not helped:
                return how
        else:
            helped -= passing
    return trial.run(how)


class _Trial:
    """Runs the instructor's own solution."""

    def __init__(self, assignment: Assignment, notebook: Notebook, rules: Rules) -> None:
        self.assignment = assignment
        self.notebook = notebook
        self.rules = rules

    def run(self, how: How) -> How:
        """Return what is known after a run in which tests are judged in a given way."""
        notebook = dataclasses.replace(self.notebook, how=how)
        assignment = self.assignment.with_notebook(notebook)
        solution, _ = repair(notebook.instructor, notebook.instructor, notebook.plan)
        found, ran = ENGINE.learn(assignment, notebook, solution, self.rules)
        tests = [(step, outcome) for step, outcome in found if step.kind == "test"]
        shows = {step.name for step, outcome in tests if outcome.shown}
        return dataclasses.replace(
            how,
            imports=tuple(sorted({*how.imports, *ran.imported})),
            cut_short=how.cut_short or ran.doubtful,
            shows=tuple(sorted({*how.shows, *shows})),
            failing=tuple(
                step.name
                for step, outcome in tests
                if outcome.error or outcome.reason or outcome.score != step.points
            ),
            traits={
                step.name: outcome.traits
                for step, outcome in tests
                if outcome.traits and not step.together
            },
        )
