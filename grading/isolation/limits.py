"""What one submission may use."""

from __future__ import annotations

import contextlib
import resource
from dataclasses import dataclass
from pathlib import Path

_PAGE = resource.getpagesize()


@dataclass(frozen=True)
class Limits:
    """Limits of one walled process and its children.

    Attributes:
        memory: bytes beyond what the process holds at its start.
        processes: processes and threads.
        files: open files of one process.
        file_size: bytes of one file.
        disk: bytes of all files in the work folder and ``/tmp``.
        seconds: CPU seconds of one process.
    """

    memory: int = 2 << 30
    processes: int = 64
    files: int = 256
    file_size: int = 64 << 20
    disk: int = 128 << 20
    seconds: int = 300


@dataclass(frozen=True)
class Held:
    """Memory of a process: bytes of its address space, and of the private part of it."""

    space: int
    private: int


def held() -> Held:
    """Return what this process holds."""
    size, _, _, _, _, private, _ = map(int, Path("/proc/self/statm").read_text().split())
    return Held(size * _PAGE, private * _PAGE)


def apply(limits: Limits, inherited: Held, *, others: int = 0) -> None:
    """Set this process's resource limits, for good.

    Args:
        limits: the limits.
        inherited: the memory that this process has already.
        others: processes of this user that count too, where it has no user namespace of its own.
    """
    for name, value in (
        (resource.RLIMIT_DATA, inherited.private + limits.memory),
        (resource.RLIMIT_AS, inherited.space + 2 * limits.memory + (1 << 30)),
        (resource.RLIMIT_NPROC, others + limits.processes),
        (resource.RLIMIT_NOFILE, limits.files),
        (resource.RLIMIT_FSIZE, limits.file_size),
        (resource.RLIMIT_CPU, limits.seconds),
        (resource.RLIMIT_CORE, 1),  # with 0 the machine's crash reporter would still be started
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_SIGPENDING, 256),
    ):
        _, hard = resource.getrlimit(name)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(name, (value, value))


def exceeds(pids: list[int], limit: int) -> bool:
    """Tell whether some processes hold more than ``limit`` bytes of memory.

    Memory that several share counts once (``Pss`` of ``proc_pid_smaps``), files do not count.
    """
    resident = sum(_fields(f"/proc/{pid}/statm")[1] for pid in pids) * _PAGE
    return resident > limit and sum(map(_held_alone, pids)) > limit


def _fields(path: str) -> list[int]:
    try:
        return list(map(int, Path(path).read_text().split()))
    except (OSError, ValueError):
        return [0] * 7  # it has ended


def _held_alone(pid: int) -> int:
    """Return a process's share of its memory, in bytes."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(
        int(line.split()[1]) << 10 for line in lines if line.startswith(("Pss_Anon", "Pss_Shmem"))
    )


def count_processes(user: int) -> int:
    """Return how many processes and threads a user has."""
    found = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                if entry.stat().st_uid == user:
                    found += len(list((entry / "task").iterdir()))
    return found


def family(pid: int) -> list[int]:
    """Return ``pid`` and the processes below it, as this ``/proc`` shows them."""
    below = _parents()
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += below.get(one, [])
    return found


def children(pid: int) -> list[int]:
    """Return the processes whose parent is ``pid``."""
    return _parents().get(pid, [])


def _parents() -> dict[int, list[int]]:
    """Return all processes by their parent."""
    found: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                found.setdefault(int(fields[1]), []).append(int(entry.name))
    return found
