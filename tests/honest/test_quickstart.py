"""nbgrader's own example course and its learners' work: as shipped, by three ways to grade."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbgrader
import pytest

from tests.conftest import isolated_home
from tests.honest.course import read_book

pytestmark = [pytest.mark.tools, pytest.mark.timeout(900), pytest.mark.usefixtures("walls")]
SHIPPED = Path(nbgrader.__file__).parent / "docs" / "source" / "user_guide"
TESTS, AUTOTESTS = "ps1", "ps1_autotest"  # the second with tests that nbgrader makes
SAFE = """
from pathlib import Path
from grading.nbgrader_config import make_safe
make_safe(c, Path(__file__).parent)
"""


def run(root: Path, program: str, *words: str) -> str:
    """Run a program of this environment in a course and return what it says."""
    variables = isolated_home(root / ".home")
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [str(Path(sys.executable).with_name(program)), *words]
    done = subprocess.run(command, cwd=root, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Make the course, and hand in what nbgrader ships, the solutions and blank notebooks."""
    run(tmp_path, "nbgrader", "quickstart", "camp")
    root = tmp_path / "camp"
    shutil.copytree(SHIPPED / "source" / AUTOTESTS, root / "source" / AUTOTESTS)
    shutil.copy(SHIPPED / "autotests.yml", root)
    for name in (TESTS, AUTOTESTS):
        run(root, "nbgrader", "generate_assignment", name)
        shutil.copytree(root / "source" / name, root / "submitted" / "solved" / name)
    shutil.copytree(root / "release" / TESTS, root / "submitted" / "blank" / TESTS)
    for learner in ("bitdiddle", "hacker"):
        work = SHIPPED / "submitted" / learner / TESTS
        shutil.copytree(work, root / "submitted" / learner / TESTS)
    return root


def test_the_example_course_scores_as_in_plain_nbgrader(course: Path, tmp_path: Path) -> None:
    plain = shutil.copytree(course, tmp_path / "plain")
    dropped = shutil.copytree(course, tmp_path / "dropped")
    for name in (TESTS, AUTOTESTS):
        run(plain, "nbgrader", "autograde", name)
    told = json.loads(run(course, "camp", "grade", "--course", ".", "--json"))
    with (dropped / "nbgrader_config.py").open("a") as file:
        file.write(SAFE)
    run(dropped, "nbgrader", "autograde", TESTS)

    wanted, found = read_book(plain), read_book(course)
    assert found == wanted
    assert read_book(dropped) == {key: one for key, one in found.items() if key[0] == TESTS}
    assert sum(one.score for (*_, who, _), one in found.items() if who == "blank") == 0
    points = {one["lesson"]: one["auto_score"] for one in told if one["learner"] == "solved"}
    assert points == {TESTS: 3, AUTOTESTS: 3}  # of 13 and 13: the rest is marked by a TA
    assert not any(one["review"] for one in told)
    for name in (TESTS, AUTOTESTS):
        how = json.loads((course / ".grading" / "how" / f"{name}.json").read_text())["notebooks"]
        assert not any(one["together"] or one["failing"] for one in how.values())
