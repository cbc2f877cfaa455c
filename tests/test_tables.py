"""Spreadsheets: what is written comes back, formulas do not run, people's files are read."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from course_lib.errors import CampError
from grading.tables import Row, read_table, write_csv, write_xlsx

TABLE: list[Row] = [
    ["learner", "mark", "comment"],
    ["王芳", 7.5, "很好，继续"],
    ["=1+1", 8, "-"],
    ["'a", None, ""],
]
TEXTS = [
    ["learner", "mark", "comment"],
    ["王芳", "7.5", "很好，继续"],
    ["=1+1", "8", "-"],
    ["'a", "", ""],
]


def test_a_table_comes_back_from_both_forms(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", TABLE)
    write_xlsx(tmp_path / "t.xlsx", {"marks": TABLE})
    assert read_table(tmp_path / "t.csv") == TEXTS
    assert read_table(tmp_path / "t.xlsx") == TEXTS


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"])
def test_nothing_starts_a_formula(tmp_path: Path, start: str) -> None:
    write_csv(tmp_path / "t.csv", [[f"{start}HYPERLINK(1)", -5]])
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.reader(file)) == [f"'{start}HYPERLINK(1)", "-5"]
    write_xlsx(tmp_path / "t.xlsx", {"t": [[f"{start}HYPERLINK(1)", -5]]})
    text, number = next(iter(load_workbook(tmp_path / "t.xlsx")["t"].rows))
    assert (text.data_type, number.data_type, number.value) == ("s", "n", -5)
    assert text.quotePrefix


def test_a_control_character_cannot_break_a_workbook(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "t.xlsx", {"t": [["a\x00b\x1bc"]]})
    assert read_table(tmp_path / "t.xlsx") == [["a\ufffdb\ufffdc"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_encodings_and_delimiters_of_spreadsheets(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    lines = [["learner", "mark", "comment"], ["王芳", "8", '写得"很好"']]
    text = "\r\n".join(delimiter.join(value.replace('"', "“") for value in row) for row in lines)
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    assert read_table(tmp_path / "t.csv") == [lines[0], ["王芳", "8", "写得“很好“"]]


def test_a_comment_may_have_several_lines(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b'a,b\r\n1,"one\r\ntwo, three"\r\n')
    assert read_table(tmp_path / "t.csv") == [["a", "b"], ["1", "one\r\ntwo, three"]]


def test_numbers_of_a_workbook_are_ids_too(tmp_path: Path) -> None:
    book = Workbook()
    book.worksheets[0].append([20240001, 7.0, 7.5, None])
    book.save(tmp_path / "t.xlsx")
    assert read_table(tmp_path / "t.xlsx") == [["20240001", "7", "7.5", ""]]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t.xlsx", b"learner,mark"),
        ("t.csv", b"PK\x03\x04\x00\x00\xff\xff"),
        ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00"),
        ("t.csv", b'a,b\n"1,2\n'),
    ],
)
def test_another_kind_of_file_is_one_clear_line(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CampError, match=name) as caught:
        read_table(tmp_path / name)
    assert "\n" not in str(caught.value)
    with pytest.raises(CampError, match=r"gone\.csv"):
        read_table(tmp_path / "gone.csv")


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=1), min_size=1
    )
)
def test_any_text_survives_the_way_through_csv(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]
) -> None:
    path = tmp_path_factory.mktemp("t") / "t.csv"
    write_csv(path, [["a", "b"], *rows])
    back = read_table(path)[1:]
    assert back == [[value.strip() for value in row] for row in rows]
