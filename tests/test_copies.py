"""Evidence that two learners handed in alike: found, shown to the TA, never a zero by itself."""

from __future__ import annotations

import datetime
import os
import time
from pathlib import Path

import nbformat
import pytest

from course_lib.bundle import pack
from course_lib.talk.story import FILE
from grading import copies
from grading.build import Builder, released
from grading.cohort import PUBLIC, find_cohort
from grading.collect.command import collect
from grading.collect.sources import find_offers
from grading.course import Course
from grading.feedback import feedback
from grading.grade import Options, Result, grade
from grading.journal import Journal, Print, Record
from tests.evidence import exchange, tale, transcript
from tests.sources import GOOD

LESSON = "01_sizes"
CELL = f"{LESSON}/evidence_tale"
NOON = datetime.datetime(2026, 11, 20, 12)


def record(*prints: tuple[str, str, int]) -> Record:
    """Return a record with marks: kind, bits, minutes after noon."""
    return Record(
        stage="done",
        prints=[
            Print(cell=CELL, kind=kind, bits=bits, since=NOON + datetime.timedelta(minutes=minutes))
            for kind, bits, minutes in prints
        ],
    )


def flipped(bits: str, count: int) -> str:
    """Return ``bits`` with ``count`` of them flipped, evenly spread."""
    width = 4 * len(bits)
    mask = sum(1 << (number * width // count) for number in range(count))
    return f"{int(bits, 16) ^ mask:0{len(bits)}x}"


BITS = "0123456789abcdef" * 4  # 256 bits


def test_the_later_one_is_the_copy_whatever_their_names() -> None:
    found = copies.find({"a": record(("same", BITS, 5)), "z": record(("same", BITS, 0))})
    assert [(one.learner, one.of, one.cell) for one in found] == [("a", "z", CELL)]
    assert "much like that of z, who was first (2026-11-20 12:00 UTC)" in found[0].remark.en


def test_of_two_that_came_at_once_nobody_was_first() -> None:
    (found,) = copies.find({"a": record(("same", BITS, 5)), "z": record(("same", BITS, 5))})
    assert "much like that of a, which came at the same time (2026-11-20 12:05" in found.remark.en
    assert "first" not in found.remark.en


@pytest.mark.parametrize(("count", "copied"), [(1, True), (31, True), (32, False), (50, False)])
def test_sketches_may_differ_in_a_few_bits(count: int, copied: bool) -> None:
    other = flipped(BITS, count)
    assert (int(BITS, 16) ^ int(other, 16)).bit_count() == count
    found = copies.find({"a": record(("like", BITS, 0)), "b": record(("like", other, 1))})
    assert bool(found) == copied


def test_what_has_to_be_the_same_may_not_differ() -> None:
    other = flipped(BITS, 1)
    assert not copies.find({"a": record(("same", BITS, 0)), "b": record(("same", other, 1))})
    assert not copies.find({"a": record(("same", BITS, 0)), "b": record(("like", BITS, 1))})


def test_one_exchange_of_somebody_else_is_enough_and_counts_once() -> None:
    own, theirs = f"{1:064x}", f"{2:064x}"
    more = f"{3:064x}"
    found = copies.find(
        {
            "a": record(("same", theirs, 0), ("same", more, 0)),
            "b": record(("same", own, 1), ("same", theirs, 1), ("same", more, 1)),
            "c": record(("same", more, 2)),
        }
    )
    assert [(one.learner, one.of) for one in found] == [("b", "a"), ("c", "a")]


def test_nobody_copies_from_himself() -> None:
    assert not copies.find({"a": record(("same", BITS, 0), ("same", BITS, 0))})


def test_ten_thousand_sketches_are_compared_in_seconds() -> None:
    import random

    dice = random.Random(0)
    many = {
        str(number): record(("like", f"{dice.getrandbits(256):064x}", number))
        for number in range(10_000)
    }
    many["copy"] = record(("like", flipped(many["77"].prints[0].bits, 31), 20_000))
    began = time.process_time()
    found = copies.find(many)
    assert [(one.learner, one.of) for one in found] == [("copy", "77")]
    assert time.process_time() - began < 10


# through the grader

TALE = """
# %% evidence="tale" points=20
from course_lib.talk.story import grade_story

grade_story(points=20)
"""


@pytest.fixture
def course(tmp_path: Path, walls: None) -> Course:
    source = tmp_path / "notebooks" / "source" / f"{LESSON}.py"
    source.parent.mkdir(parents=True)
    source.write_text(GOOD.replace("points=70", "points=50") + TALE, encoding="utf-8")
    builder = Builder(tmp_path / "notebooks", tmp_path / "course", find_cohort(PUBLIC), "en")
    builder.build()
    return Course.open(builder.course)


def hand_in(course: Course, learner: str, text: str) -> None:
    notebook = nbformat.read(released(course.path, LESSON, "en"), as_version=4)
    folder = course.submitted(learner, LESSON)
    (folder / FILE).parent.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(text, encoding="utf-8")
    nbformat.write(notebook, folder / f"{LESSON}.ipynb")


def results(course: Course, *learners: str, force: bool = False) -> dict[str, Result]:
    return {one.learner: one for one in grade(LESSON, course, learners, Options(force=force))}


def evidence_page(course: Course, learner: str) -> str:
    feedback(LESSON, course, [learner])
    return (course.feedback(learner, LESSON) / f"{LESSON}.html").read_text(encoding="utf-8")


def waits(course: Course, learner: str) -> bool:
    with course.gradebook() as gradebook:
        grade = gradebook.find_grade("evidence_tale", LESSON, LESSON, learner)
        return bool(grade.needs_manual_grade)


def test_a_copied_transcript_waits_for_a_ta_with_its_points(course: Course) -> None:
    mine = transcript(exchange(tale(300)), exchange(tale(90), temperature=0.8, at=1))
    own = transcript(exchange(tale(300), at=2), exchange(tale(90), temperature=0.8, at=3))
    hand_in(course, "zoe", mine)
    hand_in(course, "yan", own)
    assert not any(waits(course, one) for one in results(course))
    time.sleep(1.1)  # the times of receipt are in seconds
    partly = transcript(exchange(tale(300)), exchange(tale(100), at=9))
    hand_in(course, "ann", partly)  # first by name, last by time; one exchange is zoe's
    found = results(course)
    assert {name: one.auto_score for name, one in found.items()} == {
        "ann": 16,
        "yan": 20,
        "zoe": 20,
    }
    assert {name: waits(course, name) for name in found} == {
        "ann": True,
        "yan": False,
        "zoe": False,
    }
    assert found["ann"].review
    (remark,) = [text.en for text in found["ann"].remarks if "evidence" in text.en]
    assert "evidence_tale: much like that of zoe, who was first" in remark
    assert not any("much like" in text.en for text in found["zoe"].remarks)
    page = evidence_page(course, "ann")
    assert "much like what is in another submission" in page
    assert "zoe" not in page
    # the learner of a partial score is told what lacks
    hand_in(course, "yan", transcript(exchange(tale(300), at=2)))
    results(course)
    lacking = "⬜ one prompt was tried with 1 sampling settings (wanted: at least 2)"
    assert lacking in evidence_page(course, "yan")

    # graded again it still waits; once a TA has decided it does not
    assert results(course, "ann", force=True)["ann"].review
    assert waits(course, "ann")
    with course.gradebook() as gradebook:
        mark = gradebook.find_grade("evidence_tale", LESSON, LESSON, "ann")
        mark.manual_score, mark.needs_manual_grade = 0, False
        gradebook.db.commit()
    results(course, force=True)
    assert not waits(course, "ann")


def test_the_original_stays_first_when_handed_in_again(course: Course) -> None:
    mine = transcript(exchange(tale(300)))
    hand_in(course, "zoe", mine)
    results(course)
    time.sleep(1.1)
    hand_in(course, "ann", mine)
    time.sleep(1.1)
    hand_in(course, "zoe", transcript(exchange(tale(300)), exchange(tale(90), at=1)))
    results(course)
    assert {name: waits(course, name) for name in ("ann", "zoe")} == {"ann": True, "zoe": False}


def test_who_was_first_is_as_the_inbox_says_whoever_is_collected_first(
    course: Course, tmp_path: Path
) -> None:
    notebook = released(course.path, LESSON, "en").read_bytes()
    mine = transcript(exchange(tale(300))).encode()
    files = {f"{LESSON}.ipynb": notebook, FILE.as_posix(): mine}
    noon = int(NOON.replace(tzinfo=datetime.UTC).timestamp())
    for learner, received in (("ann", noon), ("zoe", noon - 3600)):
        path = tmp_path / learner / "bundles/one.zip"
        path.parent.mkdir(parents=True)
        (tmp_path / learner / "receipt.key").touch()
        path.write_bytes(
            pack(files, learner=learner, nickname="n", lesson=LESSON, number=1, kit="0")
        )
        os.utime(path, (received, received))
        collect(course, find_offers(path.parents[1]))
        time.sleep(1.1)
    results(course)
    assert {name: waits(course, name) for name in ("ann", "zoe")} == {"ann": True, "zoe": False}
    assert Journal(course.state / LESSON).read("ann").received == NOON


def test_a_run_that_was_cut_off_is_made_up_for(course: Course) -> None:
    hand_in(course, "zoe", transcript(exchange(tale(300))))
    results(course)
    time.sleep(1.1)
    hand_in(course, "ann", transcript(exchange(tale(300))))
    results(course)
    journal = Journal(course.state / LESSON)
    cut = journal.read("ann")
    assert cut.copies == {CELL: "zoe"}
    assert all(journal.read(one).compared for one in ("ann", "zoe"))
    journal.write("ann", cut.model_copy(update={"compared": False, "copies": {}, "remarks": []}))
    with course.gradebook() as gradebook:
        gradebook.find_grade("evidence_tale", LESSON, LESSON, "ann").needs_manual_grade = False
        gradebook.db.commit()
    found = results(course)
    assert not found["ann"].fresh
    assert waits(course, "ann")
    assert journal.read("ann").copies == {CELL: "zoe"}
