"""The desk's page as Streamlit runs it, in a real browser, and the command that opens it."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
import requests
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from course_lib import ports
from course_lib.bundle import MANIFEST, Submission
from course_lib.errors import CampError
from course_lib.language import Text, current_language
from grading.collect.links import Link, keep_links
from grading.course import Course
from grading.desk import comments
from grading.desk.claims import Claims
from grading.desk.command import PAGE, TOKEN, open_desk
from grading.desk.comments import Saved
from grading.desk.graded import file_of
from grading.desk.settings import VARIABLE
from grading.marks import read_mark
from grading.sanitize import MAX_CODE, MAX_TEXT
from grading.similar.pages import NO_VERDICT, write_pages
from grading.similar.run import compare_lesson
from tests.conftest import free_port, isolated_home
from tests.desk_course import Work, graded_course
from tests.kits import camp
from tests.toy_course import LESSON, NASTY_NOTE, find, hand_in, released, solved

SQUARED = Text("❌ 不对：平方了", "❌ wrong: you squared it")
SLOW = Text("这个单元运行超时", "this cell took too long")
REUSED = "Every number has its source."
WORKS = {
    "amy": Work(note=NASTY_NOTE, language="en", minutes=1,
                beside={"evidence/02_demo/<b>.html": b"<script>1</script>"}),
    "bob": Work({"check_double": 0}, {"double": "def double(x):\n    return x**2"}, minutes=2,
                said={"check_double": SQUARED}),
    "cat": Work(mark=6, minutes=3),
    "dan": Work(review={"check_share": SLOW}, minutes=4),
}  # fmt: skip


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Course:
    made = graded_course(tmp_path_factory.mktemp("page"), WORKS)
    comments.save(made, Saved(lesson=LESSON, cell="note_toy", criterion=1, en=REUSED))
    return made


@pytest.fixture
def course(master: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    monkeypatch.setenv("CAMP_LANG", "en")
    return Course(shutil.copytree(master.path, tmp_path / "our course"))


@pytest.fixture
def app(course: Course, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """Return the page of the TA lin, drawn once."""
    settings = {
        "course": str(course.path), "name": "lin", "formgrader": "http://127.0.0.1:8890",
        "token": "secret",
    }  # fmt: skip
    monkeypatch.setenv(VARIABLE, json.dumps(settings))
    page = AppTest.from_file(str(PAGE), default_timeout=120)
    page.query_params["token"] = "secret"
    return page.run()


def look_at(page: AppTest, view: str) -> AppTest:
    page.radio(key="view").set_value(view).run()
    assert not page.exception
    assert not page.error
    return page


def texts(page: AppTest) -> str:
    return "\n".join(one.value for one in page.text)


def give_two_and_two(app: AppTest) -> str:
    """Claim, open bob's note and give 2 points by each criterion; return the form's name."""
    app.button(key="claim").click().run()
    look_at(app, "mark")
    app.selectbox(key="claimed").set_value("bob").run()
    base = form(app, "bob", "note_toy")
    for number in (1, 2):
        app.number_input(key=f"{base}/points {number}").set_value(2.0)
    return base


def form(page: AppTest, learner: str, cell: str) -> str:
    """Return what the keys of a form's fields begin with, for the text that it is for now."""
    keys = [one.key or "" for one in page.button if (one.key or "").endswith("/enter")]
    (found,) = (key for key in keys if key.startswith(f"{learner}/{LESSON}/{cell}/"))
    return found.removesuffix("/enter")


def write(course: Course, learner: str, cell: str, text: str) -> None:
    """Change what a learner wrote, as it was graded."""
    file = file_of(course, LESSON, learner, LESSON)
    book = nbformat.read(file, 4)
    find(book, cell).source = text
    nbformat.write(book, file)


def numbers(page: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in page.metric}


def test_it_is_shut_without_the_token(app: AppTest) -> None:
    assert not app.error
    app.query_params["token"] = "guess"
    app.run()
    assert [one.value for one in app.error] == ["open the whole address of camp desk"]
    assert not app.metric
    assert not app.radio
    assert not app.text_input


def test_a_ta_claims_reads_and_marks(app: AppTest, course: Course) -> None:
    assert numbers(app) == {
        "handed in": "4", "needs review": "1", "waits for a mark": "2", "to grade": "0",
        "done": "1", "link only": "0",
    }  # fmt: skip
    queue = app.dataframe[-1].value
    assert list(queue["learner"]) == ["dan", "amy", "bob"]
    assert queue["remarks"][0] == "check_share: this cell took too long"
    assert queue["formgrader"][1].startswith("http://127.0.0.1:8890/formgrader/submissions/")
    assert Claims(course).take("wu", [(LESSON, "bob")], 1)
    app.button(key="claim").click().run()
    held = Claims(course).held(LESSON)
    assert {name: one.ta for name, one in held.items()} == {"amy": "lin", "bob": "wu", "dan": "lin"}
    assert list(app.dataframe[-1].value["TA"]) == ["lin", "lin", "wu"]

    url = "https://zhuanlan.zhihu.com/p/"
    keep_links(course, [
        Link("dan", "", LESSON, f"{url}1", None, "row 2"),
        Link("amy", "", LESSON, f"{url}<b>", None, "row 3"),
    ])  # fmt: skip
    look_at(app, "mark")
    assert f"🔗 the form's link: {url}1" in texts(app)
    assert f"{url}1" in [one.proto.url for one in app.get("link_button")]
    app.selectbox(key="claimed").set_value("amy").run()
    assert f"🔗 the form's link: {url}<b>; the link is no whole address" in texts(app)
    assert not any(url in one.proto.url for one in app.get("link_button"))
    assert NASTY_NOTE.strip() in texts(app)  # as text: the tags stand there as they were written
    assert not any(one.allow_html for one in app.markdown)
    assert not any("pwned" in one.value for one in app.markdown)
    base = form(app, "amy", "note_toy")
    enter = app.button(key=f"{base}/enter")
    assert (enter.label, enter.disabled) == ("enter … of 6 points", True)
    app.number_input(key=f"{base}/points 1").set_value(3.0)
    app.number_input(key=f"{base}/points 2").set_value(1.5)
    app.text_area(key=f"{base}/words 1").set_value("One thing:").run()
    app.selectbox(key=f"{base}/pick 1").set_value(REUSED).run()
    assert app.text_area(key=f"{base}/words 1").value == f"One thing: {REUSED}"
    look_at(app, "queue")
    look_at(app, "mark")  # what was typed is still there
    app.selectbox(key="claimed").set_value("amy").run()
    app.text_area(key=f"{base}/words 2").set_value("Mostly.").run()
    app.button(key=f"{base}/keep 2").click().run()
    assert comments.read_saved(course)[-1].en == "Mostly."
    app.button(key=f"{base}/enter").click().run()
    assert not app.error
    assert app.text[0].value == f"✅ amy {LESSON} note_toy: 4.5 of 6"
    assert read_mark(course.path, ("amy", LESSON, "note_toy")) == (
        4.5, f"- a number: 3/4. One thing: {REUSED}\n- own words: 1.5/2. Mostly.",
    )  # fmt: skip
    assert Claims(course).held(LESSON).keys() == {"bob", "dan"}
    assert "def share():" in app.code[0].value  # the next one is open
    assert str(SLOW) in texts(app)
    app.button(key="back").click().run()
    assert Claims(course).held(LESSON).keys() == {"bob"}


def test_a_claim_that_another_has_since_enters_nothing(
    app: AppTest, course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.button(key="claim").click().run()
    look_at(app, "mark")
    base = form(app, "dan", "check_share")
    app.number_input(key=f"{base}/points 0").set_value(4.0).run()
    claims = Claims(course)

    def read_while_another_claims(*args: Any) -> tuple[float | None, str]:
        claims.release("lin", [(LESSON, "dan")])
        claims.take("wu", [(LESSON, "dan")], 1)
        return read_mark(*args)

    monkeypatch.setattr("grading.desk.show_marking.read_mark", read_while_another_claims)
    app.button(key=f"{base}/enter").click().run()
    assert [one.value for one in app.error] == ["another TA has claimed it since"]
    assert read_mark(course.path, ("dan", LESSON, "check_share"))[0] is None
    assert claims.held(LESSON)["dan"].ta == "wu"


def test_what_was_given_to_a_text_is_not_entered_for_a_newer_one(
    app: AppTest, course: Course
) -> None:
    old = give_two_and_two(app)
    app.run()
    assert not app.button(key=f"{old}/enter").disabled
    write(course, "bob", "note_toy", "Another text.")
    app.button(key=f"{old}/enter").click().run()
    assert read_mark(course.path, ("bob", LESSON, "note_toy"))[0] is None
    assert "Another text." in texts(app)
    assert app.warning[0].value.startswith("handed in again")
    new = form(app, "bob", "note_toy")
    assert app.number_input(key=f"{new}/points 1").value is None
    assert app.button(key=f"{new}/enter").disabled


def test_a_tick_replaces_only_the_mark_that_the_ta_saw(app: AppTest, course: Course) -> None:
    def mark(points: float) -> None:
        """Leave a mark and a wait, as when it was graded again since."""
        with course.gradebook() as gradebook:
            gradebook.find_grade("note_toy", LESSON, LESSON, "bob").manual_score = points
            gradebook.db.commit()

    mark(1)
    base = give_two_and_two(app)
    app.checkbox[0].check().run()
    mark(5)
    app.button(key=f"{base}/enter").click().run()
    assert [one.value for one in app.error] == [
        'another mark or comment is there: look at it and tick "replace them" first'
    ]
    assert read_mark(course.path, ("bob", LESSON, "note_toy")) == (5, "")
    app.checkbox[0].check().run()
    app.button(key=f"{base}/enter").click().run()
    assert read_mark(course.path, ("bob", LESSON, "note_toy"))[0] == 4


def test_a_comment_too_long_for_reuse_is_one_for_a_learner_all_the_same(
    app: AppTest, course: Course
) -> None:
    base = give_two_and_two(app)
    app.text_area(key=f"{base}/words 0").set_value("x" * (comments.MAX_WORDS + 1)).run()
    assert f"{base}/keep 0" not in [one.key for one in app.button]
    assert "over 2,000 characters: too long to keep for reuse" in [one.value for one in app.caption]
    app.button(key=f"{base}/enter").click().run()
    assert read_mark(course.path, ("bob", LESSON, "note_toy"))[1].endswith("x" * 2001)


def test_a_long_text_is_cut_and_that_is_said(app: AppTest, course: Course) -> None:
    write(course, "dan", "share", "#" * (MAX_CODE + 5))
    write(course, "amy", "note_toy", "好" * (MAX_TEXT + 6))
    write(course, "bob", "double", "#" * (MAX_CODE + 7))
    app.button(key="claim").click().run()
    look_at(app, "mark")
    assert app.code[0].value == "#" * MAX_CODE
    assert "cut: 5 more characters" in [one.value for one in app.caption]
    app.selectbox(key="claimed").set_value("amy").run()
    assert "cut: 6 more characters" in [one.value for one in app.caption]
    look_at(app, "numbers")
    assert app.code[0].value == "#" * MAX_CODE
    assert "cut: 7 more characters" in [one.value for one in app.caption]


def test_the_other_views_and_both_languages(app: AppTest, course: Course) -> None:
    said = Submission(
        learner="bob", nickname="B", lesson=LESSON, kit="1", number=1,
        time=datetime(2026, 11, 1, tzinfo=UTC), hints={"double": 1}, files=(),
    )  # fmt: skip
    (course.submitted("bob", LESSON) / MANIFEST).write_text(said.model_dump_json())
    look_at(app, "numbers")
    items = app.dataframe[0].value
    assert list(items["exercise"]) == ["double", "triple", "share", "note_toy"]
    assert list(items["mind"]) == ["too few"] * 4
    assert list(items["opened a hint"]) == ["≥ 1", "≥ 0", "≥ 0", ""]
    assert str(SQUARED) in texts(app)
    app.segmented_control(key="by").set_value("answer").run()
    assert app.code[0].value == WORKS["bob"].answers["double"]
    look_at(app, "learners")
    funnel = app.dataframe[0].value.iloc[0]
    assert list(funnel) == [LESSON, 4, "≥ 4", "≥ 4", "≥ 3", "4"]
    look_at(app, "look")
    assert len(app.dataframe[0].value) == 3  # not dan, who needs review
    formgrader, compare = (shlex.split(one.value) for one in app.code)
    assert formgrader == ["camp", "formgrader", "--course", str(course.path)]
    assert compare == ["camp", "similar", LESSON, "--course", str(course.path)]
    app.segmented_control(key="language").set_value("zh").run()
    assert not app.exception
    assert app.title[0].value == f"助教工作台 · {LESSON}"
    assert app.subheader[1].value == "相似的提交"
    assert current_language() == "en"  # elsewhere in this process


def test_a_link_without_a_notebook_and_files_beside_one_are_shown(
    app: AppTest, course: Course
) -> None:
    keep_links(course, [Link("fay", "", LESSON, "https://zhuanlan.zhihu.com/p/1", None, "row 2")])
    assert not app.info
    app.run()
    assert numbers(app)["link only"] == "1"
    queue = app.dataframe[-1].value
    assert list(queue["learner"]) == ["dan", "amy", "bob", "fay"]
    assert list(queue["state"])[-1] == "link only"
    assert queue["remarks"][3] == "the form's link: https://zhuanlan.zhihu.com/p/1"
    assert "ask for it (camp submit), then run camp collect" in app.info[0].value
    app.button(key="claim").click().run()
    assert "fay" not in Claims(course).held(LESSON)
    look_at(app, "mark")
    assert "evidence" not in texts(app)
    app.selectbox(key="claimed").set_value("amy").run()
    assert "evidence/02_demo/<b>.html (18 B)" in texts(app)
    assert app.code[0].value == str(course.submitted("amy", LESSON))
    (course.path / "collected/links.csv").write_text("name\nfay\n", encoding="utf-8")
    app.radio(key="view").set_value("queue").run()
    assert "has no columns learner and link" in app.error[0].value
    assert numbers(app)["handed in"] == "4"


def test_pairs_that_were_found_alike_are_shown_until_something_newer_comes(
    app: AppTest, course: Course
) -> None:
    note = "我先用书生浦语跑通了整条链路，再把每一步的显存和用时都记了下来，最后画成一张图。"
    for learner in ("amy", "dan"):
        notebook = solved(course)
        find(notebook, "note_toy").source = note
        hand_in(course, learner, notebook)
    write_pages(course, LESSON, compare_lesson(course, LESSON, 50))
    look_at(app, "look")
    (row,) = app.dataframe[-1].value.to_dict("records")
    folder = course.similar(LESSON)
    assert list(row.values())[:6] == [1, "amy", "dan", "note_toy", 100, 100]
    assert (folder / row["side by side"]).is_file()
    assert str(NO_VERDICT) in [one.value for one in app.caption]
    assert app.code[-1].value == (folder / "index.html").as_uri()
    assert not app.warning
    hand_in(course, "eve", released(course))
    app.run()
    assert len(app.dataframe[-1].value) == 1
    assert [one.value for one in app.warning] == ["older than 1 of the submissions, compare again:"]
    assert shlex.split(app.code[-1].value)[:3] == ["camp", "similar", LESSON]
    (folder / "report.json").write_text("{")
    app.run()
    assert "cannot be read: compare again" in app.error[0].value
    assert shlex.split(app.code[-1].value)[:3] == ["camp", "similar", LESSON]


def test_what_goes_wrong_is_one_line_without_names(
    app: AppTest, course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    (course.path / comments.FILE_NAME).write_text("- {lesson: a}\n")
    app.button(key="claim").click().run()
    app.radio(key="view").set_value("mark").run()
    (told,) = (one.value for one in app.error)  # once, though two cells wait
    assert "entry 1.cell: Field required" in told
    assert str(SLOW) in texts(app)

    def fails(*_: object) -> None:
        raise KeyError("amy")

    monkeypatch.setattr("grading.desk.waiting.count_reasons", fails)
    app.radio(key="view").set_value("queue").run()
    assert [one.value.rpartition(":")[0] for one in app.error] == [
        "the page failed: KeyError at test_desk_page.py"
    ]
    assert not app.exception


def test_the_command_says_what_cannot_be(course: Course, tmp_path: Path) -> None:
    here = "http://127.0.0.1:8890"
    told = camp(tmp_path, "desk", "--course", "nowhere")
    assert (told.returncode, told.stdout, told.stderr) == (1, "", (
        "camp: nowhere is no course directory (it has no folder 'source'): run 'camp build' first, "
        "or name the course with --course DIR\n"
    ))  # fmt: skip
    with pytest.raises(CampError, match="--formgrader javascript:x"):
        open_desk(course.path, formgrader="javascript:x")
    with pytest.raises(CampError, match="--name: 64"):
        open_desk(course.path, formgrader=here, name="x" * 65)
    (course.path / "gradebook.db").unlink()
    with pytest.raises(CampError, match="run 'camp grade'"):
        open_desk(course.path, formgrader=here)


@contextlib.contextmanager
def desk(course: Course, folder: Path, port: int) -> Iterator[tuple[str, Path]]:
    """Run ``camp desk`` as a TA does, to the end by Ctrl+C; give the link it prints and its log."""
    command = [str(Path(sys.executable).parent / "camp"), "desk", "--course", str(course.path)]
    variables = {"CAMP_LANG": "en", "COLUMNS": "200", "TMPDIR": str(folder), TOKEN: "secret"}
    variables |= {"LOGNAME": "all_tas"}
    process = subprocess.Popen(
        [*command, "--port", str(port), "--formgrader", "http://127.0.0.1:1"],
        cwd=folder, env=isolated_home(folder) | variables, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Stop with Ctrl+C." in line:
                break
        link = f"http://127.0.0.1:{port}/?token=secret"
        assert f"Page: {link}\n" in said, said
        (log,) = folder.glob("camp-page-*/page.log")
        tree = psutil.Process(process.pid).children(recursive=True)
        assert tree
        yield link, log
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=30) == 0
        assert process.stdout.read() == ""
        assert psutil.wait_procs(tree, timeout=5)[1] == []
        assert ports.is_free(port)
    finally:
        process.kill()
        process.wait()


@pytest.mark.browser
def test_a_ta_marks_in_a_browser(page: Page, course: Course, tmp_path: Path) -> None:
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    with desk(course, tmp_path, free_port()) as (link, log):
        address = link.partition("/?")[0]
        answer = requests.get(link, timeout=60)
        assert (answer.status_code, "<title>Streamlit</title>" in answer.text) == (200, True)
        page.goto(address)
        expect(page.get_by_text("open the whole address")).to_be_visible(timeout=90_000)
        page.goto(link)
        name = page.get_by_role("textbox", name="your name")
        expect(name).to_have_value("", timeout=90_000)  # the machine's user is nobody's name
        name.fill("lin")
        name.press("Enter")
        page.get_by_role("button", name="claim", exact=True).click()
        expect(page.get_by_text("you hold 3")).to_be_visible()
        page.get_by_test_id("stRadio").get_by_text("Mark", exact=True).click()
        page.get_by_role("combobox", name="the 3 that you claimed").click()
        page.get_by_role("option", name="amy").click()
        expect(page.get_by_text("<script>window.pwned = 1</script>")).to_be_visible()
        for label, points in (("a number (0–4)", "3"), ("own words (0–2)", "2")):
            field = page.get_by_role("spinbutton", name=label)
            expect(field).to_have_count(1)  # the fields of another learner have gone
            field.fill(points)
            field.press("Enter")
        page.get_by_role("combobox", name="reusable comments").click()
        page.get_by_role("option", name=REUSED).click()
        expect(page.get_by_role("textbox", name="comment").first).to_have_value(REUSED)
        page.get_by_role("button", name="enter 5 of 6 points").click()
        expect(page.get_by_text(f"amy {LESSON} note_toy: 5 of 6")).to_be_visible()
        page.get_by_test_id("stRadio").get_by_text("Scores and exercises").click()
        expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
        assert page.evaluate("window.pwned") is None
        assert "amy" not in log.read_text(encoding="utf-8")
    assert read_mark(course.path, ("amy", LESSON, "note_toy")) == (
        5, f"- a number: 3/4. {REUSED}\n- own words: 2/2",
    )  # fmt: skip
    local = (address, address.replace("http", "ws"), "data:", "blob:")
    assert [url for url in outside if not url.startswith(local)] == []
