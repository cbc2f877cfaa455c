"""Feedback pages: the learner's language, messages and marks; no hidden test, no script."""

from __future__ import annotations

import re
import shutil
from datetime import datetime, timedelta, timezone
from html import escape
from pathlib import Path

import pytest
from playwright.sync_api import Page

import grading.feedback as feedback_module
from course_lib import verdicts
from course_lib.bundle import Submission
from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.learner.outcome import read_packed, read_score
from grading import feedback_page, sanitize, steps
from grading.course import Course
from grading.feedback import PagesFailed, feedback
from grading.grade import grade
from grading.journal import Journal
from grading.refused_page import refused_page
from tests.toy_course import (
    LESSON,
    SECRET,
    hand_in,
    hand_in_for_marking,
    make_course,
    released,
    solved,
)

pytestmark = pytest.mark.usefixtures("walls")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    course = make_course(tmp_path_factory.mktemp("course"))
    with pytest.raises(CampError, match="run 'camp grade' first"):
        feedback(LESSON, course)
    hand_in_for_marking(course)
    grade(LESSON, course)
    with course.gradebook() as gradebook:
        mark = gradebook.find_grade("note_toy", LESSON, LESSON, "b_wrong")
        mark.manual_score, mark.needs_manual_grade = 4.5, False
        comment = gradebook.find_comment("note_toy", LESSON, LESSON, "b_wrong")
        comment.manual_comment = "**Well** done, $a_1$ <script>window.pwned = 1</script>"
        gradebook.db.commit()
    feedback(None, course)
    return course


def page_of(course: Course, learner: str) -> Path:
    return course.feedback(learner, LESSON) / f"{LESSON}.html"


def text_of(course: Course, learner: str) -> str:
    return page_of(course, learner).read_text(encoding="utf-8")


def rows(text: str) -> list[str]:
    table = text[text.index("<tbody>") : text.index("</tbody>")]
    return [" ".join(re.sub("<[^>]+>", " ", row).split()) for row in table.split("</tr>")[:-1]]


def test_one_line_on_each_exercise_in_english(course: Course) -> None:
    text = text_of(course, "b_wrong")
    assert '<html lang="en">' in text
    assert "Score 8.5 / 40" in text
    assert read_score(text.encode()) == Text("得分 8.5 / 40", "score 8.5 / 40")
    assert rows(text) == [
        "double 0 / 10 a big number fails",
        "triple 0 / 20 💥 your code raised ValueError: bad 1",
        "share 4 / 4 ✅ right",
        "toy 4.5 / 6 marked by a TA",
    ]


def test_words_on_an_answer_that_changed_since_are_not_shown(course: Course) -> None:
    def shown(*, waits: bool) -> bool:
        with course.gradebook() as gradebook:
            mark = gradebook.find_grade("note_toy", LESSON, LESSON, "b_wrong")
            mark.needs_manual_grade = waits
            gradebook.db.commit()
        feedback(None, course)
        return "<strong>Well</strong> done" in text_of(course, "b_wrong")

    assert [shown(waits=True), shown(waits=False)] == [False, True]


def test_words_on_code_that_changed_since_are_not_shown(course: Course) -> None:
    def shown(*, waits: bool) -> bool:
        with course.gradebook() as gradebook:
            mark = gradebook.find_grade("check_share", LESSON, LESSON, "b_wrong")
            mark.manual_score, mark.needs_manual_grade = 4, waits
            comment = gradebook.find_comment("share", LESSON, LESSON, "b_wrong")
            comment.manual_comment = "Well shared"
            gradebook.db.commit()
        feedback(None, course)
        return "Well shared" in text_of(course, "b_wrong")

    try:
        assert [shown(waits=True), shown(waits=False)] == [False, True]
    finally:
        with course.gradebook() as gradebook:
            mark = gradebook.find_grade("check_share", LESSON, LESSON, "b_wrong")
            mark.manual_score, mark.needs_manual_grade = None, False
            gradebook.find_comment("share", LESSON, LESSON, "b_wrong").manual_comment = None
            gradebook.db.commit()
        feedback(None, course)


def test_one_line_on_each_exercise_in_chinese(course: Course) -> None:
    text = text_of(course, "c_right")
    assert '<html lang="zh">' in text
    assert "得分 34 / 40" in text
    assert read_score(text.encode()) == Text("得分 34 / 40", "score 34 / 40")
    assert rows(text)[0] == "double 10 / 10 ✅ 对了"
    assert rows(text_of(course, "a_nasty"))[-1] == "toy – / 6 等助教评分"
    assert "检查单元 check_triple 有多个副本" in text
    assert "没有作答" in text


def test_the_tas_words_are_there_and_clean(course: Course) -> None:
    text = text_of(course, "b_wrong")
    assert "<strong>Well</strong> done" in text
    assert "<msub><mi>a</mi><mn>1</mn></msub>" in text


def test_no_hidden_test_is_shown(course: Course) -> None:
    for learner in ("a_nasty", "b_wrong", "c_right"):
        text = text_of(course, learner)
        for secret in (SECRET, 2 * SECRET, 3 * SECRET):
            assert str(secret) not in text
        assert "HIDDEN" not in text
        assert "Traceback" not in text[text.index("<body>") :]


def test_nothing_else_is_in_the_folder(course: Course) -> None:
    assert [path.name for path in course.feedback("a_nasty", LESSON).iterdir()] == [
        f"{LESSON}.html"
    ]


def test_unchanged_pages_stay_and_a_new_mark_renews_one(course: Course) -> None:
    before = {path: path.stat().st_mtime_ns for path in feedback(LESSON, course)}
    with course.gradebook() as gradebook:
        gradebook.find_grade("note_toy", LESSON, LESSON, "a_nasty").manual_score = 6
        gradebook.db.commit()
    after = {path: path.stat().st_mtime_ns for path in feedback(LESSON, course)}
    assert {path.parent.parent.name for path in after if after[path] != before[path]} == {"a_nasty"}
    (forced,) = feedback(LESSON, course, ["c_right"], force=True)
    assert forced.stat().st_mtime_ns != before[forced]


def test_one_page_that_fails_stops_no_other_and_keeps_the_old_one(course: Course) -> None:
    before = text_of(course, "b_wrong")
    graded = course.autograded("b_wrong", LESSON) / f"{LESSON}.ipynb"
    good = graded.read_bytes()
    last = page_of(course, "c_right")
    last.unlink()
    graded.write_bytes(b"{")
    try:
        with pytest.raises(
            PagesFailed, match=f"b_wrong, {LESSON}: .*not appear to be JSON"
        ) as told:
            feedback(None, course)
    finally:
        graded.write_bytes(good)
    assert told.value.exit_code == 1
    assert last in told.value.pages
    assert last.exists()
    assert page_of(course, "b_wrong") not in told.value.pages
    assert text_of(course, "b_wrong") == before


def test_who_was_refused_is_told_why(course: Course) -> None:
    hand_in(course, "e_again", solved(course))
    grade(LESSON, course, ["e_again"])
    feedback(LESSON, course, ["e_again"])
    assert "x + x" in re.sub("<[^>]+>", "", text_of(course, "e_again"))
    for learner in ("d_broken", "e_again"):
        hand_in(course, learner, b"<b>not a notebook</b>")
    grade(LESSON, course, ["d_broken", "e_again"])
    feedback(LESSON, course, ["d_broken", "e_again"])
    for learner in ("d_broken", "e_again"):
        text = text_of(course, learner)
        (result,) = grade(LESSON, course, [learner])
        (remark,) = result.remarks
        assert escape(remark.zh) in text
        assert escape(remark.en) in text
        assert "This submission could not be graded" in text
        assert "x + x" not in re.sub("<[^>]+>", "", text)
        assert "waits" not in text
    hand_in(course, "e_again", solved(course))
    grade(LESSON, course, ["e_again"])
    feedback(LESSON, course, ["e_again"])
    assert "could not be graded" not in text_of(course, "e_again")


def test_a_fault_of_the_graders_own_names_no_file_of_its_machine(course: Course) -> None:
    cause = f"OSError: x (see {course.state / 'nbgrader.log'})"
    text = refused_page(course, "li_mei", LESSON, [Text(cause, cause)])
    assert str(course.path) not in text
    assert "a TA looks at it" in text


def test_a_mistyped_learner_is_said(course: Course) -> None:
    with pytest.raises(CampError, match=r"by 'c_rigth'; did you mean 'c_right'\?"):
        feedback(LESSON, course, ["b_wrong", "c_rigth"])


def test_new_code_means_new_pages(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    files = set(feedback_module._sources())
    for module in (sanitize, steps, feedback_page, verdicts):
        assert Path(str(module.__file__)) in files
    page = page_of(course, "c_right")
    before = page.stat().st_mtime_ns
    feedback(LESSON, course, ["c_right"])
    assert page.stat().st_mtime_ns == before
    monkeypatch.setattr(feedback_module, "version", lambda name: f"{name} 99")
    feedback_module._code.cache_clear()
    feedback(LESSON, course, ["c_right"])
    assert page.stat().st_mtime_ns > before
    monkeypatch.undo()
    feedback_module._code.cache_clear()


def test_a_page_names_the_submission_that_it_is_of(course: Course) -> None:
    said = Submission(
        learner="f_packed", nickname="", lesson=LESSON, kit="0.1", number=2, files=(),
        time=datetime(2026, 11, 29, 16, 15, 3, tzinfo=timezone(timedelta(hours=8))),
    )  # fmt: skip
    manifest = hand_in(course, "f_packed", solved(course)).with_name("submission.json")
    manifest.write_text(said.model_dump_json())
    grade(LESSON, course, ["f_packed"])
    later = said.model_copy(update={"number": 3, "time": said.time + timedelta(minutes=1)})
    manifest.write_text(later.model_dump_json())  # collected, and not graded yet
    feedback(LESSON, course, ["f_packed"])
    text = text_of(course, "f_packed")
    assert ">第 2 次提交，2026-11-29 08:15 UTC<" in text
    assert read_packed(text.encode()) == said.time
    assert read_packed(text_of(course, "c_right").encode()) is None
    hand_in(course, "f_packed", b"<b>not a notebook</b>")
    grade(LESSON, course, ["f_packed"])
    feedback(LESSON, course, ["f_packed"])
    text = text_of(course, "f_packed")
    assert "第 3 次提交，2026-11-29 08:16 UTC / submission 3, 2026-11-29 08:16 UTC<" in text
    assert read_packed(text.encode()) == later.time


@pytest.mark.browser
@pytest.mark.parametrize("learner", ["a_nasty", "b_wrong"])
def test_pages_run_no_script_load_nothing_and_fit_a_phone(
    course: Course, page: Page, learner: str
) -> None:
    requests: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: problems.append(message.text))
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(page_of(course, learner).as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.wait_for_timeout(300)
    assert page.evaluate("window.pwned") is None
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert problems == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    formula = page.locator("math").first
    assert formula.evaluate("node => node.namespaceURI") == "http://www.w3.org/1998/Math/MathML"
    assert formula.bounding_box()["width"] > 8
    assert page.locator("script, iframe, svg, object, [onerror], [onload]").count() == 0


def test_a_notebook_without_a_language_speaks_the_one_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = make_course(tmp_path, lambda notebook: notebook.metadata.pop("course"))
    hand_in(course, "ann", released(course))
    grade(LESSON, course)
    for language in ("en", "zh"):
        monkeypatch.setenv("CAMP_LANG", language)
        (page,) = feedback(LESSON, course)
        assert f'<html lang="{language}' in page.read_text(encoding="utf-8")


def test_who_was_interrupted_and_is_gone_is_to_be_put_back(tmp_path: Path) -> None:
    course = make_course(tmp_path)
    hand_in(course, "ann", solved(course))
    grade(LESSON, course)
    journal = Journal(course.state / LESSON)
    journal.write("ann", journal.read("ann").model_copy(update={"stage": "due"}))
    shutil.rmtree(course.submitted("ann", LESSON))
    with pytest.raises(PagesFailed, match=f"put submitted/ann/{LESSON} back and run 'camp grade"):
        feedback(LESSON, course)
