"""The inner walls, put up around each process that runs a learner's code or judges it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from grading.isolation import landlock, limits, seccomp
from grading.isolation import syscalls as sc
from grading.isolation.house import DEVICES, HOME, House, cover, map_user
from grading.isolation.limits import Held, Limits

_WRITABLE = (HOME, "/tmp", "/dev/shm")  # noqa: S108 - parts of a new file system


def fork(house: House) -> int:
    """Fork; the child is the first process of namespaces of its own, and nobody until it enters.

    Returns:
        The child's process number; 0 in the child.

    Raises:
        OSError: the kernel refuses.
    """
    if not house.namespaces:
        return os.fork()
    assert os.getpid() == 1, "the child's number, see fork_into"
    return sc.fork_into(sc.ALL_NAMESPACES & ~sc.CLONE_NEWCGROUP)


def enter(house: House, uid: int, gid: int) -> None:
    """Become somebody in the new namespaces; this process is in its control group already.

    Args:
        house: the outer walls.
        uid: user of the process that forked; until now this one is nobody.
        gid: its group.

    Raises:
        OSError: the kernel refuses.
    """
    if house.namespaces:
        sc.unshare(sc.CLONE_NEWCGROUP)
        map_user(uid, gid)


def shut(house: House, limit: Limits, held: Held, folder: str) -> str:
    """Put up all walls around this process and return its home, an empty folder.

    Args:
        house: the outer walls.
        limit: what the process and its children may use.
        held: the memory that it has already, inherited from the zygote.
        folder: where it may write when it cannot have a file system of its own.

    Raises:
        OSError: a part that this kernel has cannot be put up.
    """
    write: tuple[str, ...] = (folder,)
    if house.own_root:
        _own_file_system(limit, house.shown)
        write, folder = _WRITABLE, HOME
    else:
        Path(folder).mkdir(mode=0o700)
    others = 0 if house.namespaces else limits.count_processes(os.getuid())
    os.setsid()  # where the kernel shares out processor time by session, a room gets one share
    limits.apply(limit, held, others=others)
    sc.drop_capabilities()
    if landlock.version():
        landlock.restrict(house.read, write, DEVICES)
    if seccomp.supported():
        seccomp.install(sockets=house.namespaces)
    return folder


def _own_file_system(limit: Limits, shown: Iterable[str]) -> None:
    """Mount an empty home, /tmp and /dev/shm, with one limit for all, and a /proc of its own.

    What is shown below one of these, such as an environment made in /tmp, is shown there again.
    """
    below = [path for path in shown if any(Path(path).is_relative_to(one) for one in _WRITABLE)]
    held = {path: os.open(path, os.O_PATH) for path in below if Path(path).is_dir()}
    options = f"size={limit.disk},nr_inodes=20000,mode=755"
    flags = sc.MS_NOSUID | sc.MS_NODEV
    sc.mount("camp", HOME, "tmpfs", flags, options)
    for name, place in (("tmp", "/tmp"), ("shm", "/dev/shm")):  # noqa: S108
        Path(f"{HOME}/.{name}").mkdir()
        sc.mount(f"{HOME}/.{name}", place, None, sc.MS_BIND)
    for path, descriptor in held.items():
        Path(path).mkdir(parents=True, exist_ok=True)
        sc.mount(f"/proc/self/fd/{descriptor}", path, None, sc.MS_BIND | sc.MS_REC)
        os.close(descriptor)
    try:
        sc.mount("proc", "/proc", "proc", flags)
    except PermissionError:
        cover("/proc")
    sc.make_read_only("/")
