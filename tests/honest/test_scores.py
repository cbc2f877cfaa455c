"""Every score of honest work as plain nbgrader gives it, by the real nbgrader.

``make test`` compares with what plain nbgrader gave when the corpus was last changed
(``tests/honest/plain``), ``make test-tools`` has it grade again.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.honest import record
from tests.honest.course import plainly, read_book, safely, write_course
from tests.honest.deliberate import DIFFERENCES
from tests.honest.materials import MATERIALS

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("walls")]
# Tests that plain nbgrader fails for everybody, the instructor too.
BROKEN = {"environment_open"}
TOGETHER = {
    "programming": {"contexts_recorded", "shapes_subclass"},
    "habits": {
        "documented_doctest", "documented_failed", "documented_testmod", "kinds_warns", "patterns_cause", "store_inner",
        "store_logs", "store_pickle",
    },
    "science": {"losses_gradient", "network_backward", "network_weights"},
}  # fmt: skip


@pytest.mark.tools
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", MATERIALS)
def test_the_record_is_what_plain_nbgrader_gives(name: str, tmp_path: Path) -> None:
    write_course(tmp_path, [MATERIALS[name]])
    plainly(tmp_path, name)
    assert record.read(MATERIALS[name]) == read_book(tmp_path)


@pytest.mark.parametrize("name", MATERIALS)
def test_honest_work_scores_as_in_plain_nbgrader(name: str, tmp_path: Path) -> None:
    material = MATERIALS[name]
    course = tmp_path / "course"
    write_course(course, [material])
    remarks = safely(course, name)
    wanted, found = record.read(material), read_book(course)
    assert wanted.keys() == found.keys()
    differences = {
        (learner, cell): (entry.score, found[key].score)
        for key, entry in wanted.items()
        if entry != found[key]
        for _, _, learner, cell in [key]
    }
    cells = {cell for *_, cell in wanted}
    expected = {key: scores[:2] for key, scores in DIFFERENCES.items() if key[1] in cells}
    assert differences == expected, remarks

    points = {cell.name: cell.points for one in material.exercises for cell in one.cells}
    unsolved = {
        cell
        for (*_, learner, cell), entry in found.items()
        if learner == "solved" and not entry.waits and entry.score != points[cell]
    }
    assert unsolved <= BROKEN, "the corpus itself is wrong"
    how = json.loads((course / ".grading" / "how" / f"{name}.json").read_text())
    how = how["notebooks"][name]
    assert set(how["together"]) == TOGETHER[name]
    tests = [cell for one in material.exercises for cell in one.cells if cell.kind == "test"]
    close = len(how["close"])
    apart = len(tests) - len(how["together"]) - close - len(how["failing"])
    print(f"{name}: {len(tests)} tests, {apart} apart, {close} close, {TOGETHER[name]} together")
    assert apart / len(tests) > 0.8
