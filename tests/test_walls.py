"""What the walls let a learner's code ask of the kernel, and what they forget."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from grading.apart.plan import Outcome, Plan, Step, Times
from grading.apart.run import run
from grading.isolation import house
from grading.isolation.limits import Limits
from grading.isolation.spawner import Job, Needs, Spawner

pytestmark = pytest.mark.usefixtures("walls")
HIDDEN = "/nowhere/of-the-graders"
TIMES = Times(call=20, cell=20, submission=60)
_GET_PARENT_DEATH_SIGNAL = 2


@pytest.fixture(scope="module")
def spawner() -> Iterator[Spawner]:
    with Spawner(Needs(hide=(HIDDEN,))) as found:
        yield found


@pytest.fixture
def passes(spawner: Spawner) -> Callable[[str, str], Outcome]:
    """Return ``passes(answer, test)``, which gives what became of the test."""

    def passes(answer: str, test: str) -> Outcome:
        steps = (Step("learner", "answer", answer), Step("test", "test", test, 1))
        with spawner.job(Limits()) as job:
            outcome = run(job, Plan(steps, times=TIMES)).outcomes[1]
        assert (outcome.error, outcome.score) == (None, 1)
        return outcome

    return passes


CALLS = """
import ctypes, errno, platform, select, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def pair(family):
    try: socket.socketpair(family)
    except OSError as error: return errno.errorcode[error.errno]
def watch():
    try: select.epoll()
    except OSError as error: return errno.errorcode[error.errno]
def call(number):
    ctypes.set_errno(0)
    libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 5)
    return errno.errorcode.get(ctypes.get_errno())
"""


def test_pairs_of_sockets_are_unix_sockets(passes: Callable[[str, str], Outcome]) -> None:
    passes(CALLS, "assert [pair(family) for family in (2, 16, 30, 43)] == ['EPERM'] * 4")
    passes(CALLS, "assert pair(1) is None")


def test_what_all_rooms_share_a_number_of_is_closed(
    passes: Callable[[str, str], Outcome],
) -> None:
    """Watches of ``epoll`` are counted by user, and all rooms are one user of the kernel."""
    passes(CALLS, "assert watch() == 'ENOSYS'")


@pytest.mark.parametrize("number", [443, 448, 457, 458, 467])
def test_newer_calls_are_refused(passes: Callable[[str, str], Outcome], number: int) -> None:
    """Also by kernels that do not know them yet."""
    passes(CALLS, f"assert call({number}) == 'EPERM'")


def test_nobody_is_told_who_else_reads_a_folder(passes: Callable[[str, str], Outcome]) -> None:
    answer = (
        "import errno, fcntl, os\nfolder = os.open('/usr', os.O_RDONLY)\ndef f(call, word):\n"
        "    try: return fcntl.fcntl(folder, call, word)\n"
        "    except OSError as error: return errno.errorcode[error.errno]"
    )
    passes(answer, "import fcntl\nassert f(fcntl.F_NOTIFY, 1) == 'EPERM'")
    passes(answer, "import fcntl\nassert f(fcntl.F_SETFD, 1) == 0")


WAITING = """
import asyncio, multiprocessing, selectors, subprocess, sys, threading
async def talk():
    here, there = await asyncio.open_unix_connection(sock=one)
    there.write(b'line\\n')
    done = await asyncio.create_subprocess_exec('echo', 'child', stdout=-1)
    return await here.readline(), (await done.communicate())[0]
import socket
def f():
    global one
    one, other = socket.socketpair()
    threading.Thread(target=lambda: other.sendall(other.recv(9))).start()
    return list(asyncio.run(talk()))
def g():
    code = 'import asyncio, selectors; asyncio.run(asyncio.sleep(0)); print(1)'
    return subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout
await asyncio.sleep(0)
"""


def test_loops_of_events_run_without_epoll(passes: Callable[[str, str], Outcome]) -> None:
    passes(WAITING, "assert f() == [b'line\\n', b'child\\n']\nassert g() == '1\\n'")
    passes(WAITING, "import asyncio\nassert asyncio.run(asyncio.sleep(0, 3)) == 3")


ORDERS = """
import gc, sys
gc.unfreeze()
def held():
    found = [one for one in gc.get_objects() if type(one) is dict and 'allow_weaker' in one]
    frame = sys._getframe()
    while frame:
        found += [name for name in frame.f_locals if name in ('orders', 'hide')]
        frame = frame.f_back
    return len(found)
"""


def test_a_room_does_not_inherit_the_zygotes_orders(
    passes: Callable[[str, str], Outcome],
) -> None:
    passes(ORDERS, "assert held() == 0")


def test_a_zygote_ends_with_the_grader_whoever_grades() -> None:
    """Becoming another user makes the kernel forget the signal that says so."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            house._enter_namespaces()
            house._become_user()
            asked = ctypes.c_int()
            ctypes.CDLL(None).prctl(_GET_PARENT_DEATH_SIGNAL, ctypes.byref(asked))
            os.write(write, bytes([asked.value]))
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as told:
        assert told.read() == bytes([signal.SIGKILL])


def test_a_zygote_that_ends_early_costs_no_outcome(
    spawner: Spawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: Job, name: str) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(Job, "kill", gone)
    with spawner.job(Limits()) as job:
        steps = (Step("test", "test", "assert True", 1),)
        assert run(job, Plan(steps, times=TIMES)).outcomes[0].score == 1
