"""How an assignment's tests are judged: found out once, with the instructor's own solution.

The process of the tests holds no object of a learner, so a test that needs one (it compares by
identity, patches a name, looks into a list that a function changed) would fail for everybody.
The instructor's notebook shows which tests those are before any submission is graded.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from pydantic import TypeAdapter, ValidationError

from course_lib.files import write_atomic
from grading.assignment import Assignment, How, Notebook
from grading.course import Course
from grading.engine import ENGINE, Rules
from grading.repair import repair
from grading.steps import is_test

_STORED = TypeAdapter(dict[str, Any])
_HOW = TypeAdapter(How)


def settle(assignment: Assignment, course: Course, rules: Rules) -> Assignment:
    """Return the assignment with how each notebook is judged, found out now or earlier.

    Raises:
        CampError: the walls around learners' code are missing here.
    """
    file = course.state / "how" / f"{assignment.name}.json"
    try:
        stored = _STORED.validate_json(file.read_bytes())
        known = {name: _HOW.validate_python(how) for name, how in stored["notebooks"].items()}
        if stored["key"] != assignment.key or known.keys() != assignment.notebooks.keys():
            raise ValueError
    except (OSError, ValidationError, ValueError, KeyError):
        known = {
            name: find_out(assignment, notebook, rules)
            for name, notebook in assignment.notebooks.items()
        }
        told = {
            "key": assignment.key,
            "notebooks": {name: dataclasses.asdict(how) for name, how in known.items()},
        }
        write_atomic(file, _STORED.dump_json(told, indent=1))
    notebooks = {
        name: dataclasses.replace(notebook, how=known[name])
        for name, notebook in assignment.notebooks.items()
    }
    return dataclasses.replace(assignment, notebooks=notebooks)


def find_out(assignment: Assignment, notebook: Notebook, rules: Rules) -> How:
    """Return how a notebook's tests are judged so that the instructor's own solution passes."""
    failing = _failing(assignment, notebook, How(), rules)
    if not failing:
        return How()
    still = _failing(assignment, notebook, How(writes_back=tuple(failing)), rules)
    needs = tuple(name for name in failing if name not in still)
    if still:
        at_last = _failing(assignment, notebook, How("together"), rules)
        if len(at_last) < len(still):
            return How("together", failing=tuple(at_last))
    return How(writes_back=needs, failing=tuple(still))


def _failing(assignment: Assignment, notebook: Notebook, how: How, rules: Rules) -> list[str]:
    """Return the tests that the instructor's own solution does not pass."""
    trial = dataclasses.replace(notebook, how=how)
    repaired, _ = repair(notebook.instructor, notebook.instructor, notebook.plan)
    judged = ENGINE.judge(assignment, trial, repaired, {}, rules)
    return [
        cell.metadata.nbgrader["grade_id"]
        for cell in judged.cells
        if is_test(cell) and any(o.output_type in ("error", "execute_result") for o in cell.outputs)
    ]
