"""A filter on system calls: what reaches into other processes or the kernel fails with EPERM.

The filter is classic BPF, see ``Documentation/userspace-api/seccomp_filter.rst`` of Linux 6.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from grading.isolation.syscalls import (
    ALL_NAMESPACES,
    MACHINE,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_SECCOMP,
    prctl,
)

_FILTER_MODE = 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER_AT, _ARCH_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_SECOND_ARGUMENT_AT = 24
_X32_BIT = 0x40000000

# name: number on x86-64, on 64-bit Arm (None: not there)
_FORBIDDEN: dict[str, tuple[int | None, int | None]] = {
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "pidfd_getfd": (438, 438), "process_madvise": (440, 440),
    "process_mrelease": (448, 448), "migrate_pages": (256, 238), "move_pages": (279, 239),
    # namespaces and mounts
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "move_mount": (429, 429),
    "open_tree": (428, 428), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "mount_setattr": (442, 442), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "open_tree_attr": (467, 467), "statmount": (457, 457),
    "listmount": (458, 458),
    # the kernel
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "syslog": (103, 116), "acct": (163, 89),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "personality": (135, 92),
    "modify_ldt": (154, None), "iopl": (172, None), "ioperm": (173, None),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "fanotify_init": (300, 262), "lookup_dcookie": (212, 18), "vhangup": (153, 58),
    # what the whole machine, or all of one user's processes, share a number of
    "io_setup": (206, 0), "inotify_init": (253, None), "inotify_init1": (294, 26),
    # memory that no limit counts
    "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    "memfd_secret": (447, 447),
}  # fmt: skip
_MISSING: dict[str, tuple[int | None, int | None]] = {  # programs then take the older call
    "clone3": (435, 435), "memfd_create": (319, 279),
    # one user's processes share a number of what is watched; ``selectors`` then takes ``poll``
    "epoll_create": (213, None), "epoll_create1": (291, 20),
}  # fmt: skip
_PRETENDED: dict[str, tuple[int | None, int | None]] = {  # do nothing, and say it is done
    "setsid": (112, 157), "sync": (162, 81), "syncfs": (306, 267),
}  # fmt: skip
_CLONE, _SOCKET, _SOCKETPAIR = (56, 220), (41, 198), (53, 199)
_FCNTL = (72, 25)
_FAMILIES = (socket.AF_UNIX,)
_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


@dataclass(frozen=True)
class _Step:
    """One instruction; jumps skip so many of the next."""

    code: int
    value: int
    when_true: int = 0
    when_false: int = 0

    def pack(self) -> bytes:
        return struct.pack("HBBI", self.code, self.when_true, self.when_false, self.value)


def _program(families: Sequence[int]) -> list[_Step]:
    column = 0 if MACHINE == "x86_64" else 1
    denied = _ERROR | errno.EPERM
    steps = [
        _Step(_LOAD, _ARCH_AT),
        _Step(_EQUAL, _ARCH[MACHINE], when_true=1),
        _Step(_RETURN, _KILL),
        _Step(_LOAD, _NUMBER_AT),
    ]
    if MACHINE == "x86_64":
        steps += [_Step(_AT_LEAST, _X32_BIT, when_false=1), _Step(_RETURN, _KILL)]
    tables = ((_FORBIDDEN, denied), (_MISSING, _ERROR | errno.ENOSYS), (_PRETENDED, _ERROR))
    for table, answer in tables:
        for numbers in table.values():
            number = numbers[column]
            if number is not None:
                steps += [_Step(_EQUAL, number, when_false=1), _Step(_RETURN, answer)]
    namespaces = ALL_NAMESPACES | 0x80  # a time namespace
    steps += [
        _Step(_EQUAL, _CLONE[column], when_false=4),
        _Step(_LOAD, _FIRST_ARGUMENT_AT),
        _Step(_ANY_BIT, namespaces & ~0xFF, when_false=1),  # the low byte is the exit signal
        _Step(_RETURN, denied),
        _Step(_RETURN, _ALLOW),
        _Step(_EQUAL, _FCNTL[column], when_false=4),
        _Step(_LOAD, _SECOND_ARGUMENT_AT),
        _Step(_EQUAL, fcntl.F_NOTIFY, when_false=1),  # tells who else reads a shared folder
        _Step(_RETURN, denied),
        _Step(_RETURN, _ALLOW),
        *_only(_SOCKET[column], families),
        *_only(_SOCKETPAIR[column], _FAMILIES),
        _Step(_RETURN, _ALLOW),
    ]
    return steps


def _only(call: int, families: Sequence[int]) -> list[_Step]:
    """Return the steps that let a call make sockets of some families only."""
    return [
        _Step(_EQUAL, call, when_false=3 + len(families)),
        _Step(_LOAD, _FIRST_ARGUMENT_AT),
        *(
            _Step(_EQUAL, family, when_true=len(families) - index)
            for index, family in enumerate(families)
        ),
        _Step(_RETURN, _ERROR | errno.EPERM),
        _Step(_RETURN, _ALLOW),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def supported() -> bool:
    """Tell whether the kernel has such filters, and there is a table of calls for this machine."""
    try:
        prctl(PR_SET_SECCOMP, _FILTER_MODE)  # no filter: EFAULT where there could be one
    except OSError as error:
        return error.errno == errno.EFAULT and MACHINE in _ARCH
    return False


def install(*, sockets: bool) -> None:
    """Filter the system calls of this process and its children from now on.

    Args:
        sockets: whether unix sockets may be made (pairs of them always may); they lead nowhere
            in namespaces of their own. Sockets of networks may never be made.

    Raises:
        OSError: the kernel refuses, or has no such filters.
    """
    steps = _program(_FAMILIES if sockets else ())
    text = b"".join(step.pack() for step in steps)
    program = _Program(len(steps), text)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(program))
