"""A cohort from its seed to its certificates, as instructor, learners and a TA would do it."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

from course_lib.learner.home import Home
from grading.course import Course
from grading.inbox.members import Member
from grading.samples import fill_in
from tests.conftest import ROOT, SOURCES
from tests.inbox_server import enroll, serving
from tests.kits import LESSON, camp, sample
from tests.test_formgrader import Watched, served

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("walls")]
RULES = """
minimum_percent: 60
certificate: {island: L1}
islands: [{id: L1, zh: 基础岛, en: Basic island}]
levels:
  - {id: L1-1, island: L1, zh: 全链路, en: The chain, pays: 100, lesson: 01_intro,
     must: [note_hello_intern]}
"""
UNDONE = "def ladder(*_):\n    raise NotImplementedError"
WRONG = "def count_params(cfg, tie=False):\n    return 0"
# Exercises are worth 70 (ladder 8 and count_params 10 of them), the note 30; wang_fang's only
# right answer is weight_bytes (10). A level asks for 60 and for a note that earned something.
WROTE: dict[str, tuple[str, dict[str, str]]] = {
    "full": ("li_mei", {}),
    "half": ("wang_fang", {}),
    "twice": ("li_mei", {}),
    "ida": ("sam_okoro", {}),
    "ivo": ("li_mei", {"ladder": UNDONE}),
    "fay": ("li_mei", {"count_params": WRONG}),
}
AUTO = {"full": 70, "half": 10, "twice": 70, "ida": 70, "ivo": 62, "fay": 60}
MARKS = {"full": 28, "half": 5, "twice": 24, "ida": 27, "ivo": 18, "fay": 0}
PASSED = {"full", "twice", "ida", "ivo"}


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Build lesson 01 for a cohort with a seed of its own."""
    monkeypatch.setenv("CAMP_SEEDS", str(tmp_path / "seeds"))
    (tmp_path / "notebooks/source").mkdir(parents=True)
    shutil.copy(SOURCES / f"{LESSON}.py", tmp_path / "notebooks/source")
    shutil.copy(ROOT / "notebooks/README.md", tmp_path / "notebooks")
    done(tmp_path, "cohort", "day")
    words = ("--cohort", "day", "--notebooks", "notebooks")
    done(tmp_path, "build", LESSON, "--course", "course", *words)
    done(tmp_path, "kit", "--output", "kit.zip", *words)
    (tmp_path / "course/points.yml").write_text(RULES, encoding="utf-8")
    return tmp_path / "course"


def done(folder: Path, *words: str, **variables: str) -> str:
    """Run a command that must work; return what it says."""
    ended = camp(folder, *words, **variables)
    assert ended.returncode == 0, (words, ended.stderr)
    return ended.stdout


def unpack(tmp_path: Path, learner: str) -> Home:
    """Unpack the kit for a learner."""
    folder = tmp_path / "kits" / learner
    with zipfile.ZipFile(tmp_path / "kit.zip") as kit:
        roots = {name.partition("/")[0] for name in kit.namelist()}
        kit.extractall(folder)
    assert len(roots) == 1
    return Home(folder / roots.pop())


def work(home: Home, wrote: str, changes: Mapping[str, str]) -> None:
    """Fill in and save the kit's own notebook."""
    who = sample(wrote)
    path = home.notebook(LESSON, who.language)
    answers = {**who.answers, **changes}
    own = replace(who, answers=answers, copied=(), deleted=())
    nbformat.write(fill_in(own, nbformat.read(path, as_version=4)), path)


def test_a_cohort_from_its_seed_to_its_certificates(
    course: Path, tmp_path: Path, page: Page
) -> None:
    shared, form, data = tmp_path / "shared", tmp_path / "form", tmp_path / "inbox"
    for folder in (shared, form):
        folder.mkdir()
    homes = {learner: unpack(tmp_path, learner) for learner in (*WROTE, "broken")}

    def submit(learner: str, *words: str, **variables: str) -> Path:
        who = ("--id", learner, "--nickname", learner.title())
        done(homes[learner].path, "submit", LESSON, *who, *words, **variables)
        return sorted(homes[learner].bundles.glob("*.zip"))[-1]

    # Two by file, one of them twice; one broken on its way; one by a form; two by the inbox.
    work(homes["twice"], "wang_fang", {})
    submit("twice", "--to", str(shared))
    for learner, (wrote, changes) in WROTE.items():
        work(homes[learner], wrote, changes)
    for learner in ("full", "half", "twice"):
        submit(learner, "--to", str(shared))
    work(homes["broken"], "li_mei", {})
    whole = submit("broken").read_bytes()
    (shared / "broken.zip").write_bytes(whole[: len(whole) // 2])
    attached = Path(shutil.copy(submit("fay"), form))
    (form / "answers.csv").write_text(f"学员编号,附件\nfay,{attached.name}\n", encoding="utf-8")
    tokens = enroll(data, people=(Member("ida", cohort="day"), Member("ivo", cohort="day")))
    with serving(data, "--course", str(course)) as server:
        for learner, token in tokens.items():
            submit(learner, "--to", server.url, CAMP_TOKEN=token)

        told = [
            done(tmp_path, "collect", str(one), "--course", "course")
            for one in (shared, form / "answers.csv", data)
        ]
        assert [said.splitlines()[-1] for said in told] == [
            "4 collected, 0 known, 1 not taken",
            "1 collected, 0 known, 0 not taken",
            "2 collected, 0 known, 0 not taken",
        ]

        graded = json.loads(done(tmp_path, "grade", LESSON, "--course", "course", "--json"))
        assert {one["learner"]: one["auto_score"] for one in graded} == AUTO
        assert all(one["pending"] == 1 and not one["review"] for one in graded)

        mark_all(course, tmp_path, page)

        done(tmp_path, "feedback", LESSON, "--course", "course")
        for learner, mark in MARKS.items():
            text = (course / f"feedback/{learner}/{LESSON}/{LESSON}.html").read_text("utf-8")
            assert f"{AUTO[learner] + mark} / 100" in text
            assert "HIDDEN TESTS" not in text
        said = done(tmp_path, "points", "--course", "course", "--csv", "points.csv")
        assert "certificate" in said
        with (tmp_path / "points.csv").open(encoding="utf-8-sig") as file:
            rows = {row["learner"]: row for row in csv.DictReader(file)}
        assert {learner for learner, row in rows.items() if row["points"] == "100"} == PASSED
        assert {learner for learner, row in rows.items() if row["certificate"] == "yes"} == PASSED
        done(tmp_path, "points", "--course", "course")  # pays nothing again
        ledger = (course / "points/ledger.jsonl").read_text(encoding="utf-8").splitlines()
        paid = [(json.loads(line)["learner"], json.loads(line)["points"]) for line in ledger]
        assert sorted(paid) == sorted((learner, 100) for learner in PASSED)

        done(tmp_path, "inbox", "release", LESSON, "--course", "course", "--data", str(data))
        for learner, token in tokens.items():
            home = homes[learner]
            said = done(home.path, "result", LESSON, CAMP_TOKEN=token)
            assert "feedback is out, 100 compute points" in said
            text = (home.feedback / f"{LESSON}.html").read_text("utf-8")
            assert f"{AUTO[learner] + MARKS[learner]} / 100" in text
        assert "🎓 graded" in done(homes["ida"].path, "status")


def mark_all(course: Path, tmp_path: Path, page: Page) -> None:
    """Mark one learner's note in the browser, and the others' from a file."""
    with served(Course(course), tmp_path / "seeds") as url:
        watched = Watched(page, url)
        shown = watched.open_submission("full", LESSON)
        expect(shown.get_by_role("heading", name="一点保留意见")).to_be_visible()
        with shown.expect_response("**/api/grade/*"):
            shown.locator("#note_hello_intern").fill(str(MARKS["full"]))
            shown.locator("#note_hello_intern").press("Tab")
        with shown.expect_response("**/api/comment/*"):
            shown.locator("#note_hello_intern-comment").fill("Well done")
            shown.locator("#note_hello_intern-comment").press("Tab")
    done(tmp_path, "marks", "--template", "marks.csv", "--course", "course")
    with (tmp_path / "marks.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["learner"] for row in rows} == MARKS.keys() - {"full"}
    for row in rows:
        row["mark"] = str(MARKS[row["learner"]])
    with (tmp_path / "marks.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    done(tmp_path, "marks", "marks.csv", "--course", "course")
