"""The inbox, as a real server process: receipts, roles, limits, and what tries to get through."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from course_lib.errors import CampError
from grading.course import Course
from grading.inbox.client import release
from grading.inbox.database import Database, address_of
from grading.inbox.members import Member, Roster
from grading.inbox.receipts import signer
from tests.conftest import free_port
from tests.inbox_server import LESSON, PEOPLE, Server, bundle, camp, enroll, sha256
from tests.kits import camp as any_camp

# --- receipts ---------------------------------------------------------------------------------


def test_a_receipt_says_what_lies_on_the_disk(inbox: Server, tmp_path: Path) -> None:
    raw = bundle(text="receipt")
    answer = inbox.send(raw)
    assert answer.status_code == 201, answer.text
    receipt = answer.json()
    assert {name: receipt[name] for name in ("learner", "lesson", "cohort", "sha256")} == {
        "learner": "amy", "lesson": LESSON, "cohort": "2026a", "sha256": sha256(raw),
    }  # fmt: skip
    assert receipt["place"] == f"bundles/{receipt['id']}.zip"
    assert (inbox.data / receipt["place"]).read_bytes() == raw
    age = time.time() - datetime.fromisoformat(receipt["received"]).timestamp()
    assert -2 < age < 60
    kept = tmp_path / "receipt.json"
    kept.write_bytes(answer.content)
    assert camp("verify", kept, "--data", inbox.data).startswith("good: amy, 01_intro, number ")


@pytest.mark.parametrize(
    "change",
    [
        {"learner": "bo"}, {"number": 9}, {"sha256": "0" * 64}, {"received": "2020-01-01T00:00:00Z"},
        {"queue": 9},
        {"place": "bundles/x.zip"}, {"id": "0" * 32}, {"cohort": ""}, {"signature": ""},
        {"signature": "é"},
    ],
)  # fmt: skip
def test_a_changed_receipt_is_told(
    inbox: Server, tmp_path: Path, change: dict[str, object]
) -> None:
    receipt = inbox.send(bundle(text="receipt")).json()
    (tmp_path / "r.json").write_text(json.dumps(receipt | change))
    with pytest.raises(CampError, match="was not signed by this inbox"):
        camp("verify", tmp_path / "r.json", "--data", inbox.data)


def test_what_is_no_receipt_is_told(inbox: Server, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text("[1]")
    with pytest.raises(CampError, match=r"r\.json is no receipt: name the JSON file"):
        camp("verify", tmp_path / "r.json", "--data", inbox.data)


def test_the_same_bytes_again_have_the_same_receipt(inbox: Server) -> None:
    raw, other = bundle("bo", text="again"), bundle("bo", text="other")
    first = inbox.send(raw, "bo")
    before = inbox.bundles()
    second = inbox.send(raw, "bo")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert inbox.bundles() == before
    assert inbox.send(other, "bo").json()["number"] == first.json()["number"] + 1
    assert inbox.send(raw, "bo").json() == first.json()


def test_the_same_bytes_at_the_same_time_are_one_submission(inbox: Server) -> None:
    lesson = "02_demo"
    raw = bundle("李 雷", lesson)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: inbox.send(raw, "李 雷", lesson), range(16)))
    assert sorted(one.status_code for one in answers) == [200] * 15 + [201]
    assert len({one.text for one in answers}) == 1
    listed = inbox.get(f"/v1/submissions?lesson={lesson}", "tara").json()
    assert listed == [answers[0].json()]


def test_a_receipt_tells_the_place_in_the_cohorts_queue(inbox: Server, tmp_path: Path) -> None:
    lesson = "07_rag"
    sent = [("amy", "a"), ("李 雷", "b"), ("bo", "c"), ("amy", "a"), ("amy", "d"), ("bo", "e")]
    works = {(who, text): bundle(who, lesson, text) for who, text in {*sent}}  # each has a time
    answers = [inbox.send(works[who, text], who, lesson) for who, text in sent]
    assert [one.json()["queue"] for one in answers] == [1, 2, 1, 1, 2, 1]  # bo's cohort is another
    assert answers[3].json() == answers[0].json()
    (tmp_path / "r.json").write_bytes(answers[4].content)
    told = camp("verify", tmp_path / "r.json", "--data", inbox.data)
    assert ", place 2 in the queue; its bundle is" in told
    page = f"/v1/feedback/李 雷/{lesson}"
    assert inbox.ask("PUT", page, "tara", content=b"<p>").status_code == 201
    assert inbox.send(bundle("amy", lesson, "f"), "amy", lesson).json()["queue"] == 1


# --- whose is what ----------------------------------------------------------------------------

ROUTES = {
    ("POST", f"/v1/submissions/{LESSON}"): {"learner"},
    ("GET", f"/v1/feedback/{LESSON}"): {"learner"},
    ("GET", "/v1/points"): {"learner"},
    ("GET", "/v1/submissions"): {"ta", "instructor"},
    ("GET", "/v1/submissions/" + "0" * 32 + "/bundle"): {"ta", "instructor"},
    ("PUT", f"/v1/feedback/amy/{LESSON}"): {"ta", "instructor"},
    ("GET", "/healthz"): set(),
    ("GET", "/metrics"): set(),
}  # fmt: skip


def test_this_file_knows_every_route(inbox: Server) -> None:
    paths = inbox.get("/openapi.json").json()["paths"]
    told = {(method.upper(), path) for path, one in paths.items() for method in one}
    known = {
        (method, path.replace(LESSON, "{lesson}").replace("0" * 32, "{id}").replace("amy", "{learner}"))
        for method, path in ROUTES
    }  # fmt: skip
    assert told == known


@pytest.mark.parametrize(("method", "path"), [key for key, roles in ROUTES.items() if roles])
def test_each_route_lets_its_roles_in_and_nobody_else(
    inbox: Server, method: str, path: str
) -> None:
    for who in (None, "camp_guessed", "é", "x" * 5000):
        head = {"Authorization": f"Bearer {who}".encode()} if who is not None else {}
        answer = inbox.ask(method, path, headers=head)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    roles = {one.id: str(one.role) for one in PEOPLE}
    for who in ("amy", "tara", "ines"):
        status = inbox.ask(method, path, who).status_code
        assert (status == 403) == (roles[who] not in ROUTES[method, path]), (who, status)
        assert status != 401


def test_a_token_that_was_revoked_or_renewed_is_void(inbox: Server) -> None:
    roster = Roster(Database(address_of(inbox.data, None)))
    roster.enter([Member("zoe")])
    first, second = roster.invite(["zoe"]), roster.invite(["zoe"])
    path = "/v1/points"
    assert inbox.get(path, first[0].token).status_code == 401
    roster.issue(first)
    assert inbox.get(path, first[0].token).status_code == 200
    roster.issue(second)
    assert inbox.get(path, first[0].token).status_code == 401
    assert inbox.get(path, second[0].token).status_code == 200
    assert roster.revoke(["zoe"]) == 1
    assert inbox.get(path, second[0].token).status_code == 401


def test_a_learner_hands_in_only_as_oneself(inbox: Server) -> None:
    before = inbox.bundles()
    other = inbox.send(bundle("amy", text="stolen"), "bo")
    assert other.status_code == 422
    assert "a submission of amy, the token is bo's" in other.json()["detail"]
    assert other.json()["detail"].endswith(f"mistyped: camp submit {LESSON} --id bo")
    assert inbox.get("/wrong/path/v1/points", "bo").json() == {"detail": "Not Found"}
    lesson = inbox.send(bundle("bo", "02_demo"), "bo")
    assert (lesson.status_code, "of 02_demo, not of 01_intro" in lesson.text) == (422, True)
    assert inbox.bundles() == before


def test_a_learner_reads_only_the_own_feedback(inbox: Server) -> None:
    before = {*(inbox.data / "feedback").iterdir()}
    first, second = b"<p>amy's first</p>", "<p>amy 的第二份</p>".encode()
    assert inbox.get(f"/v1/feedback/{LESSON}", "amy").status_code == 404
    assert inbox.release(first).status_code == 201
    assert inbox.release(second).status_code == 201
    assert inbox.release(second).status_code == 200
    got = inbox.get(f"/v1/feedback/{LESSON}", "amy")
    assert (got.status_code, got.content) == (200, second)
    assert got.headers["content-type"] == "text/html; charset=utf-8"
    assert "sandbox" in got.headers["content-security-policy"]
    assert inbox.get(f"/v1/feedback/{LESSON}", "bo").status_code == 404
    assert inbox.get(f"/v1/feedback/amy/{LESSON}", "bo").status_code == 405
    assert inbox.release(b"<p>x", learner="nobody").status_code == 404
    assert inbox.release(b"<p>x", learner="tara").status_code == 404
    assert inbox.release(b"\xff\xfe<p>").status_code == 422
    assert len({*(inbox.data / "feedback").iterdir()} - before) == 2


def test_a_learner_reads_only_the_own_points(inbox: Server) -> None:
    mine = inbox.get("/v1/points", "amy")
    assert "secret" not in mine.text
    assert {name: mine.json()[name] for name in ("learner", "total", "levels")} == {
        "learner": "amy", "total": 95, "levels": {"L1-1": 95},
    }  # fmt: skip
    assert [one["points"] for one in mine.json()["bookings"]] == [100, -5]
    assert inbox.get("/v1/points?learner=amy", "bo").json()["total"] == 70
    assert inbox.get("/v1/points", "李 雷").json()["total"] == 0


def test_a_ta_of_a_cohort_sees_that_cohort_alone(inbox: Server) -> None:
    lesson = "03_xtuner"
    raws = {who: bundle(who, lesson) for who in ("amy", "bo")}
    ids = {who: inbox.send(raw, who, lesson).json()["id"] for who, raw in raws.items()}
    for who, seen in (("tom", {"amy"}), ("tara", {"amy", "bo"}), ("ines", {"amy", "bo"})):
        listed = inbox.get(f"/v1/submissions?lesson={lesson}", who).json()
        assert {one["learner"] for one in listed} == seen
        for learner, identity in ids.items():
            got = inbox.get(f"/v1/submissions/{identity}/bundle", who)
            assert got.status_code == (200 if learner in seen else 404)
            assert got.content == raws[learner] or got.status_code == 404
    assert inbox.release(b"<p>for bo", "tom", "bo").status_code == 404
    for path in ("../receipt.key", "..%2freceipt.key", "%2e%2e", ids["amy"].upper(), "0" * 32):
        assert inbox.get(f"/v1/submissions/{path}/bundle", "ines").status_code in (404, 422)


def test_pages_of_camp_feedback_are_released_to_their_learners(
    inbox: Server, tmp_path: Path
) -> None:
    lesson = "04_lmdeploy"
    pages = {
        learner: tmp_path / "feedback" / learner / lesson / f"{lesson}.html"
        for learner in ("amy", "李 雷", "stranger")
    }
    for learner, page in pages.items():
        page.parent.mkdir(parents=True)
        page.write_text(f"<p>for {learner}", encoding="utf-8")
    words = ("--course", tmp_path, "--data", inbox.data)
    assert "2 pages released, 0 were the newest already" in camp("release", lesson, *words)
    pages["amy"].write_text("<p>better")
    assert "1 pages released, 1 were the newest already" in camp("release", lesson, *words)
    path = f"/v1/feedback/{lesson}"
    assert inbox.get(path, "amy").text == "<p>better"
    assert inbox.get(path, "李 雷").text == "<p>for 李 雷"
    assert inbox.get(path, "bo").status_code == 404
    with pytest.raises(CampError, match="no page of 02_demo"):
        camp("release", "02_demo", *words)


@pytest.mark.parametrize("words", [("check",), ("release", LESSON)])
def test_a_folder_that_is_no_inbox_stays_as_it_is(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "some").mkdir()
    for folder in (tmp_path / "some", tmp_path / "none"):
        with pytest.raises(CampError, match=r"no inbox in .* \(no receipt\.key\): name its folder"):
            camp(*words, "--data", folder)
    assert [path.name for path in tmp_path.rglob("*")] == ["some"]


def test_a_ta_elsewhere_collects_and_releases_by_the_address(
    inbox: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lesson, course = "06_agents", Course(tmp_path / "course")
    (course.path / "source" / lesson).mkdir(parents=True)
    for who in ("amy", "李 雷", "bo"):
        assert inbox.send(bundle(who, lesson, who), who, lesson).status_code == 201
    seen = inbox.get("/v1/submissions", "tom").json()  # of cohort 2026a, where bo is not

    def collect(*words: str) -> str:
        command = ("collect", inbox.url, "--course", str(course.path), *words)
        done = any_camp(tmp_path, *command, CAMP_TOKEN=inbox.tokens["tom"])
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().splitlines()[-1]

    def fetched() -> int:
        return sum(one.get("route") == "/v1/submissions/{id}/bundle" for one in inbox.lines())

    assert collect().startswith("2 collected, 0 known")
    assert course.learners(lesson) == ["amy", "李 雷"]
    record = json.loads((course.path / f"collected/{lesson}/amy/001/collected.json").read_text())
    receipt = next(one for one in seen if (one["learner"], one["lesson"]) == ("amy", lesson))
    assert (record["received"], record["number"]) == (receipt["received"], 1)
    before = fetched()
    assert collect().startswith("0 collected, 2 known")
    assert fetched() == before  # nor other tests' lessons, which are not of this course
    collect("--dry-run")
    kept = course.path / f"collected/{lesson}/amy/001/collected.json"
    whole = kept.read_bytes()
    kept.write_text("{")
    assert collect() == f"0 collected, 1 known, {len(seen) - 2 + 1} not taken"
    kept.write_bytes(whole)

    pages = [course.feedback(who, lesson) / f"{lesson}.html" for who in ("amy", "bo", "stranger")]
    for page in pages:
        page.parent.mkdir(parents=True)
        page.write_text("<p>well done", encoding="utf-8")
    monkeypatch.setenv("CAMP_TOKEN", inbox.tokens["tom"])
    assert release(course, pages, inbox.url) == ([pages[0]], ["bo", "stranger"])
    assert inbox.get(f"/v1/feedback/{lesson}", "amy").text == "<p>well done"
    monkeypatch.setenv("CAMP_TOKEN", inbox.tokens["amy"])
    monkeypatch.setenv("CAMP_LANG", "en")
    with pytest.raises(CampError, match="not for a learner"):
        release(course, pages, inbox.url)


def test_a_bundle_that_the_inbox_lost_stops_nobody_else(inbox: Server, tmp_path: Path) -> None:
    lesson, course = "05_xtuner", Course(tmp_path / "course")
    (course.path / "source" / lesson).mkdir(parents=True)
    raws = {who: bundle(who, lesson) for who in ("amy", "bo", "李 雷")}
    sent = {who: inbox.send(raw, who, lesson).json() for who, raw in raws.items()}
    (inbox.data / sent["amy"]["place"]).unlink()
    (inbox.data / sent["bo"]["place"]).write_bytes(b"damaged")

    def collect() -> subprocess.CompletedProcess[str]:
        command = ("collect", inbox.url, "--course", str(course.path))
        done = any_camp(tmp_path, *command, CAMP_TOKEN=inbox.tokens["tara"])
        assert done.returncode == 0, done.stderr
        return done

    says = [line for line in collect().stderr.splitlines() if lesson in line.partition("):")[0]]
    assert says == [
        f"✗ {inbox.url} {sent[who]['id']} ({who}, {lesson}): its file in the inbox is lost or "
        "damaged: restore it from a backup, or ask the learner to hand it in again"
        for who in ("amy", "bo")
    ]
    assert course.learners(lesson) == ["李 雷"]
    for who in ("amy", "bo"):
        assert inbox.send(raws[who], who, lesson).json()["id"] == sent[who]["id"]
    assert "2 collected, 1 known" in collect().stdout
    assert course.learners(lesson) == ["amy", "bo", "李 雷"]


# --- a start that cannot be -------------------------------------------------------------------


def start(data: Path, *options: str) -> str:
    """Start an inbox that refuses; return its one line."""
    with pytest.raises(CampError) as refused:
        camp("--data", data, *options)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_start_that_cannot_be_is_one_line(inbox: Server, tmp_path: Path) -> None:
    data, port = tmp_path / "data", ("--port", str(free_port()))
    enroll(data)
    signer(data, new=True)
    taken = inbox.url.rpartition(":")[2]
    assert f"another inbox serves {inbox.data}" in start(inbox.data)
    assert f"cannot listen on 127.0.0.1:{taken}" in start(data, "--port", taken)
    (data / "receipt.key").chmod(0o644)
    assert "can be read by others" in start(data, *port)
    (data / "receipt.key").chmod(0o600)
    (data / "receipt.key").write_text("xyz")
    assert "is no key" in start(data, *port)
    (data / "receipt.key").unlink()
    (data / "bundles").mkdir(exist_ok=True)
    (data / "bundles" / "a.zip").touch()
    assert "holds bundles but no receipt.key" in start(data, *port)
    assert not (data / "receipt.key").exists()
    (data / "bundles" / "a.zip").unlink()
    signer(data, new=True)
    assert "has no folder 'source'" in start(data, "--course", str(tmp_path))
    assert "no driver for mysql" in start(data, *port, "--db", "mysql://x@y/z")
    gone = f"postgresql://camp@127.0.0.1:{free_port()}/x"
    assert "database cannot be used" in start(data, *port, "--db", gone)
    with sqlite3.connect(tmp_path / "gradebook.db") as book:
        book.execute("create table assignment (id text)")
    assert "holds a gradebook" in start(data, *port, "--db", f"sqlite:///{tmp_path}/gradebook.db")
    with pytest.raises(CampError, match="no inbox in"):
        camp("check", "--data", tmp_path / "nowhere")
