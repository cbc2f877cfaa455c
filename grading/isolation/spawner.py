"""The grader's end of a zygote: opens walled processes, hears how they ended, ends them."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from course_lib.errors import CampError
from grading.isolation import cgroup, leftovers
from grading.isolation.limits import Limits, family

_START = 180  # seconds for the zygote's imports
_END = 0.6  # seconds for the zygote to end by itself
_MESSAGE = 65536


@dataclass(frozen=True)
class Needs:
    """What a zygote holds and shows.

    Attributes:
        preload: modules that it imports before it forks.
        read: folders that learners' code may read beside the environment.
        hide: folders that must not be seen even where they lie inside the environment.
        allow_weaker: go on without parts of the walls that this machine lacks.
    """

    preload: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    allow_weaker: bool = False


@dataclass(frozen=True)
class Ending:
    """How a walled process ended.

    Attributes:
        status: exit code, or minus the signal.
        why: why we ended it, ``memory`` or ``killed``; ``failed: ...`` if its walls could not be
            shut; else "".
        cpu: seconds that it and what it waited for have computed.
    """

    status: int
    why: str
    cpu: float


class Spawner:
    """One zygote."""

    def __init__(self, needs: Needs) -> None:
        """Start the zygote; before its first job, :meth:`preload` waits for its imports.

        Raises:
            CampError: this machine does not run Linux.
        """
        if sys.platform != "linux":
            raise CampError(
                f"learners' code is run on Linux only, and this machine has {sys.platform}: grade "
                "on a Linux machine"
            )
        leftovers.sweep(Path(tempfile.gettempdir()))
        self._folder = tempfile.mkdtemp(prefix=leftovers.name_of(os.getpid()))
        Path(self._folder).chmod(0o711)
        root = Path(self._folder) / "root"
        root.mkdir(mode=0o755)
        self._log = Path(self._folder) / "zygote.log"
        self._control, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._groups: list[cgroup.Group] = []
        cgroup.sweep()
        self._needs = needs
        self._preloaded: set[str] | None = None
        self.missing: list[str] = []
        self.threads = 0
        self._failed: CampError | None = None
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "grading.isolation.zygote", str(there.fileno())],
                stdin=subprocess.PIPE, stdout=log, stderr=log, pass_fds=[there.fileno()],
                env=_environment(), cwd="/", start_new_session=True,
            )  # fmt: skip
        there.close()
        orders = {"root": str(root), **asdict(needs)}
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
            pipe.write(json.dumps(orders).encode() + b"\n")

    def preload(self, modules: Iterable[str] = ()) -> None:
        """Wait for the zygote, with ``modules`` for the rooms that are opened from now on.

        Raises:
            CampError: a part of the walls is missing here, or the zygote does not start or ended.
        """
        with self._lock:
            if self._failed:
                raise self._failed
            if self._preloaded is None:
                self._wait_until_ready(allow_weaker=self._needs.allow_weaker)
                self._preloaded = set(self._needs.preload)
            more = set(modules) - self._preloaded
            if more:
                with contextlib.suppress(OSError), tempfile.TemporaryFile() as file:
                    file.write(json.dumps(sorted(more)).encode())  # too long for a message
                    file.seek(0)
                    socket.send_fds(self._control, [b"preload"], [file.fileno()])
                self._wait_until_ready(allow_weaker=True)
                self._preloaded |= more

    def _wait_until_ready(self, *, allow_weaker: bool) -> None:
        try:
            self._control.settimeout(_START)
            told = json.loads(self._control.recv(_MESSAGE) or b"{}")
            self._control.settimeout(None)
        except (OSError, ValueError):
            told = {}
        missing = told.get("missing", [])
        if missing and not allow_weaker:
            self._failed = CampError(
                "learners' code is not run without walls, and this machine lacks: "
                + "; ".join(missing)
                + ". Grade on another Linux machine, or add --allow-weaker if you trust every "
                "submission"
            )
        elif "threads" not in told:
            self._failed = CampError(f"the grading process did not start: {self._last_words()}")
        if self._failed:
            raise self._failed
        self.missing, self.threads = missing, told["threads"]

    def _last_words(self) -> str:
        """Return the last line that the zygote wrote, and where the rest is kept."""
        try:
            said = self._log.read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            said = ""
        if not said:
            return "it gave no reason"
        descriptor, kept = tempfile.mkstemp(prefix="camp-grading-", suffix=".log")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(said + "\n")
        return f"{said.splitlines()[-1][-300:]} (all of it: {kept})"

    def job(self, limits: Limits) -> Job:
        """Return a new job: the rooms of one submission."""
        if len(self._groups) > 50:
            self._sweep()
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with there, self._lock:
            socket.send_fds(self._control, [b"job"], [there.fileno()])
            number = next(self._numbers)
        folder = Path(self._folder) / f"job{number}"
        if self.missing:
            folder.mkdir(mode=0o700)
        name = f"{leftovers.name_of(os.getpid())}{self._process.pid}-{number}"
        group = cgroup.make(name, limits)
        if group:
            self._groups.append(group)
        return Job(here, limits, folder, group)

    def _sweep(self) -> None:
        """Remove the control groups of submissions whose processes have ended."""
        with self._lock:
            self._groups = [group for group in self._groups if not group.remove()]

    def close(self) -> None:
        """End the zygote and everything it forked, also while it is being waited for."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        try:
            self._process.wait(timeout=_END)
        except subprocess.TimeoutExpired:  # it looks at its socket only after its imports
            for pid in family(self._process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()
        with self._lock:
            self._control.close()
        for _ in range(25):
            self._sweep()
            if not self._groups:
                break
            time.sleep(0.02)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Spawner:
        try:
            self.preload()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class Job:
    """The walled processes of one submission; they end with it."""

    control: socket.socket
    limits: Limits
    folder: Path
    group: cgroup.Group | None
    endings: dict[str, Ending] = field(default_factory=dict)

    def open(self, role: str, name: str, *, grouped: bool = False) -> socket.socket:
        """Start a process behind walls and return our end of its socket.

        Args:
            role: what it does, see ``zygote``.
            name: what it is called in :attr:`endings` and :meth:`kill`.
            grouped: count it against the submission's control group.
        """
        here, there = socket.socketpair()
        groups = self.group.open() if self.group and grouped else []
        order = {
            "do": "open", "role": role, "name": name, "folder": str(self.folder / name),
            "limits": asdict(self.limits),
        }  # fmt: skip
        with there:
            self._send(order, [there.fileno(), *groups])
        for descriptor in groups:
            os.close(descriptor)
        return here

    def kill(self, name: str) -> None:
        """End a process and all it started."""
        self._send({"do": "kill", "name": name}, [])

    def _send(self, order: dict[str, Any], descriptors: Sequence[int]) -> None:
        socket.send_fds(self.control, [json.dumps(order).encode()], descriptors)

    def ending(self, name: str, timeout: float = 2) -> Ending | None:
        """Return how a process ended, or None if it has not within ``timeout`` seconds."""
        self.control.settimeout(timeout)
        with contextlib.suppress(OSError):
            while name not in self.endings:
                data = self.control.recv(_MESSAGE)
                if not data:
                    break
                told = json.loads(data)
                self.endings[told["ended"]] = Ending(told["status"], told["why"], told["cpu"])
        return self.endings.get(name)

    def close(self) -> None:
        """End all processes of the submission."""
        self.control.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _environment() -> dict[str, str]:
    """Return the only variables that learners' code sees; none of the grader's own."""
    threads = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
    )
    offline = dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"), "1")
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONDONTWRITEBYTECODE": "1",
        "NBGRADER_EXECUTION": "autograde",
        **threads,
        **offline,
    }
