"""Every score of honest work as plain nbgrader gives it, by the real nbgrader."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.honest import (
    arrays,
    basics,
    classes,
    files,
    frames,
    given,
    learning,
    objects,
    odds,
    talking,
)
from tests.honest.course import plainly, read_book, safely, write_course
from tests.honest.deliberate import DIFFERENCES
from tests.honest.material import Material

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("walls")]
# Exercises share notebooks, so that plain nbgrader starts few kernels.
MATERIALS = {
    "programming": Material(
        "programming",
        [*basics.EXERCISES, *files.EXERCISES, *classes.EXERCISES, *given.EXERCISES],
        files.FILES,
        minor=5,
    ),
    "habits": Material(
        "habits", [*talking.EXERCISES, *objects.EXERCISES, *odds.EXERCISES], minor=0
    ),
    "science": Material(
        "science",
        [*arrays.EXERCISES, *frames.EXERCISES, *learning.EXERCISES],
        frames.FILES,
        minor=4,
    ),
}
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


@pytest.mark.parametrize("name", MATERIALS)
def test_honest_work_scores_as_in_plain_nbgrader(name: str, tmp_path: Path) -> None:
    material = MATERIALS[name]
    course, plain = tmp_path / "course", tmp_path / "plain"
    write_course(course, [material])
    shutil.copytree(course, plain)
    plainly(plain, name)
    safely(course, name)
    wanted, found = read_book(plain), read_book(course)
    assert wanted.keys() == found.keys()
    differences = {
        (learner, cell): (entry.score, found[key].score)
        for key, entry in wanted.items()
        if entry != found[key]
        for _, _, learner, cell in [key]
    }
    cells = {cell for *_, cell in wanted}
    expected = {key: scores[:2] for key, scores in DIFFERENCES.items() if key[1] in cells}
    assert differences == expected

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
