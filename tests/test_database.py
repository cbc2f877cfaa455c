"""Where the gradebook is, and one line that tells what is wrong with it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.errors import CampError
from grading import database
from grading.course import CONFIG_FILE, Course
from tests.conftest import free_port
from tests.gradebooks import empty_gradebook

CAMP = str(Path(sys.executable).parent / "camp")


@pytest.fixture
def course(tmp_path: Path) -> Course:
    (tmp_path / "source").mkdir()
    (tmp_path / "gradebook.db").write_bytes(empty_gradebook())
    return Course.open(tmp_path)


def failure(course: Course) -> str:
    with pytest.raises(CampError) as raised, course.gradebook() as gradebook:
        gradebook.db.execute(database_test())
    text = str(raised.value)
    assert "\n" not in text
    return text


def database_test() -> object:
    from sqlalchemy import text

    return text("insert into course values ('other')")


def test_the_option_beats_the_courses_own_settings(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "get_config().CourseDirectory.db_url = 'sqlite:////tmp/own.db'\n"
    (course.path / CONFIG_FILE).write_text(line)
    assert Course.open(course.path).config.CourseDirectory.db_url == "sqlite:////tmp/own.db"
    monkeypatch.setenv(database.VARIABLE, "postgresql://camp@db/camp")
    asked = Course.open(course.path).config.CourseDirectory.db_url
    assert asked == "postgresql+psycopg://camp@db/camp"


def test_a_server_that_is_not_there(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(database.VARIABLE, f"postgresql://camp@127.0.0.1:{free_port()}/camp")
    told = failure(course)
    assert "refused" in told
    assert "check its address" in told
    assert "upgrade" not in told


def test_a_gradebook_that_another_program_writes(course: Course) -> None:
    (course.path / CONFIG_FILE).write_text(
        "get_config().CourseDirectory.db_url = "
        f"'sqlite:///{course.path}/gradebook.db?timeout=0.1'\n"
    )
    with sqlite3.connect(course.path / "gradebook.db") as other:
        other.execute("begin exclusive")
        told = failure(course)
    assert "another program is writing" in told
    assert "upgrade" not in told


def test_a_gradebook_of_an_old_nbgrader(course: Course) -> None:
    with sqlite3.connect(course.path / "gradebook.db") as old:
        old.execute("drop table course")
        old.execute("create table course (name text)")
    assert "'nbgrader db upgrade'" in failure(course)


@pytest.mark.parametrize("address", ["mysql://camp@db/camp", "nonsense://camp@db/camp"])
def test_a_database_without_a_driver_is_one_line(course: Course, address: str) -> None:
    command = [CAMP, "grade", "--course", str(course.path), "--db", address]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"camp: no driver for {address.partition(':')[0]}:// is installed"
    )
    assert done.stderr.count("\n") == 1


def test_a_new_gradebook_is_as_nbgrader_makes_it_without_its_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "source").mkdir()
    theirs = tmp_path / "theirs.db"
    theirs.write_bytes(empty_gradebook())
    monkeypatch.setenv("PATH", "/nowhere")  # without ``alembic``
    with Course.open(tmp_path).gradebook() as gradebook:
        gradebook.add_student("amy")
    ours = tmp_path / "gradebook.db"
    query = "select name from sqlite_master where type = 'table' order by name"
    for question in (query, "select * from alembic_version"):
        told = [sqlite3.connect(file).execute(question).fetchall() for file in (ours, theirs)]
        assert told[0] == told[1]
