"""Landlock: what this process may do with files, even where file permissions allow more.

Access bits are those of ``linux/landlock.h``; each version of the kernel's interface knows more.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable

from grading.isolation.syscalls import PR_SET_NO_NEW_PRIVS, prctl, syscall

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_EXECUTE, _WRITE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REFER, _TRUNCATE, _IOCTL = 1 << 13, 1 << 14, 1 << 15
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_FOR_FILES = _EXECUTE | _WRITE | _READ_FILE | _TRUNCATE | _IOCTL
_TCP = 0b11  # bind and connect
_SCOPES = 0b11  # abstract unix sockets and signals stay inside


def version() -> int:
    """Return the version of the kernel's landlock interface, 0 without landlock."""
    try:
        return syscall(_CREATE, None, 0, 1)
    except OSError:
        return 0


def restrict(read: Iterable[str], write: Iterable[str], devices: Iterable[str]) -> None:
    """Let this process and its children use only the files named; the rest is out of reach.

    TCP, and from version 6 on abstract sockets and signals to the outside, are shut as well.

    Args:
        read: folders and files that may be read and executed.
        write: folders where everything is allowed but device files.
        devices: files that may be read and written.

    Raises:
        OSError: the kernel has no landlock.
    """
    abi = version()
    files = (1 << 13) - 1
    files |= (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0)
    files |= _IOCTL if abi >= 5 else 0
    handled = [files]
    if abi >= 4:
        handled.append(_TCP)
    if abi >= 6:
        handled.append(_SCOPES)
    attributes = struct.pack(f"{len(handled)}Q", *handled)
    ruleset = syscall(_CREATE, attributes, len(attributes), 0)
    try:
        for paths, access in ((read, _READ), (write, files), (devices, _READ_FILE | _WRITE)):
            for path in paths:
                _allow(ruleset, path, access & files)
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        syscall(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            access &= _FOR_FILES
        syscall(_ADD, ruleset, 1, struct.pack("=Qi", access, place), 0)
    finally:
        os.close(place)
