"""A code interpreter with first walls: a process of its own, no environment, little of anything.

Files can still be read and the network reached. What keeps those out is the system's business:
namespaces, seccomp, a container; the course's grader has such walls.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from subprocess import PIPE

from course_lib.language import Text

_PRELUDE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
resource.setrlimit(resource.RLIMIT_AS, (1_000_000_000, 1_000_000_000))
names = {}
exec(sys.stdin.read(), names)
print(names["solution"]())
"""
MOST = 2000


def interpret(code: str, seconds: float = 5) -> str:
    """Run a model's code in a process of its own and return what it printed, or why not.

    Args:
        code: defines ``solution()``, as Lagent's PythonInterpreter wants it.
        seconds: how long it may take.
    """
    with tempfile.TemporaryDirectory(prefix="camp-code-") as folder:
        try:
            running = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _PRELUDE],
                stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True, cwd=folder, env={},
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return type(error).__name__
        with running:
            try:
                printed, failed = running.communicate(code, timeout=seconds)
            except subprocess.TimeoutExpired:
                return str(Text(f"超过 {seconds:g} 秒", f"longer than {seconds:g} s"))
            finally:  # what it started itself ends with it
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(running.pid, signal.SIGKILL)
    if running.returncode < 0:
        ended = -running.returncode
        return str(Text(f"被信号 {ended} 结束", f"ended by signal {ended}"))
    said = printed.strip() or (failed.strip().splitlines() or [""])[-1]
    return said[:MOST]
