"""What the inbox accepted is there after a kill, a lost file, a restart; in SQLite and PostgreSQL."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from course_lib.errors import CampError
from grading.address import with_driver
from grading.inbox.members import Member, Role
from tests.inbox_server import (
    LESSON,
    NO_LIMIT,
    PEOPLE,
    Server,
    bundle,
    camp,
    enroll,
    serving,
    sha256,
)
from tests.postgres import running_postgres

CROWD = (*(Member(f"l{number:02}") for number in range(40)), Member("tara", Role.TA))
ENOUGH = 60  # bundles on the disk, then the server is killed


def hand_in(server: Server, works: dict[str, tuple[str, bytes]]) -> list[Any]:
    """Send all works at once; return the receipts of those that were accepted."""
    start = threading.Barrier(len(works))

    def send(work: tuple[str, bytes]) -> Any:
        start.wait()
        try:
            answer = server.send(work[1], work[0])
        except httpx.TransportError:
            return None
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    with ThreadPoolExecutor(len(works)) as pool:
        return [one for one in pool.map(send, works.values()) if one]


def kill_in_the_middle(server: Server) -> None:
    while len(server.bundles()) < ENOUGH and server.process.poll() is None:
        time.sleep(0.002)
    server.process.kill()


def test_two_hundred_at_once_and_a_kill_in_the_middle(tmp_path: Path) -> None:
    data = tmp_path / "data"
    tokens = enroll(data, people=CROWD)
    learners = [one.id for one in CROWD if one.role is Role.LEARNER]
    works = {
        sha256(raw): (learner, raw)
        for learner in learners
        for raw in (bundle(learner, text=f"work {number}") for number in range(5))
    }
    assert len(works) == 200
    with serving(data, *NO_LIMIT) as server:
        server.tokens = tokens
        killer = threading.Thread(target=kill_in_the_middle, args=[server])
        killer.start()
        before = hand_in(server, works)
        killer.join()
        assert server.process.wait(timeout=10) == -9
    assert 10 < len(before) < 200
    for receipt in before:  # on the disk before anything runs again
        assert sha256((data / receipt["place"]).read_bytes()) == receipt["sha256"]
    (data / "incoming/left").write_bytes(b"half a bundle")

    with serving(data, *NO_LIMIT) as server:
        server.tokens = tokens
        assert not list((data / "incoming").iterdir())
        first = {one["sha256"]: one for one in before}
        again = dict(list(first.items())[:20])
        lost = works.keys() - first.keys() | again.keys()
        second = {one["sha256"]: one for one in hand_in(server, {key: works[key] for key in lost})}
        assert again.items() <= second.items()
        after = first | second
        assert after.keys() == works.keys()
        for digest, receipt in after.items():
            assert receipt["learner"] == works[digest][0]
            assert (data / receipt["place"]).read_bytes() == works[digest][1]
        numbers: dict[str, list[int]] = {}
        for receipt in server.get("/v1/submissions", "tara").json():
            numbers.setdefault(receipt["learner"], []).append(receipt["number"])
        assert numbers == {learner: [1, 2, 3, 4, 5] for learner in learners}
        assert {receipt["queue"] for receipt in after.values()} == set(range(1, len(learners) + 1))


def test_postgresql_serves_every_route_and_its_loss_is_one_line(tmp_path: Path) -> None:
    data, raw = tmp_path / "data", bundle()
    with running_postgres() as db:
        tokens = enroll(data, db, (*PEOPLE, *CROWD[:-1]))
        with serving(data, *NO_LIMIT, "--db", db) as server:
            server.tokens = tokens
            works = {sha256(one): (who.id, one) for who in CROWD[:-1] for one in [bundle(who.id)]}
            places = sorted(receipt["queue"] for receipt in hand_in(server, works))
            assert places == list(range(1, 41))  # 40 learners at once, each with one of their own
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda _: server.send(raw), range(8)))
            assert sorted(one.status_code for one in answers) == [200] * 7 + [201]
            assert len({one.text for one in answers}) == 1
            (one,) = server.get("/v1/submissions", "tom").json()
            assert server.get(f"/v1/submissions/{one['id']}/bundle", "ines").content == raw
            assert server.release(b"<p>one").status_code == 201
            assert server.release(b"<p>two").status_code == 201
            assert server.get(f"/v1/feedback/{LESSON}", "amy").content == b"<p>two"
            assert server.get(f"/v1/feedback/{LESSON}", "bo").status_code == 404
            assert "all bundles are there" in camp("check", "--data", data, "--db", db)
            stop(db)
            lost = server.send(bundle(text="more"))
            assert lost.status_code == 503
            assert lost.json() == {
                "detail": "the inbox cannot reach its database now: try again in some minutes"
            }
            assert server.get("/healthz").status_code == 503
            assert "postgres" not in lost.text
            (told,) = [
                one for one in server.lines()
                if one["event"] == "turned away" and one["request"] == lost.headers["x-request-id"]
            ]  # fmt: skip
            assert told["error"] == "OperationalError"
            assert "amy" not in str(told)


def stop(db: str) -> None:
    """End the server behind ``db`` at once."""
    engine = create_engine(with_driver(db))
    with engine.connect() as connection:
        folder = Path(str(connection.scalar(text("show data_directory"))))
    pid = int((folder / "postmaster.pid").read_text().split()[0])
    subprocess.run(["kill", "-QUIT", str(pid)], check=True)
    while Path(f"/proc/{pid}").exists() and "Z" not in status(pid):
        time.sleep(0.01)


def status(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_check_tells_what_is_lost_and_sending_again_mends_it(tmp_path: Path) -> None:
    data, raws = tmp_path / "data", [bundle(text=f"{number}") for number in range(3)]
    tokens = enroll(data)
    with serving(data) as server:
        server.tokens = tokens
        receipts = [server.send(raw).json() for raw in raws]
        places = [data / receipt["place"] for receipt in receipts]
        modes = {path.name: path.stat().st_mode & 0o777 for path in (data, *data.iterdir())}
        assert modes["receipt.key"] == modes["inbox.db"] == 0o600
        assert {modes[name] for name in ("data", "bundles", "feedback", "incoming")} == {0o700}
        assert "all bundles are there and whole" in camp("check", "--data", data)
        time.sleep(1.1)
        places[0].unlink()
        places[1].write_bytes(b"other bytes")
        shutil.copy(places[2], data / "bundles/stray.zip")
        for path in (f"/v1/submissions/{receipts[0]['id']}/bundle",):
            assert server.get(path, "tara").status_code == 404
        with pytest.raises(CampError, match="3 files are not as they should be"):
            camp("check", "--data", data)
        (tmp_path / "r.json").write_text(json.dumps(receipts[0]))
        with pytest.raises(CampError, match=r"the receipt is good .* is missing"):
            camp("verify", tmp_path / "r.json", "--data", data)
        assert [server.send(raw).json() for raw in raws] == receipts
        assert [place.read_bytes() for place in places] == raws
        for place, receipt in zip(places, receipts, strict=True):  # what camp collect goes by
            when = datetime.fromisoformat(receipt["received"]).timestamp()
            assert place.stat().st_mtime == when
        (data / "bundles/stray.zip").unlink()
        assert "all bundles are there and whole" in camp("check", "--data", data)
        # a copy of the database, then of the bundles, while it runs, is a whole backup
        copy = tmp_path / "copy"
        copy.mkdir()
        with sqlite3.connect(data / "inbox.db") as live, sqlite3.connect(copy / "inbox.db") as kept:
            live.backup(kept)
        server.send(bundle(text="later"))
        for name in ("bundles", "feedback", "receipt.key"):
            subprocess.run(["cp", "-a", data / name, copy / name], check=True)
        with pytest.raises(CampError, match="1 files"):  # the later one, in no row
            camp("check", "--data", copy)
        assert camp("verify", tmp_path / "r.json", "--data", copy).startswith("good")
