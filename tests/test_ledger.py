"""The ledger: added to only, changes noticed, whole after a crash, safe between processes."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.errors import CampError
from grading.ledger import Booking, Kind, Ledger


def credit(learner: str = "wei", level: str = "L1-1", points: int = 100) -> Booking:
    return Booking(learner, level, Kind.CREDIT, points, "passed", 91.0, 100.0)


def book(course: Path, *bookings: Booking) -> list[int]:
    ledger = Ledger(course)
    with ledger.locked():
        return [entry.points for entry in ledger.append(list(bookings))]


def lines(course: Path) -> list[bytes]:
    return (course / "points" / "ledger.jsonl").read_bytes().splitlines()


def rewrite(course: Path, kept: list[bytes]) -> None:
    (course / "points" / "ledger.jsonl").write_bytes(b"".join(line + b"\n" for line in kept))


def test_each_line_holds_the_hash_of_the_line_before(tmp_path: Path) -> None:
    book(tmp_path, credit("王芳"), credit("wei"))
    book(tmp_path, credit("mei"))
    first, second, third = lines(tmp_path)
    assert json.loads(first)["previous"] == "0" * 64
    assert json.loads(second)["previous"] == hashlib.sha256(first).hexdigest()
    assert json.loads(third)["previous"] == hashlib.sha256(second).hexdigest()
    assert [json.loads(line)["number"] for line in (first, second, third)] == [1, 2, 3]
    entry = json.loads(first)
    assert entry["learner"] == "王芳"
    assert (entry["score"], entry["max_score"], entry["kind"]) == (91.0, 100.0, "credit")
    assert entry["time"].endswith("Z")
    assert "王芳".encode() in first, "a person can read the file"


def test_a_credit_is_paid_once_and_a_bonus_apart(tmp_path: Path) -> None:
    bonus = Booking("wei", "L2-5", Kind.BONUS, 50, "group chat")
    assert book(tmp_path, credit(), credit(), bonus, bonus) == [100, 50]
    assert book(tmp_path, credit(points=70), bonus, credit(level="L1-2")) == [100]
    back = Booking("wei", "L1-1", Kind.CORRECTION, -30, "copied")
    assert book(tmp_path, back, back) == [-30, -30]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_edited_line_is_named(tmp_path: Path, number: int) -> None:
    book(tmp_path, credit("a"), credit("b"), credit("c"))
    kept = lines(tmp_path)
    kept[number - 1] = kept[number - 1].replace(b'"points":100', b'"points":900')
    rewrite(tmp_path, kept)
    told = r"line 3 was changed" if number == 3 else rf"line {number + 1} does not follow"
    with pytest.raises(CampError, match=told):
        Ledger(tmp_path).entries()
    with pytest.raises(CampError, match="broken"):
        book(tmp_path, credit("d"))
    assert lines(tmp_path) == kept


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_line_taken_out_is_noticed(tmp_path: Path, gone: int) -> None:
    book(tmp_path, credit("a"), credit("b"), credit("c"))
    kept = lines(tmp_path)
    del kept[gone]
    rewrite(tmp_path, kept)
    with pytest.raises(CampError, match=rf"line {gone + 1} "):
        Ledger(tmp_path).entries()


def test_a_line_that_is_no_entry_is_named(tmp_path: Path) -> None:
    book(tmp_path, credit("a"), credit("b"))
    rewrite(tmp_path, [lines(tmp_path)[0], b"paid 100 to b"])
    with pytest.raises(CampError, match="line 2 is not an entry"):
        Ledger(tmp_path).entries()


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_torn_last_line_is_set_aside_and_the_next_run_goes_on(tmp_path: Path, kept: int) -> None:
    book(tmp_path, credit("a"))
    whole = (tmp_path / "points" / "ledger.jsonl").read_bytes()
    head = (tmp_path / "points" / "ledger.head").read_bytes()
    book(tmp_path, credit("b"))
    torn = lines(tmp_path)[1][:kept]
    (tmp_path / "points" / "ledger.jsonl").write_bytes(whole + torn)  # as a crash in the write
    (tmp_path / "points" / "ledger.head").write_bytes(head)
    assert [entry.learner for entry in Ledger(tmp_path).entries()] == ["a"]
    ledger = Ledger(tmp_path)
    with ledger.locked():
        assert [entry.number for entry in ledger.append([credit("b")])] == [2]
    assert ledger.set_aside is not None
    assert ledger.set_aside.read_bytes() == torn
    assert [entry.learner for entry in Ledger(tmp_path).entries()] == ["a", "b"]
    (tmp_path / "points" / "ledger.jsonl").open("ab").write(b'{"learner"')
    ledger = Ledger(tmp_path)
    with ledger.locked():
        pass
    assert sorted(path.name for path in (tmp_path / "points").glob("ledger.torn-*")) == [
        "ledger.torn-1",
        "ledger.torn-2",
    ]


def test_the_end_of_the_last_line_that_an_editor_took_away_comes_back(tmp_path: Path) -> None:
    book(tmp_path, credit("a"), credit("b"))
    path = tmp_path / "points" / "ledger.jsonl"
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert len(Ledger(tmp_path).entries()) == 2
    assert book(tmp_path, credit("b"), credit("c")) == [100]
    assert [entry.learner for entry in Ledger(tmp_path).entries()] == ["a", "b", "c"]
    assert not list(path.parent.glob("ledger.torn*"))


def test_a_crash_between_the_line_and_the_head_loses_nothing(tmp_path: Path) -> None:
    book(tmp_path, credit("a"))
    head = (tmp_path / "points" / "ledger.head").read_bytes()
    book(tmp_path, credit("b"))
    (tmp_path / "points" / "ledger.head").write_bytes(head)
    assert book(tmp_path, credit("b")) == []
    rewrite(tmp_path, lines(tmp_path)[:1])
    with pytest.raises(CampError, match="line 2 is missing, 2 were written"):
        Ledger(tmp_path).entries()


def test_without_the_lock_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(CampError, match="locked"):
        Ledger(tmp_path).append([credit()])
    assert not (tmp_path / "points").exists()


def test_a_ledger_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "points").write_text("a file where the folder belongs")
    with pytest.raises(CampError, match="cannot write"):
        book(tmp_path, credit())


WRITER = """
import itertools, sys
from pathlib import Path
from grading.ledger import Booking, Kind, Ledger
for number in itertools.count(int(sys.argv[2])):
    ledger = Ledger(Path(sys.argv[1]))
    batch = [Booking(f"learner{number}-{i}", "L1-1", Kind.CREDIT, 100, "x" * 3000)
             for i in range(5)]
    with ledger.locked():
        ledger.append(batch)
    print(number, flush=True)
"""


def test_killed_in_the_middle_of_writing_it_stays_whole(tmp_path: Path) -> None:
    confirmed: list[int] = []
    for turn in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(turn * 1000)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        confirmed.append(int(process.stdout.readline()))
        time.sleep(0.05 + 0.013 * turn)
        os.kill(process.pid, signal.SIGKILL)
        confirmed += [int(line) for line in process.stdout if line.endswith("\n")]
        process.wait()
        entries = Ledger(tmp_path).entries()
        booked = [entry.learner for entry in entries]
        assert len(set(booked)) == len(booked)
        for number in confirmed:  # what was reported as written is there
            assert f"learner{number}-4" in booked
        assert book(tmp_path, credit(f"after{turn}")) == [100]


RUNNER = """
import sys, time
from pathlib import Path
from grading.ledger import Booking, Kind, Ledger
course, start = Path(sys.argv[1]), Path(sys.argv[2])
print("ready", flush=True)
while not start.exists():
    time.sleep(0.001)
paid = 0
for number in range(25):
    ledger = Ledger(course)
    with ledger.locked():
        paid += len(ledger.append([Booking(f"w{number}", "L1-1", Kind.CREDIT, 100, "passed")]))
print(paid, flush=True)
"""


def test_two_runs_at_once_pay_once(tmp_path: Path) -> None:
    start = tmp_path / "start"
    command = [sys.executable, "-c", RUNNER, str(tmp_path), str(start)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for run in runs:
        assert run.stdout is not None
        assert run.stdout.readline() == "ready\n"
    start.touch()
    paid = [int(run.communicate(timeout=60)[0]) for run in runs]
    assert sum(paid) == 25
    entries = Ledger(tmp_path).entries()
    assert sorted(entry.learner for entry in entries) == sorted(f"w{n}" for n in range(25))


BOOKINGS = st.builds(
    Booking,
    learner=st.sampled_from(["wei", "王芳", "=cmd", 'a"b\n', "x,y\u2028"]),
    level=st.sampled_from(["L1-1", "L1-2", "L2-5"]),
    kind=st.sampled_from(list(Kind)),
    points=st.integers(-100, 200),
    reason=st.text(max_size=20),
    score=st.none() | st.floats(0, 100),
    max_score=st.none() | st.just(100.0),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(BOOKINGS, max_size=6), max_size=5))
def test_whatever_is_booked_is_paid_at_most_once(runs: list[list[Booking]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder)
        paid: list[int] = []
        for run in runs:
            paid += book(course, *run)
        entries = Ledger(course).entries()
        keys = [(e.learner, e.level, e.kind) for e in entries if e.kind is not Kind.CORRECTION]
        assert len(keys) == len(set(keys))
        asked = [booking for run in runs for booking in run]
        assert set(keys) == {
            (b.learner, b.level, b.kind) for b in asked if b.kind is not Kind.CORRECTION
        }
        assert sum(e.kind is Kind.CORRECTION for e in entries) == sum(
            b.kind is Kind.CORRECTION for b in asked
        )
        assert [entry.points for entry in entries] == paid
