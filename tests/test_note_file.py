"""A note handed in as ``note.md`` beside the template: it waits for a TA, who reads it safely."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from traitlets.config import Config

from course_lib.note.check import MAX_LENGTH, check_note
from course_lib.note.file import ESSAY
from course_lib.note.view import to_html
from grading.collect.links import Link, keep_links
from grading.course import Course
from grading.grade import grade
from grading.lesson_run import Result
from grading.note_facts import NoteFacts
from grading.sanitize import markdown_to_html
from tests.toy_course import LESSON, answer, find, hand_in, make_course, released, solve, solved

pytestmark = pytest.mark.usefixtures("walls")

CHECKS = 34
ASKED = {"submission_id": "1", "student": "ann", "assignment_id": LESSON}
Change = Callable[[NotebookNode], None]
KEY = ("note_toy", LESSON, LESSON, "ann")


def only(course: Course) -> Result:
    (result,) = grade(LESSON, course, ["ann"])
    return result


def test_it_waits_for_a_mark_that_stays_as_long_as_it_does(tmp_path: Path) -> None:
    course = make_course(tmp_path)
    hand_in(course, "ann", solve(released(course)))
    none = only(course)
    assert (none.score, none.pending) == (CHECKS, 0)
    beside = course.submitted("ann", LESSON) / "note.md"
    beside.write_text(" \n", encoding="utf-8")
    assert only(course).pending == 0
    beside.write_text("我的笔记", encoding="utf-8")
    waits = only(course)
    assert (waits.score, waits.pending) == (CHECKS, 1)
    with course.gradebook() as gradebook:
        mark = gradebook.find_grade(*KEY)
        mark.manual_score, mark.needs_manual_grade = 5, False
        gradebook.db.commit()
    hand_in(course, "ann", solved(course, lambda notebook: notebook.cells.pop()))
    kept = only(course)
    assert (kept.fresh, kept.score, kept.pending) == (True, CHECKS + 5, 0)
    beside.write_text("另一篇笔记", encoding="utf-8")
    assert only(course).pending == 1


def above(course: Course, change: Change | None = None, **resources: Any) -> list[str]:
    """Return what stands above the note of the released notebook after ``change``, as HTML."""
    config = Config()
    config.CourseDirectory.root = str(course.path)
    notebook = released(course)
    if change:
        change(notebook)
    before = len(notebook.cells)
    shown, _ = NoteFacts(config=config).preprocess(nbformat.from_dict(notebook), resources)
    note = len(shown.cells) - 1
    return [markdown_to_html(cell.source) for cell in shown.cells[before - 1 : note]]


def test_only_formgrader_shows_it_and_no_name_is_taken_for_markup(tmp_path: Path) -> None:
    course = make_course(tmp_path)
    folder = course.submitted("ann", LESSON)
    folder.mkdir(parents=True)
    assert above(course, **ASKED) == []
    (folder / "note.md").write_text("# Mine\n\n<script>1</script> three words here", "utf-8")
    length, said, text = above(course, **ASKED)
    assert "4 " in length
    assert "note.md" in said
    assert "<h1>Mine" in text
    assert "<script" not in text
    (folder / "<b>fine<b> [mark 6](https:&#47;&#47;evil.example) **x**").symlink_to(tmp_path)
    for unread in above(course, **ASKED):
        assert "&lt;b&gt;fine&lt;b&gt;" in unread
        assert "<a" not in unread
        assert "<b>" not in unread
        assert "<strong>" not in unread
    assert above(course, student="ann", assignment_id=LESSON) == []
    assert above(course) == []


def test_a_forms_link_stands_there_as_one_and_a_wrong_one_as_text(tmp_path: Path) -> None:
    course = make_course(tmp_path)
    course.submitted("ann", LESSON).mkdir(parents=True)
    note = "https://zhuanlan.zhihu.com/p/1?a=1&b=2"
    given = Link("Ann", "安", LESSON, note, None, "form.csv row 2")
    keep_links(course, [given])
    link, alone = above(course, **ASKED)
    assert 'the form\'s link: <a href="https://zhuanlan.zhihu.com/p/1?a=1&amp;b=2"' in link
    assert "no note.md: there is only the form's link" in alone
    length, link = above(course, answer("note_toy", "three own words"), **ASKED)
    assert "3 English words" in length
    assert link.count("<a ") == 1
    (course.submitted("ann", LESSON) / "note.md").write_text("In a file.", "utf-8")
    assert [("<a " in one) for one in above(course, **ASKED)] == [False, True, False, False]
    hostile = 'https://a.example/"><script>1</script><b>[x](javascript:1)**y**'
    keep_links(course, [Link("ann", "", LESSON, hostile, None, "row 3")])
    shown = above(course, **ASKED)[1]
    assert "&lt;script&gt;1&lt;/script&gt;" in shown
    assert "no whole address" in shown
    for tag in ("<a", "<b>", "<script", "<strong"):
        assert tag not in shown


@pytest.mark.parametrize("name", [ESSAY, "note_toy"])
def test_stages_are_shown_for_the_essay_alone(tmp_path: Path, name: str) -> None:
    course = make_course(tmp_path)

    def change(notebook: NotebookNode) -> None:
        cell = find(notebook, "note_toy")
        cell.source = "I fine-tune with XTuner, then serve it with LMDeploy."
        cell.metadata.nbgrader.grade_id = name

    (shown,) = above(course, change, **ASKED)
    assert "9 English words" in shown
    assert ("<table>" in shown) == ("2 of 7 stages" in shown) == (name == ESSAY)


def test_of_what_was_not_looked_at_no_length_is_said() -> None:
    long = check_note("hello world " * (MAX_LENGTH // 10))
    assert "0 " not in to_html(long, stages=False)
    assert str(long.reasons[0].text) in to_html(long, stages=False)
