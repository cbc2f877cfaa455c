"""The process of one learner's code: it runs cells and answers what the judge asks.

Nothing here is relied upon for a score: a learner's code can change all of it. What it sends is
read by ``wire`` in the judge's process, which believes no type and no size.
"""

from __future__ import annotations

import random
import socket
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from grading.apart.errors import report
from grading.apart.peer import Peer, call_and_return_arguments
from grading.apart.shell import Collector, Shell, Stream, make_shell

_SHELL: list[Shell] = []


def prepare() -> None:
    """Make IPython ready before processes are forked."""
    _SHELL.append(make_shell())


def main(channel: socket.socket, home: str) -> None:
    """Serve the judge until it hangs up."""
    shell = _SHELL[0]
    shell.home_dir = home
    sys.path.insert(0, "")
    sys.stdout, sys.stderr = Stream(shell, "stdout"), Stream(shell, "stderr")
    peer = Peer(channel, trusting=True)
    answerer = Answerer(shell, peer, Path(home))
    peer.printed = answerer.printed
    peer.commands |= {
        "files": answerer.write_files,
        "run": answerer.run,
        "get": answerer.get,
        "has": lambda name: name in shell.user_ns,
        "seed": answerer.seed,
        "write_back": call_and_return_arguments,
    }
    peer.serve()


class Answerer:
    """What the judge can ask beside calls."""

    def __init__(self, shell: Shell, peer: Peer, home: Path) -> None:
        self.shell = shell
        self.peer = peer
        self.home = home

    def printed(self) -> str:
        """Return and forget what was printed since the last answer."""
        text = self.shell.collector.printed()
        self.shell.collector = Collector()
        return text

    def write_files(self, files: dict[str, bytes]) -> None:
        """Write files into the work folder."""
        for name, content in files.items():
            path = self.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def run(self, source: str, name: str) -> list[Any]:
        """Run a cell; return what it showed and the exception it ended with."""
        self.peer.files[f"<cell {name}>"] = name
        outputs, error = self.shell.run(source, name)
        self.shell.collector = Collector()
        told = None if error is None else report(error, self.peer.files).fields()
        return [outputs, told]

    def get(self, name: str) -> list[Any]:
        """Return a name's value, or which module it is."""
        if name not in self.shell.user_ns:
            raise NameError(f"name {name!r} is not defined")
        value = self.shell.user_ns[name]
        return ["module", value.__name__] if isinstance(value, ModuleType) else ["value", value]

    def seed(self, which: str, number: Any) -> None:
        """Seed one of the global random generators, as the test did on its side."""
        if which == "random":
            random.seed(number)
        elif which == "numpy":
            import numpy as np

            np.random.seed(number)
        else:
            import torch

            torch.manual_seed(number)
