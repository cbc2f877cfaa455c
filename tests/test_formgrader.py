"""Formgrader in a real browser: safe, whole offline, and a TA can mark."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import requests
from nbformat import NotebookNode
from playwright.sync_api import Page, expect

from course_lib.files import write_atomic
from grading.book import Book, Entry
from grading.course import CONFIG_FILE, Course
from grading.grade import grade
from grading.grader import Graded, GradedNotebook, Mark
from grading.release import release
from tests.conftest import ROOT, free_port, isolated_home, wait_for
from tests.learner_kit import LearnerKit
from tests.toy_course import (
    CHECKS,
    LESSON,
    answer,
    find,
    hand_in,
    hand_in_for_marking,
    make_course,
    solved,
)

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("walls")]
STORY = "02_demo"
BESIDE = {  # what a learner may have put beside the notebook, and as what a browser gets it
    "page.html": b"<script>document.title = 'pwned'</script>",
    "shot.png": b"\x89PNG\r\n\x1a\n<script>1</script>",
    "picture.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
    "story.json": b"[]",
    "图 1 #.bin": b"\xff\x00",
}
KINDS = {
    "page.html": "text/plain", "shot.png": "image/png", "picture.svg": "text/plain",
    "story.json": "text/plain", "图 1 #.bin": "application/octet-stream",
}  # fmt: skip
COMMAND = (
    "import typer; from grading.formgrader import formgrader_command as f; "
    "app = typer.Typer(); app.command()(f); app()"
)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """Return a graded course; beside it lies a copy that no test changes."""
    course = make_course(tmp_path_factory.mktemp("courses") / "course")
    hand_in_for_marking(course)
    grade(LESSON, course)
    shutil.copytree(course.path, untouched(course))
    return course


def untouched(course: Course) -> Path:
    return course.path.with_name("untouched")


@contextlib.contextmanager
def served(course: Course, folder: Path, *options: str) -> Iterator[str]:
    """Run ``camp formgrader`` in another folder and give the address it prints."""
    log = folder / "log"
    variables = isolated_home(folder) | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", COMMAND, "--course", str(course.path), *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", str(free_port()), "--no-browser"],
            cwd=folder,
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 60
        while "formgrader: " not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.1)
        url = log.read_text().split("formgrader: ")[1].split()[0]
        wait_for(url.replace("/formgrader", "/api/status"), process, log)
        yield url
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0


@pytest.fixture(scope="module")
def address(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("elsewhere")
    with served(course, folder) as url:
        yield url
    assert "Unwritable" not in (folder / "log").read_text()


class Watched:
    """A page that records what it asks for and what goes wrong on it."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.root = address.split("/formgrader")[0]
        self.requests: list[str] = []
        self.problems: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on(
            "console",
            lambda message: message.type == "error" and self.problems.append(message.text),
        )
        page.goto(address)

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.root}/formgrader/{path}")
        return self.page

    def open_submission(self, learner: str, lesson: str = LESSON) -> Page:
        page = self.open(f"gradebook/{lesson}/{lesson}")
        page.locator(".glyphicon-eye-open").first.wait_for()
        link = page.locator(f"tr:has-text('{learner}') a[href*='/submissions/']").first
        page.goto(f"{self.root}{link.get_attribute('href')}")
        return page

    @property
    def left_the_machine(self) -> list[str]:
        inside = (self.root, self.root.replace("http", "ws"), "data:", "blob:")
        return [url for url in self.requests if not url.startswith(inside)]


@pytest.fixture
def watched(page: Page, address: str) -> Watched:
    return Watched(page, address)


def test_lists_show_the_course_and_names(watched: Watched) -> None:
    page = watched.open("manage_assignments")
    expect(page.locator("#main-table")).to_contain_text(LESSON)
    page = watched.open("manage_students")
    expect(page.locator("#main-table")).to_contain_text("b_wrong")
    assert "None, None" not in page.locator("#main-table").inner_text()
    assert watched.left_the_machine == []
    assert watched.problems == []


def test_learners_scripts_do_not_run_and_nothing_leaves_the_machine(watched: Watched) -> None:
    page = watched.open_submission("a_nasty")
    expect(page.get_by_text("我的笔记")).to_be_visible()
    page.wait_for_timeout(1000)
    assert page.evaluate("window.pwned") is None
    notebook = page.locator("#notebook")
    assert notebook.locator("script, iframe, svg, object, [onerror], [onload]").count() == 0
    assert page.locator("b:has-text('bold')").count() > 0
    assert watched.left_the_machine == []
    assert watched.problems == []


def test_length_link_and_a_note_beside_the_notebook_stand_where_a_ta_reads(
    watched: Watched, course: Course
) -> None:
    page = watched.open_submission("b_wrong")
    expect(page.get_by_text("0 Chinese characters, 4 English words")).to_be_visible()
    expect(page.get_by_text("note.md")).to_have_count(0)
    beside = course.submitted("c_right", LESSON) / "note.md"
    beside.write_text(
        "# 另写的\n\n三个字。我的笔记：https://zhuanlan.zhihu.com/p/12345678", "utf-8"
    )
    page = watched.open_submission("c_right")
    expect(page.get_by_text("this is note.md: the cell is the template")).to_be_visible()
    expect(page.get_by_role("heading", name="另写的")).to_be_visible()
    link = page.locator("#notebook a[href='https://zhuanlan.zhihu.com/p/12345678']").first
    expect(link).to_be_visible()
    beside.write_bytes(b"\x89PNG\0\1")
    page.reload()
    expect(page.get_by_text("note.md cannot be read")).to_be_visible()
    beside.unlink()
    page.reload()
    expect(page.get_by_text("note.md")).to_have_count(0)
    assert watched.problems == []


@pytest.fixture(scope="module")
def real(course: Course, learner_kit: LearnerKit) -> dict[str, dict[str, str]]:
    """Enter the real lessons, each handed in with all answers; return these by lesson and name.

    What grading leaves is the instructor's notebook with the learner's answers: nothing is run.
    """
    found: dict[str, dict[str, str]] = {}
    for source in sorted((learner_kit.course / "source").iterdir()):
        lesson = shutil.copytree(source, course.path / "source" / source.name).name
        release(course, lesson)
        book = nbformat.read(source / f"{lesson}.ipynb", as_version=4)
        for cell in book.cells:
            cell.source = re.sub(r"(?m)^ *### (BEGIN|END) SOLUTION\n?", "", cell.source)
        found[lesson] = {
            name: cell.source
            for cell in book.cells
            if (name := solution_of(cell)) and cell.cell_type == "code"
        }
        write_atomic(course.autograded("mei", lesson) / f"{lesson}.ipynb", nbformat.writes(book))
        given = [cell.metadata.get("nbgrader", {}) for cell in book.cells]
        marks = {
            one["grade_id"]: Mark(None if one["solution"] else float(one["points"]))
            for one in given
            if one.get("grade")
        }
        graded = GradedNotebook(nbformat.writes(book), marks, {}, {})
        with course.gradebook() as gradebook:
            entry = Entry(Graded(lesson, "mei", "", {lesson: graded}, False, (), seconds=0.1))
            Book(gradebook, lesson, course.config).save([entry])
            gradebook.db.commit()
    for name, raw in BESIDE.items():
        write_atomic(course.submitted("mei", STORY) / "evidence" / STORY / name, raw)
    return found


def solution_of(cell: NotebookNode) -> str:
    """Return the name of a cell that learners write; "" of others."""
    marks = cell.metadata.get("nbgrader", {})
    return str(marks["grade_id"]) if marks.get("solution") else ""


def address_of(course: Course, lesson: str) -> str:
    with course.gradebook() as gradebook:
        return f"submissions/{gradebook.find_submission_notebook(lesson, lesson, 'mei').id}/"


@pytest.mark.timeout(900)  # a kit may have to be made first
def test_the_pages_of_the_real_lessons(
    watched: Watched, course: Course, real: dict[str, dict[str, str]]
) -> None:
    assert len(real) == 7
    for lesson, answers in real.items():
        page = watched.open(address_of(course, lesson))
        page.wait_for_function("formgrader.loaded && MathJax.loaded")
        panels = page.locator(".nbgrader_cell")
        shown = dict(panels.evaluate_all(
            "all => all.map(one => [one.querySelector('textarea')?.id, "
            "one.querySelector('.input_area')?.innerText.trim()])"
        ))  # fmt: skip
        assert len(answers) >= 5
        for name, wrote in answers.items():
            assert shown[f"{name}-comment"] == wrote.strip(), (lesson, name)
            assert page.locator(f"#check_{name}").get_attribute("placeholder") != "0", name
    assert watched.problems == []
    assert watched.left_the_machine == []


@pytest.mark.timeout(900)
def test_files_beside_a_notebook_are_listed_and_open_as_nothing_that_runs(
    watched: Watched, course: Course, real: dict[str, dict[str, str]]
) -> None:
    place = f"{watched.root}/formgrader/{address_of(course, STORY)}"
    page = watched.open(address_of(course, STORY))
    expect(page.get_by_text(f"{len(BESIDE)} files handed in beside the notebook")).to_be_visible()
    links = page.locator("#notebook details li a")
    named = [f"evidence/{STORY}/{name} ({len(raw)} B)" for name, raw in sorted(BESIDE.items())]
    assert links.all_inner_texts() == named
    for name, kind in KINDS.items():
        link = page.get_by_role("link", name=f"/{name} ")
        got = page.request.get(link.evaluate("node => node.href"))
        assert (got.status, got.body()) == (200, BESIDE[name])
        assert got.headers["content-type"].partition(";")[0] == kind
        assert got.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in got.headers["content-security-policy"]
    for path in ("../../nbgrader_config.py", "%2e%2e/gradebook.db", f"{STORY}.ipynb", "none.json"):
        assert page.request.get(f"{place}beside/{path}").status == 404
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="/page.html ").click()
    expect(opened.value.get_by_text("<script>")).to_be_visible()
    assert opened.value.evaluate("document.title") == ""
    assert watched.problems == []


def test_formulas_are_drawn_by_the_browser(watched: Watched) -> None:
    page = watched.open_submission("a_nasty")
    formula = page.locator("#notebook math").first
    assert formula.evaluate("node => node.namespaceURI") == "http://www.w3.org/1998/Math/MathML"
    assert formula.evaluate("node => node.querySelector('msup') !== null")
    assert formula.bounding_box()["width"] > 20


def test_a_ta_marks_comments_and_goes_on(watched: Watched, course: Course) -> None:
    page = watched.open_submission("b_wrong")
    score = page.locator("#note_toy")
    expect(score).to_have_value("")
    with page.expect_response("**/api/grade/*"):
        score.fill("5")
        score.press("Tab")
    with page.expect_response("**/api/comment/*"):
        page.locator("#note_toy-comment").fill("Well done")
        page.locator("#note_toy-comment").press("Tab")
    with course.gradebook() as gradebook:
        mark = gradebook.find_grade("note_toy", LESSON, LESSON, "b_wrong")
        assert (mark.manual_score, mark.needs_manual_grade) == (5, False)
        comment = gradebook.find_comment("note_toy", LESSON, LESSON, "b_wrong")
        assert comment.manual_comment == "Well done"
    before = page.url
    page.keyboard.press("Control+.")
    page.wait_for_url(lambda url: url.split("?")[0] != before.split("?")[0])
    assert watched.problems == []


def test_keyboard_help_works_offline(watched: Watched) -> None:
    page = watched.open_submission("a_nasty")
    page.wait_for_timeout(800)
    assert page.evaluate("formgrader.loaded && MathJax.loaded")
    assert page.evaluate("document.activeElement.classList.contains('tabbable')")
    page.locator(".help").click()
    expect(page.get_by_text("Move to the next score or comment input")).to_be_visible()
    assert watched.problems == []


def test_a_forgotten_filter_still_cannot_load_from_afar(watched: Watched) -> None:
    page = watched.open_submission("a_nasty")
    loaded = page.evaluate(
        """() => new Promise(done => {
            const image = new Image();
            image.onload = () => done(true);
            image.onerror = () => done(false);
            image.src = 'https://example.com/pixel.png';
        })"""
    )
    assert loaded is False
    assert any("Content Security Policy" in problem for problem in watched.problems)


def test_the_button_grades_behind_walls_and_what_it_graded_is_marked(
    watched: Watched, course: Course
) -> None:
    reads = f"def share():\n    return 4 * (not __import__('os').path.exists({str(course.path)!r}))"
    pressed = solved(course, answer("share", reads))
    find(pressed, "triple").source = "def triple(x):\n    return x"
    hand_in(course, "d_pressed", pressed)
    page = watched.open(f"manage_submissions/{LESSON}")
    row = page.locator("tr:has-text('d_pressed')")
    expect(row).to_contain_text("needs autograding")
    row.locator(".autograde a").click()
    expect(page.locator(".modal.in")).to_contain_text("Successfully autograded")
    page.reload()
    expect(page.locator("tr:has-text('b_wrong')")).not_to_contain_text("needs autograding")
    expect(page.locator("tr:has-text('d_pressed')")).not_to_contain_text("needs autograding")
    page = watched.open_submission("d_pressed")
    for name, points in {"double": "10", "triple": "0", "share": "4"}.items():
        expect(page.locator(f"#check_{name}")).to_have_attribute("placeholder", points)
    with page.expect_response("**/api/grade/*"):
        page.locator("#note_toy").fill("3")
        page.locator("#note_toy").press("Tab")
    with course.gradebook() as gradebook:
        submission = gradebook.find_submission(LESSON, "d_pressed")
        assert (submission.score, submission.needs_manual_grade) == (17, False)
    assert watched.problems == []


def test_a_course_that_says_nothing_of_safety_is_safe_and_the_option_is_followed(
    course: Course, tmp_path: Path
) -> None:
    course = Course(shutil.copytree(untouched(course), tmp_path / "course"))
    asked = f"sqlite:///{(course.path / 'gradebook.db').rename(tmp_path / 'asked.db')}"
    own = tmp_path / "own.db"
    (course.path / CONFIG_FILE).write_text(
        f"c = get_config()\nc.CourseDirectory.db_url = 'sqlite:///{own}'\n"
    )
    with served(course, tmp_path, "--db", asked) as url, requests.Session() as session:
        session.get(url)
        root = url.split("?")[0]
        listed = session.get(f"{root}/api/submitted_notebooks/{LESSON}/{LESSON}").json()
        scores = {one["student"]: one["score"] for one in listed}
        shown = next(one["id"] for one in listed if one["student"] == "a_nasty")
        text = session.get(f"{root}/submissions/{shown}").text
        pressed = session.post(
            f"{root}/api/submission/{LESSON}/a_nasty/autograde",
            headers={"X-XSRFToken": session.cookies["_xsrf"]},
        ).json()
    assert scores["b_wrong"] == CHECKS["share"]
    assert "<script>window" not in text
    assert "我的笔记" in text
    assert pressed["success"], pressed
    assert "graded: a_nasty, 34 / 40" in pressed["log"]  # as behind walls; nbgrader has other words
    assert not own.exists()
