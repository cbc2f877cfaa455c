"""What is given out: for each learner their pages and a letter, on one printed page, and no other's."""

from __future__ import annotations

import re
import shutil
from html import unescape
from pathlib import Path

import pytest
import typer
from nbgrader.utils import notebook_hash
from playwright.sync_api import Page
from typer.testing import CliRunner

from course_lib.errors import CampError
from grading.course import Course
from grading.feedback import PagesFailed, feedback_command
from grading.grade import grade
from grading.ledger import Booking, Kind, Ledger
from grading.lesson_run import LessonRun, Options
from grading.letter import LETTER, give_out
from grading.points import award
from grading.rules import load_rules
from tests.conftest import free_port
from tests.toy_course import LESSON, SECRET, hand_in, hand_in_for_marking, make_course

pytestmark = pytest.mark.usefixtures("walls")

POINTS = f"""
minimum_percent: 60
certificate: {{island: L1}}
islands: [{{id: L1, zh: 基础岛, en: Basic Island}}]
levels:
  - {{id: L1-1, island: L1, zh: 一, en: one, pays: 100, lesson: {LESSON}, must: [note_toy]}}
  - {{id: L1-2, island: L1, zh: 二, en: two, pays: 200}}
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    course = make_course(tmp_path_factory.mktemp("course"))
    (course.path / "points.yml").write_text(POINTS, encoding="utf-8")
    hand_in_for_marking(course)
    grade(LESSON, course)
    with course.gradebook() as gradebook:
        for learner in ("b_wrong", "c_right"):
            mark = gradebook.find_grade("note_toy", LESSON, LESSON, learner)
            mark.manual_score, mark.needs_manual_grade = 4.5, False
        gradebook.db.commit()
    return course


def release(course: Course, folder: Path, *words: str) -> list[Path]:
    app = typer.Typer()
    app.command()(feedback_command)
    command = [*words, "--course", str(course.path), "--release", str(folder)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    return [Path(line) for line in done.stdout.splitlines()]


def rows(letter: Path) -> list[str]:
    """Return the lines of a letter after its head, without tags."""
    text = letter.read_text(encoding="utf-8")
    body = re.sub(r"<tr>|<dt>", "\n", text[text.index("<tbody>") :])
    lines = re.sub(r"<[^>]+>", " ", body).splitlines()
    return [unescape(" ".join(line.split())) for line in lines if line.strip()]


def test_each_learner_has_a_folder_with_their_pages_and_a_letter(
    course: Course, tmp_path: Path
) -> None:
    written = release(course, tmp_path / "out")
    assert {path.relative_to(tmp_path / "out").as_posix() for path in written} == {
        f"{learner}/{name}"
        for learner in ("a_nasty", "b_wrong", "c_right")
        for name in (f"{LESSON}/{LESSON}.html", LETTER)
    }
    pages = {path.parent.name: path for path in written if path.name == LETTER}
    needs_zh = "证书要求通过基础岛（L1）的每一关 这一版还没有 L1-2 的课：在这里挣不到"
    needs_en = (
        "the certificate needs every level of L1 (Basic Island) "
        "no lesson of this kit covers L1-2 yet: they cannot be earned here"
    )
    # c_right: 34 of the checks and 4.5 of 6 for the note are 96 %; nothing is booked yet
    assert rows(pages["c_right"]) == [
        f"{LESSON} 38.5 / 40 L1-1: 已通过", "算力点 0", f"证书 还差 L1-1, L1-2 {needs_zh}",
    ]  # fmt: skip
    # b_wrong: 4 for share and 4.5 are 21.25 %
    assert rows(pages["b_wrong"]) == [
        f"{LESSON} 8.5 / 40 L1-1: not passed (21.2 % of the 60 % needed) double, triple",
        "Compute points 0", f"Certificate lacks L1-1, L1-2 {needs_en}",
    ]  # fmt: skip
    assert rows(pages["a_nasty"])[0] == f"{LESSON} 34 / 40 L1-1: 等助教评分"
    assert Ledger(course.path).entries() == ()
    for learner in pages:
        folder = tmp_path / "out" / learner
        page = folder / LESSON / f"{LESSON}.html"
        made = course.feedback(learner, LESSON) / f"{LESSON}.html"
        assert page.read_bytes() == made.read_bytes()
        for path in (page, folder / LETTER):
            text = path.read_text(encoding="utf-8")
            assert str(SECRET) not in text
            assert "<script" not in text
            assert not any(other in text for other in pages if other != learner)


def test_again_only_what_changed_is_written(course: Course, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in release(course, tmp_path)}
    own = tmp_path / "b_wrong" / "own.txt"
    own.write_text("mine", encoding="utf-8")
    after = {path: path.stat().st_mtime_ns for path in release(course, tmp_path)}
    assert after == before
    (tmp_path / "b_wrong" / LETTER).write_text("changed", encoding="utf-8")
    (page, letter) = release(course, tmp_path, LESSON, "--learner", "b_wrong")
    assert (page.name, letter.name) == (f"{LESSON}.html", LETTER)
    assert rows(letter)
    assert own.read_text(encoding="utf-8") == "mine"


def test_points_are_what_is_booked_and_what_was_taken_back_is_no_longer_passed(
    course: Course, tmp_path: Path
) -> None:
    rules = load_rules(course.path)
    ledger = Ledger(course.path)
    try:
        award(course.path, rules)
        *_, letter = release(course, tmp_path, "--learner", "c_right")
        assert rows(letter)[1] == "算力点 100"
        assert rows(letter)[2].startswith("证书 还差 L1-2 ")
        back = Booking("c_right", "L1-1", Kind.CORRECTION, -100, "copied")
        bonus = Booking("c_right", "L1-1", Kind.BONUS, 50, "helped others")  # passes no level
        with ledger.locked():
            ledger.append([back, bonus])
        *_, letter = release(course, tmp_path, "--learner", "c_right")
        assert rows(letter)[:2] == [f"{LESSON} 38.5 / 40 L1-1: 不再算通过", "算力点 50"]
        assert rows(letter)[2].startswith("证书 还差 L1-1, L1-2 ")
        assert "camp correct" not in letter.read_text(encoding="utf-8")
    finally:
        shutil.rmtree(ledger.path.parent)


def test_who_was_refused_is_told_to_hand_in_again(course: Course, tmp_path: Path) -> None:
    hand_in(course, "d_broken", b"<b>not a notebook</b>")
    grade(LESSON, course, ["d_broken"])
    *_, letter = release(course, tmp_path, "--learner", "d_broken")
    told = "没能批改：看反馈页，再交一次 / not graded: see its page, and hand it in again"
    assert rows(letter)[:2] == [f"{LESSON} 0 / 40 {told}", "算力点 / Compute points 0"]


def test_who_lacks_what_a_level_must_have_is_told_so(course: Course, tmp_path: Path) -> None:
    with course.gradebook() as gradebook:
        mark = gradebook.find_grade("note_toy", LESSON, LESSON, "a_nasty")
        mark.manual_score, mark.needs_manual_grade = 0, False
        gradebook.db.commit()
        try:
            *_, letter = release(course, tmp_path, "--learner", "a_nasty")
        finally:
            mark.manual_score, mark.needs_manual_grade = None, True
            gradebook.db.commit()
    assert rows(letter)[0] == f"{LESSON} 34 / 40 L1-1: 未过关（note_toy 没有得分） toy"


def test_a_course_without_levels_has_no_points_in_its_letters(
    course: Course, tmp_path: Path
) -> None:
    (course.path / "points.yml").rename(tmp_path / "points.yml")
    try:
        *_, letter = release(course, tmp_path / "out", "--learner", "b_wrong")
    finally:
        (tmp_path / "points.yml").rename(course.path / "points.yml")
    assert rows(letter) == [f"{LESSON} 8.5 / 40 of no level double, triple"]


@pytest.mark.parametrize("inside", ["", "feedback", "source", "out"])
def test_a_folder_of_the_course_is_not_one_to_give_out(inside: str, course: Course) -> None:
    with pytest.raises(CampError, match="lies in the course"):
        give_out(course, [], course.path / inside, load_rules(course.path))


def test_in_an_exchange_a_page_lies_where_its_learner_finds_it(
    course: Course, tmp_path: Path
) -> None:
    exchange = tmp_path / "exchange/camp"
    (exchange / "inbound").mkdir(parents=True)
    secret = course.submitted("b_wrong", LESSON) / "submission_secret.txt"
    secret.write_text("only b and the grader know", encoding="utf-8")
    try:
        written = release(course, exchange, "--learner", "b_wrong", "--learner", "c_right")
        again = release(course, exchange / "inbound", "--learner", "b_wrong")
    finally:
        secret.unlink()
    name = notebook_hash(secret="only b and the grader know", notebook_id=LESSON)
    assert written == again == [exchange / "feedback" / f"{name}.html"]
    made = course.feedback("b_wrong", LESSON) / f"{LESSON}.html"
    assert written[0].read_bytes() == made.read_bytes()
    assert (exchange / "feedback").stat().st_mode & 0o777 == 0o711
    assert [one.name for one in (exchange / "feedback").iterdir()] == [written[0].name]


def test_an_inbox_that_is_not_there_is_one_line(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMP_LANG", "en")
    monkeypatch.delenv("CAMP_TOKEN", raising=False)
    address = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(CampError, match="no token for the inbox: set CAMP_TOKEN"):
        feedback_command(LESSON, course.path, release=address)
    monkeypatch.setenv("CAMP_TOKEN", "camp_x")
    with pytest.raises(CampError, match=f"cannot reach {address}"):
        feedback_command(LESSON, course.path, release=address)


def test_one_page_that_fails_does_not_keep_the_others_back(course: Course, tmp_path: Path) -> None:
    graded = course.autograded("b_wrong", LESSON) / f"{LESSON}.ipynb"
    good = graded.read_bytes()
    graded.write_bytes(b"{")
    try:
        with pytest.raises(PagesFailed, match="b_wrong"):
            feedback_command(LESSON, course.path, release=str(tmp_path / "out"))
    finally:
        graded.write_bytes(good)
    assert (tmp_path / "out/c_right" / LETTER).is_file()
    assert not (tmp_path / "out/b_wrong").exists()


def test_what_is_graded_again_keeps_its_page_until_that_is_done(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, page, letter = release(course, tmp_path / "out", "--learner", "b_wrong")
    before = page.read_bytes(), letter.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(LessonRun, "_grade_due", _die)
        with pytest.raises(KeyboardInterrupt):
            grade(LESSON, course, ["b_wrong"], Options(force=True))
    with pytest.raises(PagesFailed, match=f"run 'camp grade {LESSON}' first") as told:
        feedback_command(LESSON, course.path, release=str(tmp_path / "out"))
    assert "b_wrong" in str(told.value)
    assert "c_right" not in str(told.value)
    assert (tmp_path / "out/c_right" / LETTER).is_file()
    assert (page.read_bytes(), letter.read_bytes()) == before
    made = course.feedback("b_wrong", LESSON) / f"{LESSON}.html"
    assert made.read_bytes() == before[0]
    (_, letter) = give_out(course, [made], tmp_path / "other", load_rules(course.path))
    assert rows(letter)[0] == f"{LESSON} – / 40 being graded again"  # beside another lesson's page

    grade(LESSON, course)
    *_, page, letter = release(course, tmp_path / "out", "--learner", "b_wrong")
    assert (page.read_bytes(), letter.read_bytes()) == before


def _die(*_: object) -> None:
    """Stop as Ctrl+C would, when older scores are withheld and newer ones are not there."""
    raise KeyboardInterrupt


@pytest.mark.browser
@pytest.mark.parametrize("paper", ["Letter", "A4"])
def test_a_letter_is_one_page_long(paper: str, course: Course, tmp_path: Path, page: Page) -> None:
    letter = release(course, tmp_path)[-1]
    text = letter.read_text(encoding="utf-8")
    row = re.search(r"<tr><td>.*</tr>", text)
    assert row
    ten = row[0].replace("<td></td>", "<td>one, two, three, four …</td>") * 10
    letter.write_text(text.replace(row[0], ten), encoding="utf-8")
    page.goto(letter.as_uri())
    printed = page.pdf(format=paper)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
