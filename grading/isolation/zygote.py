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

from course_lib.imports import without_garbage
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
    """One walled process.

    Attributes:
        job: where its submission's grader listens.
        name: what the grader calls it.
        limit: what it may use.
        grouped: a control group limits its memory.
        pid: its number.
        handle: a descriptor that can be read when it has ended.
        failure: a pipe that holds why its walls could not be shut, if so.
        why: why we ended it.
    """

    job: socket.socket
    name: str
    limit: Limits
    grouped: bool
    pid: int
    handle: int
    failure: int
    why: str = ""


@dataclass
class _Zygote:
    control: socket.socket
    house: House
    roles: dict[str, Role]
    held: Held
    selector: selectors.PollSelector = field(default_factory=selectors.PollSelector)
    rooms: list[_Room] = field(default_factory=list)

    def preload(self, names: list[str]) -> None:
        """Import modules, so that rooms forked from now on have them, and say when it is done."""
        with without_garbage():
            for name in names:
                with contextlib.suppress(BaseException):  # who imports it later is told why
                    _preload(*name.split(":"))
            for module in _ROLES.values():
                prepare = getattr(sys.modules[module], "prepare", None)
                if prepare:
                    prepare()
        gc.collect()
        gc.freeze()
        tasks = Path("/proc/self/task")
        threads = len(list(tasks.iterdir())) if tasks.is_dir() else 1
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
        ended = select.poll()
        ended.register(one.handle, select.POLLIN)
        if not ended.poll(0):  # else it ended by itself
            one.why = one.why or "killed"
        pids = [one.pid] if self.house.namespaces else limits.family(one.pid)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)

    def _open(self, job: socket.socket, order: dict[str, Any], descriptors: list[int]) -> None:
        limit = Limits(**order["limits"])
        failure, told = os.pipe()
        uid, gid = os.getuid(), os.getgid()
        try:
            pid = room.fork(self.house)
            if pid == 0:
                try:
                    self._inside(order, limit, (uid, gid), descriptors, told)
                finally:
                    os._exit(1)
        except OSError as error:  # no memory, or too many processes
            os.close(failure)
            self._tell(job, order["name"], -1, f"failed: {error}", 0)
        else:
            one = _Room(
                job, order["name"], limit, len(descriptors) > 1, pid, os.pidfd_open(pid), failure
            )
            self.rooms.append(one)
            self.selector.register(one.handle, selectors.EVENT_READ, lambda: self._ended(one))
        for descriptor in (told, *descriptors):
            os.close(descriptor)

    def _inside(
        self,
        order: dict[str, Any],
        limit: Limits,
        user: tuple[int, int],
        descriptors: list[int],
        told: int,
    ) -> None:
        """Become a room: join the control groups, shut the walls, play the role."""
        kept = sorted({told, *descriptors, 0, 1, 2})
        for low, high in zip(kept, [*kept[1:], 1 << 20], strict=True):
            os.closerange(low + 1, high)
        try:
            for group in descriptors[1:]:
                os.write(group, b"0")
                os.close(group)
            room.enter(self.house, *user)
            home = room.shut(self.house, limit, self.held, order["folder"])
            os.chdir(home)
            os.environ["HOME"] = home
            _silence(1, 2)
        except BaseException as error:
            os.write(told, f"failed: {error}".encode())
            os._exit(1)
        os.close(told)
        self.roles[order["role"]](socket.socket(fileno=descriptors[0]), home)
        os._exit(0)

    def _ended(self, one: _Room) -> None:
        self.selector.unregister(one.handle)
        os.close(one.handle)
        with os.fdopen(one.failure, encoding="utf-8", errors="replace") as failure:
            why = one.why or failure.read()
        _, status, used = os.wait4(one.pid, 0)
        self.rooms.remove(one)
        if not self.house.namespaces:
            self._end_strangers()
        cpu = used.ru_utime + used.ru_stime
        self._tell(one.job, one.name, os.waitstatus_to_exitcode(status), why, cpu)

    def _tell(self, job: socket.socket, name: str, status: int, why: str, cpu: float) -> None:
        told = {"ended": name, "status": status, "why": why, "cpu": cpu}
        with contextlib.suppress(OSError):
            job.send(json.dumps(told).encode())

    def _unwatched(self) -> list[_Room]:
        return [one for one in self.rooms if not one.grouped]

    def _look_at_memory(self) -> None:
        for one in self._unwatched():
            allowed = self.held.private + one.limit.memory
            if limits.exceeds(limits.family(one.pid), allowed):
                one.why = "memory"
                self._kill(one)

    def _end_strangers(self) -> None:
        """End what a room left behind, where rooms have no namespace that does it."""
        known = {one.pid for one in self.rooms}
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
    zygote = _make()
    if zygote:
        zygote.serve()


def _make() -> _Zygote | None:
    """Return the zygote with its imports; its orders are forgotten, so no room finds them.

    Event loops wait by ``poll``, in rooms too, which have no ``epoll``.
    """
    selectors.DefaultSelector = selectors.PollSelector  # type: ignore[misc, assignment]
    control = socket.socket(fileno=int(sys.argv[1]))
    orders = json.loads(sys.stdin.readline())
    _silence(0)
    with without_garbage():
        roles = {name: importlib.import_module(module).main for name, module in _ROLES.items()}
    found = house.build(orders["root"], orders["read"], orders["hide"])
    if found.missing and not orders["allow_weaker"]:
        control.send(json.dumps({"missing": found.missing}).encode())
        return None
    if not found.namespaces:
        sc.prctl(sc.PR_SET_CHILD_SUBREAPER, 1)
    zygote = _Zygote(control, found, roles, limits.held())
    zygote.preload(orders["preload"])
    return zygote


if __name__ == "__main__":
    main()
