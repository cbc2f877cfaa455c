"""A TA's marks from a file: into nbgrader's gradebook as from formgrader, whole or not at all."""

from pathlib import Path

import pytest
import typer
from nbgrader.api import Comment, Grade
from openpyxl import Workbook, load_workbook
from typer.testing import CliRunner

from course_lib.errors import CampError
from grading.marks import import_marks, marks_command, write_template
from grading.points import State, award
from grading.rules import load_rules
from grading.tables import read_table
from tests.gradebooks import LESSON, NOTE, make_lesson, opened, submit

HEADING = "learner,lesson,cell,mark,comment\n"

app = typer.Typer()
app.command()(marks_command)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    course = tmp_path / "course"
    make_lesson(course)
    submit(course, "wei", checks=1)
    submit(course, "王芳", checks=0.5)
    submit(course, "00123", checks=1)
    return course


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "marks.csv"


def found(course: Path, learner: str, cell: str = NOTE) -> tuple[float | None, bool, str | None]:
    with opened(course) as gradebook:
        grade = gradebook.find_grade(cell, LESSON, LESSON, learner)
        comment = gradebook.find_comment(cell, LESSON, LESSON, learner)
        return grade.manual_score, grade.needs_manual_grade, comment.manual_comment


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_marks_are_entered_and_pay(course: Path, file: Path, encoding: str) -> None:
    rows = f"wei,{LESSON},{NOTE},28.5,写得很好\n王芳,{LESSON},{NOTE},5,\n"
    file.write_bytes((HEADING + rows).encode(encoding))
    done = import_marks(course, file)
    assert (done.marked, done.waiting) == (2, 1)
    assert done.changes[0] == f"wei {LESSON} {NOTE}: 28.5 of 30"
    assert found(course, "wei") == (28.5, False, "写得很好")
    assert found(course, "王芳") == (5, False, None)
    assert found(course, "00123") == (None, True, None)
    assert {s.learner: (s.state, s.score) for s in award(course, load_rules()).standings} == {
        "wei": (State.PAID, 98.5),
        "王芳": (State.FAILED, 40),
        "00123": (State.WAITS, 70),
    }


def test_a_workbook_is_read_too(course: Path, tmp_path: Path) -> None:
    book = Workbook()
    book.worksheets[0].append(["Learner", "Lesson", "Cell", "max", "Mark", "Comment"])
    book.worksheets[0].append(["wei", LESSON, NOTE, 30, 12, "ok"])
    book.save(tmp_path / "m.xlsx")
    import_marks(course, tmp_path / "m.xlsx")
    assert found(course, "wei") == (12, False, "ok")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (f"wei,{LESSON},{NOTE},31,", "mark 31 is not from 0 to 30"),
        (f"wei,{LESSON},{NOTE},-1,", "mark -1 is not from 0 to 30"),
        (f"wei,{LESSON},{NOTE},nan,", "mark nan is not from 0 to 30"),
        (f"wei,{LESSON},{NOTE},8/10,", "'8/10' is no number"),
        (f"wie,{LESSON},{NOTE},8,", "no learner 'wie' in the submissions; did you mean 'wei'?"),
        (f"123,{LESSON},{NOTE},8,", "did you mean '00123'?"),
        (f"wei,01_intr,{NOTE},8,", "no lesson '01_intr' in the submissions of wei; did you mean"),
        (
            f"wei,{LESSON},note_helo_intern,8,",
            f"submissions of wei {LESSON}; did you mean '{NOTE}'",
        ),
        (f"王芳,{LESSON},{NOTE},8,", "repeats row 2"),
        (f"wei,{LESSON},check_count_params,8,well", "takes no comment"),
    ],
)
def test_one_bad_row_and_nothing_is_entered(course: Path, file: Path, row: str, told: str) -> None:
    file.write_text(f"{HEADING}王芳,{LESSON},{NOTE},10,good\n{row}\n", "utf-8")
    with pytest.raises(CampError) as caught:
        import_marks(course, file)
    assert "row 3:" in str(caught.value)
    assert told in str(caught.value)
    assert found(course, "王芳") == (None, True, None)
    assert found(course, "wei") == (None, True, None)


def test_all_bad_rows_are_told_at_once(course: Path, file: Path) -> None:
    rows = "".join(f"nobody{n},{LESSON},{NOTE},8,\n" for n in range(30))
    file.write_text(HEADING + rows, "utf-8")
    with pytest.raises(CampError, match=r"row 2: (?s:.*)row 21: (?s:.*)and 10 more"):
        import_marks(course, file)


def test_a_file_without_a_column_says_which(course: Path, file: Path) -> None:
    file.write_text("learner,lesson,mark,comment\n", "utf-8")
    with pytest.raises(CampError, match="has no column 'cell'"):
        import_marks(course, file)
    file.write_text("", "utf-8")
    with pytest.raises(CampError, match="has no column 'learner'"):
        import_marks(course, file)


def test_another_mark_is_replaced_only_when_asked(course: Path, file: Path) -> None:
    file.write_text(f"{HEADING}wei,{LESSON},{NOTE},20,good\n", "utf-8")
    import_marks(course, file)
    assert import_marks(course, file).changes == ()  # the same again changes nothing
    file.write_text(f"{HEADING}wei,{LESSON},{NOTE},25,good\n", "utf-8")
    with pytest.raises(CampError, match="marked 20 already; add --replace to enter 25"):
        import_marks(course, file)
    file.write_text(f"{HEADING}wei,{LESSON},{NOTE},20,better\n", "utf-8")
    with pytest.raises(CampError, match="another comment already; add --replace"):
        import_marks(course, file)
    assert found(course, "wei") == (20, False, "good")
    file.write_text(f"{HEADING}wei,{LESSON},{NOTE},25,better\n", "utf-8")
    where = f"wei {LESSON} {NOTE}"
    assert import_marks(course, file, replace=True).changes == (
        f"{where}: 20 -> 25",
        f"{where}: comment 'good' -> 'better'",
    )
    assert found(course, "wei") == (25, False, "better")


def test_only_what_is_missing_is_entered_when_asked(course: Path, file: Path) -> None:
    with opened(course) as gradebook:
        grade = gradebook.find_grade(NOTE, LESSON, LESSON, "wei")
        grade.manual_score, grade.needs_manual_grade = 20, False
        gradebook.find_comment(NOTE, LESSON, LESSON, "00123").manual_comment = "see me"
        gradebook.db.commit()
    rows = "".join(f"{who},{LESSON},{NOTE},12,well done\n" for who in ("wei", "王芳", "00123"))
    file.write_text(HEADING + rows, encoding="utf-8")
    done = import_marks(course, file, only_missing=True)
    assert (done.marked, done.waiting) == (1, 1)
    assert found(course, "wei") == (20, False, None)
    assert found(course, "王芳") == (12, False, "well done")
    assert found(course, "00123") == (None, True, "see me")
    file.write_text(HEADING + f"nobody,{LESSON},{NOTE},12,\n")
    with pytest.raises(CampError, match="no learner 'nobody'"):
        import_marks(course, file, only_missing=True)


def test_a_blank_row_leaves_the_cell_waiting_and_keeps_what_is_there(
    course: Path, file: Path
) -> None:
    file.write_text(f"{HEADING}wei,{LESSON},{NOTE},,ask again\n王芳,{LESSON},{NOTE},,\n", "utf-8")
    done = import_marks(course, file)
    assert (done.marked, done.waiting) == (0, 3)
    assert found(course, "wei") == (None, True, "ask again")
    file.write_text(f"{HEADING}wei,{LESSON},{NOTE},9,\n", "utf-8")
    import_marks(course, file)
    assert found(course, "wei") == (9, False, "ask again")


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx"])
def test_the_template_lists_what_waits_and_comes_back_filled_in(
    course: Path, tmp_path: Path, name: str
) -> None:
    submit(course, "done", checks=1, note=30)
    submit(course, "=1+1", checks=1)
    with opened(course) as gradebook:  # graded again after a TA's mark; nothing was written
        grade = gradebook.find_grade(NOTE, LESSON, LESSON, "wei")
        grade.manual_score = 11
        gradebook.find_comment(NOTE, LESSON, LESSON, "wei").auto_comment = "No response."
        gradebook.db.commit()
    template = tmp_path / name
    assert write_template(course, template) == 4
    heading, *rows = read_table(template)
    assert heading == ["learner", "lesson", "cell", "max", "mark", "comment", "remark"]
    assert [row[0] for row in rows] == ["00123", "=1+1", "wei", "王芳"]
    assert rows[0] == ["00123", LESSON, NOTE, "30", "", "", ""]
    by_learner = {row[0]: row for row in rows}
    assert by_learner["wei"][4:] == ["", "", "marked 11 before it was graded again; No response."]
    with pytest.raises(CampError, match="exists and may hold marks"):
        write_template(course, template)
    assert import_marks(course, template).marked == 0  # not filled in yet
    if name.endswith(".xlsx"):
        book = load_workbook(template)
        for row in book["marks"].iter_rows(min_row=2):
            row[4].value = 11
            row[5].value = "好"
        book.save(template)
    else:
        text = template.read_text("utf-8-sig").replace(f"{NOTE},30,,,", f"{NOTE},30,11,好,")
        template.write_text(text, "utf-8-sig")
    done = import_marks(course, template)
    assert (done.marked, done.waiting) == (4, 0)
    for learner in by_learner:
        assert found(course, learner) == (11, False, "好")


def test_the_gradebook_is_as_formgrader_would_leave_it(course: Path, file: Path) -> None:
    """The same marks given by the two statements of nbgrader's own handlers."""
    file.write_text(f"{HEADING}wei,{LESSON},{NOTE},20,good\n", "utf-8")
    import_marks(course, file)
    with opened(course) as gradebook:
        grade = gradebook.find_grade(NOTE, LESSON, LESSON, "王芳")
        grade.manual_score, grade.needs_manual_grade = 20, False
        gradebook.find_comment(NOTE, LESSON, LESSON, "王芳").manual_comment = "good"
        gradebook.db.commit()
        ours = gradebook.find_submission(LESSON, "wei")
        theirs = gradebook.find_submission(LESSON, "王芳")
        assert (ours.needs_manual_grade, theirs.needs_manual_grade) == (False, False)
        assert (ours.score, theirs.score) == (90, 55)
        assert gradebook.db.query(Grade).count() == 9
        assert gradebook.db.query(Comment).count() == 9
        grades = {
            g.student.id: (g.manual_score, g.extra_credit, g.auto_score)
            for g in gradebook.db.query(Grade)
            if g.name == NOTE
        }
        assert grades["wei"] == grades["王芳"]


def test_a_cell_of_another_notebook_is_named_with_it(course: Path, file: Path) -> None:
    with opened(course) as gradebook:
        gradebook.add_assignment("ps1")
        for notebook in ("problem1", "problem2"):
            gradebook.add_notebook(notebook, "ps1")
            gradebook.add_grade_cell("essay", notebook, "ps1", max_score=5, cell_type="markdown")
        gradebook.add_submission("ps1", "wei")
    file.write_text(f"{HEADING}wei,ps1,problem2/essay,4,\n", "utf-8")
    import_marks(course, file)
    with opened(course) as gradebook:
        assert gradebook.find_grade("essay", "problem1", "ps1", "wei").manual_score is None
        assert gradebook.find_grade("essay", "problem2", "ps1", "wei").manual_score == 4


def test_the_command(course: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    template = tmp_path / "t.csv"
    told = runner.invoke(app, ["--course", str(course), "--template", str(template)])
    assert told.output == f"{template}: 3 cells wait for a mark\n"
    template.write_text(f"{HEADING}wei,{LESSON},{NOTE},20,\n", "utf-8")
    told = runner.invoke(app, [str(template), "--course", str(course)])
    assert told.output == f"wei {LESSON} {NOTE}: 20 of 30\n1 marks entered; 2 cells wait for one\n"
    nothing = runner.invoke(app, ["--course", str(course)])
    assert isinstance(nothing.exception, CampError)
    assert nothing.exception.exit_code == 2
