"""Grading with real nbgrader and real kernels: exact scores, and no honest work punished."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil
import pytest
import typer
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader.api import MissingEntry
from typer.testing import CliRunner

from course_lib.bundle import MAX_NOTEBOOK
from course_lib.errors import CampError
from grading.course import CONFIG_FILE, Course, prepare
from grading.grade import Options, Result, grade, grade_command
from grading.release import release
from grading.scores import Score, read_scores
from tests.toy_course import (
    CHECKS,
    LESSON,
    answer,
    duplicate,
    find,
    hand_in,
    insert_after,
    make_course,
    released,
    solved,
)

pytestmark = pytest.mark.usefixtures("walls")

FULL = sum(CHECKS.values())  # the note is a TA's


def delete(name: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells.remove(find(notebook, name))


def before_all(source: str) -> Callable[[NotebookNode], None]:
    return lambda notebook: notebook.cells.insert(0, new_code_cell(source))


def _helper_and_lost_check(notebook: NotebookNode) -> None:
    find(notebook, "double").source = "def double(x):\n    return helper(x)"
    insert_after(notebook, "double", new_code_cell("def helper(x):\n    return 2 * x"))
    delete("check_double")(notebook)


def _split_answer(notebook: NotebookNode) -> None:
    find(notebook, "double").source = "def twice(x):\n    return 2 * x"
    duplicate(notebook, "double", "def double(x):\n    return twice(x)")


def _three_dead_cells(notebook: NotebookNode) -> None:
    for _ in range(3):
        insert_after(notebook, "given_base", new_code_cell("import os\nos._exit(1)"))


WARNS = """import sys, warnings
def double(x):
    warnings.warn("old")
    print("to stderr", file=sys.stderr)
    return 2 * x"""
PRINTS = "def triple(x):\n    print('tried', x)\n    return 3 * x"

# name of the learner: what the learner did to the solved notebook, points, needs review
CASES: dict[str, tuple[Callable[[NotebookNode], None] | None, float, bool]] = {
    "honest": (None, FULL, False),
    "copied_check": (lambda nb: duplicate(nb, "check_double"), FULL, False),
    "copied_answer": (lambda nb: duplicate(nb, "double"), FULL, False),
    "deleted_check": (delete("check_triple"), FULL, False),
    "helper_and_lost_check": (_helper_and_lost_check, FULL, False),
    "edited_check": (answer("check_double", "assert double(1) == 7"), FULL, False),
    "deleted_given": (delete("given_base"), FULL, False),
    "edited_given": (answer("given_base", "BASE = {'one': 5}"), FULL, False),
    "warns": (answer("double", WARNS), FULL, False),
    "prints": (answer("triple", PRINTS), FULL, False),
    "partly": (answer("triple", "def triple(x):\n    return 3"), FULL - 20, False),
    "half": (answer("share", "def share():\n    return 1.5"), FULL - 2.5, False),
    "nan": (answer("share", "def share():\n    return float('nan')"), FULL - 4, True),
    "word": (answer("share", "def share():\n    return 'all'"), FULL - 4, True),
    "too_much": (answer("share", "def share():\n    return 99"), FULL - 4, True),
    "below": (answer("share", "def share():\n    return -1"), FULL - 4, True),
    "shows_points": (
        answer("triple", "import sys\ndef triple(x):\n    sys.displayhook(20)\n    return 0"),
        FULL - 20,
        False,
    ),
    "exits": (before_all("exit()"), FULL, False),
    "splits": (_split_answer, FULL, False),
    "three_dead_cells": (_three_dead_cells, FULL, True),
    "hangs": (answer("triple", "while True:\n    pass"), FULL - 20, True),
    "dies_in_check": (
        answer("double", "import os\ndef double(x):\n    os._exit(1)"),
        FULL - 10,
        True,
    ),
}


@dataclass(frozen=True)
class Run:
    """One graded course and what it was before."""

    course: Course
    results: dict[str, Result]
    handed_in: dict[Path, bytes]
    first: dict[str, Result]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    course = make_course(tmp_path_factory.mktemp("course"))
    with (course.path / CONFIG_FILE).open("a") as file:
        file.write("c.Execute.timeout = 4\n")
    course = Course.open(course.path)

    for learner in ("killed", "marked", "spoilt"):
        hand_in(course, learner, solved(course, answer("note_toy", "A note.")))
    first = {result.learner: result for result in grade(LESSON, course)}
    with course.gradebook() as gradebook:
        mark = gradebook.find_grade("note_toy", LESSON, LESSON, "marked")
        mark.manual_score, mark.needs_manual_grade = 5, False
        gradebook.db.commit()

    hand_in(course, "killed", solve_and_kill(course))
    partly = solved(course, answer("note_toy", "Another note."))
    hand_in(course, "marked", solve_wrongly(partly))
    hand_in(course, "spoilt", '{"cells": [')
    hand_in(course, "blank", released(course))
    for learner, (change, _, _) in CASES.items():
        hand_in(course, learner, solved(course, change))
    _tags_without_answers(course)
    _broken_submissions(course)

    handed_in = {path: path.read_bytes() for path in (course.path / "submitted").rglob("*.ipynb")}
    results = {result.learner: result for result in grade(None, course)}
    return Run(course, results, handed_in, first)


def solve_and_kill(course: Course) -> NotebookNode:
    notebook = solved(course, answer("note_toy", "A note."))
    for name in CHECKS:
        find(notebook, name).source = "import os\nos._exit(0)"
    return notebook


def solve_wrongly(notebook: NotebookNode) -> NotebookNode:
    find(notebook, "double").source = "def double(x):\n    return 0"
    return notebook


def _tags_without_answers(course: Course) -> None:
    notebook = released(course)
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution"]
    hand_in(course, "skips", notebook)


def _broken_submissions(course: Course) -> None:
    linked = course.submitted("linked", LESSON)
    linked.mkdir(parents=True)
    (linked / f"{LESSON}.ipynb").symlink_to(course.path / "source" / LESSON / f"{LESSON}.ipynb")
    extra = hand_in(course, "linked_beside", solved(course)).with_name("passwords.txt")
    extra.symlink_to("/etc/hostname")
    pipe = hand_in(course, "pipe", solved(course)).with_name("pipe")
    os.mkfifo(pipe)
    hand_in(course, "deep", "[" * 100_000)
    hand_in(course, "words", "not a notebook")
    hand_in(course, "old_format", '{"nbformat": 3, "nbformat_minor": 0, "worksheets": []}')
    hand_in(course, "no_cells", '{"nbformat": 4, "nbformat_minor": 5, "cells": 7, "metadata": {}}')
    hand_in(course, "bytes", b"\xff\xfe\x00")
    with hand_in(course, "huge", "{}").open("r+b") as file:
        file.truncate(MAX_NOTEBOOK + 1)
    path = hand_in(course, "renamed", solved(course))
    path.rename(path.with_name("homework (1).ipynb"))
    gbk = hand_in(course, "gbk", solved(course))
    gbk.rename(gbk.with_name(os.fsdecode("作业.ipynb".encode("gbk"))))
    course.submitted("nothing", LESSON).mkdir(parents=True)
    course.submitted("a<b>", LESSON).mkdir(parents=True)


@pytest.mark.parametrize("learner", CASES)
def test_scores_are_exact(run: Run, learner: str) -> None:
    _, points, review = CASES[learner]
    result = run.results[learner]
    assert (result.score, result.max_score, result.review) == (points, FULL + 6, review)


def test_blank_and_skipped_checks_earn_nothing(run: Run) -> None:
    for learner in ("blank", "skips"):
        assert (run.results[learner].score, run.results[learner].review) == (0, False)


def test_a_killed_kernel_never_leaves_an_older_score(run: Run) -> None:
    assert run.first["killed"].auto_score == FULL
    result = run.results["killed"]
    assert (result.score, result.review) == (0, True)
    assert result.pending >= 3
    assert any("ended the process" in remark.en for remark in result.remarks)


def test_an_unreadable_submission_never_leaves_an_older_score(run: Run) -> None:
    assert run.first["spoilt"].auto_score == FULL
    result = run.results["spoilt"]
    assert (result.auto_score, result.score, result.review) == (0, 0, True)


def test_a_mark_by_a_ta_survives_and_is_flagged(run: Run) -> None:
    result = run.results["marked"]
    assert result.score == FULL - 10 + 5
    assert result.pending == 1


def test_a_timeout_says_so(run: Run) -> None:
    assert any("too long" in remark.en for remark in run.results["hangs"].remarks)


@pytest.mark.parametrize(
    ("learner", "word"),
    [
        ("linked", "is a link"),
        ("linked_beside", "passwords.txt is a link"),
        ("pipe", "special file"),
        ("deep", "no readable notebook"),
        ("words", "no readable notebook"),
        ("old_format", "nbformat 3"),
        ("no_cells", "no readable notebook"),
        ("bytes", "no readable notebook"),
        ("huge", "the limit is 20 MB"),
        ("renamed", f"is called homework (1).ipynb; expected {LESSON}.ipynb"),
        ("gbk", "the notebook is called"),
        ("nothing", f"no notebook {LESSON}.ipynb"),
        ("a<b>", "id has characters"),
    ],
)
def test_broken_submissions_need_review_with_one_line(run: Run, learner: str, word: str) -> None:
    result = run.results[learner]
    assert (result.score, result.review) == (0, True)
    (remark,) = result.remarks
    assert word in remark.en
    assert "\n" not in remark.en + remark.zh


def test_nothing_handed_in_is_changed(run: Run) -> None:
    assert run.handed_in
    assert {path: path.read_bytes() for path in run.handed_in} == run.handed_in


def test_a_second_run_grades_nothing_and_force_does(run: Run) -> None:
    started = time.monotonic()
    again = {result.learner: result for result in grade(LESSON, run.course, list(run.results))}
    assert time.monotonic() - started < 15
    assert {name for name, result in again.items() if result.fresh} <= {"a<b>"}
    assert {n: r.score for n, r in again.items()} == {n: r.score for n, r in run.results.items()}
    (forced,) = grade(LESSON, run.course, ["partly"], Options(force=True))
    assert forced.fresh
    assert forced.score == run.results["partly"].score


def test_a_changed_submission_is_graded_again(run: Run) -> None:
    hand_in(run.course, "late", solved(run.course, answer("double", "def double(x): return 0")))
    (result,) = grade(LESSON, run.course, ["late"])
    assert (result.fresh, result.score) == (True, FULL - 10)
    hand_in(run.course, "late", solved(run.course))
    (result,) = grade(LESSON, run.course, ["late"])
    assert (result.fresh, result.score) == (True, FULL)


def test_learners_have_names_in_the_gradebook(run: Run) -> None:
    with run.course.gradebook() as gradebook:
        assert gradebook.find_student("honest").last_name == "honest"


def test_nbgraders_own_command_gives_the_same_scores(run: Run) -> None:
    command = [sys.executable, "-m", "nbgrader", "autograde", LESSON, "--force"]
    learner = "helper_and_lost_check"
    subprocess.run([*command, "--student", learner], cwd=run.course.path, check=True)
    with run.course.gradebook() as gradebook:
        assert gradebook.find_submission(LESSON, learner).score == FULL


def test_missing_things_are_one_clear_line(run: Run, tmp_path: Path) -> None:
    with pytest.raises(CampError, match="run 'camp build'"):
        Course.open(tmp_path)
    with pytest.raises(CampError, match=f"no lesson '99_x'.*{LESSON}"):
        grade("99_x", run.course)
    with pytest.raises(CampError, match="'nobody' has not handed in"):
        grade(LESSON, run.course, ["nobody"])
    (tmp_path / "source" / "02_new").mkdir(parents=True)
    with pytest.raises(CampError, match="no submissions of 02_new"):
        grade("02_new", prepare(tmp_path))
    (tmp_path / "submitted" / "amy" / "02_new").mkdir(parents=True)
    with pytest.raises(CampError, match="not in the gradebook"):
        grade("02_new", prepare(tmp_path))


def test_a_changed_configuration_is_kept(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / CONFIG_FILE).write_text("c.CourseDirectory.course_id = 'mine'\n")
    course = prepare(tmp_path)
    assert course.config.CourseDirectory.course_id == "mine"
    assert "mine" in (tmp_path / CONFIG_FILE).read_text()
    (tmp_path / CONFIG_FILE).write_text("oops(")
    with pytest.raises(CampError, match="mend it"):
        _ = prepare(tmp_path).config


def busy(process: psutil.Process) -> bool:
    try:
        return process.cpu_times().user > 1
    except psutil.NoSuchProcess:
        return False


def test_an_interrupt_stops_at_once_and_says_how_to_go_on(run: Run) -> None:
    path = hand_in(run.course, "zz_slow", solved(run.course, before_all("while True: pass")))
    script = (
        "import sys, pathlib; from grading.grade import grade; from grading.course import Course\n"
        "from course_lib.errors import CampError\n"
        "course = Course.open(pathlib.Path(sys.argv[1])); course.config.Execute.timeout = 900\n"
        "try: grade(None, course)\nexcept CampError as error: print(error); sys.exit(error.exit_code)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(run.course.path)], stdout=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 60
        walled: list[psutil.Process] = []
        while not any(busy(one) for one in walled) and time.monotonic() < deadline:
            time.sleep(0.1)
            walled = psutil.Process(process.pid).children(recursive=True)
        assert walled
        process.send_signal(signal.SIGINT)
        begin = time.monotonic()
        output, _ = process.communicate(timeout=30)
        assert time.monotonic() - begin < 3
        assert process.returncode == 130
        assert "run the same command again" in output
        assert not [one for one in walled if one.is_running()]
    finally:
        process.kill()
    with run.course.gradebook() as gradebook, pytest.raises(MissingEntry):
        gradebook.find_submission(LESSON, "zz_slow")
    hand_in(run.course, "zz_slow", solved(run.course))
    assert [r.score for r in grade(None, run.course) if r.learner == "zz_slow"] == [FULL]
    assert path.exists()


def test_results_are_json(run: Run) -> None:
    app = typer.Typer()
    app.command()(grade_command)
    asked = [LESSON, "--course", str(run.course.path), "--learner", "copied_check", "--json"]
    (result,) = json.loads(CliRunner().invoke(app, asked).stdout)
    assert (result["learner"], result["score"], result["fresh"]) == ("copied_check", FULL, False)
    assert "copied" in result["remarks"][0]["en"]


def test_the_graded_copy_says_what_was_repaired(run: Run) -> None:
    path = run.course.autograded("deleted_check", LESSON) / f"{LESSON}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    ((zh, en),) = notebook.metadata.camp.remarks
    assert "check_triple" in zh
    assert "check_triple" in en


def test_a_new_time_alone_is_no_new_submission(run: Run) -> None:
    path = run.course.submitted("honest", LESSON) / f"{LESSON}.ipynb"
    os.utime(path, (1, 1))
    assert [one.fresh for one in grade(LESSON, run.course, ["honest"])] == [False]


def test_a_late_submission_is_late_by_our_clock(tmp_path: Path) -> None:
    course = make_course(tmp_path)
    with (course.path / CONFIG_FILE).open("a") as file:
        file.write("c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    course = Course.open(course.path)
    stamp = hand_in(course, "ann", solved(course)).with_name("timestamp.txt")
    stamp.write_text("2000-01-01 00:00:00 UTC")
    with course.gradebook() as gradebook:
        gradebook.update_or_create_assignment(LESSON, duedate="2099-01-01")
    assert [one.score for one in read_scores_of(course)] == [FULL]
    with course.gradebook() as gradebook:
        gradebook.update_or_create_assignment(LESSON, duedate="2001-01-01")
    assert [one.score for one in read_scores_of(course)] == [0]
    with course.gradebook() as gradebook:
        gradebook.update_or_create_assignment(LESSON, duedate=None)
    grade(LESSON, course, options=Options(force=True))
    assert [one.score for one in read_scores_of(course)] == [FULL]


def read_scores_of(course: Course) -> list[Score]:
    told = [one.score for one in grade(LESSON, course, options=Options(force=True))]
    scores = read_scores(course.path)
    assert told == [one.score for one in scores]
    return scores


def test_an_instructor_is_told_of_a_test_that_the_solution_fails(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    course = make_course(tmp_path)
    source = course.path / "source" / LESSON / f"{LESSON}.ipynb"
    notebook = nbformat.read(source, as_version=4)
    find(notebook, "check_triple").source = "assert triple(1) == 4"
    nbformat.write(notebook, source)
    release(course, LESSON)
    hand_in(course, "ann", solved(course))
    (result,) = grade(LESSON, course)
    assert result.score == FULL - 20
    told = capfd.readouterr().err
    assert "the instructor's own solution does not pass check_triple" in told


def test_an_edited_check_that_was_not_generated_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    course = make_course(tmp_path)
    hand_in(course, "ann", solved(course))
    grade(LESSON, course)
    assert "not what the gradebook has" not in capfd.readouterr().err
    source = course.path / "source" / LESSON / f"{LESSON}.ipynb"
    notebook = nbformat.read(source, as_version=4)
    find(notebook, "check_triple").source = "assert triple(1) == 4"
    nbformat.write(notebook, source)
    (result,) = grade(LESSON, course)
    assert result.score == FULL
    told = capfd.readouterr().err
    assert f"check_triple in source/{LESSON}/{LESSON}.ipynb is not what the gradebook has" in told
    assert f"nbgrader generate_assignment {LESSON} --force" in told


def test_another_gradebook_and_an_older_one_get_the_scores_that_count(tmp_path: Path) -> None:
    course = make_course(tmp_path)
    wrong = answer("double", "def double(x): return 0")
    hand_in(course, "ann", solved(course, wrong))
    hand_in(course, "bob", solved(course))
    grade(LESSON, course)
    book, backup = course.path / "gradebook.db", tmp_path / "backup.db"
    shutil.copyfile(book, backup)
    hand_in(course, "ann", solved(course))
    assert {one.learner: one.score for one in grade(LESSON, course)} == {"ann": FULL, "bob": FULL}

    shutil.copyfile(backup, book)  # where ann has what her first submission gave
    found = {one.learner: (one.score, one.fresh) for one in grade(LESSON, course)}
    assert found == {"ann": (FULL, True), "bob": (FULL, False)}

    book.rename(tmp_path / "old.db")  # and one that knows nobody
    release(course, LESSON)
    found = {one.learner: (one.score, one.fresh) for one in grade(LESSON, course)}
    assert found == {"ann": (FULL, True), "bob": (FULL, True)}
