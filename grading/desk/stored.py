"""What the page reads, kept while the gradebook and the folders stay as they are.

What is kept is shared by all who look at the page, and none of it is ever changed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import streamlit as st
from sqlalchemy.engine import make_url

from grading.collect.links import links_file
from grading.course import Course
from grading.desk import funnel, hints, similar, stuck, waiting, wrong
from grading.desk.claims import Claims
from grading.desk.funnel import Funnel
from grading.desk.reader import read_lessons, read_sheet
from grading.desk.sheet import Sheet
from grading.desk.similar import Compared
from grading.desk.waiting import Entry, Progress
from grading.desk.wrong import By, Group, Wrong
from grading.similar.report import FILE
from grading.told import begun_elsewhere

_SERVER_SECONDS = 20  # after which a gradebook on a server is read again
_Stamp: TypeAlias = tuple[object, ...]
_READING = "读取中… / reading…"


@st.cache_resource(show_spinner=False)
def open_course(path: Path) -> Course:
    """Return the course, its settings read once."""
    return Course.open(path)


@st.cache_resource(show_spinner=False)
def open_claims(path: Path) -> Claims:
    """Return the course's claims."""
    return Claims(open_course(path))


def _time(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _book(course: Course) -> _Stamp:
    """Return what changes with the gradebook."""
    url = make_url(str(course.config.CourseDirectory.db_url))
    if url.get_backend_name() == "sqlite":
        return (_time(Path(url.database or "")),)
    return (int(time.monotonic() / _SERVER_SECONDS),)


def _handed_in(course: Course) -> _Stamp:
    """Return what changes when something is handed in or collected."""
    submitted = course.path / "submitted"
    learners = submitted.iterdir() if submitted.is_dir() else ()
    return max(map(_time, learners), default=0), _time(submitted), _time(links_file(course))


def _graded(course: Course, *lessons: str) -> _Stamp:
    """Return what changes when one of the lessons is graded."""
    return tuple(_time(course.state / lesson) for lesson in lessons)


def lessons(course: Course) -> list[str]:
    """Return the lessons of the gradebook."""
    return _lessons(course.path, _book(course))


@st.cache_resource(max_entries=2, show_spinner=False)
def _lessons(path: Path, stamp: _Stamp) -> list[str]:
    return read_lessons(open_course(path))


def _all(course: Course) -> _Stamp:
    return (*_book(course), *_handed_in(course), *_graded(course, *lessons(course)))


def sheet(course: Course, lesson: str) -> Sheet:
    """Return a lesson's scores."""
    return _sheet(course.path, lesson, _book(course))


@st.cache_resource(max_entries=30, show_spinner=_READING)
def _sheet(path: Path, lesson: str, stamp: _Stamp) -> Sheet:
    return read_sheet(open_course(path), lesson)


def queue(course: Course, lesson: str) -> tuple[Entry, ...]:
    """Return where the submissions of a lesson stand."""
    return _queue(
        course.path, lesson, (*_book(course), *_handed_in(course), *_graded(course, lesson))
    )


@st.cache_resource(max_entries=10, show_spinner=_READING)
def _queue(path: Path, lesson: str, stamp: _Stamp) -> tuple[Entry, ...]:
    course = open_course(path)
    return waiting.read_queue(course, sheet(course, lesson))


def links_alone(course: Course, lesson: str) -> tuple[Entry, ...]:
    """Return of whom there is a form's link for a lesson alone."""
    return _links(course.path, lesson, (*_book(course), *_handed_in(course)))


@st.cache_resource(max_entries=10, show_spinner=_READING)
def _links(path: Path, lesson: str, stamp: _Stamp) -> tuple[Entry, ...]:
    course = open_course(path)
    return waiting.read_links_alone(course, sheet(course, lesson))


def progress(course: Course) -> list[Progress]:
    """Return how far each lesson is."""
    return _progress(course.path, _all(course))


@st.cache_resource(max_entries=2, show_spinner=_READING)
def _progress(path: Path, stamp: _Stamp) -> list[Progress]:
    return waiting.read_progress(open_course(path))


def funnels(course: Course) -> list[Funnel]:
    """Return how far learners come in each lesson that anybody handed in."""
    return _funnels(course.path, _all(course))


@st.cache_resource(max_entries=2, show_spinner=_READING)
def _funnels(path: Path, stamp: _Stamp) -> list[Funnel]:
    course = open_course(path)
    known = funnel.known_learners(course)
    elsewhere = begun_elsewhere(course)
    return [
        funnel.funnel_of(course, sheet(course, name), known, elsewhere) for name in lessons(course)
    ]


def wrong_answers(course: Course, lesson: str, column: int, by: By) -> list[Group]:
    """Return the wrong answers to an exercise, grouped."""
    return _groups(course.path, lesson, column, by, (*_book(course), *_graded(course, lesson)))


@st.cache_resource(max_entries=30, show_spinner=_READING)
def _groups(path: Path, lesson: str, column: int, by: By, stamp: _Stamp) -> list[Group]:
    return wrong.group(_wrong(path, lesson, column, stamp), by)


@st.cache_resource(max_entries=30, show_spinner=_READING)
def _wrong(path: Path, lesson: str, column: int, stamp: _Stamp) -> list[Wrong]:
    course = open_course(path)
    scores = sheet(course, lesson)
    return wrong.read_wrong(course, scores, scores.items[column])


def times_handed_in(course: Course, lesson: str) -> dict[str, int]:
    """Return how often each learner handed a lesson in."""
    return _times(course.path, lesson, _handed_in(course))


@st.cache_resource(max_entries=10, show_spinner=_READING)
def _times(path: Path, lesson: str, stamp: _Stamp) -> dict[str, int]:
    return stuck.count_submissions(open_course(path), lesson)


def hints_opened(course: Course, lesson: str) -> Mapping[str, int]:
    """Return how many learners opened a hint of each exercise."""
    return _hints(course.path, lesson, _handed_in(course))


@st.cache_resource(max_entries=10, show_spinner=_READING)
def _hints(path: Path, lesson: str, stamp: _Stamp) -> Mapping[str, int]:
    return hints.count_opened(open_course(path), lesson)


def compared(course: Course, lesson: str) -> Compared | None:
    """Return what ``camp similar`` found in a lesson."""
    stamp = (*_handed_in(course), _time(course.similar(lesson) / FILE))
    return _compared(course.path, lesson, stamp)


@st.cache_resource(max_entries=10, show_spinner=_READING)
def _compared(path: Path, lesson: str, stamp: _Stamp) -> Compared | None:
    return similar.read_compared(open_course(path), lesson)


def forget() -> None:
    """Read everything again, as after a mark."""
    for kept in (
        _lessons, _sheet, _queue, _progress, _funnels, _wrong, _groups, _times, _compared, _links,
        _hints,
    ):  # fmt: skip
        kept.clear()
