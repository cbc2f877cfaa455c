"""An OpenAI-compatible server for a model folder, on this machine only.

On the CPU it is ``transformers serve``, on a GPU with LMDeploy ``lmdeploy serve api_server``::

    with serve() as server:
        client = OpenAI(base_url=server.url, api_key=server.key)
        client.chat.completions.create(model=server.model, messages=[...])

The server ends with the ``with``, with this process, or with :meth:`Server.stop`.
"""

from __future__ import annotations

import atexit
import collections
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from course_lib import machine, models, ports
from course_lib.errors import CampError
from course_lib.language import Text

FIRST_PORT = 23333
"""The camp's port for servers; the next free one is taken."""
READY_SECONDS = 180.0
LOG_LINES = 200
PREFIXES = ("internlm", "gpt", "qwen")
"""Lagent's client takes only models whose names begin so."""


class Server:
    """A running server. ``log`` is the file that gets all it prints."""

    key = "EMPTY"
    """Any API key will do."""

    def __init__(self, model: models.Model, port: int, echo: Callable[[str], None] | None) -> None:
        self.port, self.echo = port, echo
        self.folder = Path(tempfile.mkdtemp(prefix="camp-serve-"))
        self.log = self.folder / "server.log"
        self.model = served_name(model.folder)
        self._last: collections.deque[str] = collections.deque(maxlen=LOG_LINES)
        on_gpu = bool(machine.gpus()) and lmdeploy() is not None
        self._probe = "/v1/models" if on_gpu else "/health"
        command = _on_gpu(model, self.model, port) if on_gpu else _on_cpu(self.model, port)
        if not on_gpu:
            make_cache(self.folder / "hf", self.model, model.folder)
        environment = os.environ | {
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
            "TOKENIZERS_PARALLELISM": "false",
            "PYTHONUNBUFFERED": "1",
        }
        if not on_gpu:
            environment |= {"HF_HOME": str(self.folder / "hf"), "HF_HUB_OFFLINE": "1"}
            environment.pop("HF_HUB_CACHE", None)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "course_lib.leash", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # an interrupted cell interrupts the caller, not the server
            env=environment,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        atexit.register(self.stop)

    @property
    def url(self) -> str:
        """Return the address that OpenAI clients take as ``base_url``."""
        return f"http://{ports.LOOPBACK}:{self.port}/v1"

    @property
    def chat_url(self) -> str:
        """Return the address that Lagent's ``GPTAPI`` takes as ``openai_api_base``."""
        return f"{self.url}/chat/completions"

    @property
    def running(self) -> bool:
        """Tell whether the server's process is alive."""
        return self._process.poll() is None

    def tail(self, lines: int = 20) -> str:
        """Return the last lines of the log."""
        return "\n".join(list(self._last)[-lines:])

    def wait(self, seconds: float = READY_SECONDS) -> None:
        """Wait until the server answers; raises CampError if it ends or takes too long."""
        deadline = time.monotonic() + seconds
        while not self._answers():
            if not self.running:
                self._reader.join(timeout=5)
                raise CampError(
                    str(
                        Text(
                            f"服务没有启动：{self._reason()}（日志在 {self.log}）",
                            f"the server did not start: {self._reason()} (log: {self.log})",
                        )
                    )
                )
            if time.monotonic() > deadline:
                raise CampError(
                    str(
                        Text(
                            f"服务 {seconds:.0f} 秒内没有应答：看日志 {self.log}",
                            f"the server did not answer in {seconds:.0f} s: see its log {self.log}",
                        )
                    )
                )
            time.sleep(0.2)

    def stop(self) -> None:
        """End the server and free its port; the log stays. Harmless when it has ended."""
        atexit.unregister(self.stop)
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(timeout=5)
        shutil.rmtree(self.folder / "hf", ignore_errors=True)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _answers(self) -> bool:
        request = f"http://{ports.LOOPBACK}:{self.port}{self._probe}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self.log.open("w", encoding="utf-8") as file:
            for line in self._process.stdout:
                file.write(line)
                file.flush()
                self._last.append(line.rstrip("\n"))
                if self.echo:
                    self.echo(line.rstrip("\n"))

    def _reason(self) -> str:
        lines = [line for line in self._last if line.strip()]
        return lines[-1].strip() if lines else f"exit {self._process.returncode}"


def serve(
    model: models.Model | str | Path | None = None,
    *,
    port: int | None = None,
    seconds: float = READY_SECONDS,
    echo: Callable[[str], None] | None = None,
) -> Server:
    """Start a server for ``model`` (by default that of ``models.find``) and wait until it answers.

    Args:
        model: a folder, ``camp-mini``, or what ``models.find`` returned.
        port: the port; by default the first free one from 23333 on.
        seconds: how long to wait.
        echo: gets each line that the server prints, e.g. ``print``.

    Raises:
        CampError: no free port, the port is taken, or the server does not come up.
    """
    found = model if isinstance(model, models.Model) else models.find(model, say=None)
    chosen = port or ports.first_free(FIRST_PORT)
    if chosen is None or not ports.is_free(chosen):
        holder = ports.holder(chosen) if chosen else None
        who = f" ({holder.command or holder.pid})" if holder else ""
        raise CampError(
            str(
                Text(
                    f"端口 {chosen or FIRST_PORT} 被占用{who}：换一个 port，或停掉占用它的程序",
                    f"port {chosen or FIRST_PORT} is taken{who}: give another port, "
                    "or stop that program",
                )
            )
        )
    server = Server(found, chosen, echo)
    try:
        server.wait(seconds)
    except BaseException:
        server.stop()
        raise
    return server


def served_name(folder: Path) -> str:
    """Return the name under which a folder is served; it begins as Lagent's client wants it."""
    names = {path: name for name, path in models.BUILT_IN.items()}
    name = names.get(folder, folder.resolve().name)
    return name if name.startswith(PREFIXES) else f"internlm2-{name}"


def lmdeploy() -> Path | None:
    """Return the command ``lmdeploy`` of this environment or of the PATH, or None."""
    own = Path(sys.executable).with_name("lmdeploy")
    found = str(own) if own.is_file() else shutil.which("lmdeploy")
    return Path(found) if found else None


def make_cache(home: Path, name: str, folder: Path) -> None:
    """Make a Hugging Face cache that holds one model, ``name``, by links to ``folder``'s files.

    So the server knows the model by its name, and lists it in ``/v1/models``.
    """
    root = home / "hub" / f"models--{name}"
    revision = "0" * 40
    snapshot = root / "snapshots" / revision
    snapshot.mkdir(parents=True)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(revision)
    for path in folder.resolve().iterdir():
        if path.is_file():
            (snapshot / path.name).symlink_to(path)


def _on_cpu(name: str, port: int) -> list[str]:
    where = ["--host", ports.LOOPBACK, "--port", str(port)]
    return [
        sys.executable,
        "-m",
        "course_lib.serve_cpu",
        "serve",
        name,
        "--device",
        "cpu",
        "--dtype",
        "float32",
        *where,
    ]


def _on_gpu(model: models.Model, name: str, port: int) -> list[str]:
    where = ["--server-name", ports.LOOPBACK, "--server-port", str(port)]
    command = [str(lmdeploy()), "serve", "api_server", str(model.folder), "--model-name", name]
    return [*command, *where, *(["--trust-remote-code"] if model.own_code else [])]
