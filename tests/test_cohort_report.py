"""The report on a cohort: its numbers, its plots, and what can be in a name."""

from __future__ import annotations

import json
import re
from html import unescape
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from playwright.sync_api import Page
from typer.testing import CliRunner

from course_lib.errors import CampError
from grading.cohort_report import Bar, bars_of
from grading.corrections import correct, grant_bonus
from grading.journal import Journal, Record
from grading.ledger import Ledger
from grading.points import award
from grading.points_report import points_command
from grading.rules import load_rules
from tests.gradebooks import NOTE, make_lesson, submit

RULES = f"""
minimum_percent: 60
certificate: {{island: L1}}
islands: [{{id: L1, zh: 基础岛, en: Basic Island}}]
levels:
  - {{id: L1-1, island: L1, zh: 一, en: one <i>, pays: 100, lesson: 01_intro, must: [{NOTE}]}}
  - {{id: L1-2, island: L1, zh: 二, en: two, pays: 150, lesson: 02_demo,
     bonus: {{zh: 加, en: more, points: 50}}}}
"""
ODD = "<b>wei & \"co'"
# Who handed in what, and where that stands; a note gives 30, the checks 70.
FIRST: dict[str, tuple[float, float | None]] = {
    ODD: (1, 30), "just": (0.5, 25), "copied": (1, 20),  # 100, 60 and 90 %: passed
    "below": (0.5, 24), "no_note": (1, 0),  # 59 %; 70 % without the note that is needed
    "waits": (1, None), "garbled": (0, None),
}  # fmt: skip
SECOND: dict[str, tuple[float, float | None]] = {ODD: (1, 0), "below": (0, 10)}  # 70, 10 %

app = typer.Typer()
app.command()(points_command)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a course whose learners stand everywhere; what passes is booked for all but 02_demo."""
    course = tmp_path_factory.mktemp("cohort") / "course"
    make_lesson(course)
    (course / "points.yml").write_text(RULES, encoding="utf-8")
    owned = {"cohort": "2026<a>", "fingerprint": "0"}
    (course / "cohort.json").write_text(json.dumps(owned), encoding="utf-8")
    for learner, (checks, note) in FIRST.items():
        submit(course, learner, checks=checks, note=note)
    (course / "submitted/late/01_intro").mkdir(parents=True)
    (course / "submitted/late/01_intro/01_intro.ipynb").write_text("{}")
    refused = Record(stage="done", remarks=[("不是", "no notebook")])
    Journal(course / ".grading/01_intro").write("garbled", refused)
    rules = load_rules(course)
    award(course, rules)
    correct(course, "copied", "L1-1", -100, "copied")
    make_lesson(course, "02_demo")
    for learner, (checks, note) in SECOND.items():
        submit(course, learner, checks=checks, note=note, lesson="02_demo")
    grant_bonus(course, "just", "L1-2", "helped")
    return course


def written(course: Path, path: Path, language: str, *words: str) -> str:
    """Write the report; return its text."""
    command = ["--course", str(course), "--report", str(path), *words]
    done = CliRunner(env={"CAMP_LANG": language}).invoke(app, command)
    assert done.exit_code == 0, done.output
    assert done.output.endswith(f"written: {path}\n")
    return path.read_text(encoding="utf-8")


def rows(page: str, after: str) -> list[list[str]]:
    """Return the body of the first table after a text, its cells without tags."""
    table = page[page.index(after) :].partition("<tbody>")[2].partition("</tbody>")[0]
    lines = table.strip().split("</tr>")[:-1]
    return [
        [unescape(re.sub(r"<[^>]+>", "", cell)) for cell in re.split(r"</t[dh]>", line)[:-1]]
        for line in (one.replace("\n", "") for one in lines)
    ]


def test_the_numbers_are_those_of_a_count_by_hand(course: Path, tmp_path: Path) -> None:
    page = written(course, tmp_path / "r.html", "en", "--dry-run")
    assert len(Ledger(course).entries()) == 5
    assert "a dry run" in page
    # handed in, passed, waits, not graded, not passed; median and quartiles of what is marked:
    # 59, 60, 70, 90, 100 % and 10, 70 %
    assert rows(page, "Levels</h2>") == [
        ["L1-1 one <i>", "01_intro", "8", "2", "1", "2", "3", "70 % (60–90)"],
        ["L1-2 two", "02_demo", "2", "1", "0", "0", "1", "40 % (25–55)"],
    ]
    assert "learners the course knows: 8 · have the certificate: 1 · paid now: 150" in page
    assert rows(page, 'id="paid"') == [
        ["credit", "450"], ["bonus", "50"], ["correction", "-100"], ["total", "400"],
    ]  # fmt: skip
    assert rows(page, 'id="certificate"') == [
        [ODD, "250", "earned"],
        ["just", "150", "lacks L1-2"],
        ["below", "0", "lacks L1-1, L1-2"],
        ["copied", "0", "lacks L1-1, L1-2"],
        ["garbled", "0", "lacks L1-1, L1-2"],
        ["no_note", "0", "lacks L1-1, L1-2"],
        ["waits", "0", "lacks L1-1, L1-2"],
    ]
    assert "the certificate needs every level of L1 (Basic Island)" in page
    # a bar's full length, 740, is all eight learners
    bars = re.findall(
        r'<rect class="(\w+)" x="[\d.]+" y="\d+" width="([\d.]+)".*?<title>(L1-\d)', page
    )
    assert bars == [
        ("passed", "185.0", "L1-1"), ("waits", "92.5", "L1-1"), ("open", "185.0", "L1-1"),
        ("failed", "277.5", "L1-1"), ("passed", "92.5", "L1-2"), ("failed", "92.5", "L1-2"),
    ]  # fmt: skip
    told = re.findall(r"<title>(\d+–\d+: \d+)<", page)
    assert told == ["0–49: 5", "50–99: 0", "100–149: 0", "150–199: 1", "200–249: 0", "250–299: 1"]


def test_bars_take_in_everybody_and_stay_few(course: Path) -> None:
    rules = load_rules(course)
    assert bars_of([], rules) == []
    assert bars_of([-100, -1, 0, 49, 50], rules) == [
        Bar(-100, -51, 1), Bar(-50, -1, 1), Bar(0, 49, 2), Bar(50, 99, 1),
    ]  # fmt: skip
    many = bars_of(list(range(-300, 5000, 7)), rules)
    assert len(many) <= 22
    assert sum(bar.count for bar in many) == len(range(-300, 5000, 7))
    assert all(low.high + 1 == high.low for low, high in pairwise(many))


@pytest.mark.browser
def test_the_page_shows_its_plots_in_a_browser_and_runs_nothing(
    course: Path, tmp_path: Path, page: Page
) -> None:
    text = written(course, tmp_path / "r.html", "zh", "--dry-run")
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("request", lambda asked: complaints.append(asked.url))
    page.goto((tmp_path / "r.html").as_uri())
    assert complaints == [(tmp_path / "r.html").as_uri()]
    assert page.title() == "2026<a> · 这一期的情况"
    assert page.locator("html").get_attribute("lang") == "zh"
    for plot, bars in (("#levels", 6), ("#points", 3)):
        box = page.locator(plot).bounding_box()
        assert box
        assert min(box["width"], box["height"]) > 60
        parts = page.locator(f"{plot} rect:has(title)").all()
        shown = [one for one in (part.bounding_box() for part in parts) if one and one["height"]]
        assert len([one for one in shown if one["width"] > 20 and one["height"] > 10]) == bars
    assert page.locator("script, img, link, i, b").count() == 0
    assert page.locator("#certificate td").first.inner_text() == ODD
    assert "default-src 'none'" in text


def test_a_course_of_nobody_has_a_report(tmp_path: Path) -> None:
    make_lesson(tmp_path / "empty")
    page = written(tmp_path / "empty", tmp_path / "r.html", "en")
    assert "<h1>empty · How the cohort stands</h1>" in page
    assert "nobody yet" in page
    assert rows(page, "Levels</h2>")[0][2:7] == ["0"] * 5


def test_a_place_that_cannot_be_written_is_one_line(course: Path, tmp_path: Path) -> None:
    command = ["--course", str(course), "--dry-run", "--report", str(tmp_path)]
    done = CliRunner().invoke(app, command)
    assert isinstance(done.exception, CampError)
    assert str(done.exception).startswith(f"cannot write {tmp_path}: ")
    assert "\n" not in str(done.exception)
