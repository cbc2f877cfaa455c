"""What the tests share: lessons, Debian's programs, a browser, and Jupyter servers."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from course_lib import chat
from course_lib.chat import ChatModel
from course_lib.errors import CampError
from grading.isolation.spawner import Needs, Spawner
from grading.lesson import Lesson
from grading.reader import read_lesson
from tests.skips import IN_CI, pytest_sessionfinish

__all__ = ["pytest_sessionfinish"]  # pytest finds it here
ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "notebooks" / "source"
expect.set_options(timeout=30_000)  # JupyterLab on a busy machine
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
UBUNTU = "on Ubuntu: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
CHROMIUM_ARGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run fast tests first, then slow ones, then those in a browser.

    Playwright keeps an event loop running in its worker, so what needs an own loop comes before.
    What is marked ``first`` shares something that takes minutes: an idle worker that took over
    some of it from the end of a queue would have to make it again.
    """
    items.sort(
        key=lambda item: (
            item.get_closest_marker("first") is None,
            bool(item.get_closest_marker("browser")),
            _is_slow(item),
        )
    )


def _is_slow(item: pytest.Item) -> bool:
    return item.get_closest_marker("slow") is not None


def missing(package: str) -> None:
    """Skip the test because Debian's ``package`` is missing; in CI fail."""
    message = f"needs Debian's package {package}: apt-get install --no-install-recommends {package}"
    if IN_CI:
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="module")
def lesson(request: pytest.FixtureRequest) -> Lesson:
    """Return the lesson that the test module names in ``LESSON``."""
    return read_lesson(SOURCES / f"{request.module.LESSON}.py")


@pytest.fixture(scope="module")
def names(lesson: Lesson) -> dict[str, Any]:
    """Return what a lesson's given cells and reference solutions define."""
    found: dict[str, Any] = {}
    for cell in lesson.cells:
        if cell.kind in ("given", "exercise"):
            exec(cell.source, found)
    return found


@pytest.fixture
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speak English, with the built-in model."""
    monkeypatch.setenv("CAMP_LANG", "en")
    monkeypatch.delenv("CAMP_MODEL", raising=False)


@pytest.fixture(scope="session")
def mini() -> ChatModel:
    """Return the shipped chat model, loaded."""
    return chat.load("camp-mini")


@pytest.fixture(scope="session")
def shipped_tokenizer(mini: ChatModel) -> Any:
    """Return the shipped tokenizer."""
    return mini.tokenizer


@pytest.fixture(scope="session")
def trained_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return ``tokenizer.json`` of camp-mini's tokenizer, trained anew, as a run keeps it."""
    from course_lib.mini.tokenizer import train_tokenizer
    from tests.once import once

    return once(tmp_path_factory, "tokenizer", lambda: train_tokenizer().to_str())


@pytest.fixture(scope="session")
def walls() -> None:
    """Ask for a machine that can put all walls around learners' code."""
    try:
        with Spawner(Needs()):
            pass
    except CampError as error:
        message = str(error) if "apparmor" in str(error) else f"{error}; {UBUNTU}"
        if IN_CI:
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of a Chromium."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        missing("chromium")
    return str(found)


@pytest.fixture(scope="session")
def cjk_fonts() -> None:
    """Ask for Chinese fonts."""
    if not any(Path("/usr/share/fonts").rglob("*CJK*")):
        missing("fonts-noto-cjk")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """Return a running headless browser."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Return a new page in a context of its own."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return a running inbox with few limits; tests use lessons of their own in it."""
    from tests.inbox_server import NO_LIMIT, enroll, make_course, serving

    folder = tmp_path_factory.mktemp("inbox")
    tokens = enroll(folder / "data")
    course = make_course(folder / "course")
    with serving(folder / "data", "--course", str(course), *NO_LIMIT) as server:
        server.tokens = tokens
        yield server


@pytest.fixture(scope="session")
def learner_kit(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the kit that ``camp kit`` makes of all lessons."""
    from tests.learner_kit import make
    from tests.once import once

    def fresh() -> Any:
        return make(tmp_path_factory.mktemp("kit"))

    return once(tmp_path_factory, "learner-kit", fresh)


@dataclass(frozen=True)
class JupyterServer:
    """A running server: its address and the token that lets a page in."""

    url: str
    token: str
    log: Path

    def address(self, path: str) -> str:
        """Return the address of ``path`` (such as ``/lab/tree/a.ipynb``) with the token."""
        return f"{self.url}/{path.lstrip('/')}?token={self.token}"


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def isolated_home(folder: Path) -> dict[str, str]:
    """Return an environment whose Jupyter and IPython files all lie in ``folder``."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTER")}
    own = str(Path(sys.executable).parent)
    return kept | {
        "PATH": os.pathsep.join([own, os.environ.get("PATH", "")]),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
    }


@contextlib.contextmanager
def stopped_after(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Stop ``process`` and wait for it, whatever happens in the block."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    """Wait until ``url`` answers; fail with the log when the process ends or time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        time.sleep(0.2)
    pytest.fail(f"{url} does not answer:\n{log.read_text(errors='replace')[-3000:]}")


@pytest.fixture
def jupyter(tmp_path: Path) -> Iterator[Callable[..., JupyterServer]]:
    """Return ``start(root, config_path=etc, args=())``; servers stop after the test.

    ``config_path`` is the server's ``JUPYTER_CONFIG_PATH``, the kit's ``etc`` unless told.
    """
    with contextlib.ExitStack() as stack:

        def start(
            root: Path,
            config_path: Path = ROOT / "etc",
            args: tuple[str, ...] = (),
            env: dict[str, str] | None = None,
        ) -> JupyterServer:
            port, token = free_port(), "test"
            log = tmp_path / f"jupyter-{port}.log"
            command = [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"),
                *("--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}", *args),
            ]
            variables = isolated_home(tmp_path / "jupyter") | (env or {})
            variables |= {"JUPYTER_CONFIG_PATH": str(config_path), "JUPYTER_TOKEN": token}
            with log.open("wb") as output:
                process = subprocess.Popen(
                    command, cwd=root, env=variables, stdout=output, stderr=subprocess.STDOUT
                )
            stack.enter_context(stopped_after(process))
            server = JupyterServer(f"http://127.0.0.1:{port}", token, log)
            wait_for(server.address("/api/status"), process, log)
            return server

        yield start
