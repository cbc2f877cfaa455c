"""An OpenAI-compatible server for a model folder, on this machine only.

On the CPU it is ``transformers serve``, on a GPU with LMDeploy ``lmdeploy serve api_server``::

    with serve() as server:
        client = OpenAI(base_url=server.url, api_key=server.key)
        client.chat.completions.create(model=server.model, messages=[...])

The server ends with the ``with``, with this process, or with :meth:`Server.stop`. What it prints
is in the file ``server.log``; ``serve(log=print)`` shows it as it comes.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from course_lib import machine, models, ports
from course_lib.background import Service
from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.toolbox import environments

FIRST_PORT = 23333
"""The camp's port for servers; the next free one is taken."""
READY_SECONDS = 180.0
PREFIXES = ("internlm", "gpt", "qwen")
"""Lagent's client takes only models whose names begin so."""


class Server(Service):
    """A running server of one model."""

    what = Text("服务", "the server")
    key = "EMPTY"
    """Any API key will do."""

    def __init__(self, model: models.Model, port: int) -> None:
        self.model = served_name(model.folder)
        folder = Path(tempfile.mkdtemp(prefix="camp-serve-"))
        self._cache = folder / "hf"
        variables = os.environ | {
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
            "TOKENIZERS_PARALLELISM": "false",
            "PYTHONUNBUFFERED": "1",
        }
        if machine.gpus() and lmdeploy():
            command, probe = _on_gpu(model, self.model, port), "/v1/models"
        else:
            command, probe = _on_cpu(self.model, port), "/health"
            make_cache(self._cache, self.model, model.folder)
            variables |= {"HF_HOME": str(self._cache), "HF_HUB_OFFLINE": "1"}
            variables.pop("HF_HUB_CACHE", None)
        super().__init__(command, port, probe, folder / "server.log", variables)

    @property
    def url(self) -> str:
        """Return the address that OpenAI clients take as ``base_url``."""
        return f"{self.address}/v1"

    @property
    def chat_url(self) -> str:
        """Return the address that Lagent's ``GPTAPI`` takes as ``openai_api_base``."""
        return f"{self.url}/chat/completions"

    def stop(self) -> None:
        """End the server and free its port; the log stays. Harmless when it has ended."""
        super().stop()
        shutil.rmtree(self._cache, ignore_errors=True)


def serve(
    model: models.Model | str | Path | None = None,
    *,
    port: int | None = None,
    seconds: float = READY_SECONDS,
    log: Callable[[str], None] | None = None,
) -> Server:
    """Start a server for ``model`` (by default that of ``models.find``) and wait until it answers.

    Args:
        model: a folder, ``camp-mini``, or what ``models.find`` returned.
        port: the port; by default the first free one from 23333 on.
        seconds: how long to wait.
        log: called with each line of the server's log as it is written, such as ``print``.

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
    server = Server(found, chosen)
    if log:
        server.follow(log)
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
    """Return the command ``lmdeploy``: this environment's, the toolbox's, the PATH's, or None."""
    own = Path(sys.executable).with_name("lmdeploy")
    if own.is_file():
        return own
    if environments.has("lmdeploy"):
        return environments.need("lmdeploy").bin / "lmdeploy"
    found = shutil.which("lmdeploy")
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
