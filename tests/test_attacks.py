"""A corpus of dishonest, broken and honest submissions, graded in one run of ``camp grade``."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import psutil
import pytest
from bs4 import BeautifulSoup

from grading.apart.wire import Handle, load, read_frame
from grading.course import Course
from tests.attacks import frames, leaking, returning, table
from tests.attacks.case import LOOT, MARK, Case, Scene
from tests.attacks.course import FULL, HOMEWORK, MARKED, SECRET, make_course
from tests.attacks.table import TOPICS

CASES: dict[str, Case] = {name: case for topic in TOPICS for name, case in topic.CASES.items()}
CAMP = str(Path(sys.executable).parent / "camp")
AGAIN = ("no_json", "loop", "pipe", "shuts_the_door", "kills")  # had a good score before
FIRST = dict.fromkeys(AGAIN, CASES["solved"]) | {
    name: case.first for name, case in CASES.items() if case.first
}
HIDDEN = [str(number) for number in (SECRET, SECRET + 1, SECRET + 2, 2 * SECRET, 4 * SECRET)]
CANARY = "canary of the grader's home"
pytestmark = [
    pytest.mark.timeout(900),  # the first test grades all cases: minutes on a busy machine
    pytest.mark.first,
    pytest.mark.skipif(sys.platform != "linux", reason="learners' code runs on Linux"),
]


@dataclass
class Graded:
    """What is there after the run."""

    scene: Scene
    results: dict[str, dict[str, Any]]
    before: dict[str, dict[str, Any]]
    first_pages: dict[str, str]
    handed_in: dict[Path, str]
    seconds: float
    heard: list[bytes] = field(default_factory=list)

    def text_of(self, learner: str) -> str:
        """Return the graded notebook of a learner, as text."""
        path = self.scene.course.autograded(learner, HOMEWORK) / f"{HOMEWORK}.ipynb"
        return path.read_text(encoding="utf-8") if path.exists() else ""


def camp(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of ours with ``home`` as the home folder."""
    return subprocess.run(
        [CAMP, *words], env=os.environ | {"HOME": str(home), "CANARY_TOKEN": CANARY},
        capture_output=True, text=True, timeout=280,
    )  # fmt: skip


def grade(scene: Scene) -> dict[str, dict[str, Any]]:
    """Run ``camp grade`` and return its results by learner."""
    done = camp("grade", HOMEWORK, "--course", str(scene.course.path), "--json", home=scene.home)
    assert done.returncode == 0, done.stderr[-2000:]
    return {result["learner"]: result for result in json.loads(done.stdout)}


def pages_of(scene: Scene, learners: list[str]) -> dict[str, str]:
    """Write the feedback pages of some learners and return their text."""
    asked = [word for learner in learners for word in ("--learner", learner)]
    done = camp("feedback", HOMEWORK, "--course", str(scene.course.path), *asked, home=scene.home)
    assert done.returncode == 0, done.stderr[-2000:]
    folders = {learner: scene.course.feedback(learner, HOMEWORK) for learner in learners}
    return {
        learner: (folder / f"{HOMEWORK}.html").read_text(encoding="utf-8")
        for learner, folder in folders.items()
    }


@contextmanager
def listening(home: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Listen for whoever gets out: TCP, UDP, unix sockets with a name and with a path."""
    heard: list[bytes] = []
    tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
    tcp.bind(("127.0.0.1", 0))
    port = tcp.getsockname()[1]
    udp.bind(("127.0.0.1", port))
    named, placed = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    named.bind(f"\0camp-canary-{port}")
    placed.bind(str(home / "canary.sock"))

    def accept(listener: socket.socket) -> None:
        try:
            while True:
                link, _ = listener.accept()
                heard.append(link.recv(99))
        except OSError:
            return

    def receive() -> None:
        try:
            while True:
                heard.append(udp.recv(99))
        except OSError:
            return

    for one in (tcp, named, placed):
        one.listen()
        threading.Thread(target=accept, args=(one,), daemon=True).start()
    threading.Thread(target=receive, daemon=True).start()
    try:
        yield port, heard
    finally:
        for one in (tcp, udp, named, placed):
            one.close()


def digests(folder: Path) -> dict[Path, str]:
    """Return what each regular file below a folder holds; large ones by their size."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            size = path.lstat().st_size
            small = size < 50_000_000
            found[path] = hashlib.sha256(path.read_bytes()).hexdigest() if small else str(size)
    return found


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graded]:
    root = tmp_path_factory.mktemp("attacked")
    (root / "home").mkdir()
    (root / "home" / "canary.txt").write_text(CANARY)
    with listening(root / "home") as (port, heard):
        scene = Scene(make_course(root / "course"), root / "home", port)
        for learner, case in FIRST.items():
            case.hand_in(learner, scene)
        before = grade(scene)
        first_pages = pages_of(scene, list(returning.CASES))
        for learner, case in CASES.items():
            case.hand_in(learner, scene)
        handed_in = digests(scene.course.path / "submitted")
        started = time.monotonic()
        results = grade(scene)
        seconds = time.monotonic() - started
        yield Graded(scene, results, before, first_pages, handed_in, seconds, heard)


PARAMETERS = [
    pytest.param(name, id=f"{topic.__name__.rpartition('.')[2]}-{name}")
    for topic in TOPICS
    for name in topic.CASES
]


@pytest.mark.parametrize("learner", PARAMETERS)
def test_each_earns_what_it_is_worth(graded: Graded, learner: str) -> None:
    case, result = CASES[learner], graded.results[learner]
    told = [remark["en"] for remark in result["remarks"]]
    assert (result["score"], result["auto_score"]) == (case.points, case.points), told
    assert result["max_score"] == FULL + MARKED
    assert case.review in (None, result["review"]), told
    assert all("grading failed" not in text for text in told)
    assert len(told) < 30
    assert all(text.isprintable() for text in told)
    assert LOOT not in "".join(_printed(graded.text_of(learner)))


def _printed(text: str) -> Iterator[str]:
    """Yield what the cells of a graded notebook printed."""
    cells = nbformat.reads(text, as_version=4).cells if text else []
    for cell in cells:
        for output in cell.get("outputs", []):
            yield str(output.get("text", "")) + str(output.get("evalue", ""))


@pytest.mark.parametrize("learner", AGAIN)
def test_no_older_score_is_left(graded: Graded, learner: str) -> None:
    assert graded.before[learner]["score"] == FULL
    assert graded.results[learner]["score"] == 0
    assert graded.results[learner]["pending"] > 0 or learner == "kills"


def test_nothing_handed_in_is_changed(graded: Graded) -> None:
    assert len(graded.handed_in) > len(CASES)
    assert digests(graded.scene.course.path / "submitted") == graded.handed_in


def test_the_gradebook_holds_what_the_grader_entered(graded: Graded) -> None:
    with sqlite3.connect(graded.scene.course.path / "gradebook.db") as book:
        assert book.execute(
            "select count(*) from grade where manual_score is not null"
        ).fetchone() == (0,)
        sums = dict(
            book.execute(
                "select s.student_id, coalesce(sum(g.auto_score), 0) from grade g "
                "join submitted_notebook n on g.notebook_id = n.id "
                "join submitted_assignment s on n.assignment_id = s.id group by 1"
            )
        )
    assert sums == {learner: case.points for learner, case in CASES.items()}


def test_the_home_folder_and_the_network_are_untouched(graded: Graded) -> None:
    home = graded.scene.home
    assert (home / "canary.txt").read_text() == CANARY
    assert not list(home.rglob("*evil*"))
    assert graded.heard == []
    for learner in CASES:
        assert CANARY not in graded.text_of(learner)


def test_nobody_outlives_the_grading(graded: Graded) -> None:
    alive = [one for one in psutil.process_iter(["cmdline"]) if MARK in (one.info["cmdline"] or ())]
    zygotes = [
        one
        for one in psutil.process_iter(["cmdline"])
        if "grading.isolation.zygote" in (one.info["cmdline"] or ())
        and one.create_time() > time.time() - graded.seconds - 60
        and one.ppid() == 1
    ]
    assert not alive
    assert not zygotes


def test_the_run_ends_in_time(graded: Graded) -> None:
    """Nobody holds up the others: all loops and sleeps together are bounded by the limits."""
    assert graded.seconds < 200
    assert max(result["seconds"] for result in graded.results.values()) < 60


def test_the_terminal_shows_plain_text(graded: Graded) -> None:
    scene = graded.scene
    strange = [b"a\xff\xfe", b"red\x1b[31m", b"n" * 250, b"two\nlines", "\u202eid".encode(), b"-rf"]
    folders = [scene.course.path / "submitted" / os.fsdecode(name) for name in strange]
    for folder in folders:
        (folder / HOMEWORK).mkdir(parents=True)
    done = camp("grade", HOMEWORK, "--course", str(scene.course.path), home=scene.home)
    assert done.returncode == 0, done.stderr[-2000:]
    assert all(one.isprintable() or one == "\n" for one in done.stdout)
    reviews = sum(result["review"] for result in graded.results.values()) + len(strange)
    assert f" s, {len(CASES)} unchanged, {reviews} need review\n" in done.stdout
    for folder in folders:
        (folder / HOMEWORK).rmdir()
        folder.rmdir()


@pytest.fixture(scope="module")
def pages(graded: Graded) -> dict[str, str]:
    """Return the feedback pages of those who leak, and of one full of scripts."""
    learners = [*leaking.CASES, *returning.CASES, "scripts", "lies_about_errors"]
    return pages_of(graded.scene, [*learners, "solved", "blank"])


@pytest.mark.parametrize("learner", [*leaking.CASES, *returning.CASES])
def test_no_hidden_value_reaches_a_learner(
    graded: Graded, pages: dict[str, str], learner: str
) -> None:
    for page in (pages[learner], graded.first_pages.get(learner, "")):
        assert [number for number in HIDDEN if number in page] == []
        assert "HIDDEN TESTS" not in page


@pytest.mark.parametrize("learner", returning.CASES)
def test_a_first_submission_earned_what_it_was_worth(graded: Graded, learner: str) -> None:
    assert graded.before[learner]["score"] == FIRST[learner].points
    assert learner in graded.first_pages[learner]


def test_how_long_it_took_is_nowhere_told(graded: Graded, pages: dict[str, str]) -> None:
    """Two of the same notebook; one slept as long as the digits of hidden arguments say."""
    slow, fast = "by_pace", "without_pace"
    assert graded.results[slow]["seconds"] > 1.0  # the digits 7 and 3, a tenth of a second each
    assert pages[slow].replace(slow, "X") == pages[fast].replace(fast, "X")
    assert graded.text_of(slow) == graded.text_of(fast)


def test_how_a_hidden_test_was_failed_is_not_told(pages: dict[str, str]) -> None:
    """Whatever it is that the code raised: a page says that a hidden test failed, and no more."""
    rows = {
        str(row)
        for learner in ("by_message", "by_assertion", "by_name", "by_line", "by_verdict",
                        "by_own_verdict", "by_clock")
        for row in BeautifulSoup(pages[learner], "html.parser").select("tbody tr")
        if row.td and row.td.text == "digits"
    }  # fmt: skip
    assert len(rows) == 1
    assert "没有通过隐藏测试" in rows.pop()


@pytest.mark.parametrize("learner", ["scripts", "lies_about_errors"])
def test_no_script_reaches_a_page(pages: dict[str, str], learner: str) -> None:
    """Text that looks like a script may be shown, as in a listing of the learner's own code."""
    text = pages[learner]
    assert all(one.isprintable() or one in "\n\u3000" for one in text)
    page = BeautifulSoup(text, "html.parser")
    for tag in page.find_all(True):
        assert tag.name not in ("script", "iframe", "svg", "object", "embed", "form", "base")
        assert not [name for name in tag.attrs if name.startswith("on") or name == "srcdoc"]
        for name in ("href", "src", "action"):
            assert not str(tag.get(name, "")).strip().lower().startswith("javascript")


def test_the_course_can_be_opened(graded: Graded) -> None:
    assert Course.open(graded.scene.course.path).learners(HOMEWORK) == sorted(CASES)


def test_what_the_corpus_says_is_what_the_judge_reads() -> None:
    """Else an attack that speaks to the judge would only fail to say anything."""
    said = io.BytesIO()
    spoken: dict[str, Any] = {}
    exec(frames.SPEAK, spoken)
    spoken["link"] = SimpleNamespace(sendall=said.write)
    spoken["reply"](spoken["handle"](7, "builtins.int"))
    said.seek(0)
    border: Any = SimpleNamespace(find=lambda handle: handle)
    _, _, (handle, _, _), _ = load(*read_frame(said.read), border)
    assert isinstance(handle, Handle)
    assert (handle.number, [kind.name for kind in handle.kinds]) == (7, ["builtins.int"])


@pytest.mark.parametrize("language", table.PAGES)
def test_the_pages_list_the_corpus_as_it_is(language: str) -> None:
    told = (table.ROOT / table.PAGES[language]).read_text(encoding="utf-8")
    assert table.page(language) == told, "run python -m tests.attacks.table"
    assert CASES.keys() == table.chinese.TRIES.keys()
