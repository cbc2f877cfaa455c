"""The bundle: same content, same bytes; and nothing gets out of it that should not."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import struct
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from course_lib import bundle
from course_lib.bundle import BadBundle

MOMENT = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
FILES = {
    "01_intro.ipynb": b'{"cells": []}',
    "note.md": "笔记".encode(),
    "evidence/01_intro/截图.png": b"\x89PNG",
}
WHO: dict[str, Any] = {
    "learner": "camp3_42", "nickname": "小书", "lesson": "01_intro", "cohort": "2026a",
    "kit": "0.1.0", "number": 1, "time": MOMENT,
}  # fmt: skip


def packed(**changes: Any) -> bytes:
    return bundle.pack(**{"files": FILES, **WHO, **changes})


def test_the_same_content_gives_the_same_bytes_whatever_the_order(tmp_path: Path) -> None:
    shuffled = dict(reversed(FILES.items()))
    assert packed() == packed(files=shuffled)
    assert packed() != packed(number=2)
    with zipfile.ZipFile(io.BytesIO(packed())) as found:
        assert {entry.date_time for entry in found.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert found.namelist()[0] == "submission.json"


def test_what_was_packed_comes_out_and_the_manifest_says_what_it_is(tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    file.write_bytes(packed())
    said = bundle.unpack(file, tmp_path / "out")
    assert said == bundle.verify(file)
    assert (said.learner, said.nickname, said.lesson) == ("camp3_42", "小书", "01_intro")
    assert (said.cohort, said.kit, said.number, said.time) == ("2026a", "0.1.0", 1, MOMENT)
    for name, raw in FILES.items():
        assert (tmp_path / "out" / name).read_bytes() == raw
    by_path = {one.path: (one.size, one.sha256) for one in said.files}
    assert by_path == {k: (len(v), hashlib.sha256(v).hexdigest()) for k, v in FILES.items()}
    written = json.loads((tmp_path / "out/submission.json").read_text("utf-8"))
    assert written["time"] == "2026-11-28T09:30:00Z"
    with pytest.raises(FileExistsError):
        bundle.unpack(file, tmp_path / "out")


def rezipped(change: Callable[[dict[str, bytes]], None], **fields: Any) -> bytes:
    """Return the bundle after its files, or fields of its manifest, were changed by hand."""
    with zipfile.ZipFile(io.BytesIO(packed())) as old:
        files = {name: old.read(name) for name in old.namelist()}
    change(files)
    if fields:
        said = json.loads(files["submission.json"]) | fields
        files["submission.json"] = json.dumps(said).encode()
    return zipped(files)


def zipped(files: dict[str, bytes], mode: int = 0o100644) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as new:
        for name, raw in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            new.writestr(entry, raw, zipfile.ZIP_DEFLATED)
    return data.getvalue()


def listed(name: str, raw: bytes = b"x") -> bytes:
    """Return a bundle that lists one more file, as its maker wants it."""
    files = [{"path": k, "size": len(v), "sha256": hashlib.sha256(v).hexdigest()}
             for k, v in {**FILES, name: raw}.items()]  # fmt: skip
    return rezipped(lambda found: found.update({name: raw}), files=files)


def twice() -> bytes:
    data = io.BytesIO(packed())
    with zipfile.ZipFile(data, "a") as found, pytest.warns(UserWarning, match="Duplicate"):
        found.writestr("note.md", b"other")
    return data.getvalue()


def corrupted() -> bytes:
    raw = bytearray(packed(files=FILES | {"evidence/01_intro/a.txt": bytes(range(256)) * 20}))
    raw[raw.index(b"evidence/01_intro/a.txt") + 40] ^= 0xFF
    return bytes(raw)


def long_directory() -> bytes:
    raw = bytearray(packed())
    raw[-10:-6] = struct.pack("<L", 60_000_000)
    return bytes(raw)


def by_lzma() -> bytes:
    """Return a bundle that is compressed in a way that camp submit does not use, and broken."""
    with zipfile.ZipFile(io.BytesIO(packed())) as old:
        files = {name: old.read(name) for name in old.namelist()}
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_LZMA) as new:
        for name, raw in files.items():
            new.writestr(name, raw)
    broken = bytearray(data.getvalue())
    broken[60:70] = bytes(10)
    return bytes(broken)


def outside() -> bytes:
    """Return a bundle whose list of files is said to begin before the file does."""
    raw = bytearray(packed())
    raw[-6:-2] = struct.pack("<L", 4_000_000_000)
    return bytes(raw)


def bomb() -> bytes:
    """Return 70 MB of zeros in 70 kB."""
    return listed("evidence/01_intro/zeros.txt", bytes(70_000_000))


def lying_bomb() -> bytes:
    """Return the same, whose headers say 10 bytes."""
    small, large = struct.pack("<L", 10), struct.pack("<L", 70_000_000)
    raw = bomb()
    assert raw.count(large) >= 2
    return raw.replace(large, small)


BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "no zip": (lambda: b"PK but not really", "not a whole zip"),
    "cut off": (lambda: packed()[:-30], "not a whole zip"),
    "a bit flipped": (corrupted, "damaged"),
    "no manifest": (lambda: zipped(FILES), "do not zip by hand"),
    "manifest is no JSON": (
        lambda: rezipped(lambda f: f.update({"submission.json": b"{"})), "JSON is wrong",
    ),
    "changed after packing": (
        lambda: rezipped(lambda f: f.update({"note.md": b"other"})), "note.md was changed",
    ),
    "file added": (
        lambda: rezipped(lambda f: f.update({"evidence/x.txt": b"1"})), "disagree",
    ),
    "file taken out": (lambda: rezipped(lambda f: f.pop("note.md") and None), "disagree"),
    "file twice": (twice, "holds a file twice"),
    "up": (lambda: listed("evidence/../../x.txt"), "may not be called"),
    "absolute": (lambda: listed("/etc/x.txt"), "may not be called"),
    "backslash": (lambda: listed("evidence\\..\\x.txt"), "may not be called"),
    "drive": (lambda: listed("evidence/C:x.txt"), "may not be called"),
    "code beside": (lambda: listed("sitecustomize.py"), "does not belong"),
    "capitals": (lambda: listed("NOTE.md"), "does not belong"),
    "capitals in evidence": (
        lambda: listed("evidence/01_INTRO/截图.png"), "differ only in capitals",
    ),
    "file as folder": (
        lambda: listed("evidence/01_intro/截图.png/x.txt"), "differ only in capitals",
    ),
    "link": (lambda: zipped({"submission.json": b"{}"}, stat.S_IFLNK | 0o777), "is a link"),
    "bad learner": (lambda: rezipped(lambda f: None, learner="../x"), "learner is wrong"),
    "another compression": (by_lzma, "compressed in another way"),
    "a list outside": (outside, "damaged"),
    "a time before all time": (
        lambda: rezipped(lambda f: None, time="0001-01-01T00:00:00+14:00"), "time is wrong",
    ),
    "no learner": (lambda: rezipped(lambda f: None, learner=""), "learner is wrong"),
    "number": (lambda: rezipped(lambda f: None, number=0), "number is wrong"),
    "renamed notebook": (lambda: rezipped(lambda f: None, lesson="02_demo"), "no notebook 02_demo"),
    "bomb": (bomb, "the limit is 64.0 MB"),
    "lying bomb": (lying_bomb, "disagree|damaged|changed"),
    "endless list": (long_directory, "more than 500 files"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_left(case: str, tmp_path: Path) -> None:
    make, says = BROKEN[case]
    file = tmp_path / "b.zip"
    file.write_bytes(make())
    with pytest.raises(BadBundle, match=says) as caught:
        bundle.unpack(file, tmp_path / "in/out")
    assert "\n" not in str(caught.value)
    assert caught.value.text.zh != caught.value.text.en
    assert list((tmp_path / "in").iterdir()) == []
    with pytest.raises(BadBundle, match=says):
        bundle.verify(file)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.zip", "in"]


def test_packing_refuses_what_reading_would(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadBundle, match="no notebook 01_intro"):
        packed(files={"intro.ipynb": b"{}"})
    many = {f"evidence/01_intro/{number}.txt": b"" for number in range(500)}
    with pytest.raises(BadBundle, match="more than 500 files"):
        packed(files=FILES | many)
    monkeypatch.setattr(bundle, "MAX_NOTEBOOK", 10)
    with pytest.raises(BadBundle, match="clear its outputs"):
        packed()
