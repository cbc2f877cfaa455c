"""Where submissions are graded: threads of this process, or the workers of a Dask cluster.

A thread mostly waits: the work is done by the walled processes of its submission. A cluster gets
the same tasks through Dask's ``concurrent.futures`` interface; each of its worker processes has
walled processes of its own, and the files handed in lie on a file system that all see.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import typer

from course_lib.errors import CampError

_T = TypeVar("_T")
_CONNECT = 20  # seconds


def reachable(address: str | None) -> str | None:
    """Return the address of a scheduler, or say that nobody answers there.

    A command looks before it looks for work: a wrong address is told though nothing is due.
    """
    if address is not None:
        _knock(address)
    return address


Scheduler = Annotated[
    str | None,
    typer.Option(help="Grade on a Dask cluster: tcp://HOST:8786.", callback=reachable),
]
"""The option ``--scheduler`` of a command."""


@dataclass(frozen=True)
class Pool:
    """Something that runs tasks.

    Attributes:
        executor: takes the tasks.
        workers: how many run at the same time.
        share: hands a large argument of many tasks over once.
        is_remote: the tasks run in other processes, perhaps on other machines.
    """

    executor: Executor
    workers: int
    share: Callable[[Any], Any]
    is_remote: bool = False

    def submit(self, task: Callable[..., _T], *args: Any) -> Future[_T]:
        """Start a task."""
        return self.executor.submit(task, *args)

    def stop(self) -> None:
        """Give up what has not started; do not wait for the rest."""
        if self.is_remote:
            self.executor.shutdown(wait=False)
        else:
            self.executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def threads(workers: int | None) -> Iterator[Pool]:
    """Open a pool of threads, as many as there are processors unless told."""
    count = workers or _processors()
    executor = ThreadPoolExecutor(count)
    try:
        yield Pool(executor, count, lambda value: value)
    finally:
        executor.shutdown(wait=False)


def _processors() -> int:
    """Return how many processors this process may use; not every system tells more than all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def cluster(address: str, course: Path) -> Iterator[Pool]:
    """Connect to a Dask cluster.

    Args:
        address: of its scheduler, such as ``tcp://10.0.0.5:8786``.
        course: the course directory, which every worker must see at the same path.

    Raises:
        CampError: Dask is not installed, nobody answers at the address, or a worker has another
            version of the kit or does not see the course.
    """
    try:
        from distributed import Client
    except ImportError:
        raise CampError(
            "--scheduler needs Dask: pip install 'intern-camp-kit[cluster]'", 2
        ) from None
    _knock(address)
    try:
        client = Client(address, timeout=_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise CampError(
            f"no Dask scheduler answers at {address} ({error}): start one with 'dask scheduler' "
            "and workers with 'dask worker HOST:PORT'"
        ) from None
    with client:
        workers = client.nthreads()
        if not workers:
            raise CampError(f"the cluster at {address} has no workers: 'dask worker {address}'")
        _check(client.run(_look, str(course)), course)
        executor = client.get_executor(pure=False)
        try:
            yield Pool(executor, sum(workers.values()), lambda one: client.submit(_same, one), True)
        finally:
            executor.shutdown(wait=False)


def _knock(address: str) -> None:
    """Look whether anybody listens at an address: Dask's client keeps trying, and complains."""
    found = urlsplit(address if "://" in address else f"tcp://{address}")
    try:
        place = found.hostname, found.port
    except ValueError:
        place = None, None
    if found.scheme not in ("tcp", "tls") or None in place:
        raise CampError(f"--scheduler {address}: tcp://HOST:PORT is expected", 2)
    try:
        socket.create_connection(place, timeout=_CONNECT).close()
    except OSError as error:
        raise CampError(
            f"no Dask scheduler answers at {address} ({error.strerror or error}): start one with "
            "'dask scheduler' and workers with 'dask worker HOST:PORT'"
        ) from None


def _same(value: _T) -> _T:
    """Return ``value``: a task's result is made again when the worker that held it dies."""
    return value


def _look(course: str) -> tuple[str, bool]:
    """Return what a worker has: the kit's version, and whether it sees the course."""
    return version("intern-camp-kit"), Path(course, "submitted").is_dir()


def _check(found: dict[str, tuple[str, bool]], course: Path) -> None:
    own = version("intern-camp-kit")
    for worker, (other, sees) in found.items():
        if other != own:
            raise CampError(f"worker {worker} has version {other} of the kit, this machine {own}")
        if not sees:
            raise CampError(
                f"worker {worker} does not see {course}: put the course on a file system that "
                "all machines share, at the same path"
            )


def is_lost(error: BaseException) -> bool:
    """Tell whether an error means that the cluster is gone, not that a task failed."""
    return type(error).__name__ in ("CancelledError", "FutureCancelledError", "CommClosedError")
