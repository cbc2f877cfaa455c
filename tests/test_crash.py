"""Grading that is killed at any moment and run again ends as if nothing had happened."""

from __future__ import annotations

import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from course_lib.errors import CampError
from grading.course import Course
from grading.grade import grade
from tests.toy_course import LESSON, find, hand_in, make_course, released, solved

pytestmark = pytest.mark.usefixtures("walls")

LEARNERS = 24
KILLS = 6
CAMP = str(Path(sys.executable).parent / "camp")
RESULTS = """
    select a.name, s.student_id, n.name, c.name, g.auto_score, g.manual_score, g.needs_manual_grade
    from grade g join submitted_notebook m on g.notebook_id = m.id
    join submitted_assignment s on m.assignment_id = s.id join assignment a on s.assignment_id = a.id
    join notebook n on m.notebook_id = n.id join base_cell c on g.cell_id = c.id
    order by 1, 2, 3, 4, 5"""


def outcome(course: Course) -> dict[str, Any]:
    """Return all that grading left: the gradebook's rows, the graded files, the journal."""
    with sqlite3.connect(course.path / "gradebook.db") as database:
        rows = database.execute(RESULTS).fetchall()
        counts = [
            database.execute(f"select count(*) from {table}").fetchone()
            for table in ("submitted_assignment", "submitted_notebook", "grade", "comment")
        ]
    files = {
        str(path.relative_to(course.path)): path.read_text(encoding="utf-8")
        for path in sorted((course.path / "autograded").rglob("*.ipynb"))
    }
    journal = {}
    for path in sorted((course.path / ".grading" / LESSON).glob("*.json")):
        journal[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        for key in ("seconds", "stamp", "received"):
            del journal[path.stem][key]
    return {"rows": rows, "counts": counts, "files": files, "journal": journal}


def second_hand_in(course: Course) -> None:
    """A TA marks the first submissions; then half of the learners hand in again."""
    with course.gradebook() as gradebook:
        for number in range(0, LEARNERS, 4):
            mark = gradebook.find_grade("note_toy", LESSON, LESSON, f"l{number:02}")
            mark.manual_score, mark.needs_manual_grade = 3, False
        gradebook.db.commit()
    for number in range(0, LEARNERS, 2):
        notebook = solved(course) if number % 3 else released(course)
        find(notebook, "note_toy").source = f"note {number % 8}"
        hand_in(course, f"l{number:02}", notebook)


@pytest.mark.slow
def test_killed_again_and_again_it_ends_as_undisturbed(tmp_path: Path) -> None:
    course = make_course(tmp_path / "killed")
    for number in range(LEARNERS):
        notebook = solved(course)
        find(notebook, "note_toy").source = f"note {number % 8}"
        hand_in(course, f"l{number:02}", notebook)
    grade(LESSON, course)
    second_hand_in(course)
    shutil.copytree(course.path, tmp_path / "undisturbed")
    undisturbed = Course.open(tmp_path / "undisturbed")
    grade(LESSON, undisturbed)

    rng = random.Random(5)
    command = [CAMP, "grade", LESSON, "--course", str(course.path), "--workers", "2"]
    hit = 0
    for _ in range(KILLS):
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(rng.uniform(0.8, 3.5))
        hit += running.poll() is None
        family = psutil.Process(running.pid).children(recursive=True)
        running.send_signal(signal.SIGKILL)
        running.communicate()
        psutil.wait_procs(family, timeout=5)
        assert not [one for one in family if one.is_running()]
    assert hit >= 2, "the runs had ended before they were killed"
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert outcome(course) == outcome(undisturbed)


def test_a_second_grader_is_told_to_wait(tmp_path: Path) -> None:
    course = make_course(tmp_path)
    hand_in(course, "ann", solved(course))
    with course.lock(), pytest.raises(CampError, match="another camp command is grading"):
        grade(LESSON, course)


def test_a_batch_that_the_gradebook_refuses_leaves_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = make_course(tmp_path)
    for learner in ("ann", "bob"):
        hand_in(course, learner, solved(course))
    with sqlite3.connect(course.path / "gradebook.db") as database:
        database.execute(
            "create trigger refuse before insert on comment begin "
            "select raise(abort, 'no room'); end"
        )
    with pytest.raises(CampError, match=r"the gradebook of .* cannot be used"):
        grade(LESSON, course)
    with sqlite3.connect(course.path / "gradebook.db") as database:
        assert database.execute("select count(*) from submitted_assignment").fetchone() == (0,)
        database.execute("drop trigger refuse")
    assert [one.fresh for one in grade(LESSON, course)] == [True, True]
