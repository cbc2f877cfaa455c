"""System calls of Linux that Python 3.11 has no function for."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
ALL_NAMESPACES = (
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID
    | CLONE_NEWNET
)  # fmt: skip

MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 0x2, 0x4, 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
_AT_RECURSIVE, _AT_FDCWD = 0x8000, -100
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 0x1, 0x2, 0x4

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP = 1, 4, 22
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38
_MADV_COLLAPSE, _HUGE_PAGE = 25, 2 << 20
_CAPABILITY_VERSION_3 = 0x20080522

MACHINE = platform.machine()
_CLONE3, _MOUNT_SETATTR = 435, 442  # the same on all machines, as landlock's 444 to 446 are

_libc = ctypes.CDLL(None, use_errno=True)
_locked_libc = ctypes.PyDLL(None, use_errno=True)  # keeps Python's lock


def _check(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def syscall(number: int, *words: int | bytes | None) -> int:
    """Make a system call; integers are passed as C longs.

    Raises:
        OSError: the kernel refuses.
    """
    passed = [ctypes.c_long(word) if isinstance(word, int) else word for word in words]
    return _check(_libc.syscall(ctypes.c_long(number), *passed), f"system call {number}")


def fork_into(namespaces: int) -> int:
    """Fork as ``os.fork`` does, the child as the first process of new namespaces.

    One system call (``clone3``, Linux 5.3) instead of a fork, ``unshare`` and another fork. What
    C libraries do at a fork is left out, so this process may have one thread only; and as glibc
    keeps a thread's number, a child that is to live on must have the same number as its parent,
    as one first process of a pid namespace has that forks another.

    Returns:
        The child's process number; 0 in the child.

    Raises:
        OSError: the kernel refuses.
    """
    arguments = struct.pack("8Q", namespaces, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
    ctypes.pythonapi.PyOS_BeforeFork()
    child: int = _locked_libc.syscall(ctypes.c_long(_CLONE3), arguments, ctypes.c_long(64))
    if child == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
    else:
        ctypes.pythonapi.PyOS_AfterFork_Parent()
    return _check(child, "clone3")


def unshare(flags: int) -> None:
    """Move this process into new namespaces (its next child, for a pid namespace)."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def prctl(option: int, value: int = 0, pointer: object = None) -> None:
    """Set an attribute of this process."""
    third = ctypes.c_ulong(0) if pointer is None else pointer
    _check(
        _libc.prctl(
            ctypes.c_int(option), ctypes.c_ulong(value), third, ctypes.c_ulong(0), ctypes.c_ulong(0)
        ),
        f"prctl {option}",
    )


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """Mount a file system, or bind a folder to another place."""
    _check(
        _libc.mount(
            source.encode(), target.encode(), kind.encode() if kind else None,
            ctypes.c_ulong(flags), options.encode() or None,
        ),
        f"mount {target}",
    )  # fmt: skip


def bind_read_only(source: str, target: str) -> None:
    """Show the folder or file ``source`` at ``target``, with all below it, not writable."""
    mount(source, target, None, MS_BIND | MS_REC)
    attributes = (_ATTR_RDONLY | _ATTR_NOSUID).to_bytes(8, "little") + bytes(24)
    syscall(_MOUNT_SETATTR, _AT_FDCWD, target.encode(), _AT_RECURSIVE, attributes, 32)


def make_read_only(place: str) -> None:
    """Make the mount at ``place`` read-only, not those below it."""
    attributes = _ATTR_RDONLY.to_bytes(8, "little") + bytes(24)
    syscall(_MOUNT_SETATTR, _AT_FDCWD, place.encode(), 0, attributes, 32)


def pivot_root(new: str) -> None:
    """Make the mount point ``new`` the root folder and let go of the old one."""
    os.chdir(new)
    _check(_libc.pivot_root(b".", b"."), f"pivot_root {new}")
    _check(_libc.umount2(b".", ctypes.c_int(MNT_DETACH)), "umount the old root")
    os.chdir("/")


def use_huge_pages() -> None:
    """Gather this process's private memory into pages of 2 MB: then a fork copies fewer tables.

    Linux 6.1 or newer; elsewhere nothing happens.
    """
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, access, _, device, _, *name = line.split(maxsplit=5)
        start, end = (int(address, 16) for address in span.split("-"))
        anonymous = device == "00:00" and name not in (["[stack]"], ["[vvar]"], ["[vdso]"])
        if anonymous and access == "rw-p" and end - start >= _HUGE_PAGE:
            _libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_COLLAPSE)


def drop_capabilities() -> None:
    """Give up all privileges inside the user namespace."""
    header = _CAPABILITY_VERSION_3.to_bytes(4, "little") + bytes(4)
    _check(_libc.capset(header, bytes(24)), "capset")
