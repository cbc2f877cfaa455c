"""Grading again after a test was mended: what changes is said, a TA's marks stay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import nbformat
import pytest
import typer
from typer.testing import CliRunner

from course_lib.errors import CampError
from grading.book import Book, Entry
from grading.course import Course
from grading.grade import Options, grade
from grading.regrade import Change, Regraded, regrade, regrade_command
from grading.release import release
from tests.toy_course import CHECKS, LESSON, answer, find, hand_in, make_course, rewrite, solved

pytestmark = pytest.mark.usefixtures("walls")

FULL = sum(CHECKS.values())


def mend(course: Course) -> None:
    """Let the instructor replace the test of ``triple`` by a more lenient one."""
    path = course.path / "source" / LESSON / f"{LESSON}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    find(notebook, "check_triple").source = "assert triple(1) in (3, 4)"
    nbformat.write(notebook, path)
    release(course, LESSON)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """Return a graded course: ann is right, bob's triple(1) is 4, cid was marked by a TA."""
    made = make_course(tmp_path)
    four = answer("triple", "def triple(x): return 4")
    for learner, change in (("ann", None), ("bob", four), ("cid", four)):
        notebook = solved(made, change)
        find(notebook, "note_toy").source = "A note."
        hand_in(made, learner, notebook)
    grade(LESSON, made)
    with made.gradebook() as gradebook:
        for cell, points in (("note_toy", 5), ("check_triple", 7)):
            mark = gradebook.find_grade(cell, LESSON, LESSON, "cid")
            mark.manual_score, mark.needs_manual_grade = points, False
        gradebook.db.commit()
    return made


def scores(course: Course) -> dict[str, tuple[float, int]]:
    return {one.learner: (one.score, one.pending) for one in grade(LESSON, course)}


EXPECTED = (
    Change(LESSON, "bob", f"{LESSON}/check_triple", 0, 20, None),
    Change(LESSON, "cid", f"{LESSON}/check_triple", 0, 20, 7),
)


def test_a_dry_run_lists_old_and_new_and_writes_nothing(course: Course) -> None:
    before = scores(course)
    mend(course)
    with course.gradebook() as gradebook:
        rows = gradebook.submission_dicts(LESSON)
    assert regrade(LESSON, course, [], Options(), dry_run=True) == Regraded(3, EXPECTED)
    with course.gradebook() as gradebook:
        assert gradebook.submission_dicts(LESSON) == rows
    assert before == {"ann": (FULL, 1), "bob": (FULL - 20, 1), "cid": (FULL - 20 + 7 + 5, 0)}


def test_grading_again_keeps_marks_and_shows_what_changed(course: Course) -> None:
    mend(course)
    assert regrade(LESSON, course, [], Options(), dry_run=False) == Regraded(3, EXPECTED)
    assert scores(course) == {
        "ann": (FULL, 1),
        "bob": (FULL, 1),
        "cid": (FULL - 20 + 7 + 5, 1),  # the TA's mark of the check waits for a second look
    }
    with course.gradebook() as gradebook:
        waits = {
            mark.name: mark.needs_manual_grade
            for mark in gradebook.find_submission_notebook(LESSON, LESSON, "cid").grades
        }
    assert waits["check_triple"]
    assert not waits["note_toy"]


def test_nothing_changes_when_nothing_was_mended(course: Course) -> None:
    before = scores(course)
    assert regrade(LESSON, course, ["bob"], Options(), dry_run=False) == Regraded(1, ())
    assert scores(course) == before


def test_an_interrupted_run_still_compares_with_the_first_points(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    mend(course)

    def stop(self: Book, entries: Sequence[Entry]) -> None:
        if any(entry.graded.learner == "bob" for entry in entries):
            raise KeyboardInterrupt
        save(self, entries)

    save = Book.save
    with monkeypatch.context() as patch:
        patch.setattr(Book, "save", stop)
        for _ in range(2):
            with pytest.raises((CampError, KeyboardInterrupt)):
                regrade(LESSON, course, [], Options(workers=1), dry_run=False)
    assert regrade(LESSON, course, [], Options(), dry_run=True) == Regraded(3, EXPECTED)
    assert regrade(LESSON, course, [], Options(), dry_run=False) == Regraded(3, EXPECTED)
    assert regrade(LESSON, course, [], Options(), dry_run=False) == Regraded(3, ())


def test_a_learner_who_is_not_there_is_named(course: Course) -> None:
    with pytest.raises(CampError, match="'nobody' has not handed in"):
        regrade(LESSON, course, ["bob", "nobody"], Options(), dry_run=True)


def test_what_was_handed_in_since_is_left_to_grading(course: Course) -> None:
    mend(course)
    hand_in(course, "bob", solved(course))
    found = regrade(LESSON, course, [], Options(), dry_run=False)
    assert (found.submissions, found.changes, found.left) == (2, EXPECTED[1:], ("bob",))
    app = typer.Typer()
    app.command()(regrade_command)
    done = CliRunner().invoke(app, [LESSON, "--course", str(course.path), "--json"])
    assert f"handed in again since, for 'camp grade {LESSON}': bob" in done.stderr
    assert [one.fresh for one in grade(LESSON, course, ["bob"])] == [True]
    assert scores(course)["bob"] == (FULL, 0)


def test_the_command_prints_json(course: Course) -> None:
    mend(course)
    app = typer.Typer()
    app.command()(regrade_command)
    words = [LESSON, "--course", str(course.path), "--dry-run", "--json"]
    changes = json.loads(CliRunner().invoke(app, words).stdout)
    assert [(one["learner"], one["old"], one["new"], one["mark"]) for one in changes] == [
        ("bob", 0, 20, None),
        ("cid", 0, 20, 7),
    ]
    told = CliRunner().invoke(app, words[:-1]).stdout
    assert "2 cells of 2 learners would change; nothing was written" in told


def test_nothing_graded_is_one_clear_line(tmp_path: Path) -> None:
    made = make_course(tmp_path)
    hand_in(made, "ann", solved(made))
    with pytest.raises(CampError, match=f"nothing of {LESSON} has been graded yet"):
        regrade(LESSON, made, [], Options(), dry_run=True)


def test_a_dry_run_says_that_the_solution_fails_the_new_test(
    course: Course, capfd: pytest.CaptureFixture[str]
) -> None:
    rewrite(course, answer("check_triple", "assert triple(1) == 5"))
    assert len(regrade(LESSON, course, [], Options(), dry_run=True).changes) == 1
    assert "the instructor's own solution does not pass check_triple" in capfd.readouterr().err
