"""An installation of a tool that is stopped in the middle, by real uv from an index of ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from course_lib.doctor.tools import unfinished_tools
from course_lib.errors import CampError
from course_lib.toolbox import catalogue, commands, environments

WHEEL = "labelu-1.5.6-py3-none-any.whl"
PACKAGE = {
    "labelu.py": "def main():\n    print('started')\n",
    "labelu-1.5.6.dist-info/METADATA": "Metadata-Version: 2.1\nName: labelu\nVersion: 1.5.6\n",
    "labelu-1.5.6.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "labelu-1.5.6.dist-info/entry_points.txt": "[console_scripts]\nlabelu = labelu:main\n",
}
CAMP = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
from course_lib.toolbox import catalogue
catalogue.LOCKS = Path(sys.argv.pop(1))
from course_lib.cli import main
main()
"""


class Index:
    """A package index with one small package, which waits until it may be downloaded."""

    def __init__(self, wheel: bytes) -> None:
        self.asked, self.open = threading.Event(), threading.Event()
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = f'<a href="/{WHEEL}">{WHEEL}</a>'.encode()
                if self.path.endswith(".whl"):
                    index.asked.set()
                    index.open.wait(60)
                    body = wheel
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/simple"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    path = tmp_path / WHEEL
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in PACKAGE.items():
            wheel.writestr(name, text)
        names = [*PACKAGE, "labelu-1.5.6.dist-info/RECORD"]
        wheel.writestr(names[-1], "".join(f"{name},,\n" for name in names))
    running = Index(path.read_bytes())
    yield running
    running.open.set()
    running.server.shutdown()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of all environments, with LabelU's lock naming the small package alone."""
    locks = tmp_path / "locks"
    locks.mkdir()
    for tool in catalogue.tools().values():
        (locks / tool.lock.name).write_text(f"{tool.requires[0]}\n")
    monkeypatch.setattr(catalogue, "LOCKS", locks)
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path / "tools"))
    monkeypatch.setenv("CAMP_LANG", "en")
    return tmp_path / "tools"


def installing(root: Path, index: Index) -> subprocess.Popen[str]:
    own = {
        "PIP_INDEX_URL": index.url,
        "PIP_FIND_LINKS": "",
        "UV_CACHE_DIR": str(root.parent / "cache"),
        "NO_PROXY": "127.0.0.1",
    }
    words = [sys.executable, "-c", CAMP, str(catalogue.LOCKS), "tools", "install", "labelu"]
    return subprocess.Popen(
        words, env=os.environ | own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def row(capsys: pytest.CaptureFixture[str]) -> str:
    commands.list_command()
    (found,) = [one for one in capsys.readouterr().out.splitlines() if one.startswith("labelu")]
    return found


def said_by_the_doctor() -> list[tuple[str, str, bool]]:
    return [(one.what.en, one.fix.en, one.wrong) for one in unfinished_tools()]


def writers(root: Path) -> list[psutil.Process]:
    found = psutil.process_iter(["cmdline"])
    return [one for one in found if str(root) in " ".join(one.info["cmdline"] or ())]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_installation_is_told_and_done_anew(
    root: Path, index: Index, number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = installing(root, index)
    assert index.asked.wait(60), stopped.communicate()
    assert "being installed or removed" in row(capsys)
    assert said_by_the_doctor() == [
        ("labelu is being installed or removed", "wait until that has ended", False)
    ]
    assert writers(root)
    stopped.send_signal(number)
    _, errors = stopped.communicate(timeout=60)
    if number == signal.SIGINT:
        assert stopped.returncode == 130
        assert errors == "camp: stopped; run the same command again to go on\n"
    deadline = time.monotonic() + 30
    while writers(root):  # uv, which would write beside the next installation
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "half installed" in row(capsys)
    place = root / "labelu"
    assert said_by_the_doctor() == [
        (f"labelu is half installed ({place})", "run `camp tools install labelu`", True)
    ]
    with pytest.raises(
        CampError, match="LabelU is half installed: run `camp tools install labelu`"
    ):
        environments.need("labelu")

    (place / "left").write_text("of the first one")
    index.open.set()
    done = installing(root, index)
    out, errors = done.communicate(timeout=120)
    assert (done.returncode, errors) == (0, "")
    assert "LabelU 1.5.6 is ready" in out
    assert " installed " in row(capsys)
    assert said_by_the_doctor() == []
    assert not (place / "left").exists()
    own = environments.need("labelu").bin / "labelu"
    assert subprocess.run([own], capture_output=True, text=True).stdout == "started\n"
