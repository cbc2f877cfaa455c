"""What one submission may use."""

from __future__ import annotations

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


def apply(limits: Limits, inherited: Held) -> None:
    """Set this process's resource limits, for good."""
    for name, value in (
        (resource.RLIMIT_DATA, inherited.private + limits.memory),
        (resource.RLIMIT_AS, inherited.space + 2 * limits.memory + (1 << 30)),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_NOFILE, limits.files),
        (resource.RLIMIT_FSIZE, limits.file_size),
        (resource.RLIMIT_CPU, limits.seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_SIGPENDING, 256),
    ):
        _, hard = resource.getrlimit(name)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(name, (value, value))


def resident_bytes(pids: list[int]) -> int:
    """Return the private resident memory of some processes, those that ended left out."""
    total = 0
    for pid in pids:
        try:
            _, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text().split())
        except (OSError, ValueError):
            continue
        total += (resident - shared) * _PAGE
    return total


def family(pid: int) -> list[int]:
    """Return ``pid`` and the processes below it, as this ``/proc`` shows them."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += parents.get(one, [])
    return found
