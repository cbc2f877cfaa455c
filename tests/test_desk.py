"""The desk's numbers, by hand; its claims, by processes that claim at once; its comments."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import multiprocessing
import shlex
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from course_lib.bundle import MANIFEST, Submission
from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.note.file import ESSAY
from grading import database
from grading.beside import Beside, list_beside
from grading.collect.links import GivenLink, Link, keep_links, links_alone, links_file
from grading.course import Course
from grading.desk import comments, funnel, hints, similar, spot, stored, stuck, waiting, wrong
from grading.desk.claims import LASTS, Claims
from grading.desk.comments import Judged, Saved
from grading.desk.graded import file_of
from grading.desk.items import Silent, analyse
from grading.desk.reader import answers_of, read_lessons, read_sheet
from grading.desk.reading import read_cell
from grading.desk.sheet import Item, Sheet
from grading.desk.spread import spread_of
from grading.desk.waiting import State
from grading.forms import Criterion
from grading.marks import enter_mark, read_mark
from grading.rubrics import read_rubrics, rubrics_file
from grading.scores import read_scores
from grading.similar.pages import NO_VERDICT, write_pages
from grading.similar.report import FILE
from grading.similar.run import compare_lesson
from grading.told import begun_elsewhere
from tests.desk_course import TIME, Work, graded_course
from tests.postgres import running_postgres
from tests.toy_course import LESSON, find, hand_in, released

SLOW = Text("这个单元运行超时", "this cell took too long")
SQUARE = "def double(x):\n    return x ** 2"
WORKS = {
    "amy": Work(mark=5, minutes=4),
    "bob": Work({"check_double": 0}, {"double": SQUARE}, minutes=3),
    "cat": Work(
        {"check_double": 0, "check_triple": 0, "check_share": 0},
        {"double": "def double(n):  # squares\n    return n**2", "triple": "", "share": ""},
        note="", minutes=2,
        said={"check_double": Text("❌ 不对：平方了", "❌ wrong: you squared it")},
    ),
    "dan": Work({"check_triple": 0}, review={"check_triple": SLOW}, mark=6, minutes=1),
}  # fmt: skip


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    made = graded_course(tmp_path_factory.mktemp("desk"), WORKS)
    hand_in(made, "eve", released(made))  # not graded yet
    return made


@pytest.fixture
def own(course: Course, tmp_path: Path) -> Course:
    """Return a copy of the course that a test may change."""
    return Course(shutil.copytree(course.path, tmp_path / "own"))


@pytest.fixture(scope="module")
def sheet(course: Course) -> Sheet:
    return read_sheet(course, LESSON)


def made(
    points: Sequence[Sequence[float]],
    maxima: Sequence[float],
    *,
    by_hand: Sequence[int] = (),
    waits: Sequence[tuple[int, int]] = (),
    blank: Sequence[tuple[int, int]] = (),
) -> Sheet:
    """Return a sheet with these points: a row for each learner, a column for each item."""
    table = np.array(points, dtype=float)
    flags = {"waits": np.zeros(table.shape, bool), "blank": np.zeros(table.shape, bool)}
    for name, places in (("waits", waits), ("blank", blank)):
        for place in places:
            flags[name][place] = True
    items = tuple(
        Item("n", f"check_{at}", f"check_{at}", most, at in by_hand, (f"answer_{at}",))
        for at, most in enumerate(maxima)
    )
    count = len(table)
    return Sheet(
        "n", items, tuple(f"l{row}" for row in range(count)), ({},) * count, (None,) * count,
        table, np.full(table.shape, np.nan), np.zeros(table.shape), np.zeros(count), **flags,
    )  # fmt: skip


# Item 0 is right for the first five. The rest score is 4 4 4 2 2 for them and 2 2 0 0 0 for the
# others: means 3.2 and 0.8, variance 2.4 over all, so r = (3.2 - 0.8) / sqrt(2.4) * sqrt(0.5 * 0.5)
# = sqrt(0.6).
TEN = [[1, 3, 1]] * 3 + [[1, 2, 0]] * 2 + [[0, 2, 0]] * 2 + [[0, 0, 0]] * 3


def test_difficulty_and_discrimination_by_hand() -> None:
    first, second, _ = analyse(made(TEN, [1, 4, 1]))
    assert (first.n, first.difficulty, first.full) == (10, 0.5, 0.5)
    assert first.discrimination == pytest.approx(math.sqrt(0.6))
    assert second.difficulty == pytest.approx(17 / 40)
    assert second.full == 0


def test_an_item_is_not_part_of_its_own_total() -> None:
    """Two items that have nothing to do with each other: each with itself would correlate."""
    points = [[1, 1], [1, 0], [0, 1], [0, 0]] * 3
    assert [one.discrimination for one in analyse(made(points, [1, 1]))] == [0, 0]


def test_where_figures_say_nothing_none_is_given() -> None:
    few = analyse(made(TEN[:9], [1, 4, 1]))
    assert [(one.n, one.difficulty, one.discrimination) for one in few] == [
        (9, None, Silent.FEW)
    ] * 3
    alike = analyse(made([[1, row % 2] for row in range(10)], [1, 1]))
    assert [one.discrimination for one in alike] == [Silent.ALIKE, Silent.ALIKE]
    (alone,) = analyse(made([[row % 2] for row in range(10)], [1]))
    assert (alone.difficulty, alone.discrimination) == (0.5, Silent.ALONE)


def test_what_waits_for_a_ta_is_in_no_figure() -> None:
    more = [*TEN, [0, 0, 0]]
    waits = made(more, [1, 4, 1], waits=[(10, 0)])
    first, second, _ = analyse(waits)
    assert (first.n, first.difficulty) == (10, 0.5)
    assert first.discrimination == pytest.approx(math.sqrt(0.6))
    assert second.n == 11  # its own points are settled, its total is not
    assert second.discrimination == analyse(made(TEN, [1, 4, 1]))[1].discrimination


def test_a_mark_is_held_against_checks_alone() -> None:
    """The note of item 2 is in nobody's total; its own total is the checks'."""
    points = [[1, 1, 9], [1, 1, 9], [0, 0, 1], [0, 0, 1], [0, 1, 5]] * 2
    check, _, note = analyse(made(points, [1, 1, 10], by_hand=[2]))
    # 4 of 10 have item 0 and all of them item 1, of the other 6 two have it:
    # r = (1 - 1/3) / sqrt(0.6 * 0.4) * sqrt(0.4 * 0.6)
    assert check.discrimination == pytest.approx(2 / 3)
    # notes 9 9 1 1 5 (mean 5) against totals 2 2 0 0 1 (mean 1): one is a line through the other
    assert note.discrimination == pytest.approx(1)


def test_a_spread_by_hand() -> None:
    found = spread_of(np.array([0.3, 1.0, 0.05, np.nan, 0.95, 0.0, 0.1]))
    assert found.counts == (2, 1, 0, 1, 0, 0, 0, 0, 0, 2)
    assert found.n == 6
    # of 0 0.05 0.1 0.3 0.95 1, by linear interpolation
    assert found.quartiles == pytest.approx((0.0625, 0.2, 0.7875))
    assert found.mean == pytest.approx(0.4)
    assert spread_of(np.array([np.nan])).quartiles is None


def test_a_sheet_has_the_scores_of_the_gradebook(course: Course, sheet: Sheet) -> None:
    assert read_lessons(course) == [LESSON]
    assert [item.cell for item in sheet.items] == [
        "check_double", "check_triple", "check_share", "note_toy",
    ]  # fmt: skip
    assert [item.answers for item in sheet.items] == [
        ("double",), ("triple",), ("share",), ("note_toy",),
    ]  # fmt: skip
    assert [item.by_hand for item in sheet.items] == [False, False, False, True]
    known = {one.learner: one.score for one in read_scores(course.path)}
    assert dict(zip(sheet.learners, sheet.scores, strict=True)) == known
    assert known == {"amy": 39, "bob": 24, "cat": 0, "dan": 20}
    # of the checks' 34 points; dan's triple (20 of them) waits, so his share is not known: 14 of 34
    # at least, 34 of 34 at most
    assert sheet.check_shares == pytest.approx([1, 24 / 34, 0, math.nan], nan_ok=True)
    assert spread_of(sheet.check_shares).counts == (1, 0, 0, 0, 0, 0, 0, 1, 0, 1)
    assert [bool(np.isnan(one)) for one in sheet.shares] == [False, True, True, True]


def test_which_answers_a_check_looks_at() -> None:
    order = ["given", "a", "b", "check_ab", "check_again", "c", "evidence_x", "check_c", "note"]
    graded = {"check_ab", "check_again", "evidence_x", "check_c", "note"}
    assert answers_of(order, {"a", "b", "c", "note"}, graded) == {
        "check_ab": ("a", "b"), "check_again": ("a", "b"), "evidence_x": (), "check_c": ("c",),
        "note": ("note",),
    }  # fmt: skip


def test_what_lies_above_the_points_and_what_was_late_count_as_nbgrader_counts_them(
    own: Course,
) -> None:
    with own.gradebook() as gradebook:
        gradebook.find_grade("check_share", LESSON, LESSON, "amy").extra_credit = 2
        gradebook.find_grade("note_toy", LESSON, LESSON, "bob").extra_credit = 2  # without a mark
        notebook = gradebook.find_submission_notebook(LESSON, LESSON, "amy")
        notebook.late_submission_penalty = 10
        gradebook.db.commit()
    known = [one.score for one in read_scores(own.path)]
    assert list(read_sheet(own, LESSON).scores) == known == [31, 24, 0, 20]


def test_the_queue_says_where_each_stands_and_why(course: Course, sheet: Sheet) -> None:
    entries = waiting.read_queue(course, sheet)
    assert [(one.learner, one.state, one.waiting) for one in entries] == [
        ("dan", State.REVIEW, ("check_triple",)),
        ("cat", State.TO_MARK, ("note_toy",)),
        ("bob", State.TO_MARK, ("note_toy",)),
        ("eve", State.TO_GRADE, ()),
        ("amy", State.DONE, ()),
    ]
    assert entries[0].received == TIME + timedelta(minutes=1)
    assert waiting.count_reasons(entries) == [(SLOW, 1)]
    (progress,) = waiting.read_progress(course)
    assert progress.states == {
        State.REVIEW: 1, State.TO_MARK: 2, State.TO_GRADE: 1, State.DONE: 1,
    }  # fmt: skip
    assert (progress.handed_in, progress.share_done) == (5, 0.2)


def test_what_came_since_or_is_being_graded_is_not_for_tas(own: Course) -> None:
    hand_in(own, "amy", released(own))
    journal = own.state / LESSON / "bob.json"
    text = journal.read_text(encoding="utf-8")
    journal.write_text(text.replace('"done"', '"due"'), encoding="utf-8")
    entries = waiting.read_queue(own, read_sheet(own, LESSON))
    to_grade = {one.learner: one.remarks[0].en for one in entries if one.state is State.TO_GRADE}
    assert to_grade == {
        "amy": "handed in again since it was graded",
        "bob": "it is being graded, or grading it was interrupted",
        "eve": "handed in, not graded yet",
    }
    (progress,) = waiting.read_progress(own)
    assert progress.states[State.TO_GRADE] == 2  # amy's newer one is not looked for there
    assert progress.states[State.TO_MARK] == 1


def test_wrong_answers_are_grouped_by_what_was_said_and_by_the_answer(
    course: Course, sheet: Sheet
) -> None:
    answers = wrong.read_wrong(course, sheet, sheet.items[0])
    assert [one.learner for one in answers] == ["bob", "cat"]
    assert [one.said.en for one in answers] == ["AssertionError: no", "❌ wrong: you squared it"]
    assert [one.count for one in wrong.group(answers, "message")] == [1, 1]
    (same,) = wrong.group(answers, "answer")
    assert same.learners == ("bob", "cat")
    assert same.example.answer == SQUARE
    assert not wrong.read_wrong(course, sheet, sheet.items[1])  # one is blank, one waits for a TA


def test_nested_functions_take_linear_time() -> None:
    before = time.process_time()
    assert "lambda" in wrong.normal_form("lambda:" * 2000 + "1")  # took 17 s before
    assert time.process_time() - before < 4


def test_of_a_check_that_said_nothing_it_is_told_whether_it_gave_points(
    own: Course, sheet: Sheet
) -> None:
    file = file_of(own, LESSON, "bob", LESSON)
    book = nbformat.read(file, 4)
    find(book, "check_double").outputs = []
    nbformat.write(book, file)
    assert wrong.read_wrong(own, sheet, sheet.items[0])[0].said.en == (
        "no points; the check said nothing"
    )
    auto = sheet.auto.copy()
    auto[sheet.row["bob"], 0] = 5
    some = dataclasses.replace(sheet, auto=auto)
    assert wrong.read_wrong(own, some, sheet.items[0])[0].said.en == (
        "partly right; the check said nothing"
    )


def test_groups_are_kept_until_the_lesson_is_graded_again(own: Course) -> None:
    kept = stored.wrong_answers(own, LESSON, 0, "answer")
    assert stored.wrong_answers(own, LESSON, 0, "answer") is kept
    (own.state / LESSON / "new").touch()
    assert stored.wrong_answers(own, LESSON, 0, "answer") is not kept


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("def f(a):\n    return a + 1", 'def f(b):\n    """Add."""\n    return (b+1)  # add', True),
        ("def f(a: int) -> int:\n    c = a\n    return c", "def f(x):\n    y = x\n    return y", True),
        ("def f(a, b):\n    return a - b", "def f(a, b):\n    return b - a", False),
        ("def f(a):\n    return len(a)", "def f(a):\n    return sum(a)", False),
        ("def f(a):\n    return v0", "def f(a):\n    return a", False),  # v0: of another cell
        ("async def f(a):\n    b = a\n    return b", "async def f(x):\n    'y'\n    return x", False),
        ("async def f(a):\n    return a", "async def f(b) -> int:\n    'Same.'\n    return b", True),
        ("not  python at all", "not python\nat all", True),
        ("!x\n" * 600, "!x " * 600, True),
        ("x" * 30_000, "x" * 30_001, False),
        ("(" * 5000, "[" * 5000, False),
    ],
)  # fmt: skip
def test_answers_are_alike_but_for_names_and_layout(one: str, other: str, same: bool) -> None:
    assert (wrong.normal_form(one) == wrong.normal_form(other)) is same


def test_the_funnel_counts_what_was_handed_in(course: Course, sheet: Sheet) -> None:
    assert funnel.known_learners(course) == 5
    found = funnel.funnel_of(course, sheet, 5, {})
    assert (found.handed_in, found.started, found.tried, found.passed) == (5, 5, 4, 1)
    blank = made([[0, 6]], [1, 6], by_hand=[1], blank=[(0, 0)])
    nobody = funnel.funnel_of(course, blank, 1, {})
    assert (nobody.handed_in, nobody.tried, nobody.passed) == (1, 0, 0)
    unread = made([[0, 6]], [1, 6], by_hand=[1], waits=[(0, 0), (0, 1)])  # no blank is known of it
    assert funnel.funnel_of(course, unread, 1, {}).tried == 0


def test_the_funnel_counts_who_told_with_another_lesson_that_this_was_begun(own: Course) -> None:
    (own.path / "source/other").mkdir()
    for learner, lesson, day, elsewhere in (
        ("amy", LESSON, 1, {"other": "tried"}),  # handed in: not counted twice
        ("fay", "other", 1, {LESSON: "tried"}),
        ("fay", "more", 2, {LESSON: "passed"}),  # the newest counts
        ("gus", "other", 2, {LESSON: "tried"}),
        ("gus", "more", 1, {LESSON: "passed"}),
        ("hal", "other", 1, {}),
    ):
        (own.path / "source" / lesson).mkdir(exist_ok=True)
        said = Submission(
            learner=learner, nickname="N", lesson=lesson, kit="1", number=1,
            time=datetime(2026, 11, day, tzinfo=UTC), elsewhere=elsewhere, files=(),
        )  # fmt: skip
        place = own.submitted(learner, lesson)
        place.mkdir(parents=True, exist_ok=True)
        (place / MANIFEST).write_text(said.model_dump_json())
    elsewhere = begun_elsewhere(own)
    assert elsewhere == {
        "amy": {"other": "tried"}, "fay": {LESSON: "passed"}, "gus": {LESSON: "tried"}, "hal": {},
    }  # fmt: skip
    before = funnel.funnel_of(own, read_sheet(own, LESSON), 8, {})
    found = funnel.funnel_of(own, read_sheet(own, LESSON), 8, elsewhere)
    assert found.handed_in == before.handed_in
    assert (found.started - before.started, found.tried - before.tried) == (2, 2)
    assert found.passed - before.passed == 1


def test_opened_hints_are_counted_by_learner_where_they_were_noted(own: Course) -> None:
    noted: dict[str, dict[str, int]] = {
        "amy": {"double": 2, "share": 1}, "bob": {"double": 1, "triple": 0}, "cat": {},
    }  # fmt: skip
    for learner, opened in noted.items():
        said = Submission(
            learner=learner, nickname="N", lesson=LESSON, kit="1", number=1,
            time=datetime(2026, 11, 1, tzinfo=UTC), hints=opened, files=(),
        )  # fmt: skip
        (own.submitted(learner, LESSON) / MANIFEST).write_text(said.model_dump_json())
    (own.submitted("dan", LESSON) / MANIFEST).write_text('{"hints": {"double": 1}}')
    (own.submitted("eve", LESSON) / MANIFEST).symlink_to(own.submitted("amy", LESSON) / MANIFEST)
    assert hints.count_opened(own, LESSON) == {"double": 2, "share": 1}


def test_the_signs_of_being_stuck(tmp_path: Path) -> None:
    points = [[1, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 1], [0, 0, 0, 0]]
    blank = [(2, 1), (2, 2), (3, 1), *((4, column) for column in range(4))]
    table = made(points, [1, 1, 1, 1], blank=blank)
    # l0 passes; l1 has three of four wrong; l2 one wrong and two left out; l3 one and one, but
    # came three times; l4 handed in nothing that says anything
    found = stuck.find_stuck(table, {"l0": 9, "l1": 4, "l3": 3}, 0.6)
    assert [(one.learner, one.times, one.wrong) for one in found] == [
        ("l1", 4, ("1", "2", "3")),
        ("l2", 0, ("3",)),
        ("l3", 3, ("2",)),
    ]
    assert [[text.en for text in one.signs] for one in found] == [
        ["handed in 4 times, not passed", "3 of 4 exercises answered without a point"],
        ["2 of 4 exercises left out"],
        ["handed in 3 times, not passed"],
    ]
    waits = made(points[1:2], [1, 1, 1, 1], waits=[(0, 3)])
    assert not stuck.find_stuck(waits, {"l0": 9}, 0.6)
    for number in ("001", "002", ".part"):
        (tmp_path / "collected" / "n" / "l1" / number).mkdir(parents=True)
    assert stuck.count_submissions(Course(tmp_path), "n") == {"l1": 2}
    assert stuck.count_submissions(Course(tmp_path), "m") == {}


def test_a_sample_is_the_same_everywhere_and_fair() -> None:
    learners = [f"l{number}" for number in range(20)]
    drawn = spot.draw(learners, 5, "a")
    assert drawn == spot.draw(reversed(learners), 5, "a")
    assert len({*drawn}) == 5
    assert len({*drawn} - {*spot.draw([*learners, "new"], 5, "a")}) <= 1
    assert spot.draw(learners[:3], 5, "a") == learners[:3]
    counts = dict.fromkeys(learners, 0)
    for word in range(400):
        for name in spot.draw(learners, 5, str(word)):
            counts[name] += 1
    # 100 expected; the standard deviation is sqrt(400 * 0.25 * 0.75) = 8.7
    assert all(60 < count < 140 for count in counts.values())


def test_what_camp_similar_found_is_read_and_told_when_it_is_too_old(own: Course) -> None:
    assert similar.read_compared(own, LESSON) is None
    write_pages(own, LESSON, compare_lesson(own, LESSON, 50))
    found = similar.read_compared(own, LESSON)
    assert found is not None
    assert (found.report.learners, found.newer) == (5, 0)
    assert str(NO_VERDICT) in found.index.read_text(encoding="utf-8")
    hand_in(own, "bob", released(own))
    hand_in(own, "fay", released(own))
    found = similar.read_compared(own, LESSON)
    assert found is not None
    assert found.newer == 2
    (found.folder / FILE).write_text("{", encoding="utf-8")
    with pytest.raises(CampError, match=r"report\.json cannot be read: compare again"):
        similar.read_compared(own, LESSON)


def test_a_command_to_copy_is_one_for_a_path_with_a_space(tmp_path: Path) -> None:
    course = Course(tmp_path / "our course")
    assert shlex.split(similar.command_for(course, LESSON)) == [
        "camp", "similar", LESSON, "--course", str(course.path),
    ]  # fmt: skip


def test_a_ta_reads_the_note_and_the_answer_as_they_were_graded(own: Course, sheet: Sheet) -> None:
    course, note = own, sheet.items[3]
    read = read_cell(course, sheet, "bob", note)
    assert (read.text, read.blank, read.language) == (WORKS["bob"].note, False, "zh")
    assert read.report is not None
    assert (read.report.han, read.essay) == (8, False)
    assert read_cell(course, sheet, "cat", note).blank
    (course.submitted("cat", LESSON) / "note.md").write_text("In a file.", encoding="utf-8")
    beside = read_cell(course, sheet, "cat", note)
    assert (beside.text, beside.from_file, beside.blank) == ("In a file.", True, False)
    file = course.submitted("cat", LESSON) / "note.md"
    file.write_bytes("三个数字，![图](data:image/png;base64,AAAA) 自己写的。".encode("gb18030"))
    assert read_cell(course, sheet, "cat", note).text == "三个数字，![图](embedded) 自己写的。"
    answer = read_cell(course, sheet, "dan", sheet.items[1])
    assert answer.text == "def triple(x):\n    return x * 3"
    assert (answer.reason, answer.points) == (SLOW, 0)
    course.autograded("bob", LESSON).joinpath(f"{LESSON}.ipynb").write_text("{")
    with pytest.raises(CampError, match="cannot be read"):
        read_cell(course, sheet, "bob", note)


def test_a_ta_reads_the_link_that_a_form_has_of_the_note(own: Course, sheet: Sheet) -> None:
    note = sheet.items[3]
    keep_links(own, [
        Link("cat", "", LESSON, "https://zhuanlan.zhihu.com/p/1", None, "row 2"),
        Link("bob", "", LESSON, "http://192.168.0.1/<b>", None, "row 3"),
    ])  # fmt: skip
    read = read_cell(own, sheet, "cat", note)
    assert read.blank
    assert read.given == GivenLink("https://zhuanlan.zhihu.com/p/1")
    wrong = read_cell(own, sheet, "bob", note).given
    assert wrong is not None
    assert wrong.remark is not None
    assert read_cell(own, sheet, "amy", note).given is None


def test_who_gave_a_form_a_link_and_no_notebook_is_in_the_queue(own: Course, sheet: Sheet) -> None:
    url = "https://zhuanlan.zhihu.com/p/"
    assert waiting.read_links_alone(own, sheet) == ()
    (own.path / "source/02_other").mkdir()
    keep_links(own, [
        Link("fay", "", LESSON, f"{url}1", None, "row 2"),
        Link("BOB", "", LESSON, f"{url}2", None, "row 3"),  # handed in, as bob
        Link("gus", "", "?", f"{url}3", None, "row 4"),
        Link("eve", "", "?", f"{url}4", None, "row 5"),  # handed in somewhere: it may be of that
        Link("amy", "", "02_other", f"{url}5", None, "row 6"),
        Link("hal", "", "L0-1", f"{url}7", None, "row 8"),  # of a level that this course has not
        Link("fay", "", LESSON, f"{url}6", TIME, "row 7"),
    ])  # fmt: skip
    fay, gus = waiting.read_links_alone(own, sheet)
    assert (fay.learner, fay.state, fay.score) == ("fay", State.LINK_ALONE, None)
    assert [one.en for one in fay.remarks] == [f"the form's link: {url}6"]
    assert (gus.learner, gus.remarks[0].en) == (
        "gus", f'the form\'s link: {url}3 (the form does not say of which lesson: "?")',
    )  # fmt: skip
    assert [one.learner for one in links_alone(own, "02_other")] == ["amy", "gus"]
    assert waiting.read_progress(own)[0].handed_in == 5
    hand_in(own, "fay", released(own))
    assert [one.learner for one in waiting.read_links_alone(own, sheet)] == ["gus"]
    links_file(own).write_text("name\nfay\n", encoding="utf-8")
    with pytest.raises(CampError, match=r"links\.csv has no columns learner and link"):
        waiting.read_links_alone(own, sheet)


def test_files_beside_the_notebook_are_listed_and_nothing_else_is_followed(
    own: Course, tmp_path: Path
) -> None:
    folder = own.submitted("bob", LESSON)
    assert list_beside(own, "bob", LESSON) == list_beside(own, "nobody", LESSON) == Beside()
    (folder / "evidence/02").mkdir(parents=True)
    for name, size in (("evidence/02/图 1.png", 1_500), ("note.md", 9), ("submission.json", 9)):
        (folder / name).write_bytes(b"x" * size)
    (folder / "evidence/02/other.ipynb").write_bytes(b"x" * 2_000_000)
    assert [one.text for one in list_beside(own, "bob", LESSON).files] == [
        "evidence/02/other.ipynb (2.0 MB)", "evidence/02/图 1.png (1.5 kB)",
    ]  # fmt: skip
    (folder / "evidence/out").symlink_to(tmp_path)
    found = list_beside(own, "bob", LESSON)
    assert found.files == ()
    assert found.unread is not None
    assert found.unread.en == "files beside the notebook: out is a link: hand in the file itself"


def test_stages_are_looked_at_in_the_essay(own: Course, sheet: Sheet) -> None:
    file = file_of(own, LESSON, "bob", LESSON)
    book = nbformat.read(file, 4)
    cell = find(book, "note_toy")
    cell.metadata.nbgrader.grade_id = ESSAY
    cell.source = "I fine-tune with XTuner, then serve it with LMDeploy."
    nbformat.write(book, file)
    essay = dataclasses.replace(sheet.items[3], cell=ESSAY, answers=(ESSAY,))
    items = (*sheet.items[:3], essay, *sheet.items[4:])
    read = read_cell(own, dataclasses.replace(sheet, items=items), "bob", essay)
    assert read.essay
    assert read.report is not None
    assert (read.report.covered, read.report.words) == (2, 9)


def test_a_note_that_cannot_be_read_is_not_one_without_an_answer(
    own: Course, sheet: Sheet, tmp_path: Path
) -> None:
    file = own.submitted("cat", LESSON) / "note.md"
    file.write_bytes(b"\x89PNG\0\1")
    read = read_cell(own, sheet, "cat", sheet.items[3])
    assert read.blank
    assert read.unread is not None
    assert read.unread.en.startswith("note.md cannot be read: note.md: this is not a text file")
    file.unlink()
    secret = tmp_path / "secret"
    secret.write_text("the solution", encoding="utf-8")
    file.symlink_to(secret)
    read = read_cell(own, sheet, "cat", sheet.items[3])
    assert read.unread is not None
    assert read.unread.en.endswith("note.md is a link: hand in the file itself")
    assert "solution" not in read.text


def test_one_mark_is_entered_as_from_a_file(own: Course) -> None:
    course, key = own, ("bob", LESSON, "note_toy")
    assert read_mark(course.path, key) == (None, "")
    with pytest.raises(CampError, match="mark 7 is not from 0 to 6"):
        enter_mark(course.path, key, 7, "")
    assert enter_mark(course.path, key, 5.5, "好") == (f"bob {LESSON} note_toy: 5.5 of 6",)
    assert read_mark(course.path, key) == (5.5, "好")
    with pytest.raises(CampError, match=r"marked 5\.5 already"):
        enter_mark(course.path, key, 4, "")
    enter_mark(course.path, key, 4, "better", replace=True)
    assert read_mark(course.path, key) == (4, "better")
    with pytest.raises(CampError, match="no cell 'note_tay'"):
        read_mark(course.path, ("bob", LESSON, "note_tay"))


@contextlib.contextmanager
def _gradebook(kind: str) -> Iterator[str | None]:
    if kind == "sqlite":
        yield None
    else:
        with running_postgres() as address:
            yield address


def _claim_all(course: Path, ta: str, start: Any, got: Any) -> None:
    claims = Claims(Course(course))
    start.wait()
    got.put((ta, claims.take(ta, [(LESSON, f"l{number:03}") for number in range(60)], 60)))


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def test_two_who_claim_at_once_never_get_the_same(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "source").mkdir()
    with _gradebook(kind) as address, monkeypatch.context() as patch:
        if address:
            patch.setenv(database.VARIABLE, address)
        fork = multiprocessing.get_context("fork")
        start, got = fork.Barrier(2), fork.Queue()
        tas = [
            fork.Process(target=_claim_all, args=(tmp_path, name, start, got))
            for name in ("a", "b")
        ]
        for ta in tas:
            ta.start()
        found = dict(got.get(timeout=60) for _ in tas)
        for ta in tas:
            ta.join()
        mine, yours = {*found["a"]}, {*found["b"]}
        assert not mine & yours
        assert len(mine | yours) == 60
        held = Claims(Course(tmp_path)).held(LESSON)
        assert {name for name, claim in held.items() if claim.ta == "a"} == {one for _, one in mine}
    assert (tmp_path / ".grading" / "claims.db").exists() is (kind == "sqlite")


def test_a_claim_ends_is_renewed_and_given_back(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    claims, now = Claims(Course(tmp_path)), datetime(2026, 11, 1, tzinfo=UTC)
    places = [("l", "x"), ("l", "y"), ("l", "z")]
    assert claims.take("a", places, 2, now) == places[:2]
    assert claims.take("b", places, 3, now) == places[2:]
    assert claims.take("a", places[:1], 1, now + timedelta(hours=1)) == places[:1]
    later = now + LASTS
    assert claims.held("l", later).keys() == {"x"}
    assert claims.take("b", places, 3, later) == places[1:]
    claims.release("b", places)  # what is another's stays
    assert {name: one.ta for name, one in claims.held("l", later).items()} == {"x": "a"}
    assert claims.held("m", later) == {}


def comment(criterion: int = 1, **words: str) -> Saved:
    return Saved(lesson=LESSON, cell="note_toy", criterion=criterion, **words)


def test_comments_are_added_and_what_a_ta_wrote_stays(tmp_path: Path) -> None:
    course = Course(tmp_path)
    assert comments.read_saved(course) == ()
    assert comments.save(course, comment(zh="数字都有来源。"))
    assert not comments.save(course, comment(zh="数字都有来源。"))
    file = tmp_path / comments.FILE_NAME
    by_hand = file.read_text(encoding="utf-8") + "# 下面是总评\n"
    file.write_text(by_hand, encoding="utf-8")
    assert comments.save(course, comment(0, en="Well: done # really"))
    assert file.read_text(encoding="utf-8").startswith(by_hand)
    first, second = comments.read_saved(course)
    assert (first.words("en"), second.words("zh")) == ("数字都有来源。", "Well: done # really")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- {lesson: a, cell: b}\n", "entry 1: give zh or en"),
        ("- {lesson: a, cell: b, zh: c, criterion: -1}\n", "entry 1.criterion"),
        ("- lesson: [\n", "is not valid YAML"),
        ("[{lesson: a, cell: b, zh: c}]\n", "does not end in its list"),
    ],
)
def test_a_file_of_comments_that_cannot_be_added_to_stays(
    tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / comments.FILE_NAME
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CampError, match=told):
        comments.save(Course(tmp_path), comment(zh="好"))
    assert file.read_text(encoding="utf-8") == text


def test_a_learner_reads_points_and_words_by_criterion() -> None:
    number = Criterion(Text("有数字", "a number"), 4)
    own = Criterion(Text("自己的话", "own words"), 2)
    judged = [Judged(number, 3, " 缺\n来源 "), Judged(own, 1.5, "")]
    assert comments.compose(judged, "不错\n", "zh") == (
        "- 有数字：3/4。缺 来源\n- 自己的话：1.5/2\n\n不错"
    )
    assert comments.compose(judged[1:], "", "en") == "- own words: 1.5/2"
    assert comments.compose([], " Good. ", "en") == "Good."


def test_rubrics_are_read_or_the_file_is_named(course: Course, tmp_path: Path) -> None:
    rubric = read_rubrics(course.path, LESSON)["note_toy"]
    assert [(one.text.en, one.points) for one in rubric] == [("a number", 4), ("own words", 2)]
    assert read_rubrics(tmp_path, LESSON) == {}
    file = rubrics_file(tmp_path, LESSON)
    file.parent.mkdir()
    file.write_text("[]")
    with pytest.raises(CampError, match="build the lesson again"):
        read_rubrics(tmp_path, LESSON)
