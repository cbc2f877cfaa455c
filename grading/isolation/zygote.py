"""The process that holds the imports: it forks a walled process for each request.

It never sees a submission, a test or a score, so nothing of one can be found in the memory of
the next. It ends when the grader's end of its socket closes, and everything it forked with it.

Started by ``grading.isolation.spawner`` as ``python -P -m grading.isolation.zygote FD``, with
its orders as one line of JSON on standard input.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import selectors
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grading.isolation import house, limits, room
from grading.isolation import syscalls as sc
from grading.isolation.house import House
from grading.isolation.limits import Held, Limits

Role = Callable[[socket.socket, str], None]
_MESSAGE = 65536
_LOOK_EVERY = 0.25  # seconds between two looks at the memory of rooms without a control group
_LARGE = 150 << 20  # bytes of private address space, as after importing torch
_ROLES = {
    "answerer": "grading.apart.answerer",
    "judge": "grading.apart.judge",
}


@dataclass
class _Room:
    """One walled process."""

    job: socket.socket
    name: str
    limit: Limits
    grouped: bool
    folder: str
    pid: int = 0
    handle: int = -1
    why: str = ""


@dataclass
class _Zygote:
    control: socket.socket
    house: House
    roles: dict[str, Role]
    held: Held
    selector: selectors.DefaultSelector = field(default_factory=selectors.DefaultSelector)
    rooms: list[_Room] = field(default_factory=list)

    def preload(self, names: list[str]) -> None:
        """Import modules, so that rooms forked from now on have them, and say when it is done."""
        for name in names:
            with contextlib.suppress(BaseException):  # who imports it later is told why it fails
                _preload(*name.split(":"))
        for module in _ROLES.values():
            prepare = getattr(sys.modules[module], "prepare", None)
            if prepare:
                prepare()
        tasks = Path("/proc/self/task")
        threads = len(list(tasks.iterdir())) if tasks.is_dir() else 1
        gc.collect()
        gc.freeze()
        if limits.held().private > _LARGE:
            with contextlib.suppress(OSError):
                sc.use_huge_pages()
        self.held = limits.held()
        self.control.send(json.dumps({"missing": self.house.missing, "threads": threads}).encode())

    def serve(self) -> None:
        """Fork rooms until the grader is gone."""
        self.selector.register(self.control, selectors.EVENT_READ, self._take_job)
        looked = time.monotonic()
        while True:
            wait = _LOOK_EVERY if self._unwatched() else None
            for key, _ in self.selector.select(wait):
                key.data()
            if wait and time.monotonic() - looked >= _LOOK_EVERY:
                looked = time.monotonic()
                self._look_at_memory()
                if not self.house.namespaces:
                    self._end_strangers()

    def _take_job(self) -> None:
        data, descriptors, _, _ = socket.recv_fds(self.control, 16, 1)
        if not data:
            os._exit(0)  # the first process of the namespace: all others end with it
        if data == b"preload":
            with os.fdopen(descriptors[0], encoding="utf-8") as file:
                self.preload(json.load(file))
            return
        job = socket.socket(fileno=descriptors[0])
        self.selector.register(job, selectors.EVENT_READ, lambda: self._take_order(job))

    def _take_order(self, job: socket.socket) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(job, _MESSAGE, 8)
        except OSError:
            data, descriptors = b"", []
        if not data:
            self._end_job(job)
            return
        order = json.loads(data)
        if order["do"] == "open":
            self._open(job, order, descriptors)
        else:
            for one in self.rooms:
                if one.job is job and one.name == order["name"]:
                    self._kill(one)

    def _end_job(self, job: socket.socket) -> None:
        self.selector.unregister(job)
        for one in self.rooms:
            if one.job is job:
                self._kill(one)
        job.close()

    def _kill(self, one: _Room) -> None:
        if one.pid:
            ended = select.poll()
            ended.register(one.handle, select.POLLIN)
            if not ended.poll(0):  # else it ended by itself
                one.why = one.why or "killed"
            pids = [one.pid] if self.house.namespaces else limits.family(one.pid)
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
        else:
            one.why = one.why or "killed"  # still being forked

    def _open(self, job: socket.socket, order: dict[str, Any], descriptors: list[int]) -> None:
        limit = Limits(**order["limits"])
        one = _Room(job, order["name"], limit, len(descriptors) > 1, order["folder"])
        self.rooms.append(one)
        report, reported = os.pipe()
        try:
            child = os.fork()
        except OSError as error:  # no memory, or too many processes
            for descriptor in (report, reported, *descriptors):
                os.close(descriptor)
            self.rooms.remove(one)
            one.why = f"failed: {error}"
            self._tell(one, -1, 0)
            return
        if child == 0:
            try:
                self._inside(one, self.roles[order["role"]], descriptors, reported)
            finally:
                os._exit(1)
        os.close(reported)
        for descriptor in descriptors:
            os.close(descriptor)
        self.selector.register(
            report, selectors.EVENT_READ, lambda: self._opened(one, child, report)
        )

    def _inside(self, one: _Room, role: Role, descriptors: list[int], reported: int) -> None:
        """Become a room: leave these namespaces, fork, shut the walls, play the role."""
        kept = sorted({reported, *descriptors, 0, 1, 2})
        for low, high in zip(kept, [*kept[1:], 1 << 20], strict=True):
            os.closerange(low + 1, high)
        try:
            for group in descriptors[1:]:
                os.write(group, b"0")
                os.close(group)
            room.leave(self.house)
            child = os.fork()
            if child:
                os.write(reported, f"{child}\n".encode())
                os._exit(0)
            home = room.shut(self.house, one.limit, self.held, one.folder)
            os.chdir(home)
            os.environ["HOME"] = home
            _silence(1, 2)
        except BaseException as error:
            os.write(reported, f"failed: {error}\n".encode())
            os._exit(1)
        os.write(reported, b"shut\n")
        os.close(reported)
        channel = socket.socket(fileno=descriptors[0])
        role(channel, home)
        os._exit(0)

    def _opened(self, one: _Room, child: int, report: int) -> None:
        """Read what the room being opened has to say, up to the end."""
        text = os.read(report, 4096).decode("utf-8", "replace")
        for line in text.splitlines():
            if line.isdecimal():
                one.pid = int(line)
                os.waitpid(child, 0)
                one.handle = os.pidfd_open(one.pid)
                self.selector.register(one.handle, selectors.EVENT_READ, lambda: self._ended(one))
            elif line.startswith("failed"):
                one.why = one.why or line
        if text:
            if one.pid and one.why:
                self._kill(one)
            return
        self.selector.unregister(report)
        os.close(report)
        if not one.pid:  # it did not get as far as to fork
            os.waitpid(child, 0)
            self.rooms.remove(one)
            self._tell(one, -1, 0)

    def _ended(self, one: _Room) -> None:
        self.selector.unregister(one.handle)
        os.close(one.handle)
        _, status, used = os.wait4(one.pid, 0)
        self.rooms.remove(one)
        if not self.house.namespaces:
            self._end_strangers()
        self._tell(one, os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime)

    def _tell(self, one: _Room, status: int, cpu: float) -> None:
        told = {"ended": one.name, "status": status, "why": one.why, "cpu": cpu}
        with contextlib.suppress(OSError):
            one.job.send(json.dumps(told).encode())

    def _unwatched(self) -> list[_Room]:
        return [one for one in self.rooms if one.pid and not one.grouped]

    def _look_at_memory(self) -> None:
        for one in self._unwatched():
            allowed = self.held.private + one.limit.memory
            if limits.exceeds(limits.family(one.pid), allowed):
                one.why = "memory"
                self._kill(one)

    def _end_strangers(self) -> None:
        """End what a room left behind, where rooms have no namespace that does it."""
        known = {one.pid for one in self.rooms}
        if 0 in known:  # one is being opened, and not known yet
            return
        for pid in limits.children(os.getpid()):
            if pid not in known:
                for one in limits.family(pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(one, 9)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)


def _preload(module: str, name: str = "") -> None:
    """Import a module and what is wanted from it: some import their parts only when asked.

    One of the course's library may have more to make ready than its imports, ``before_fork``.
    """
    found = importlib.import_module(module)
    if name and name != "*" and not hasattr(found, name):
        importlib.import_module(f"{module}.{name}")
    wanted = sys.modules.get(f"{module}.{name}", found)
    if wanted.__name__.startswith("course_lib.") and hasattr(wanted, "before_fork"):
        wanted.before_fork()


def _silence(*descriptors: int) -> None:
    """Let standard streams lead nowhere."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nothing, descriptor)
    os.close(nothing)


def main() -> None:
    """Run the zygote."""
    control = socket.socket(fileno=int(sys.argv[1]))
    orders = json.loads(sys.stdin.readline())
    _silence(0)
    roles = {name: importlib.import_module(module).main for name, module in _ROLES.items()}
    found = house.build(orders["root"], orders["read"], orders["hide"])
    if found.missing and not orders["allow_weaker"]:
        control.send(json.dumps({"missing": found.missing}).encode())
        return
    if not found.namespaces:
        sc.prctl(sc.PR_SET_CHILD_SUBREAPER, 1)
    zygote = _Zygote(control, found, roles, limits.held())
    zygote.preload(orders["preload"])
    zygote.serve()


if __name__ == "__main__":
    main()
