"""Graded courses for the desk, without running anything: the gradebook, journal and files."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils

from course_lib.files import write_atomic
from course_lib.language import Language, Text
from grading import journal
from grading.book import Book, Entry
from grading.course import Course
from grading.grader import Graded, GradedNotebook, Mark
from grading.intake import fingerprint
from grading.journal import Journal, Record
from grading.rubrics import rubrics_file
from grading.steps import NO_ANSWER, mark_review
from tests.toy_course import ANSWERS, LESSON, find, hand_in, make_course, released

MAXIMA = {"check_double": 10.0, "check_triple": 20.0, "check_share": 4.0}
RUBRIC = """{"note_toy": [
 {"text": {"zh": "有数字", "en": "a number"}, "points": 4},
 {"text": {"zh": "自己的话", "en": "own words"}, "points": 2}]}"""
TIME = datetime.datetime(2026, 11, 1, 8, 0)


@dataclass(frozen=True)
class Work:
    """What one learner of the toy course handed in, and what came of it.

    Attributes:
        points: by check; all points where nothing is said.
        answers: other answers than the right ones; "" leaves one as it came.
        note: the note; "" leaves it as it came.
        mark: a TA's mark of it; None while it waits.
        said: what a check said.
        review: why a check waits for a TA.
        minutes: when it arrived, after ``TIME``.
        language: of the notebook.
        beside: files handed in with it, by path.
    """

    points: Mapping[str, float] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)
    note: str = "我的笔记：有 3 个数字。"
    mark: float | None = None
    said: Mapping[str, Text] = field(default_factory=dict)
    review: Mapping[str, Text] = field(default_factory=dict)
    minutes: int = 0
    language: Language = "zh"
    beside: Mapping[str, bytes] = field(default_factory=dict)


def graded_course(root: Path, works: Mapping[str, Work]) -> Course:
    """Make the toy course at ``root`` with a rubric and graded submissions."""
    course = make_course(root)
    write_atomic(rubrics_file(root, LESSON), RUBRIC)
    enter(course, works)
    return course


def enter(course: Course, works: Mapping[str, Work]) -> None:
    """Put graded submissions into a course as ``camp grade`` would leave them."""
    blank = released(course)
    entries = []
    for learner, work in works.items():
        notebook = _notebook(nbformat.from_dict(blank), work)
        file = hand_in(course, learner, notebook)
        for name, raw in work.beside.items():
            write_atomic(file.parent / name, raw, durable=False)
        graded = _graded(learner, notebook, work, fingerprint(file.parent) or "")
        write_atomic(
            course.autograded(learner, LESSON) / file.name,
            graded.notebooks[LESSON].text,
            durable=False,
        )
        received = TIME + datetime.timedelta(minutes=work.minutes)
        entries.append(Entry(graded, received))
        record = journal.done(
            graded, "key", journal.stamp_of(file.parent), Record(received=received)
        )
        Journal(course.state / LESSON).write(learner, record)
    with course.gradebook() as gradebook:
        Book(gradebook, LESSON, course.config).save(entries)
        for learner, work in works.items():
            if work.mark is not None:
                grade = gradebook.find_grade("note_toy", LESSON, LESSON, learner)
                grade.manual_score, grade.needs_manual_grade = work.mark, False
        gradebook.db.commit()


def _notebook(notebook: NotebookNode, work: Work) -> NotebookNode:
    for name, right in ANSWERS.items():
        answer = work.answers.get(name, right)
        if answer:
            find(notebook, name).source = answer
    if work.note:
        find(notebook, "note_toy").source = work.note
    notebook.metadata["course"]["language"] = work.language
    return notebook


def _graded(learner: str, handed_in: NotebookNode, work: Work, print_: str) -> Graded:
    notebook = nbformat.from_dict(handed_in)
    marks = {"note_toy": Mark(None)}
    for name, maximum in MAXIMA.items():
        cell = find(notebook, name)
        points = work.points.get(name, maximum)
        marks[name] = Mark(points, name in work.review)
        if name in work.said:
            cell.metadata["camp"] = {"said": [work.said[name].zh, work.said[name].en]}
        elif points == 0:
            cell.outputs = [new_output("error", ename="AssertionError", evalue="no", traceback=[])]
        if name in work.review:
            mark_review(cell, work.review[name])
    comments = {
        name: NO_ANSWER if _is_untouched(find(notebook, name)) else None
        for name in (*ANSWERS, "note_toy")
    }
    remarks = tuple(
        Text(f"{name}：{text.zh}", f"{name}: {text.en}") for name, text in work.review.items()
    )
    found = GradedNotebook(nbformat.writes(notebook), marks, comments, {"note_toy": work.note})
    return Graded(LESSON, learner, print_, {LESSON: found}, bool(work.review), remarks, seconds=0.1)


def _is_untouched(cell: NotebookNode) -> bool:
    return bool(cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell))
