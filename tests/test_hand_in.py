"""The evidence folder: a set of files comes whole, and no earlier one is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from course_lib.hand_in import put
from course_lib.language import use_language


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


def test_files_that_were_not_there_displace_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "evidence" / "x"
    put(folder, {"a.json": b"1"})
    put(folder, {"b.json": b"2"})
    assert {path.name for path in folder.iterdir()} == {"a.json", "b.json"}
    assert not (tmp_path / "evidence-before").exists()
