"""What runs beside a learner's process ends with it, wherever its children hide."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from course_lib import ports
from course_lib.background import Service, Tethered
from course_lib.errors import CampError
from course_lib.language import Text
from tests.conftest import free_port

DAEMON = """
import os, pathlib, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        pathlib.Path("daemon").write_text(str(os.getpid()))
        time.sleep(600)
    os._exit(0)
time.sleep(600)
"""
OWNER = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
from pathlib import Path
from course_lib.background import Tethered
command = Tethered([sys.executable, "-c", sys.argv[1]], Path.cwd(), {})
time.sleep(600)
"""


class Page(Service):
    what = Text("网页", "the page")


def page(code: str, folder: Path, port: int | None = None) -> Page:
    command = [sys.executable, "-c", code]
    return Page(command, port or free_port(), "/", folder / "page.log", os.environ, folder)


def daemon_in(folder: Path) -> psutil.Process:
    deadline = time.monotonic() + 60
    while not (folder / "daemon").exists() or not (folder / "daemon").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return psutil.Process(int((folder / "daemon").read_text()))


def ended(process: psutil.Process) -> bool:
    deadline = time.monotonic() + 30
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_daemon_ends_with_a_killed_owner(tmp_path: Path, number: signal.Signals) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, DAEMON], cwd=tmp_path, stderr=subprocess.DEVNULL
    )
    daemon = daemon_in(tmp_path)
    owner.send_signal(number)
    owner.wait(timeout=30)
    assert ended(daemon)


def test_a_daemon_ends_on_request(tmp_path: Path) -> None:
    command = Tethered([sys.executable, "-c", DAEMON], tmp_path, {})
    daemon = daemon_in(tmp_path)
    command.end()
    assert ended(daemon)
    command.end()  # harmless


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_the_tether_itself_may_be_killed(tmp_path: Path) -> None:
    command = Tethered([sys.executable, "-c", "import time; time.sleep(600)"], tmp_path, {})
    tether = psutil.Process(command.process.pid)
    deadline = time.monotonic() + 60
    while not tether.children() and time.monotonic() < deadline:
        time.sleep(0.02)
    (child,) = tether.children()
    tether.kill()
    assert ended(child)
    command.end()


def test_an_interrupt_of_the_owners_group_does_not_reach_it(tmp_path: Path) -> None:
    command = Tethered([sys.executable, "-c", DAEMON], tmp_path, {})
    daemon = daemon_in(tmp_path)
    family = psutil.Process(command.process.pid).children(recursive=True)
    assert daemon in family
    pids = {command.process.pid, *(one.pid for one in family)}
    assert os.getpgrp() not in {os.getpgid(pid) for pid in pids}
    command.end()


def test_its_end_is_told(tmp_path: Path) -> None:
    code, memory = Tethered([sys.executable, "-c", "x = b'1' * 10**8"], tmp_path, {}).wait()
    assert code == 0
    assert memory > 10**8
    raised = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    assert Tethered(raised, tmp_path, {}).wait()[0] == 128 + signal.SIGKILL


def test_a_service_answers_until_it_is_stopped(tmp_path: Path) -> None:
    port = free_port()
    code = f"import http.server as h; h.test(h.SimpleHTTPRequestHandler, port={port}, bind='127.0.0.1')"
    with page(code, tmp_path, port) as running:
        running.wait(60)
        assert running.running
        assert "GET / HTTP" in running.tail()
        assert running.tail(1) == running.log.read_text().splitlines()[-1]
    assert not running.running
    assert ports.is_free(port)
    running.stop()  # harmless


LOGS = """
import os, sys, tempfile
from pathlib import Path
from course_lib.background import Service
from course_lib.errors import CampError
from course_lib.language import Text

class Page(Service):
    what = Text("网页", "the page")

def page(code):
    log = Path(tempfile.mkdtemp()) / "page.log"
    return Page([sys.executable, "-c", code], int(sys.argv[1]), "/", log, os.environ)

serve = "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port={}, bind='127.0.0.1')"
with page(serve.format(sys.argv[1])) as one:
    one.wait(60)
assert "GET / HTTP" in one.tail()  # stays while its process does
try:
    page("print('no luck')").wait(60)
except CampError as error:
    print(error)
page("import time; time.sleep(600)")  # never stopped
"""


def test_logs_go_with_their_process_unless_an_error_named_them(tmp_path: Path) -> None:
    ran = [sys.executable, "-c", LOGS, str(free_port())]
    env = os.environ | {"TMPDIR": str(tmp_path), "CAMP_LANG": "en"}
    said = subprocess.run(ran, env=env, capture_output=True, text=True, check=True).stdout
    (left,) = tmp_path.iterdir()
    assert said == f"the page did not start: no luck (log: {left / 'page.log'})\n"
    assert (left / "page.log").read_text() == "no luck\n"


def test_its_log_is_shown_line_by_line_to_the_last(tmp_path: Path) -> None:
    code = "print('你好\\n\\nhalf', end='', flush=True); import time; time.sleep(600)"
    lines: list[str] = []
    with page(code, tmp_path) as running:
        running.follow(lines.append)
        deadline = time.monotonic() + 60
        while len(lines) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert lines == ["你好", ""]
    assert lines == ["你好", "", "half"]


@pytest.mark.parametrize(
    ("code", "seconds", "message"),
    [
        ("print('no luck\\n')", 60, "the page did not start: no luck .log: .*page.log"),
        ("pass", 60, "the page did not start: no output"),
        ("import time; time.sleep(600)", 1, "the page did not answer in 1 s: .*page.log"),
    ],
)
def test_a_service_that_does_not_come_up_says_why(
    code: str, seconds: float, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMP_LANG", "en")
    with page(code, tmp_path) as failing, pytest.raises(CampError, match=message):
        failing.wait(seconds)
