"""Control groups, where this user may make them, for the processes of a whole submission.

They limit its memory and number of processes; processor time is shared out by submission, not by
process, so that one with many busy processes takes no time from the others.

Version 2 where it has the controllers, otherwise version 1 (``Documentation/admin-guide`` of
Linux: ``cgroup-v2`` and ``cgroup-v1``). Without them, resource limits and the zygote's own look
at memory remain.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grading.isolation.limits import Limits

_ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Group:
    """A control group of one submission at a time, in one hierarchy or two."""

    folders: tuple[Path, ...]

    def open(self) -> list[int]:
        """Return file descriptors; writing ``0`` to each moves the writer into the group."""
        return [os.open(folder / "cgroup.procs", os.O_WRONLY) for folder in self.folders]

    def remove(self) -> bool:
        """Remove the group; false while processes in it are still ending."""
        for folder in self.folders:
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                return False
        return True


def make(name: str, limits: Limits) -> Group | None:
    """Return a new group, or None where this user may not make one."""
    for places in _hierarchies(limits):
        folders: list[Path] = []
        try:
            for parent, settings in places.items():
                folder = parent / name
                folder.mkdir()
                folders.append(folder)
                for file, value in settings.items():
                    (folder / file).write_text(str(value))
        except OSError:
            Group(tuple(folders)).remove()
            continue
        return Group(tuple(folders))
    return None


def _hierarchies(limits: Limits) -> Iterator[dict[Path, dict[str, int]]]:
    """Yield where a group could be made and its settings, the better way first."""
    own = _own_groups()
    settings = {"memory.max": limits.memory, "memory.swap.max": 0, "pids.max": limits.processes}
    if "" in own:
        inside = _ROOT / own[""].lstrip("/")
        for parent in (inside, inside.parent, _ROOT):
            with contextlib.suppress(OSError):
                controllers = (parent / "cgroup.subtree_control").read_text().split()
                if {"memory", "pids"} <= set(controllers):
                    yield {parent: settings}
    if "memory" in own and "pids" in own:
        places: dict[Path, dict[str, int]] = {
            _ROOT / "memory" / own["memory"].lstrip("/"): {"memory.limit_in_bytes": limits.memory},
            _ROOT / "pids" / own["pids"].lstrip("/"): {"pids.max": limits.processes},
        }
        if "cpu" in own:
            yield {**places, _ROOT / "cpu" / own["cpu"].lstrip("/"): {}}
        yield places


def _own_groups() -> dict[str, str]:
    """Return this process's group by controller; version 2 has the empty name."""
    groups = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            for controller in controllers.split(","):
                groups[controller] = path
    return groups
