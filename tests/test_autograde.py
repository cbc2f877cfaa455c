"""``nbgrader autograde`` and formgrader's button in a course that was made safe."""

from __future__ import annotations

import datetime
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from nbgrader.api import SubmittedAssignment
from nbgrader.apps.api import NbGraderAPI
from nbgrader.converters import Autograde, NbGraderException

from grading.course import Course, quiet
from grading.grade import grade
from grading.release import release
from tests.attacks.launch import run
from tests.test_ordinary_user import reachable
from tests.toy_course import (
    CHECKS,
    LESSON,
    answer,
    find,
    hand_in,
    insert_after,
    instructor,
    make_course,
    solved,
)

pytestmark = pytest.mark.usefixtures("walls")
FULL = sum(CHECKS.values())
FAULTY = "def triple(x):\n    return 3 if x == 1 else 0"  # the visible test is content


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_course(tmp_path_factory.mktemp("course")).path


@pytest.fixture
def course(fresh: Path, tmp_path: Path) -> Course:
    return Course(shutil.copytree(fresh, tmp_path / "course"))


def press(course: Course, learner: str = "ann", **settings: bool) -> dict[str, Any]:
    """Do what formgrader's server does when its button is pressed."""
    told: dict[str, Any] = NbGraderAPI(config=course.config).autograde(LESSON, learner, **settings)
    return told


def standing(course: Course, learner: str = "ann") -> tuple[float, bool, datetime.datetime]:
    with course.gradebook() as gradebook:
        found: SubmittedAssignment = gradebook.find_submission(LESSON, learner)
        return found.score, found.needs_manual_grade, found.timestamp


def autograde(course: Course, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nbgrader", "autograde", LESSON, *words]
    return subprocess.run(command, cwd=course.path, capture_output=True, text=True)


def _link(path: Path) -> None:
    path.rename(path.with_name("kept"))
    path.symlink_to(path.with_name("kept").rename(path.parents[3] / "elsewhere"))


def _rename(path: Path) -> None:
    path.rename(path.with_name("final.ipynb"))


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "link": (_link, "is a link"),
    "link_beside": (lambda path: path.with_name("a.csv").symlink_to("/etc/passwd"), "is a link"),
    "broken": (lambda path: path.write_text('{"cells": ['), "damaged JSON"),
    "renamed": (_rename, "is called final.ipynb"),
    "gone": (Path.unlink, "was handed in"),
}


def test_what_is_refused_loses_its_older_score(course: Course) -> None:
    paths = {learner: hand_in(course, learner, solved(course)) for learner in REFUSED}
    assert press(course, "*")["success"]
    assert {standing(course, learner)[0] for learner in REFUSED} == {FULL}
    for learner, (spoil, _) in REFUSED.items():
        spoil(paths[learner])
    told = press(course, "*")
    assert told["success"]
    lines = {
        line.partition("graded: ")[2].partition(",")[0]: line for line in told["log"].split("\n")
    }
    for learner, (_, reason) in REFUSED.items():
        assert "0 / 40, needs review: " in lines[learner]
        assert reason in lines[learner]
        assert standing(course, learner)[:2] == (0, True)
    assert not list(course.path.glob("autograded/*/*/a.csv"))


def test_formgrader_lists_what_is_graded(course: Course) -> None:
    paths = {one: hand_in(course, one, solved(course)) for one in ("ann", "bob", "cyn", "dan")}
    for path in paths.values():
        path.with_name("timestamp.txt").write_text("yesterday")
    grade(LESSON, course, ["ann", "bob", "cyn"])
    time.sleep(1.1)  # the gradebook keeps whole seconds
    hand_in(course, "cyn", solved(course, answer("triple", FAULTY)))
    os.utime(paths["bob"])
    assert not grade(LESSON, course, ["bob"])[0].fresh
    listed = NbGraderAPI(config=course.config).get_submissions(LESSON)
    assert {one["student"]: (one["autograded"], one["score"]) for one in listed} == {
        "ann": (True, FULL),
        "bob": (True, FULL),
        "cyn": (False, 0),
        "dan": (False, 0),
    }


@pytest.mark.parametrize("stamp", ["2000-01-01 00:00:00 UTC", "yesterday"])
def test_the_time_is_ours(course: Course, stamp: str) -> None:
    before = time.time() - 1  # the gradebook keeps whole seconds
    hand_in(course, "ann", solved(course)).with_name("timestamp.txt").write_text(stamp)
    assert press(course)["success"]
    score, _, received = standing(course)
    assert score == FULL
    assert before <= received.replace(tzinfo=datetime.UTC).timestamp() <= time.time()


def test_a_mended_test_counts_in_a_server_that_goes_on(course: Course) -> None:
    hand_in(course, "ann", solved(course, answer("triple", FAULTY)))
    press(course)
    assert standing(course)[0] == FULL - CHECKS["triple"]
    changed = instructor()
    find(changed, "check_triple").source = "assert triple(int(open('one.txt').read())) == 3"
    (course.path / "source" / LESSON / "one.txt").write_text("1")
    nbformat.write(changed, course.path / "source" / LESSON / f"{LESSON}.ipynb")
    release(course, LESSON)
    press(course)
    assert standing(course)[0] == FULL


def test_it_shares_lock_and_journal_with_camp_grade(course: Course) -> None:
    for learner in ("ann", "bob", "cyn"):
        hand_in(course, learner, solved(course))
    with course.lock():
        done = autograde(course)
    assert done.returncode == 1
    assert "another camp command is grading in" in done.stderr
    assert "Traceback" not in done.stderr
    with course.gradebook() as gradebook:
        assert gradebook.students == []

    done = autograde(course, "--student", "[ab]*", "--CourseDirectory.student_id_exclude=bob")
    assert done.returncode == 0, done.stderr
    assert f"graded: ann, {FULL} / 40" in done.stderr
    assert {one.learner: one.fresh for one in grade(LESSON, course)} == {
        "ann": False,
        "bob": True,
        "cyn": True,
    }


def test_what_it_cannot_do_is_one_line(course: Course) -> None:
    hand_in(course, "ann", solved(course))
    for told, reason in (
        (press(course, "dan"), "no submissions of 01_toy by dan"),
        (press(course, create=False), "entered first: ann"),
    ):
        assert not told["success"]
        assert reason in told["log"]
    course.config.CourseDirectory.notebook_id = LESSON
    assert "submissions are graded whole" in press(course)["log"]
    assert not (course.path / "autograded").exists()


def test_no_way_leads_around_the_walls(course: Course) -> None:
    mark = course.path / "ran"
    source = f"open({str(mark)!r}, 'w').close()"
    hand_in(
        course, "ann", solved(course, lambda one: insert_after(one, "share", new_code_cell(source)))
    )
    around = Autograde(coursedir=course.coursedir(LESSON, "ann"), config=course.config)
    with quiet(), pytest.raises(NbGraderException):
        around.start()
    assert press(course)["success"]
    assert standing(course)[0] == FULL
    assert not mark.exists()


def test_missing_walls_stop_it_or_are_said(tmp_path: Path) -> None:
    course = make_course(reachable(tmp_path / "home"))
    hand_in(course, "ann", solved(course))
    command = [sys.executable, "-m", "nbgrader", "autograde", LESSON]
    stopped = run(command, home=course.path, lacks=["namespaces"])
    assert stopped.returncode == 1
    assert "lacks: user namespaces" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    weaker = run(
        [*command, "--Autograde.allow_weaker=True"], home=course.path, lacks=["namespaces"]
    )
    assert weaker.returncode == 0, weaker.stderr
    assert "WARNING] graded without user namespaces" in weaker.stderr
    assert standing(course)[0] == FULL
