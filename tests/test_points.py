"""Points: the camp's values, who is paid and when, exports, corrections."""

import csv
import json
import multiprocessing
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from typer.testing import CliRunner

from course_lib.errors import CampError
from grading.corrections import bonus_command, correct, correct_command, grant_bonus
from grading.ledger import Kind, Ledger
from grading.points import Report, State, award, settle
from grading.points_report import account_rows, points_command
from grading.rules import load_rules, read_rules
from grading.scores import Cell, Score, read_scores
from tests.conftest import ROOT
from tests.gradebooks import LESSON, NOTE, make_lesson, opened, submit

RULES = load_rules()
# Typed in from the camp: README values, and where the task file names another sum.
README = {
    **dict.fromkeys(["L0-1", "L0-2", "L0-3"], 50),
    **dict.fromkeys(["L1-1", "L1-2", "L1-3", "L1-4", "L1-6", "L1-7"], 100),
    **dict.fromkeys(["L2-1", "L2-2", "L2-3", "L2-4", "L2-5", "L2-6"], 100),
}
TASK_FILES = {"L1-3": 50, "L1-7": 50, "L2-3": 50, "L2-5": 50}

app = typer.Typer()
app.command("points")(points_command)
app.command("correct")(correct_command)
app.command("bonus")(bonus_command)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    make_lesson(tmp_path / "course")
    return tmp_path / "course"


def states(report: Report) -> dict[str, State]:
    return {standing.learner: standing.state for standing in report.standings}


def test_the_rules_hold_the_values_of_the_camp() -> None:
    assert {level.id: level.pays for level in RULES.levels} == README
    differing = {x.id: x.task_file_pays for x in RULES.levels if x.task_file_pays is not None}
    assert differing == TASK_FILES
    assert all(RULES.level(name).note for name in TASK_FILES)
    assert {x.id: x.bonus.points for x in RULES.levels if x.bonus} == {"L2-5": 50}
    assert RULES.needed_levels == ("L2-1", "L2-2", "L2-3", "L2-4", "L2-5", "L2-6")
    assert {x.id for x in RULES.levels if x.excellent} == {"L1-7", "L2-3", "L2-5"}
    assert [(i.id, i.zh) for i in RULES.islands] == [
        ("L0", "入门岛"),
        ("L1", "基础岛"),
        ("L2", "进阶岛"),
    ]
    assert RULES.level("L1-1").lesson == "01_intro"


def test_the_guides_name_the_levels_that_nobody_can_earn_the_certificate_without() -> None:
    needed = {one.id for one in map(RULES.level, RULES.needed_levels) if not one.lesson}
    for name in ("instructor.md", "instructor.zh.md"):
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert {*re.findall(r"L\d-\d", text)} == needed


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("pays: 50}", "pays: fifty}", "levels.0.pays"),
        ("pays: 50}", "pays: -50}", "greater than 0"),
        ("pays: 50}", "pay: 50}", "levels.0"),
        ("id: L0-2", "id: L0-1", "level L0-1 stands there twice"),
        ("island: L0, zh: Linux", "island: L9, zh: Linux", "level L0-1 lies on island L9"),
        ("  island: L2\n\nislands", "  island: L3\n\nislands", "certificate.island L3"),
        ("minimum_percent: 60", "minimum_percent: 600", "minimum_percent"),
        ("levels:\n", "levels: [\n", "not valid YAML"),
    ],
)
def test_a_wrong_rule_is_one_clear_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = (Path(__file__).parents[1] / "grading" / "points.yml").read_text("utf-8")
    assert old in text
    path = tmp_path / "points.yml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(CampError) as caught:
        read_rules(path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_course_may_have_rules_of_its_own(course: Path) -> None:
    text = (Path(__file__).parents[1] / "grading" / "points.yml").read_text("utf-8")
    own = text.replace("    pays: 100\n    lesson: 01_intro", "    pays: 40\n    lesson: 01_intro")
    (course / "points.yml").write_text(own, "utf-8")
    submit(course, "wei", checks=1, note=30)
    assert award(course, load_rules(course)).accounts[0].total == 40


def test_what_passes_is_paid_once(course: Path) -> None:
    submit(course, "excellent", checks=1, note=30)
    submit(course, "just", checks=0.5, note=25)  # 35 + 25 = 60 %
    submit(course, "below", checks=0.5, note=24)  # 59 %
    submit(course, "nearly", checks=0.5, note=24.96)
    submit(course, "waits", checks=1)
    submit(course, "no_note", checks=1, note=0)  # 70 %, but the camp's task is the note
    report = award(course, RULES)
    assert states(report) == {
        "excellent": State.PAID,
        "just": State.PAID,
        "below": State.FAILED,
        "nearly": State.FAILED,
        "waits": State.WAITS,
        "no_note": State.FAILED,
    }
    assert {account.learner: account.total for account in report.accounts} == {
        "excellent": 100,
        "just": 100,
        "below": 0,
        "nearly": 0,
        "waits": 0,
        "no_note": 0,
    }
    remarks = {standing.learner: standing.remark.en for standing in report.standings}
    assert remarks["waits"] == NOTE
    assert remarks["below"] == "59 % of the 60 % needed"
    assert remarks["nearly"] == "59.9 % of the 60 % needed"
    again = award(course, RULES)
    assert states(again)["excellent"] is State.BEFORE
    assert [entry.points for entry in again.entries] == [100, 100]
    submit(course, "waits", checks=1, note=10)
    assert states(award(course, RULES))["waits"] is State.PAID
    entry = Ledger(course).entries()[-1]
    assert (entry.learner, entry.level, entry.score, entry.max_score) == ("waits", "L1-1", 80, 100)
    assert entry.reason == "passed 01_intro"


def test_a_submission_that_grading_left_unfinished_is_not_paid(course: Path) -> None:
    with opened(course) as gradebook:
        gradebook.add_student("crashed")
        gradebook.add_submission(LESSON, "crashed")
    assert states(award(course, RULES)) == {"crashed": State.WAITS}


def test_a_lower_score_later_takes_nothing_back(course: Path) -> None:
    submit(course, "wei", checks=1, note=30)
    award(course, RULES)
    submit(course, "wei", checks=0, note=30)
    report = award(course, RULES)
    (standing,) = report.standings
    assert standing.state is State.BEFORE
    assert "now 30 % of the 60 % needed" in standing.remark.en
    assert "camp correct wei L1-1 --reason WHY --points -100" in standing.remark.en
    assert report.accounts[0].total == 100
    assert len(report.entries) == 1


def test_work_that_passes_after_its_points_were_taken_back_is_for_the_instructor(
    course: Path,
) -> None:
    submit(course, "wei", checks=1, note=30)
    award(course, RULES)
    correct(course, "wei", "L1-1", -100, "copied")
    submit(course, "wei", checks=0, note=30)
    (standing,) = award(course, RULES).standings
    assert "nothing is taken back" not in standing.remark.en  # it was
    submit(course, "wei", checks=0.9, note=30)  # honest, and handed in later
    report = award(course, RULES)
    (standing,) = report.standings
    assert (standing.state, report.accounts[0].total) == (State.BEFORE, 0)
    said = "camp correct wei L1-1 --reason WHY --points 100"
    assert standing.remark.en == f"taken back, and the score passes now; if it is to count: {said}"
    correct(course, "wei", "L1-1", 100, "honest now")
    report = award(course, RULES)
    assert report.standings[0].remark.en == ""
    assert "L1-1" in report.accounts[0].passed


def test_a_late_penalty_counts(course: Path) -> None:
    submit(course, "late", checks=1, note=30)
    with opened(course) as gradebook:
        gradebook.find_submission_notebook(LESSON, LESSON, "late").late_submission_penalty = 41
        gradebook.db.commit()
    (standing,) = award(course, RULES).standings
    assert (standing.score, standing.state) == (59, State.FAILED)


def test_a_lesson_of_no_level_and_a_needed_cell_that_is_missing_are_told(course: Path) -> None:
    make_lesson(course, "ps1")
    submit(course, "wei", checks=1, note=30, lesson="ps1")
    report = award(course, RULES)
    assert report.standings == ()
    assert tuple(text.en for text in report.remarks) == (
        "lesson ps1 belongs to no level of points.yml: it pays nothing",
    )
    text = (Path(__file__).parents[1] / "grading" / "points.yml").read_text("utf-8")
    (course / "points.yml").write_text(text.replace(NOTE, "note_gone"), "utf-8")
    submit(course, "wei", checks=1, note=30)
    (standing,) = award(course, load_rules(course)).standings
    assert standing.state is State.UNCLEAR
    assert "note_gone" in standing.remark.en


def test_a_dry_run_shows_the_same_and_writes_nothing(course: Path) -> None:
    submit(course, "wei", checks=1, note=30)
    dry = award(course, RULES, dry_run=True)
    assert (states(dry), dry.accounts[0].total) == ({"wei": State.PAID}, 100)
    assert not (course / "points").exists()
    real = award(course, RULES)
    assert (real.standings, real.accounts) == (dry.standings, dry.accounts)


def test_without_a_gradebook_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(CampError, match=r"no gradebook in .*camp grade"):
        award(tmp_path, RULES)
    assert list(tmp_path.iterdir()) == []


def passing(learner: str, lesson: str, score: float = 90) -> Score:
    return Score(learner, lesson, score, 100, (Cell(NOTE, 20, waits=False),))


def test_the_certificate_needs_every_level_of_the_advanced_island(tmp_path: Path) -> None:
    lessons = {f"L2-{n}": f"2{n}_x" for n in range(1, 7)}
    rules = RULES.model_copy(
        update={
            "levels": tuple(
                level.model_copy(update={"lesson": lessons[level.id], "must": ()})
                if level.id in lessons
                else level
                for level in RULES.levels
            )
        }
    )
    scores = [passing("all", lesson) for lesson in lessons.values()]
    scores += [passing("most", lesson) for lesson in list(lessons.values())[1:]]
    accounts = {a.learner: a for a in settle(Ledger(tmp_path), scores, rules).accounts}
    assert (accounts["all"].lacks, accounts["all"].total) == ((), 600)
    assert (accounts["most"].lacks, accounts["most"].total) == (("L2-1",), 500)
    make_lesson(tmp_path)
    submit(tmp_path, "all", checks=1, note=30)
    grant_bonus(tmp_path, "all", "L2-5", "seen in the group")
    correct(tmp_path, "all", "L2-5", -100, "copied")
    accounts = {a.learner: a for a in settle(Ledger(tmp_path), scores, rules).accounts}
    assert (accounts["all"].lacks, accounts["all"].total) == (("L2-5",), 550)
    assert accounts["all"].points == {"credit": 600, "bonus": 50, "correction": -100}


def test_corrections_and_bonuses_are_new_entries(course: Path) -> None:
    submit(course, "wei", checks=1, note=30)
    award(course, RULES)
    assert correct(course, "wei", "L1-1", -100, "copied").number == 2
    with pytest.raises(CampError, match="stands already as entry 2"):
        correct(course, "wei", "L1-1", -100, "copied")
    assert correct(course, "wei", "L1-1", -100, "copied twice").number == 3
    assert award(course, RULES).accounts[0].total == -100
    assert grant_bonus(course, "wei", "L2-5", "group chat").points == 50
    with pytest.raises(CampError, match="has the bonus of L2-5 already"):
        grant_bonus(course, "wei", "L2-5", "another time")
    with pytest.raises(CampError, match="L1-1 has no bonus"):
        grant_bonus(course, "wei", "L1-1", "kind")
    with pytest.raises(CampError, match="did you mean 'wei'"):
        correct(course, "wie", "L1-1", 5, "x")
    with pytest.raises(CampError, match="no level 'L1-5'"):
        correct(course, "wei", "L1-5", 5, "x")
    with pytest.raises(CampError, match="--reason"):
        correct(course, "wei", "L1-1", 5, "  ")
    assert [entry.kind for entry in Ledger(course).entries()] == [
        Kind.CREDIT,
        Kind.CORRECTION,
        Kind.CORRECTION,
        Kind.BONUS,
    ]


ODD = ["=HYPERLINK(1)", "+1", "-2", "@SUM(A1)", "'quoted", "王芳", 'a,"b"', "00123", "＝1"]


def test_exports_hold_what_the_ledger_holds_and_no_formula(course: Path, tmp_path: Path) -> None:
    for learner in ODD:
        submit(course, learner, checks=1, note=30)
    files = ["--csv", str(tmp_path / "p.csv"), "--xlsx", str(tmp_path / "p.xlsx")]
    result = CliRunner().invoke(app, ["points", "--course", str(course), *files])
    assert result.exit_code == 0, result.output
    book = load_workbook(tmp_path / "p.xlsx")
    heading, *rows = [list(row) for row in book["points"].values]
    assert sorted(str(row[0]) for row in rows) == sorted(ODD)
    for row in rows:
        named = dict(zip(heading, row, strict=True))
        assert (named["points"], named["credit"], named["bonus"]) == (100, 100, 0)
        assert (named["L1-1"], named["L1-2"], named["certificate"]) == (100, None, "no")
    assert {cell.data_type for sheet in book for row in sheet.rows for cell in row} <= {"s", "n"}
    number, _, who, level, kind, points, *_ = list(book["ledger"].values)[1]
    entry = Ledger(course).entries()[0]
    assert (number, who, level, kind, points) == (1, entry.learner, "L1-1", "credit", 100)
    assert len(list(book["ledger"].values)) == len(ODD) + 1
    raw = (tmp_path / "p.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    with (tmp_path / "p.csv").open(encoding="utf-8-sig", newline="") as file:
        names = [row["learner"] for row in csv.DictReader(file)]
    assert sorted(name[name.startswith("'") :] for name in names) == sorted(ODD)
    assert not [name for name in names if name[0] in "=+-@＝"]


def test_the_command_shows_states_totals_and_the_certificate(course: Path) -> None:
    submit(course, "[red]wei", checks=1, note=30)
    submit(course, "mei", checks=1)
    runner = CliRunner(env={"COLUMNS": "160"})
    dry = runner.invoke(app, ["points", "--course", str(course), "--dry-run"])
    assert "nothing is booked" in dry.output
    shown = runner.invoke(app, ["points", "--course", str(course)])
    for part in (
        "[red]wei",
        "100 / 100",
        "+100",
        "waits for a TA: note_hello_intern",
        "lacks L2-1",
    ):
        assert part in shown.output
    assert "no lesson of this kit covers L2-1, L2-4" in shown.output
    data = json.loads(runner.invoke(app, ["points", "--course", str(course), "--json"]).output)
    by_learner = {one["learner"]: one for one in data["learners"]}
    assert by_learner["[red]wei"]["total"] == 100
    assert by_learner["mei"]["certificate"] is False
    assert {one["learner"]: one["state"] for one in data["standings"]} == {
        "[red]wei": "paid before",
        "mei": "waits for a TA",
    }
    take_back = ["correct", "mei", "L1-1", "--points", "-5", "--reason", "x"]
    told = runner.invoke(app, [*take_back, "--course", str(course)])
    assert told.output == "entry 2: mei L1-1 correction -5\n"
    refused = runner.invoke(app, ["points", "--course", str(course), "--dry-run", "--csv", "x"])
    assert isinstance(refused.exception, CampError)
    assert refused.exception.exit_code == 2


def _award_one_after_the_other(course: Path, start: Any, told: Any) -> None:
    scores = read_scores(course)
    start.wait()
    paid = 0
    for number in range(len(scores)):
        report = settle(Ledger(course), scores[: number + 1], RULES)
        paid += sum(standing.paid_now for standing in report.standings)
    told.put(paid)


def test_two_awards_at_once_pay_once(course: Path) -> None:
    for number in range(30):
        submit(course, f"learner{number}", checks=1, note=30)
    fork = multiprocessing.get_context("fork")
    start, told = fork.Barrier(2), fork.Queue()
    runs = [
        fork.Process(target=_award_one_after_the_other, args=(course, start, told))
        for _ in range(2)
    ]
    for run in runs:
        run.start()
    assert sum(told.get(timeout=60) for _ in runs) == 3000
    for run in runs:
        run.join()
    entries = Ledger(course).entries()
    assert sorted(entry.learner for entry in entries) == sorted(f"learner{n}" for n in range(30))


LEVELS = ("L1-1", "L1-4", "L2-5")
SCORES = st.lists(
    st.builds(
        passing,
        st.sampled_from(["wei", "mei", "王芳"]),
        st.sampled_from(["01_intro", "02_x", "25_x", "unknown"]),
        st.floats(0, 110),
    ),
    max_size=8,
    unique_by=lambda score: (score.learner, score.lesson),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(SCORES, max_size=5))
def test_any_sequence_of_awards_pays_each_level_once(runs: list[list[Score]]) -> None:
    lessons = dict(zip(LEVELS, ("01_intro", "02_x", "25_x"), strict=True))
    levels = (
        level.model_copy(update={"lesson": lessons.get(level.id), "must": ()})
        for level in RULES.levels
    )
    rules = RULES.model_copy(update={"levels": tuple(levels)})
    with tempfile.TemporaryDirectory() as folder:
        paid = 0
        for scores in runs:
            report = settle(Ledger(Path(folder)), scores, rules)
            paid += sum(standing.paid_now for standing in report.standings)
        ever = {
            (score.learner, score.lesson)
            for scores in runs
            for score in scores
            if score.score >= 60 and score.lesson != "unknown"
        }
        entries = Ledger(Path(folder)).entries()
        assert len(entries) == len({(e.learner, e.level) for e in entries}) == len(ever)
        assert {(e.learner, lessons[e.level]) for e in entries} == ever
        assert paid == sum(entry.points for entry in entries) == 100 * len(ever)
        if runs:
            assert sum(account.total for account in report.accounts) == paid
            table = account_rows(report, rules)
            assert sum(int(row[1] or 0) for row in table[1:]) == paid
