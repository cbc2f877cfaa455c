"""Starts a page on this machine, from a notebook or by a command.

``camp chat-page``, ``camp agent-page`` and ``camp rag-page`` are those commands.

The page ends with :meth:`WebPage.stop`, with the notebook's kernel, or with ``camp``.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from course_lib import models
from course_lib.background import Service
from course_lib.errors import CampError
from course_lib.lab import PORT_HINT, forward_command
from course_lib.language import Text
from course_lib.ports import LOOPBACK, first_free
from course_lib.rag.reading import MOST_BYTES

FIRST_PORT = 6006
"""The camp's port for its Streamlit demo; the next free one is taken."""
READY_SECONDS = 60.0
CHAT = Path(__file__).with_name("chat_page.py")
AGENT = Path(__file__).with_name("agent_page.py")
RAG = Path(__file__).with_name("rag_page.py")

Model = Annotated[str | None, typer.Option(help="A model folder or camp-mini.")]
Port = Annotated[int, typer.Option(min=1024, max=65535, help="First port to try on 127.0.0.1.")]


class WebPage(Service):
    """A running page.

    Args:
        port: where it answers, on 127.0.0.1.
        variables: its environment.
        script: Streamlit's.
        query: what its link ends in, such as ``/?token=...``.
    """

    what = Text("网页", "the page")

    def __init__(
        self, port: int, variables: Mapping[str, str], script: Path, query: str = ""
    ) -> None:
        folder = Path(tempfile.mkdtemp(prefix="camp-page-"))
        log = folder / "page.log"
        super().__init__(command(port, script), port, "/_stcore/health", log, variables, folder)
        self.link = self.address + query


def command(port: int, script: Path) -> list[str]:
    """Return the command that runs the page: this machine only, no telemetry, watcher or magic."""
    options = {
        "server.address": LOOPBACK,
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "runner.magicEnabled": "false",
        "server.maxUploadSize": MOST_BYTES // 1_000_000,
    }
    given = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(script), *given]


def welcome(page: WebPage) -> Text:
    """Return the lines shown when the page is up."""
    forward = forward_command(page.port)
    return Text(
        f"网页：{page.link}\n"
        "在 InternStudio 上？请在自己的电脑上（不是开发机里）运行下面这行，再打开上面的地址：\n"
        f"  {forward}\n  {PORT_HINT.zh}",
        f"Page: {page.link}\n"
        "On InternStudio? Run this on your own computer (not inside the machine), then open the "
        f"address:\n  {forward}\n  {PORT_HINT.en}",
    )


def open_chat_page(model: str | Path | None = None, *, port: int | None = None) -> WebPage:
    """Start the chat page, wait for it, and print its address and the port-forward line.

    Args:
        model: a folder or ``camp-mini``; by default what ``models.find`` says.
        port: the first port to try, on 127.0.0.1 only; by default 6006.

    Raises:
        CampError: no such model, no free port, or the page does not come up.
    """
    return _open(CHAT, model, port)


def open_agent_page(model: str | Path | None = None, *, port: int | None = None) -> WebPage:
    """Start the page of lesson 06's agent, with its traces; otherwise as :func:`open_chat_page`."""
    return _open(AGENT, model, port)


def open_rag_page(model: str | Path | None = None, *, port: int | None = None) -> WebPage:
    """Start the page that answers from uploaded files; otherwise as :func:`open_chat_page`."""
    return _open(RAG, model, port)


def _open(script: Path, model: str | Path | None, port: int | None) -> WebPage:
    found = models.find(model, say=None)
    variables = {"TOKENIZERS_PARALLELISM": "false"}
    if model is not None:
        variables[models.VARIABLE] = str(model if str(model) in models.BUILT_IN else found.folder)
    return open_page(script, port or FIRST_PORT, variables)


def open_page(script: Path, first: int, variables: Mapping[str, str], query: str = "") -> WebPage:
    """Start a page, wait for it, and print its address and the port-forward line.

    Args:
        script: Streamlit's.
        first: the first port to try, on 127.0.0.1 only.
        variables: what its environment has beside this one.
        query: what its link ends in.

    Raises:
        CampError: no free port, or the page does not come up.
    """
    free = first_free(first)
    if free is None:
        text = Text(
            f"从 {first} 起的 50 个端口都被占用：换一个 port",
            f"ports {first} to {first + 49} are all taken: give another port",
        )
        raise CampError(str(text))
    page = WebPage(free, {**os.environ, "PYTHONUNBUFFERED": "1", **variables}, script, query)
    try:
        page.wait(READY_SECONDS)
    except BaseException:
        page.stop()
        raise
    print(welcome(page))
    return page


def chat_page(model: Model = None, port: Port = FIRST_PORT) -> None:
    """Open the chat page in the browser, for this machine only (127.0.0.1), until Ctrl+C."""
    until_stopped(open_chat_page(model, port=port))


def agent_page(model: Model = None, port: Port = FIRST_PORT) -> None:
    """Open the page of lesson 06's agent, with its traces, for this machine only, until Ctrl+C."""
    until_stopped(open_agent_page(model, port=port))


def rag_page(model: Model = None, port: Port = FIRST_PORT) -> None:
    """Open the page that answers from files in the browser, for this machine only, until Ctrl+C."""
    until_stopped(open_rag_page(model, port=port))


def until_stopped(page: WebPage) -> None:
    """Keep a page running until Ctrl+C."""
    try:
        typer.echo(str(Text("按 Ctrl+C 退出。", "Stop with Ctrl+C.")))
        while page.running:
            time.sleep(0.5)
    except KeyboardInterrupt:
        pass
    finally:
        page.stop()
