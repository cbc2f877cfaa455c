"""Run a command whose whole process tree ends with whoever started it.

``python tether.py FD COMMAND ...`` runs the command in a session of its own. Everything that it
started ends too: when it ends, when the other end of the socket FD closes (its holder closed it,
exited or was killed), and on SIGINT, SIGTERM or SIGHUP. At the end it writes to FD how many bytes
of memory the largest process took. On Linux that includes processes that left the session
(``setsid``, daemons), because the tether adopts orphans.

It exits with the command's code, or 128 + N when signal N ended the command. It needs nothing but
the standard library, so that it starts in milliseconds; ``course_lib.background`` starts it so:
``python -I -S tether.py``.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

PATIENCE = 2.0
"""Seconds between asking processes to end and killing them."""
CANNOT_START = 127
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _die_with_tether() -> None:
    """Have the kernel kill the command should the tether itself be killed (Linux)."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _parents() -> dict[int, int]:
    """Return the parent of each process of this machine."""
    parents: dict[int, int] = {}
    if Path("/proc/self/stat").exists():
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with contextlib.suppress(OSError, ValueError):  # it ended meanwhile
                    stat = Path(entry.path, "stat").read_text(errors="replace")
                    parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
        return parents
    shown = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True).stdout
    return dict(tuple(map(int, line.split())) for line in shown.splitlines())  # type: ignore[misc]


def descendants(root: int) -> set[int]:
    """Return the process ids below ``root``."""
    below: dict[int, list[int]] = {}
    for pid, parent in _parents().items():
        below.setdefault(parent, []).append(pid)
    found: set[int] = set()
    waiting = [root]
    while waiting:
        children = [pid for pid in below.get(waiting.pop(), ()) if pid not in found]
        found.update(children)
        waiting += children
    return found


def _signal(pids: Iterable[int], group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def end_tree(group: int, patience: float = PATIENCE) -> None:
    """End all below this process and the process group ``group``: ask, wait, then kill."""
    own = os.getpid()
    _signal(descendants(own), group, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while descendants(own):
        if time.monotonic() > deadline:
            _signal(descendants(own), group, signal.SIGKILL)
        _reap()
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


_ended: dict[int, int] = {}


def _reap() -> None:
    """Take the exit status of every child that has ended."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            _ended[pid] = status


def _largest() -> int:
    """Return the bytes of the largest process that has ended; not those of whoever started us."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit


def main(lifeline: int, command: list[str]) -> int:
    """Run ``command`` until it ends or the socket ``lifeline`` closes; return the exit code."""
    let_go = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        let_go.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        child = subprocess.Popen(command, start_new_session=True, preexec_fn=_die_with_tether)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return CANNOT_START

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(lifeline, 1024):
                pass
        let_go.set()

    threading.Thread(target=watch, daemon=True).start()
    while child.pid not in _ended and not let_go.wait(0.05):
        _reap()
    end_tree(child.pid)
    _reap()
    with contextlib.suppress(OSError):
        os.write(lifeline, str(_largest()).encode())
    child.returncode = os.waitstatus_to_exitcode(_ended.get(child.pid, signal.SIGKILL))
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
