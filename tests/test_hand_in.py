"""The evidence folder: a set of files comes whole, and no earlier one is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from course_lib import asked
from course_lib.agents import evidence as agents
from course_lib.deploy import evidence as deploy
from course_lib.errors import CampError
from course_lib.evaluate import appraisal
from course_lib.hand_in import put, read
from course_lib.language import LANGUAGES, Text, use_language
from course_lib.learner.notebook import read_notebook
from course_lib.rag import task
from course_lib.talk import story
from course_lib.tune import adapter, collect
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def _english() -> None:
    use_language("en")


def test_an_earlier_set_is_moved_as_a_whole(tmp_path: Path, capsys) -> None:
    folder, before = tmp_path / "evidence" / "05_x", tmp_path / "evidence-before" / "05_x"
    put(folder, {"run/scores.csv": b"1", "model.bin": b"a"})
    (folder / "talk.json").write_text("mine")
    put(folder, {"run/scores.csv": b"1", "model.bin": b"a"})
    assert not before.exists()  # nothing changed
    assert "was moved" not in capsys.readouterr().out
    put(folder, {"run/scores.csv": b"2", "model.bin": b"a"})
    (kept,) = before.iterdir()
    assert {path.relative_to(kept).as_posix(): path.read_bytes() for path in kept.rglob("*.*")} == {
        "run/scores.csv": b"1", "model.bin": b"a",
    }  # fmt: skip
    assert (folder / "run/scores.csv").read_bytes() == b"2"
    assert (folder / "talk.json").read_text() == "mine"
    assert f"the earlier evidence was moved to {kept}" in capsys.readouterr().out


def test_a_whole_folder_holds_nothing_of_an_earlier_set(tmp_path: Path) -> None:
    folder, before = tmp_path / "evidence" / "x", tmp_path / "evidence-before" / "x"
    put(folder, {"pages/team.md": b"1", "pages/room.md": b"2"}, whole=("pages",))
    (folder / "note.md").write_text("mine")
    put(folder, {"pages/room.md": b"2"}, whole=("pages",))
    assert [path.name for path in (folder / "pages").iterdir()] == ["room.md"]
    assert (folder / "note.md").read_text() == "mine"
    (kept,) = before.iterdir()
    assert {path.name: path.read_bytes() for path in (kept / "pages").iterdir()} == {
        "room.md": b"2", "team.md": b"1",
    }  # fmt: skip


class Record(BaseModel):
    """What the tests read."""

    number: int


AGAIN = Text("再来", "again")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "x.json cannot be read (Invalid JSON"),
        ('{"number": "seven"}', "x.json cannot be read (Input should be a valid integer"),
        ("[" * 100_000, "x.json cannot be read ("),
        ('{"number": 1}' + " " * 200_000, "x.json cannot be read (> 150000 bytes): again"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(CampError) as raised:
        read(path, Record, 150_000, AGAIN)
    assert str(raised.value).startswith(why)
    assert str(raised.value).endswith(": again")
    assert "\n" not in str(raised.value)


def test_a_record_is_read_and_a_missing_one_is_an_oserror(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"number": 7}')
    assert read(tmp_path / "x.json", Record, 100, AGAIN) == Record(number=7)
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.json", Record, 100, AGAIN)


def test_files_that_were_not_there_displace_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "evidence" / "x"
    put(folder, {"a.json": b"1"})
    put(folder, {"b.json": b"2"})
    assert {path.name for path in folder.iterdir()} == {"a.json", "b.json"}
    assert not (tmp_path / "evidence-before").exists()


def test_what_evidence_cells_ask_for_is_what_the_lessons_read() -> None:
    weights = {adapter.WEIGHTS, adapter.CONFIG}
    runs = {f"{run}/summary.csv" for run in appraisal.WANTED}
    said = {
        f"{run}/predictions/{model}/*.json"
        for run, pairs in appraisal.WANTED.items()
        for model, _ in pairs
    }
    own = {"pages/*.md", task.TASK}
    assert {cell: {*files} for cell, files in asked.FILES.items()} == {
        "story": {story.FILE.name},
        "assistant": {*weights, collect.NAME, collect.SETTINGS, collect.LOG, collect.TALK},
        "deploy": {*deploy.FILES},
        "evaluation": {*weights, *runs, *said},
        "agent": {agents.TOOL, agents.TRACES, agents.SEARCH},
        "rag": {*own, task.FOUND},
        "huixiangdou": {*own, task.JUDGED},
    }
    for language in LANGUAGES:
        books = map(read_notebook, (ROOT / "notebooks" / language).glob("*.ipynb"))
        assert {cell for book in books for cell in book.evidence} == {*asked.FILES}
