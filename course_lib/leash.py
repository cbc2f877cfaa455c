"""Run a command that cannot outlive whoever started it.

``python -m course_lib.leash COMMAND ...`` runs the command in a process group of its own and ends
the whole group when its standard input closes: when the starter closes it, exits, or is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

PATIENCE = 5.0
"""Seconds between asking a group to end and killing it."""
_PR_SET_PDEATHSIG = 1


def end_group(pid: int, patience: float = PATIENCE) -> None:
    """End the process group ``pid``: ask, wait, then kill what is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            os.killpg(pid, 0)
            time.sleep(0.05)
        os.killpg(pid, signal.SIGKILL)


def _die_with_parent() -> None:
    """On Linux, have the kernel kill this process should the leash itself be killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(command: Sequence[str]) -> int:
    """Run ``command`` until it ends or the leash is let go; return its exit code."""
    if not command:
        print("usage: python -m course_lib.leash COMMAND ...", file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: _end(child.pid))
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_parent,  # no thread runs yet
    )

    def hold() -> None:
        with contextlib.suppress(ValueError, OSError):
            while os.read(0, 1024):
                pass
        _end(child.pid)

    threading.Thread(target=hold, daemon=True).start()
    return child.wait()


def _end(pid: int) -> None:
    threading.Thread(target=end_group, args=(pid,), daemon=False).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
