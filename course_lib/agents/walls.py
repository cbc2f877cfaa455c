"""A code interpreter with first walls: a process of its own, no environment, little of anything.

Files can still be read and the network reached. What keeps those out is the system's business:
namespaces, seccomp, a container; the course's grader has such walls.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

from course_lib.language import Text

_PRELUDE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
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
            done = subprocess.run(
                [sys.executable, "-I", "-S", "-c", _PRELUDE],
                input=code, capture_output=True, text=True, timeout=seconds, cwd=folder, env={},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return str(Text(f"超过 {seconds:g} 秒", f"longer than {seconds:g} s"))
        except OSError as error:
            return type(error).__name__
    if done.returncode < 0:
        return str(Text(f"被信号 {-done.returncode} 结束", f"ended by signal {-done.returncode}"))
    said = done.stdout.strip() or (done.stderr.strip().splitlines() or [""])[-1]
    return said[:MOST]
