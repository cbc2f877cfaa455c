"""Honest slips are repaired: the instructor's cells, the learner's answers, and a remark on each."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from IPython.core import inputtransformer2
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from course_lib.language import Text
from grading.assignment import read_assignment
from grading.cell_names import imported_first
from grading.course import Course
from grading.plan import same_text
from grading.repair import repair
from grading.unneeded import unneeded
from tests.toy_course import (
    ANSWERS,
    DEMONSTRATION,
    LESSON,
    answer,
    duplicate,
    find,
    insert_after,
    instructor,
    make_course,
    released,
    rewrite,
    solved,
)

Repaired = Callable[[NotebookNode], tuple[NotebookNode, list[Text]]]
NAMES = [c.metadata.nbgrader.grade_id for c in instructor().cells if "nbgrader" in c.metadata]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def repaired(course: Course) -> Repaired:
    notebook = read_assignment(course, LESSON).notebooks[LESSON]

    def run(submission: NotebookNode) -> tuple[NotebookNode, list[Text]]:
        before = copy.deepcopy(submission)
        result = repair(submission, notebook.instructor, notebook.plan)
        assert submission == before
        return result

    return run


def graded_names(notebook: NotebookNode) -> list[str]:
    return [
        cell.metadata.nbgrader.grade_id for cell in notebook.cells if "nbgrader" in cell.metadata
    ]


def said(remarks: list[Text], *words: str) -> bool:
    return len(remarks) == 1 and all(word in remarks[0].en for word in words)


def test_what_was_handed_in_as_released_needs_no_repair(course: Course, repaired: Repaired) -> None:
    for submission in (released(course), solved(course)):
        notebook, remarks = repaired(submission)
        assert remarks == []
        assert graded_names(notebook) == NAMES
        assert [c.source for c in notebook.cells if "solution" in str(c.metadata)]


def test_checks_get_the_hidden_tests_back(course: Course, repaired: Repaired) -> None:
    notebook, _ = repaired(released(course))
    assert "HIDDEN TESTS" in find(notebook, "check_double").source


def test_a_copied_check_counts_once(course: Course, repaired: Repaired) -> None:
    notebook, remarks = repaired(solved(course, lambda nb: duplicate(nb, "check_double")))
    assert graded_names(notebook) == NAMES
    assert said(remarks, "check_double", "copied")


def test_an_edited_copy_of_a_check_stays_as_the_learners_own_cell(
    course: Course, repaired: Repaired
) -> None:
    notebook, _ = repaired(
        solved(course, lambda nb: duplicate(nb, "check_double", "print(double(5))"))
    )
    assert graded_names(notebook) == NAMES
    own = next(cell for cell in notebook.cells if cell.source == "print(double(5))")
    assert own.metadata == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_deleted_cell_comes_back_in_place(course: Course, repaired: Repaired, name: str) -> None:
    notebook, remarks = repaired(solved(course, lambda nb: nb.cells.remove(find(nb, name))))
    assert graded_names(notebook) == NAMES
    assert said(remarks, name, "missing")


def test_a_lost_check_comes_after_the_helper_that_the_answer_needs(
    course: Course, repaired: Repaired
) -> None:
    def slip(notebook: NotebookNode) -> None:
        insert_after(notebook, "double", new_code_cell("def helper(): ..."))
        notebook.cells.remove(find(notebook, "check_double"))

    notebook, _ = repaired(solved(course, slip))
    order = [cell.source.split("(")[0] for cell in notebook.cells]
    assert order.index("def helper") < notebook.cells.index(find(notebook, "check_double"))


@pytest.mark.parametrize(("name", "edit"), [("check_double", "pass"), ("given_base", "BASE = {}")])
def test_an_edited_locked_cell_is_restored(
    course: Course, repaired: Repaired, name: str, edit: str
) -> None:
    def slip(notebook: NotebookNode) -> None:
        find(notebook, name).source = edit

    notebook, remarks = repaired(solved(course, slip))
    assert find(notebook, name).source == find(instructor(), name).source
    assert said(remarks, name, "edited")


def test_comments_in_another_language_are_no_edit(course: Course, repaired: Repaired) -> None:
    def translate(notebook: NotebookNode) -> None:
        find(notebook, "given_base").source = 'BASE = {"one": 1}\n# a comment in English'
        notebook.metadata["course"] = {"language": "en", "lesson": "other"}

    notebook, remarks = repaired(solved(course, translate))
    assert remarks == []
    assert notebook.metadata.course == {"language": "en", "lesson": LESSON}


def test_an_unknown_language_is_dropped(course: Course, repaired: Repaired) -> None:
    for bad in ("<script>", None, ["en"], {}):
        notebook, _ = repaired(solved(course, lambda nb, b=bad: nb.metadata.update(course=b)))
        assert notebook.metadata.course.language == "zh"


def test_moved_cells_are_graded_in_the_instructors_order(
    course: Course, repaired: Repaired
) -> None:
    def slip(notebook: NotebookNode) -> None:
        cell = find(notebook, "triple")
        notebook.cells.remove(cell)
        notebook.cells.insert(0, cell)

    notebook, remarks = repaired(solved(course, slip))
    assert graded_names(notebook) == NAMES
    assert said(remarks, "moved")


@pytest.mark.parametrize("stub_first", [True, False])
def test_of_copied_answers_the_last_counts_and_the_others_run_before_it(
    course: Course, repaired: Repaired, stub_first: bool
) -> None:
    submission = solved(course)
    stub = find(released(course), "double").source
    if stub_first:
        find(submission, "double").source = stub
        duplicate(submission, "double", ANSWERS["double"])
    else:
        find(submission, "double").source = "def helper(x): return 2 * x"
        duplicate(submission, "double", ANSWERS["double"])
    notebook, remarks = repaired(submission)
    assert find(notebook, "double").source == ANSWERS["double"]
    assert graded_names(notebook) == NAMES
    assert said(remarks, "double", "2 copies", "number 2")
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert stub not in sources
    if not stub_first:
        helper = sources.index("def helper(x): return 2 * x")
        assert sources[helper + 1] == ANSWERS["double"]


def test_learners_cells_stay_and_lose_their_metadata(course: Course, repaired: Repaired) -> None:
    own = new_code_cell("x = 1", metadata={"tags": ["skip-execution"], "nbgrader": {"grade": True}})

    def add(notebook: NotebookNode) -> None:
        insert_after(notebook, "triple", own)
        for cell in notebook.cells:
            cell.metadata["tags"] = ["skip-execution", "raises-exception"]

    notebook, remarks = repaired(solved(course, add))
    assert remarks == []
    place = [cell.source for cell in notebook.cells].index("x = 1")
    assert notebook.cells[place - 1].metadata.nbgrader.grade_id == "triple"
    assert notebook.cells[place].metadata == {}
    skipped = [cell.source for cell in notebook.cells if "skip-execution" in str(cell.metadata)]
    assert skipped == [DEMONSTRATION]
    assert find(notebook, "check_triple").metadata.tags == ["raises-exception"]


def test_a_demonstration_runs_when_an_answer_needs_it_or_it_was_edited(
    course: Course, repaired: Repaired
) -> None:
    def skipped(change: Callable[[NotebookNode], None]) -> bool:
        notebook, _ = repaired(solved(course, change))
        return any("skip-execution" in str(cell.metadata) for cell in notebook.cells)

    def use(notebook: NotebookNode) -> None:
        find(notebook, "double").source = "def double(x):\n    return shown.ceil(2 * x)"

    def edit(notebook: NotebookNode) -> None:
        cell = next(cell for cell in notebook.cells if cell.source == DEMONSTRATION)
        cell.source += "\nshown.tau"

    assert skipped(lambda notebook: None)
    assert not skipped(use)
    assert not skipped(edit)


@pytest.mark.parametrize(
    ("others", "demonstration", "idle"),
    [
        ("x = 1", "import math", True),
        ("math.pi", "import math", False),
        ("def f():\n    return math.pi", "import math", False),
        ("def f(math):\n    return math", "import math", True),
        ("math = 1", "import math", True),
        ("f()", "def f(): ...", False),
        ("g", "def f():\n    global g\n    g = 1\nf()", False),
        ("x", "from os import *", False),
        ("eval('math.pi')", "import math", False),
        ("%timeit math.pi", "import math", False),
        ("class A(Base): ...", "class Base: ...", False),
        ("[y for y in rows]", "rows = [1]", False),
        ("x = 1", "%matplotlib inline", False),
    ],
)
def test_unneeded_demonstrations(others: str, demonstration: str, idle: bool) -> None:
    assert unneeded([demonstration, others], {0}) == ({0} if idle else set())


def test_a_cell_of_more_magics_than_ipython_takes_has_no_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inputtransformer2, "TRANSFORM_LOOP_LIMIT", 5)  # 500 of them take seconds
    assert imported_first("import a\n" + "!x\n" * 3) == {"a"}
    assert imported_first("import a\n" + "!x\n" * 6) == set()


def test_what_a_needed_demonstration_needs_runs_too() -> None:
    own = "import math\n\ndef root(x):\n    return math.sqrt(x)"
    assert unneeded(["import math\nx = 1", own], {0}) == {0}  # it imports what it needs
    assert unneeded(["import math\nx = 1", f"y = x\n{own}"], {0}) == set()
    assert unneeded(["math = 3", f"y = math\n{own}"], {0}) == set()
    assert unneeded(["import math", "two = math.sqrt(4)", "import os", "two"], {0, 1, 2}) == {2}


def test_points_and_kinds_come_from_the_instructor(course: Course, repaired: Repaired) -> None:
    def cheat(notebook: NotebookNode) -> None:
        find(notebook, "check_double").metadata.nbgrader.points = 1000
        find(notebook, "double").metadata.nbgrader.grade = True
        find(notebook, "note_toy").cell_type = "raw"

    notebook, _ = repaired(solved(course, cheat))
    assert find(notebook, "check_double").metadata.nbgrader.points == 10
    assert find(notebook, "double").metadata.nbgrader.grade is False
    assert find(notebook, "note_toy").cell_type == "markdown"


def test_repeated_and_strange_cell_ids_become_valid(course: Course, repaired: Repaired) -> None:
    def slip(notebook: NotebookNode) -> None:
        for cell in notebook.cells:
            cell.id = "same"
        notebook.cells[0].id = "<b>"

    notebook, _ = repaired(solved(course, slip))
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    nbformat.validate(notebook)


def test_pasted_pictures_stay(course: Course, repaired: Repaired) -> None:
    picture = {"a.png": {"image/png": "aGk="}}
    notebook, _ = repaired(
        solved(course, lambda nb: find(nb, "note_toy").update(attachments=picture))
    )
    assert find(notebook, "note_toy").attachments == picture


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x = 1", "x = 1  # why", True),
        ('def f():\n    """a"""\n    return 1', 'def f():\n    """b"""\n    return 1', True),
        ("x = 1", "x = 2", False),
        ("assert f(1) == 'a'", "assert f(1) == 'b'", False),
        ("%time x", "%time x ", True),
        ("%time x", "%time y", False),
        ("(" * 5000, "x", False),
    ],
)
def test_same_text_looks_at_code_only(one: str, other: str, same: bool) -> None:
    assert same_text(one, other, code=True) is same


def test_course_folder_is_used(course: Course) -> None:
    assert (course.path / "gradebook.db").is_file()
    assert Path(course.config.CourseDirectory.root) == course.path


def test_a_check_of_an_older_release_is_no_edit(tmp_path: Path) -> None:
    course = make_course(tmp_path)
    older, edited = solved(course), solved(course)
    find(edited, "check_triple").source = "pass"
    rewrite(course, answer("check_triple", "assert triple(1) in (3, 4)"))
    notebook = read_assignment(course, LESSON).notebooks[LESSON]
    for submission, word in ((older, "older release"), (edited, "edited")):
        _, remarks = repair(submission, notebook.instructor, notebook.plan)
        assert [said([one], "check_triple", word) for one in remarks] == [True]
    find(older, "check_triple").metadata.nbgrader["points"] = "many"
    _, remarks = repair(older, notebook.instructor, notebook.plan)
    assert said(remarks, "check_triple", "edited")
