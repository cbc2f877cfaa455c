"""How tests are judged is found out again when that may change, and so are scores."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode

from grading import how
from grading.course import CONFIG_FILE, Course
from grading.grade import Options, grade
from tests.conftest import ROOT
from tests.toy_course import CHECKS, LESSON, answer, find, hand_in, make_course, rewrite, solved

pytestmark = pytest.mark.usefixtures("walls")

FULL = sum(CHECKS.values())
SLOW = "import time\ndef triple(x):\n    time.sleep(1.5)\n    return 3 * x"


def configure(course: Course, line: str) -> Course:
    (course.path / CONFIG_FILE).write_text(f"c = get_config()\n{line}\n")
    return Course.open(course.path)


def kept(course: Course) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((course.state / "how" / f"{LESSON}.json").read_text())
    return found


def forge(course: Course, change: dict[str, Any], packages: dict[str, str]) -> None:
    """Let an earlier run have found out something else."""
    stored = kept(course)
    stored["notebooks"][LESSON] |= change
    stored["key"]["packages"] |= packages
    (course.state / "how" / f"{LESSON}.json").write_text(json.dumps(stored))


@pytest.mark.parametrize("page", ["nbgrader-courses.md", "nbgrader-courses.zh.md"])
def test_the_docs_name_all_that_may_cross(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (row,) = [line for line in text.splitlines() if "`args`" in line]
    assert set(re.findall(r"`(\w+)`", row)) - {"random"} == {
        one for kinds in how._CLOSE for one in kinds
    }


def test_a_test_that_failed_once_is_tried_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    course = make_course(tmp_path / "course")
    hand_in(course, "ann", solved(course))
    grade(LESSON, course)
    forge(course, {"failing": ["check_triple"]}, {})  # as after a timeout on a busy machine
    grade(LESSON, course)
    assert kept(course)["notebooks"][LESSON]["failing"] == []
    assert "does not pass" not in capfd.readouterr().err


def test_raised_limits_grade_again_what_took_too_long(tmp_path: Path) -> None:
    course = make_course(tmp_path / "course")
    hand_in(course, "ann", solved(course, answer("triple", SLOW)))
    course = configure(course, "c.Execute.timeout = 1")
    (result,) = grade(LESSON, course)
    assert (result.score, result.review) == (FULL - 20, True)
    for line in ("c.Execute.timeout = 20", "c.Execute.timeout = 20\nc.CampGrade.memory_mb = 1500"):
        course = configure(course, line)
        (result,) = grade(LESSON, course)
        assert (result.fresh, result.score, result.review) == (True, FULL, False)
        (result,) = grade(LESSON, course, options=Options(workers=1))
        assert not result.fresh


def test_what_is_known_belongs_to_the_versions_of_packages(tmp_path: Path) -> None:
    def change(notebook: NotebookNode) -> None:
        find(notebook, "given_base").source += "\nimport yaml, numpy, json"

    course = make_course(tmp_path / "course")
    rewrite(course, change)
    hand_in(course, "ann", solved(course))
    grade(LESSON, course)
    assert {"PyYAML", "numpy"} <= {*kept(course)["key"]["packages"]}
    forge(course, {"together": ["check_double"]}, {"PyYAML": "0.1"})
    grade(LESSON, course)
    assert kept(course)["notebooks"][LESSON]["together"] == []
