"""A cohort from its seed to its certificates, by the commands that the three guides show."""

from __future__ import annotations

import csv
import json
import re
import shlex
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
from grading.samples import fill_in
from tests.conftest import ROOT, SOURCES
from tests.inbox_server import serving
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


SERVES = {"inbox", "desk", "formgrader", "lab"}  # until it is stopped; has tests of its own


class Guide:
    """The commands of a guide, in their order; both languages show the same."""

    def __init__(self, name: str) -> None:
        en, zh = (
            re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / page).read_text("utf-8"), re.S)
            for page in (f"{name}.md", f"{name}.zh.md")
        )
        assert en == [block.replace("notebooks/zh/", "notebooks/en/") for block in zh]
        lines = "".join(en).replace("~", str(Path.home())).splitlines()
        commands = [shlex.split(line) for line in lines]
        assert {words[0] for words in commands} <= {"camp", "make"}
        self.left = [words for words in commands if words[1] not in SERVES]

    def run(self, folder: Path, until: str) -> list[str]:
        """Run the commands up to the first ``until``; return what they said."""
        place = next(n for n, words in enumerate(self.left, 1) if words[1] == until)
        now, self.left = self.left[:place], self.left[place:]
        return [done(folder, *words[1:]) for words in now]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the kit's folder with lesson 01, for an instructor whose home is the test's."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CAMP_SEEDS", str(tmp_path / "seeds"))
    folder = tmp_path / "here"
    (folder / "notebooks/source").mkdir(parents=True)
    shutil.copy(SOURCES / f"{LESSON}.py", folder / "notebooks/source")
    shutil.copy(ROOT / "notebooks/README.md", folder / "notebooks")
    (folder / "course").symlink_to(tmp_path / "camp-2026a")
    return folder


def done(folder: Path, *words: str, **variables: str) -> str:
    """Run a command that must work; return what it says."""
    ended = camp(folder, *words, **variables)
    assert ended.returncode == 0, (words, ended.stderr)
    return ended.stdout


def unpack(kit: Path, folder: Path) -> Home:
    """Unpack the kit for a learner."""
    with zipfile.ZipFile(kit) as opened:
        (root,) = {name.partition("/")[0] for name in opened.namelist()}
        opened.extractall(folder)
    return Home(folder / root)


def work(home: Home, wrote: str, changes: Mapping[str, str]) -> None:
    """Fill in and save the kit's own notebook."""
    who = sample(wrote)
    path = home.notebook(LESSON, who.language)
    answers = {**who.answers, **changes}
    own = replace(who, answers=answers, copied=(), deleted=())
    nbformat.write(fill_in(own, nbformat.read(path, as_version=4)), path)


def test_a_cohort_from_its_seed_to_its_certificates(here: Path, tmp_path: Path, page: Page) -> None:
    instructor, ta, learners = Guide("instructor"), Guide("ta"), Guide("learner")
    shared, form, data = tmp_path / "shared", tmp_path / "form", tmp_path / "inbox"
    for folder in (shared, form):
        folder.mkdir()
    instructor.run(here, "kit")
    course, kit = tmp_path / "camp-2026a", tmp_path / "camp-2026a.zip"
    (course / "points.yml").write_text(RULES, encoding="utf-8")
    (here / "class.csv").write_text("learner,cohort\nida,2026a\nivo,2026a\n", encoding="utf-8")
    instructor.run(here, "roster")
    instructor.run(here, "roster")
    tokens = {row["learner"]: row["token"] for row in read_table(here / "invitations.csv")}
    assert tokens.keys() == {"ida", "ivo"}
    homes = {learner: unpack(kit, tmp_path / "kits" / learner) for learner in (*WROTE, "broken")}

    def submit(learner: str, *words: str, **variables: str) -> Path:
        who = ("--id", learner, "--nickname", learner.title())
        done(homes[learner].path, "submit", LESSON, *who, *words, **variables)
        return sorted(homes[learner].bundles.glob("*.zip"))[-1]

    # Three by file, one of them twice; one broken on its way; one by a form; two by the inbox.
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
    with serving(data, "--course", str(course)) as server:
        for learner, token in tokens.items():
            submit(learner, "--to", server.url, CAMP_TOKEN=token)
        learners.run(homes["ida"].path, "submit")
        learners.run(homes["ida"].path, "submit")

        told = [
            done(here, "collect", str(one), "--course", "course")
            for one in (form / "answers.csv", data)
        ]
        told += ta.run(here, "collect")
        assert [said.splitlines()[-1] for said in told] == [
            "1 collected, 0 known, 0 not taken",
            "2 collected, 0 known, 0 not taken",
            "4 collected, 0 known, 1 not taken",
        ]
        ta.run(here, "grade")
        graded = json.loads(done(here, "grade", LESSON, "--course", "course", "--json"))
        assert {one["learner"]: one["auto_score"] for one in graded} == AUTO
        assert all(one["pending"] == 1 and not one["review"] for one in graded)
        instructor.run(here, "similar")
        assert "full" in (course / "similar" / LESSON / "report.json").read_text("utf-8")

        mark_one(course, tmp_path, page)
        ta.run(here, "marks")
        rows = read_table(here / "marks.csv")
        assert {row["learner"] for row in rows} == MARKS.keys() - {"full"}
        write_table(here / "marks.csv", [{**row, "mark": MARKS[row["learner"]]} for row in rows])
        ta.run(here, "marks")
        instructor.run(here, "regrade")
        instructor.run(here, "regrade")

        assert "certificate" in ta.run(here, "points")[-1]
        ta.run(here, "feedback")
        for learner, mark in MARKS.items():
            text = (course / f"feedback/{learner}/{LESSON}/{LESSON}.html").read_text("utf-8")
            assert f"{AUTO[learner] + mark} / 100" in text
            assert "HIDDEN TESTS" not in text
        instructor.run(here, "points")  # pays nothing again
        ledger = (course / "points/ledger.jsonl").read_text(encoding="utf-8").splitlines()
        paid = [(json.loads(line)["learner"], json.loads(line)["points"]) for line in ledger]
        assert sorted(paid) == sorted((learner, 100) for learner in PASSED)
        shown = (here / "report.html").read_text("utf-8")
        assert f"the course knows: {len(MARKS)} · have the certificate: {len(PASSED)}" in shown
        accounts = {row["learner"]: row for row in read_table(here / "points.csv")}
        assert {name for name, row in accounts.items() if row["points"] == "100"} == PASSED
        assert {name for name, row in accounts.items() if row["certificate"] == "yes"} == PASSED

        done(here, "inbox", "release", LESSON, "--course", "course", "--data", str(data))
        for learner, token in tokens.items():
            home = homes[learner]
            said = done(home.path, "result", LESSON, CAMP_TOKEN=token)
            assert "feedback is out, 100 compute points" in said
            assert f"score {AUTO[learner] + MARKS[learner]} / 100" in said
            text = (home.feedback / f"{LESSON}.html").read_text("utf-8")
            assert f"{AUTO[learner] + MARKS[learner]} / 100" in text
        assert "🎓 graded" in done(homes["ida"].path, "status")
    instructor.run(here, "restore")
    again = done(here, "points", "--course", str(tmp_path / "camp-2026a-again"), "--json")
    assert again == done(here, "points", "--course", "course", "--json")
    instructor.run(here, "new-lesson")
    instructor.run(here, "build")
    assert instructor.left == ta.left == learners.left == []


def mark_one(course: Path, tmp_path: Path, page: Page) -> None:
    """Mark a note in the browser."""
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


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write_table(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
