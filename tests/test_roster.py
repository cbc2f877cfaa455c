"""``camp roster``: who may use the inbox; tokens are shown once and kept as hashes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from openpyxl import Workbook
from typer.testing import CliRunner

from course_lib.errors import CampError
from grading.inbox.database import Database, address_of
from grading.inbox.members import Member, Role, Roster, digest
from grading.inbox.roster import roster_app
from grading.tables import read_table
from tests.inbox_server import CAMP


class Desk:
    """The command, run in this process on one data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def __call__(self, *words: object) -> str:
        command = [*map(str, words), "--data", str(self.data)]
        done = CliRunner().invoke(roster_app, command)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.stdout

    def refuses(self, *words: object) -> str:
        before = self.members()
        with pytest.raises(CampError) as refused:
            self(*words)
        assert "\n" not in str(refused.value)
        assert self.members() == before
        return str(refused.value)

    @property
    def roster(self) -> Roster:
        return Roster(Database(address_of(self.data, None)))

    def members(self) -> list[Member]:
        return self.roster.members() if self.data.exists() else []

    def kept(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.data.iterdir() if path.is_file())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "inbox")


def test_a_token_is_shown_once_and_kept_as_a_hash(desk: Desk) -> None:
    who, token = desk("add", "amy", "--name", "艾米", "--cohort", "2026a").split()
    assert (who, token[:5]) == ("amy", "camp_")
    assert len(token) >= 5 + 43  # 256 bits
    assert token.encode() not in desk.kept()
    assert digest(token).encode() in desk.kept()
    found = desk.roster.holder(token)
    assert found
    assert (found.id, found.role, found.name, found.cohort) == (
        "amy", Role.LEARNER, "艾米", "2026a",
    )  # fmt: skip
    assert desk.roster.holder(token[:-1]) is None
    assert desk.roster.holder(digest(token)) is None
    assert (desk.data / "inbox.db").stat().st_mode & 0o777 == 0o600
    assert desk.data.stat().st_mode & 0o777 == 0o700
    assert "amy is on the roster already" in desk.refuses("add", "amy")


def test_another_spelling_of_an_id_is_nobody_else(desk: Desk, tmp_path: Path) -> None:
    desk("add", "amélie")
    other = "the id amélie in another spelling"
    assert other in desk.refuses("add", "Amélie")
    table = tmp_path / "table.csv"
    table.write_text("learner\namélie\nwei\nＷei\n", encoding="utf-8")
    assert "Ｗei is the id wei in another spelling" in desk.refuses("import", table)
    assert [one.id for one in desk.members()] == ["amélie"]


@pytest.mark.parametrize("bad", ["", "../amy", "a/b", "-amy", "a\nb", "x" * 201, "=1+1"])
def test_an_id_that_may_not_be(desk: Desk, bad: str) -> None:
    command = ["add", "--data", str(desk.data), "--", bad]
    done = CliRunner().invoke(roster_app, command)
    assert "cannot be an id" in str(done.exception)
    assert desk.members() == []


def workbook(path: Path, rows: list[list[object]]) -> Path:
    book = Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    book.save(path)
    return path


def test_import_takes_csv_and_xlsx_and_keeps_tokens(desk: Desk, tmp_path: Path) -> None:
    table = tmp_path / "new.csv"
    table.write_text("学号,姓名,角色,期\n001,李雷,,2026a\nta1,韩梅梅,助教,2026a\n\n", "gb18030")
    assert "2 added, 0 changed, 0 as before" in desk("import", table)
    token = desk("invite", "001").split()[1]
    rows: list[list[object]] = [["Learner", "Name", "Role"], ["001", "Li", "learner"], [7, "G", ""]]
    assert "1 added, 1 changed, 0 as before" in desk("import", workbook(tmp_path / "a.xlsx", rows))
    assert desk.roster.holder(token) == desk.roster.find("001")
    told = [(one.id, str(one.role), one.name, one.cohort) for one in desk.members()]
    assert told == [
        ("001", "learner", "Li", "2026a"), ("7", "learner", "G", ""), ("ta1", "ta", "韩梅梅", "2026a"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name\namy\n", "no column 'learner'"),
        ("", "no column 'learner'"),
        ("learner,role\namy,learner\nbo,boss\n", "row 3: role 'boss' is none of"),
        ("learner\namy\namy\n", "amy is there twice"),
        ("learner\namy\n../bo\n", "cannot be an id"),
        (f"learner,name\namy,{'x' * 81}\n", "a name is one line of up to 80"),
    ],
)
def test_a_wrong_table_enters_nobody(desk: Desk, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    assert told in desk.refuses("import", tmp_path / "t.csv")
    assert desk.members() == []


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_invite_list_holds_tokens_that_work(desk: Desk, tmp_path: Path, kind: str) -> None:
    desk("add", "zoe")
    (tmp_path / "t.csv").write_text("learner,name\namy,=1+1\nbo,B\n")
    desk("import", tmp_path / "t.csv")
    out = tmp_path / f"invitations.{kind}"
    assert "2 tokens" in desk("invite", "--new", out)
    assert out.stat().st_mode & 0o777 == 0o600
    heading, *rows = read_table(out)
    assert heading == ["learner", "role", "name", "cohort", "token"]
    assert [row[0] for row in rows] == ["amy", "bo"]
    assert rows[0][2] == "=1+1"
    for row in rows:
        assert desk.roster.holder(row[4]) == desk.roster.find(row[0])
    assert "is there already and is kept" in desk.refuses("invite", "--new", out)
    assert read_table(out)[1:] == rows
    again = tmp_path / f"again.{kind}"
    assert "0 tokens" in desk("invite", "--new", again)
    one = tmp_path / f"one.{kind}"
    desk("invite", "amy", "--to", one)
    assert desk.roster.holder(rows[0][4]) is None
    assert desk.roster.holder(read_table(one)[1][4]) == desk.roster.find("amy")


def test_the_export_has_no_tokens(desk: Desk, tmp_path: Path) -> None:
    token = desk("add", "amy", "--role", "ta").split()[1]
    (tmp_path / "t.csv").write_text("learner\nbo\n")
    desk("import", tmp_path / "t.csv")
    assert "2 members" in desk("export", tmp_path / "out.xlsx")
    rows = read_table(tmp_path / "out.xlsx")
    assert [row[:4] for row in rows[1:]] == [["amy", "ta", "", ""], ["bo", "learner", "", ""]]
    assert rows[1][4].startswith("20")
    assert rows[2][4] == ""
    assert token not in str(rows)
    assert digest(token) not in str(rows)
    assert "name a .csv or .xlsx file" in desk.refuses("export", tmp_path / "out.txt")
    assert "no column" not in desk("import", tmp_path / "out.xlsx")  # an export can be read again


def test_a_token_can_be_taken_away(desk: Desk) -> None:
    token = desk("add", "amy").split()[1]
    assert "not on the roster: bo" in desk.refuses("revoke", "amy", "bo")
    assert desk.roster.holder(token)
    assert "1 tokens are void now" in desk("revoke", "amy")
    assert desk.roster.holder(token) is None
    assert "0 tokens" in desk("revoke", "amy")
    assert "not on the roster: bo" in desk.refuses("invite", "bo")
    assert "name members, or --new FILE" in desk.refuses("invite")


@pytest.mark.parametrize(
    "words", [("export", "out.csv"), ("invite", "amy"), ("invite", "--new", "t.csv"), ("revoke", "amy")]
)  # fmt: skip
def test_where_no_roster_is_none_is_made(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert desk.refuses(*words) == f"no roster in {desk.data}: name the inbox's folder with --data"
    assert [*tmp_path.iterdir()] == []


def test_a_failure_is_one_line(tmp_path: Path) -> None:
    command = [CAMP, "roster", "import", str(tmp_path / "none.csv"), "--data", str(tmp_path / "d")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("camp: cannot read ")
    assert done.stderr.count("\n") == 1
