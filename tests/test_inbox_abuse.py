"""What is sent to harm the inbox: odd zips, too much, too often, too slowly; and a full disk."""

from __future__ import annotations

import io
import shlex
import socket
import stat
import struct
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from course_lib.bundle import Submission, describe
from grading.inbox.limits import Buckets
from tests.inbox_server import LESSON, NO_LIMIT, Server, bundle, enroll, serving, sha256
from tests.small_disk import with_small_disk

NOTEBOOK = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


# --- zips -------------------------------------------------------------------------------------


def zipped(
    more: dict[str, bytes] | None = None,
    change: Callable[[zipfile.ZipInfo], None] = lambda entry: None,
    method: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    """Return a bundle with ``more`` files, each of whose entries is changed first."""
    files = {f"{LESSON}.ipynb": NOTEBOOK} | (more or {})
    said = Submission.model_construct(
        learner="amy", nickname="", lesson=LESSON, kit="0", number=1, time=datetime.now(UTC),
        files=describe(files),
    )  # fmt: skip
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as file:
        file.writestr("submission.json", said.model_dump_json())
        for name, raw in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = method
            if name in (more or {}):
                change(entry)
            file.writestr(entry, raw)
    return data.getvalue()


def linked(entry: zipfile.ZipInfo) -> None:
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16


def lying(size: int) -> bytes:
    """Return a zip whose evidence says it has ``size`` bytes, and has 65 million."""
    raw = zipped({"evidence/zeros.bin": bytes(65_000_000)})
    at = raw.rindex(b"PK\x01\x02", 0, raw.rindex(b"evidence/zeros.bin"))
    return raw[: at + 24] + struct.pack("<L", size) + raw[at + 28 :]


def patched(flags: int) -> bytes:
    """Return a zip whose last entry has other flags."""
    raw = zipped()
    at = raw.rindex(b"PK\x01\x02")
    return raw[: at + 8] + struct.pack("<H", flags) + raw[at + 10 :]


def twice() -> bytes:
    data = io.BytesIO(zipped())
    with zipfile.ZipFile(data, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr(f"{LESSON}.ipynb", b"other")
    return data.getvalue()


TRICKS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no zip": lambda: b"hello",
    "an empty zip": lambda: b"PK\x05\x06" + bytes(18),
    "half a zip": lambda: zipped()[:-30],
    "up and out": lambda: zipped({"../../escaped.txt": b"x"}),
    "up and out of evidence": lambda: zipped({"evidence/../../escaped.txt": b"x"}),
    "from the root": lambda: zipped({"/tmp/escaped.txt": b"x"}),
    "a drive": lambda: zipped({"evidence/C:/escaped.txt": b"x"}),
    "backslashes": lambda: zipped({"evidence/..\\..\\escaped.txt": b"x"}),
    "a control character": lambda: zipped({"evidence/\x1b[2Jx": b"x"}),
    "a link": lambda: zipped({"evidence/link": b"/etc/passwd"}, linked),
    "a device": lambda: zipped(
        {"evidence/null": b""},
        lambda entry: setattr(entry, "external_attr", (stat.S_IFCHR | 0o666) << 16),
    ),
    "encrypted": lambda: patched(1),
    "a name twice": twice,
    "two names on a Mac": lambda: zipped({"evidence/a.png": b"1", "evidence/A.png": b"2"}),
    "a file as a folder": lambda: zipped({"evidence/a": b"1", "evidence/a/b": b"2"}),
    "not asked for": lambda: zipped({"setup.py": b"x"}),
    "too deep": lambda: zipped({"evidence/" + "d/" * 20 + "x": b"x"}),
    "501 files": lambda: zipped({f"evidence/{number}": b"" for number in range(501)}),
    "a bomb": lambda: zipped({"evidence/zeros.bin": bytes(65_000_000)}),
    "a bomb that lies": lambda: lying(1000),
    "a bomb by bzip2": lambda: zipped(
        {"evidence/zeros.bin": bytes(65_000_000)}, method=zipfile.ZIP_BZIP2
    ),
    "a bomb of a list": lambda: b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 9, 9, 2**31, 0, 0),
    "another's notebook inside": lambda: bundle("bo"),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_an_odd_zip_is_refused_in_one_line_and_leaves_nothing(inbox: Server, trick: str) -> None:
    before = inbox.bundles()
    raw = TRICKS[trick]()
    started = time.monotonic()
    answer = inbox.send(raw)
    assert answer.status_code == 422, answer.text
    detail = answer.json()["detail"]
    assert detail.isprintable()
    assert "\n" not in detail
    assert time.monotonic() - started < 20
    assert inbox.bundles() == before
    assert not list((inbox.data / "incoming").iterdir())
    assert not list(inbox.data.parent.rglob("*escaped*"))


def test_an_honest_bundle_still_goes_through(inbox: Server) -> None:
    assert (
        inbox.send(zipped({"evidence/shot.png": b"\x89PNG", "note.md": b"hi"})).status_code == 201
    )


@pytest.mark.parametrize(
    ("lesson", "status", "told"),
    [
        ("..", 404, "Not Found"),
        ("%2e%2e%2fx", 404, "Not Found"),
        ("a/b", 404, "Not Found"),
        ("%2e%2e", 422, "path.lesson is wrong"),
        ("a%00b", 422, "path.lesson is wrong"),
        ("x" * 101, 422, "path.lesson is wrong"),
        ("%F0%9F%98%80", 422, "path.lesson is wrong"),
        ("x" * 100, 422, "this is a submission of 01_intro"),
    ],
)
def test_a_lesson_that_is_no_name(inbox: Server, lesson: str, status: int, told: str) -> None:
    before = inbox.bundles()
    answer = inbox.send(bundle(text="new"), lesson=lesson)
    assert answer.status_code == status
    assert answer.json()["detail"].startswith(told)
    assert inbox.bundles() == before


@pytest.mark.parametrize("told", ["", "0" * 63, "0" * 64, "z" * 64])
def test_bytes_that_are_not_those_that_were_sent(inbox: Server, told: str) -> None:
    before = inbox.bundles()
    answer = inbox.send(bundle(text="other bytes"), **{"X-Content-SHA256": told})
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], str)
    assert inbox.bundles() == before


def test_a_line_is_in_the_callers_language(inbox: Server) -> None:
    answer = inbox.send(b"hello", **{"Accept-Language": "zh-CN,zh;q=0.9"})
    assert "不是完整的 zip" in answer.json()["detail"]
    assert (
        inbox.ask("GET", "/v1/points", "x", headers={"Accept-Language": "zh"})
        .json()["detail"]
        .startswith("没有令牌")
    )


# --- what the keepers see ---------------------------------------------------------------------


def test_the_log_is_json_without_personal_data(inbox: Server) -> None:
    inbox.send(bundle("李 雷"), "李 雷")
    inbox.release(b"<p>x", learner="李 雷")
    inbox.get("/v1/feedback/amy?name=amy", "amy")
    inbox.get("/amy/secret-path", "camp_guessed")
    inbox.ask("AMY", "/v1/points")
    text = inbox.log.read_text()
    told = [line for line in inbox.lines() if line["event"] == "request"]
    assert {"time", "level", "event", "request", "method", "route", "status", "ms"} == set(told[-1])
    assert {"/v1/submissions/{lesson}", "/v1/feedback/{lesson}", "none"} <= {
        str(one["route"]) for one in told
    }
    tokens = inbox.tokens.values()
    for word in ("李", "amy", "AMY", "secret", "camp_", "127.0.0.1", "2026a", LESSON, *tokens):
        assert word not in text


def test_an_answer_has_the_number_of_its_line(inbox: Server) -> None:
    number = inbox.get("/v1/points").headers["x-request-id"]
    (line,) = [one for one in inbox.lines() if one.get("request") == number]
    assert line["status"] == 401


def test_a_fault_of_ours_has_a_number_and_its_place_in_the_log(tmp_path: Path) -> None:
    tokens = enroll(tmp_path / "data")
    with serving(tmp_path / "data") as server:
        server.tokens = tokens
        (server.data / "incoming").rmdir()  # somebody tidied up
        answer = server.send(bundle("李 雷"), "李 雷")
        assert answer.status_code == 500
        number = answer.headers["X-Request-ID"]
        assert answer.headers["Cache-Control"] == "no-store"
        said = (
            f"something broke in the inbox: try again later, and tell your TA the number {number}"
        )
        assert answer.json() == {"detail": said}
        of_it = [line for line in server.lines() if line.get("request") == number]
        assert [(line["event"], line["level"]) for line in of_it] == [
            ("fault", "error"), ("request", "info"),
        ]  # fmt: skip
        assert of_it[0]["error"] == "FileNotFoundError"
        assert any(str(place).startswith("upload.py:") for place in of_it[0]["at"])
        assert of_it[1]["status"] == 500
        assert [line for line in server.lines() if "error" in line] == of_it[:1]
        assert "李" not in server.log.read_text()
        assert server.get("/healthz").status_code == 200


def test_metrics_count(inbox: Server) -> None:
    def numbers() -> dict[str, float]:
        text = inbox.get("/metrics").text
        pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    first = numbers()
    raw = bundle(text="counted")
    inbox.send(raw)
    inbox.send(raw)
    inbox.send(b"no zip")
    second = numbers()
    post = 'inbox_requests_total{{method="POST",route="/v1/submissions/{{lesson}}",status="{}"}}'
    for name, more in (
        ('inbox_submissions_total{result="new"}', 1),
        ('inbox_submissions_total{result="again"}', 1),
        ("inbox_bundle_bytes_total", len(raw)),
        *((post.format(status), 1) for status in (201, 200, 422)),
    ):
        assert second[name] - first.get(name, 0) == more, name
    assert second["inbox_disk_free_bytes"] > 0
    assert second["inbox_requests_running"] == 1  # this one
    assert "amy" not in inbox.get("/metrics").text


def test_the_page_of_the_api_tells_every_route_and_loads_nothing(inbox: Server) -> None:
    page = inbox.get("/docs")
    for path in inbox.get("/openapi.json").json()["paths"]:
        assert path in page.text
    assert "<script" not in page.text
    assert "http" not in page.text.replace("HTTP", "")
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_health(inbox: Server) -> None:
    assert inbox.get("/healthz").json() == {"status": "ok"}


# --- how much, how often, how long --------------------------------------------------------------


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return an inbox with small limits: 100 kB, 250 kB in all, 5 uploads, 20 requests."""
    data = tmp_path_factory.mktemp("narrow") / "data"
    tokens = enroll(data)
    limits = ("--max-mb", "0.1", "--quota-mb", "0.25", "--uploads", "5", "--requests", "20")
    with serving(data, *limits) as server:
        server.tokens = tokens
        yield server


def noise(size: int, seed: int) -> bytes:
    """Return bytes that no zip makes smaller."""
    import random

    return random.Random(seed).randbytes(size)


def test_too_large_too_much_too_often(narrow: Server) -> None:
    big = zipped({"evidence/noise.bin": noise(100_000, 0)})
    assert len(big) > 100_000
    for content in (big, iter([big[:60_000], big[60_000:]])):  # told beforehand, and not
        answer = narrow.ask(
            "POST", f"/v1/submissions/{LESSON}", "amy", content=content,
            headers={"X-Content-SHA256": sha256(big)},
        )  # fmt: skip
        assert (answer.status_code, "limit of 0.1 MB" in answer.text) == (413, True)
    for seed in (1, 2):
        assert narrow.send(zipped({"evidence/n": noise(95_000, seed)})).status_code == 201
    answer = narrow.send(zipped({"evidence/n": noise(95_000, 3)}))
    assert (answer.status_code, "more than 0.25 MB" in answer.text) == (413, True)
    assert len(narrow.bundles()) == 2
    answer = narrow.send(zipped())
    assert answer.status_code == 429
    assert 60 < int(answer.headers["retry-after"]) <= 3600 / 5 + 1
    assert narrow.send(bundle("bo"), "bo").status_code == 201  # others go on
    statuses = [narrow.get("/v1/points", "amy").status_code for _ in range(30)]
    assert statuses[-1] == 429
    assert narrow.get("/v1/points", "bo").status_code == 404


def test_buckets_fill_up_again() -> None:
    now = [0.0]
    buckets = Buckets(2, 10, clock=lambda: now[0])
    assert [buckets.take("a"), buckets.take("a"), buckets.take("a")] == [0, 0, 5]
    assert buckets.take("b") == 0
    now[0] = 4.0
    assert buckets.take("a") == pytest.approx(1)
    now[0] = 1000.0
    assert [buckets.take("a"), buckets.take("a"), buckets.take("a")] == [0, 0, 5]


def talk(server: Server, head: str, body: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), 20)
    connection.sendall(head.replace("\n", "\r\n").encode() + body)
    return connection


def test_an_upload_that_breaks_off_leaves_nothing(inbox: Server) -> None:
    before, raw = inbox.bundles(), bundle(text="broken off")
    head = f"""POST /v1/submissions/{LESSON} HTTP/1.1
Host: x
Authorization: Bearer {inbox.tokens["amy"]}
X-Content-SHA256: {sha256(raw)}
Content-Length: {len(raw)}

"""
    connection = talk(inbox, head, raw[:-10])
    deadline = time.monotonic() + 20
    while not list((inbox.data / "incoming").iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    connection.close()
    while list((inbox.data / "incoming").iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert inbox.bundles() == before
    assert inbox.send(raw).status_code == 201


def test_a_refusal_reaches_who_is_still_sending(narrow: Server) -> None:
    raw = bytes(10_000_000)  # more than the system keeps of what nobody reads
    for headers in ({}, {"Expect": "100-continue"}):
        assert narrow.send(raw, "camp_guessed", **headers).status_code == 401
        assert narrow.send(raw, "李 雷", **headers).status_code == 413


# --- a full disk --------------------------------------------------------------------------------


def test_a_full_disk_keeps_nothing_half_and_no_receipt_lies(tmp_path: Path) -> None:
    seed, data = tmp_path / "seed", tmp_path / "data"
    data.mkdir()
    tokens = enroll(seed)
    before = (
        f"{shlex.join(with_small_disk(data, '6m'))} -- cp -r {seed}/. {data}; "
        f"head -c 2000000 /dev/zero > {data}/ballast"
    )
    with serving(data, *NO_LIMIT, before=before) as server:
        server.tokens = tokens
        inside = Path(f"/proc/{server.process.pid}/root{data}")
        receipts = []
        for size in (300_000, 20_000, 1000):  # until the bundle, the row, nothing fits
            full = 0
            for number in range(400):
                answer = server.send(zipped({"evidence/n": noise(size, number)}))
                if answer.status_code == 201:
                    receipts.append((answer.json(), size, number))
                    continue
                assert answer.status_code == 507, answer.text
                assert "disk is full and nothing of this was kept" in answer.json()["detail"]
                assert not list((inside / "incoming").iterdir())
                full += 1
                if full == 3:
                    break
            assert full == 3
        assert server.get("/healthz").status_code == 503
        names = {path.name for path in (inside / "bundles").iterdir()}
        assert names == {f"{one['id']}.zip" for one, _, _ in receipts}
        for one, _, _ in receipts:
            assert sha256((inside / one["place"]).read_bytes()) == one["sha256"]
        assert len(server.get("/v1/submissions", "tara").json()) == len(receipts)
        (inside / "ballast").unlink()
        assert server.send(zipped({"evidence/n": noise(300_000, 99)})).status_code == 201
        assert [one["status"] for one in server.lines() if one.get("status") == 500] == []
