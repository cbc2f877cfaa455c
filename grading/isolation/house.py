"""The outer walls, put up once by the zygote: namespaces, and a root folder of its own.

The root folder shows the system's programs and this Python environment, read-only; the home
folder, the course and everything else of the machine are not there.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.isolation import landlock, seccomp
from grading.isolation import syscalls as sc

HOME = "/home/learner"
USER = 1000
_FOREIGN_USER = 1_610_000_000  # no system has it; stands behind USER when an administrator grades
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/sbin")
_SETTINGS = (
    "/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/timezone", "/etc/fonts",
    "/etc/mime.types", "/etc/magic", "/etc/nsswitch.conf", "/etc/protocols", "/etc/services",
)  # fmt: skip
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


@dataclass(frozen=True)
class House:
    """What the outer walls became.

    Attributes:
        missing: parts that this kernel or this user's rights lack, one line each.
        namespaces: each process can have namespaces of its own.
        own_root: the root folder shows only the environment.
        read: what landlock lets processes read.
        shown: folders that the root folder shows.
    """

    missing: tuple[str, ...]
    namespaces: bool
    own_root: bool
    read: tuple[str, ...]
    shown: tuple[str, ...] = ()


def environment() -> list[str]:
    """Return the folders of this interpreter, its packages and ``course_lib``."""
    import course_lib
    import grading

    private = [Path(folder).resolve() for folder in grading.__path__]
    found = [sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parent)]
    for entry in sys.path:
        path = Path(entry).resolve()
        if path.is_dir() and not (path / "grading").is_dir():
            found.append(entry)
    found += course_lib.__path__
    kept: list[str] = []
    for folder in sorted({str(Path(one).resolve()) for one in found} | {sys.prefix}):
        inside = any(Path(folder).is_relative_to(other) for other in (*_SYSTEM, *kept))
        if not inside and not any(one == Path(folder) for one in private):
            kept.append(folder)
    return kept


def build(root: str, read: Sequence[str], hide: Sequence[str]) -> House:
    """Move this process behind the outer walls; it goes on as a child of the caller.

    The caller's process waits for the child and ends as it did.

    Args:
        root: an empty folder, on which the new root folder is mounted.
        read: folders to show beside the environment.
        hide: folders to cover where they lie inside what is shown.
    """
    missing = []
    if landlock.version() == 0:
        missing.append("landlock (Linux 5.13 or newer, not left out at boot)")
    if not seccomp.supported():
        missing.append(
            "a filter of system calls (of a kernel with seccomp, on x86_64 or aarch64; this "
            f"machine is {sc.MACHINE})"
        )
    shown = [*_SYSTEM, *_SETTINGS, *environment(), *read]
    outside = (*shown, "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat")
    try:
        _enter_namespaces()
    except OSError as error:
        missing.append(
            "user namespaces (in Docker use --security-opt seccomp=unconfined, on Ubuntu sysctl "
            "-w kernel.apparmor_restrict_unprivileged_userns=0, where there may be none sysctl -w "
            f"user.max_user_namespaces=9999; the kernel says: {error.strerror})"
        )
        return House(tuple(missing), False, False, outside)
    _go_on_as_first_process()
    try:
        _build_root(root, shown, hide)
    except OSError as error:
        missing.append(f"a root folder of its own ({error})")
        return House(tuple(missing), True, False, outside)
    _become_user()
    return House(tuple(missing), True, True, ("/",), tuple(shown))


def _enter_namespaces() -> None:
    child = sc.fork_into(0)  # what rooms will need, and a filter around this process may not know
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        _enter_as_administrator()
    else:
        sc.unshare(sc.ALL_NAMESPACES)
        map_user(uid, gid)


def map_user(uid: int, gid: int) -> None:
    """Let the user outside be the user inside, after this process entered a user namespace."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{USER} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{USER} {gid} 1")


def _enter_as_administrator() -> None:
    """Enter namespaces where the learner's user is nobody outside."""
    me = os.getpid()
    awaits, ready = os.pipe()
    helper = os.fork()
    if helper == 0:  # stays outside, where it may map users other than itself
        os.close(ready)
        mapped = False
        if os.read(awaits, 1):
            for lines in (f"0 0 1\n{USER} {_FOREIGN_USER} 1\n", f"{USER} 0 1\n"):
                with contextlib.suppress(OSError):
                    Path(f"/proc/{me}/uid_map").write_text(lines)
                    Path(f"/proc/{me}/gid_map").write_text(lines)
                    mapped = True
                    break
        os._exit(0 if mapped else 1)
    os.close(awaits)
    try:
        sc.unshare(sc.ALL_NAMESPACES)
        os.write(ready, b"x")
    finally:
        os.close(ready)
        _, status = os.waitpid(helper, 0)
    if status:
        raise PermissionError(1, "users cannot be mapped")


def _go_on_as_first_process() -> None:
    """Go on in a child, process 1 of the new namespace: when it ends, so do all in there."""
    child = os.fork()
    if child == 0:
        _end_with_parent()
        return
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            _, status = os.waitpid(child, 0)
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _build_root(root: str, shown: Iterable[str], hide: Iterable[str]) -> None:
    sc.mount("none", "/", None, sc.MS_REC | sc.MS_PRIVATE)
    sc.mount("camp", root, "tmpfs", sc.MS_NOSUID | sc.MS_NODEV, "size=8m,mode=755")
    for path in shown:
        _show(path, root)
    for path in DEVICES:
        sc.mount(path, _place(path, root, is_folder=False), None, sc.MS_BIND)
    for path in (HOME, "/tmp", "/var/tmp", "/dev/shm", "/proc", "/etc"):  # noqa: S108
        Path(root + path).mkdir(parents=True, exist_ok=True)
    for path in (HOME, "/tmp"):  # noqa: S108 - for the zygote's own imports; rooms cover them
        Path(root + path).chmod(0o1777)
    Path(f"{root}/etc/passwd").write_text(f"learner:x:{USER}:{USER}::{HOME}:/bin/sh\n")
    Path(f"{root}/etc/group").write_text(f"learner:x:{USER}:\n")
    Path(f"{root}/etc/hosts").write_text("127.0.0.1 localhost\n")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        Path(f"{root}/dev/{name}").symlink_to(f"/proc/self/fd{target}")
    for folder in (*_answers(), *hide):
        if Path(root + folder).is_dir():
            cover(root + folder)
    with contextlib.suppress(PermissionError):  # where parts of /proc are covered; not needed
        sc.mount("proc", f"{root}/proc", "proc", sc.MS_NOSUID | sc.MS_NODEV)
    sc.pivot_root(root)


def cover(folder: str) -> None:
    """Let ``folder`` look empty."""
    sc.mount("none", folder, "tmpfs", sc.MS_NOSUID | sc.MS_NODEV, "size=4k,mode=555")


def _answers() -> list[str]:
    """Return the folders of ``grading``, which holds sample answers."""
    import grading

    return [str(Path(folder).resolve()) for folder in grading.__path__]


def _show(path: str, root: str) -> None:
    place = Path(path)
    if place.is_symlink():
        link = Path(root + path)
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(place.readlink())
        if not any(place.resolve().is_relative_to(system) for system in _SYSTEM):
            _show(str(place.resolve()), root)
    elif place.exists():
        sc.bind_read_only(path, _place(path, root, is_folder=place.is_dir()))


def _place(path: str, root: str, *, is_folder: bool) -> str:
    target = Path(root + path)
    if is_folder:
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    return str(target)


def _become_user() -> None:
    """Become the learner's user and give up the privileges inside the namespaces."""
    if os.getuid() != USER:
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
    sc.drop_capabilities()
    sc.prctl(sc.PR_SET_DUMPABLE, 1)  # /proc/self is this user's again
    _end_with_parent()  # once more: who becomes another user has forgotten it


def _end_with_parent() -> None:
    sc.prctl(sc.PR_SET_PDEATHSIG, 9)
