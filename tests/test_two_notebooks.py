"""A lesson of two notebooks, of which one may be missing; graded files follow the submission."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook
from nbgrader.apps.api import NbGraderAPI

from grading.course import CONFIG_FILE, Course
from grading.feedback import feedback
from grading.grade import Result, grade
from grading.release import release
from grading.steps import read_remarks
from tests.toy_course import CHECKS, LESSON, answer, find, hand_in, instructor, solved

pytestmark = pytest.mark.usefixtures("walls")

FULL = sum(CHECKS.values())
SECOND = "02_more"
SLEEPS = "import time\ntime.sleep(4)\ndef double(x):\n    return 2 * x"


@pytest.fixture
def course(tmp_path: Path) -> Course:
    folder = tmp_path / "source" / LESSON
    folder.mkdir(parents=True)
    for name in (LESSON, SECOND):
        nbformat.write(instructor(), folder / f"{name}.ipynb")
    course = Course(tmp_path)
    release(course, LESSON)
    return course


def give(course: Course, learner: str, notebook: NotebookNode, *names: str) -> None:
    folder = hand_in(course, learner, notebook).parent
    (folder / f"{LESSON}.ipynb").unlink()
    for name in names:
        nbformat.write(notebook, folder / f"{name}.ipynb")


def only(course: Course) -> Result:
    (result,) = grade(LESSON, course)
    return result


@pytest.mark.parametrize("by", ["camp grade", "nbgrader autograde"])
def test_the_deadline_holds_for_both_together(course: Course, by: str) -> None:
    (course.path / CONFIG_FILE).write_text("get_config().CampGrade.submission_seconds = 7\n")
    course = Course.open(course.path)
    give(course, "ann", solved(course, answer("double", SLEEPS)), LESSON, SECOND)
    if by == "nbgrader autograde":
        NbGraderAPI(config=course.config).autograde(LESSON, "ann")
    result = only(course)
    assert result.fresh == (by == "camp grade")
    assert result.review
    assert result.score < 2 * FULL
    assert any("took too long" in remark.en for remark in result.remarks)


def test_one_notebook_of_two_is_graded_once(course: Course) -> None:
    give(course, "ann", solved(course), SECOND)
    result = only(course)
    assert (result.fresh, result.review, result.score) == (True, True, FULL)
    assert not only(course).fresh


def test_a_damaged_notebook_costs_its_own_points_alone(course: Course) -> None:
    give(course, "ann", solved(course), LESSON, SECOND)
    path = course.submitted("ann", LESSON) / f"{SECOND}.ipynb"
    path.write_text(path.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    result = only(course)
    assert (result.score, result.review) == (FULL, True)
    (remark,) = result.remarks
    assert remark.en.startswith(f"{SECOND}.ipynb is no readable notebook")
    pages = {path.stem: path.read_text(encoding="utf-8") for path in feedback(LESSON, course)}
    assert remark.zh in pages[SECOND]
    assert remark.zh not in pages[LESSON]
    assert not only(course).fresh


def test_the_page_of_a_missing_notebook_is_about_it_alone(course: Course) -> None:
    def spoilt(notebook: NotebookNode) -> None:
        find(notebook, "check_double").source = "pass"

    give(course, "ann", solved(course, spoilt), SECOND)
    (remark,) = [one for one in only(course).remarks if "handed in" not in one.en]
    missing, graded = (path.read_text(encoding="utf-8") for path in feedback(LESSON, course))
    assert f"{LESSON}.ipynb was not handed in" in missing
    assert "The others are graded" in missing
    assert "could not be graded" not in missing
    assert remark.zh not in missing
    assert remark.zh in graded
    assert "was not handed in" not in graded


def test_a_notebook_without_graded_cells_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    folder = tmp_path / "source" / LESSON
    folder.mkdir(parents=True)
    nbformat.write(instructor(), folder / f"{LESSON}.ipynb")
    plain = new_notebook(cells=[new_markdown_cell("# Reading")])
    nbformat.write(plain, folder / f"{SECOND}.ipynb")
    course = Course(tmp_path)
    release(course, LESSON)
    hangs = solved(course, answer("double", "while True: pass"))
    (course.path / CONFIG_FILE).write_text("get_config().Execute.timeout = 1\n")
    course = Course.open(course.path)
    nbformat.write(plain, hand_in(course, "ann", hangs).with_name(f"{SECOND}.ipynb"))
    assert only(course).review
    for path in feedback(LESSON, course):
        assert "could not be graded" not in path.read_text(encoding="utf-8")


def test_a_notebook_that_is_gone_leaves_no_graded_one(course: Course) -> None:
    give(course, "ann", solved(course), LESSON, SECOND)
    assert only(course).score == 2 * FULL
    (course.submitted("ann", LESSON) / f"{SECOND}.ipynb").unlink()
    assert only(course).score == FULL
    graded = nbformat.read(course.autograded("ann", LESSON) / f"{SECOND}.ipynb", as_version=4)
    assert "return x * 3" not in str(graded)
    assert [one.en for one in read_remarks(graded)] == [f"{SECOND}.ipynb was not handed in"]


def test_a_refused_submission_leaves_its_reason_and_no_older_work(course: Course) -> None:
    give(course, "ann", solved(course), LESSON, SECOND)
    assert only(course).score == 2 * FULL
    path = hand_in(course, "ann", "no notebook")
    path.with_name(f"{SECOND}.ipynb").write_text("no notebook either")
    result = only(course)
    assert (result.score, result.review) == (0, True)
    (remark,) = result.remarks
    for path in feedback(LESSON, course):
        page = path.read_text(encoding="utf-8")
        assert "return x * 3" not in page
        assert remark.zh in page
        assert ">0 / 10<" not in page  # not as if a check had failed: a TA looks at it
    for name in (LESSON, SECOND):
        graded = nbformat.read(course.autograded("ann", LESSON) / f"{name}.ipynb", as_version=4)
        assert remark.en in graded.cells[0].source
        assert not [cell for cell in graded.cells if cell.get("outputs")]
    assert not only(course).fresh
