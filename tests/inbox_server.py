"""A real inbox on a free port, its members, and bundles to hand in."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from course_lib.bundle import pack
from grading.inbox.command import inbox_app
from grading.inbox.database import Database, address_of
from grading.inbox.members import Member, Role, Roster
from grading.ledger import Booking, Kind, Ledger

CAMP = str(Path(sys.executable).parent / "camp")
LESSON = "01_intro"
NO_LIMIT = ("--uploads", "100000", "--requests", "1000000")
PEOPLE = (
    Member("amy", cohort="2026a"),
    Member("bo", cohort="2026b"),
    Member("李 雷", cohort="2026a"),
    Member("tara", Role.TA),
    Member("tom", Role.TA, cohort="2026a"),
    Member("ines", Role.INSTRUCTOR, cohort="2026b"),
)


def camp(*words: object) -> str:
    """Run ``camp inbox`` in this process; return what it says."""
    done = CliRunner().invoke(inbox_app, [str(word) for word in words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def bundle(learner: str = "amy", lesson: str = LESSON, text: str = "", number: int = 1) -> bytes:
    """Return a small bundle."""
    cells = [{"cell_type": "code", "source": text, "metadata": {}, "outputs": []}]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    files = {f"{lesson}.ipynb": json.dumps(notebook).encode()}
    return pack(files, learner=learner, nickname="n", lesson=lesson, number=number, kit="0.1")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def enroll(
    data: Path, db: str | None = None, people: tuple[Member, ...] = PEOPLE
) -> dict[str, str]:
    """Enter people; return their tokens."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(address_of(data, db))
    roster = Roster(database)
    roster.enter(people)
    invitations = roster.invite([one.id for one in people])
    roster.issue(invitations)
    database.close()
    return {one.member.id: one.token for one in invitations}


def make_course(folder: Path) -> Path:
    """Make as much of a course as has points."""
    (folder / "source").mkdir(parents=True)
    ledger = Ledger(folder)
    bookings = [
        Booking("amy", "L1-1", Kind.CREDIT, 100, "passed 01_intro"),
        Booking("bo", "L1-1", Kind.CREDIT, 70, "passed 01_intro"),
        Booking("amy", "L1-1", Kind.CORRECTION, -5, "a secret of the TA"),
    ]
    with ledger.locked():
        ledger.append(bookings)
    return folder


@dataclass
class Server:
    """A running inbox."""

    url: str
    data: Path
    log: Path
    process: subprocess.Popen[bytes]
    tokens: dict[str, str] = field(default_factory=dict)
    client: httpx.Client = field(
        default_factory=lambda: httpx.Client(
            timeout=60, trust_env=False, limits=httpx.Limits(max_connections=None)
        )
    )

    def head(self, who: str | None) -> dict[str, str]:
        token = self.tokens.get(who, who) if who else None
        return {"Accept-Language": "en"} | ({"Authorization": f"Bearer {token}"} if token else {})

    def ask(self, method: str, path: str, who: str | None = None, **more: object) -> httpx.Response:
        headers = self.head(who) | more.pop("headers", {})
        return self.client.request(method, self.url + path, headers=headers, **more)

    def get(self, path: str, who: str | None = None) -> httpx.Response:
        return self.ask("GET", path, who)

    def send(self, raw: bytes, who: str | None = "amy", lesson: str = LESSON, **headers: str):
        headers = {"X-Content-SHA256": sha256(raw)} | headers
        return self.ask("POST", f"/v1/submissions/{lesson}", who, content=raw, headers=headers)

    def release(self, page: bytes, who: str = "tara", learner: str = "amy") -> httpx.Response:
        return self.ask("PUT", f"/v1/feedback/{learner}/{LESSON}", who, content=page)

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def bundles(self) -> set[str]:
        return {path.name for path in (self.data / "bundles").iterdir()}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def serving(data: Path, *options: str, before: str = "") -> Iterator[Server]:
    """Run ``camp inbox`` until the block ends; ``before`` is a shell command that leads to it."""
    log = data.with_name(f"{data.name}-{time.monotonic_ns()}.log")
    command = [CAMP, "inbox", "--data", str(data), "--port", "0", *options]
    if before:
        command = [*shlex.split(before.partition(" -- ")[0]), "bash", "-ec",
                   f"{before.partition(' -- ')[2]}; exec {shlex.join(command)}"]  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 150
        while "listening on port" not in log.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the inbox does not start: {log.read_text()[-3000:]}")
            time.sleep(0.05)
        line = next(one for one in log.read_text().splitlines() if "listening on port" in one)
        port = json.loads(line)["event"].rpartition(" ")[2]
        server = Server(f"http://127.0.0.1:{port}", data, log, process)
        server.get("/healthz")
        yield server
        server.client.close()
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
