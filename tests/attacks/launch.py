"""Runs a command as an ordinary user, on a machine that lacks parts of the walls if asked.

Used as ``python -m tests.attacks.launch '{"user": 12345, "lacks": []}' command ...``.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from grading.isolation import syscalls as sc

ROOT = Path(__file__).resolve().parent.parent.parent
USER = 12_345
_CLONE3, _LANDLOCK = 435, (444, 445, 446)
_PRCTL, _SECCOMP = {"x86_64": (157, 317), "aarch64": (167, 277)}.get(sc.MACHINE, (-1, -1))
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # of classic BPF
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_NEW_PROCESSES = 0x20000000  # of unshare: a pid namespace
_LINUX32 = 8  # a personality: the kernel then gives the machine a 32-bit name


def shown_to(folders: Iterable[Path]) -> None:
    """Let everybody reach ``folders``, also those in a home folder that is closed to others.

    Only in a mount namespace of this process: what is beside them is hidden there.
    """
    sc.unshare(sc.CLONE_NEWNS)
    sc.mount("none", "/", None, sc.MS_REC | sc.MS_PRIVATE)
    closed: dict[Path, list[Path]] = {}
    for folder in sorted({Path(one).resolve() for one in folders}):
        for parent in reversed(folder.parents):
            if not parent.stat().st_mode & 0o001:
                closed.setdefault(parent, []).append(folder)
                break
    for parent, wanted in closed.items():
        sc.mount("hold", "/mnt", "tmpfs", 0, "mode=755")
        for number, folder in enumerate(wanted):
            Path(f"/mnt/{number}").mkdir()
            sc.mount(str(folder), f"/mnt/{number}", None, sc.MS_BIND | sc.MS_REC)
        sc.mount("home", str(parent), "tmpfs", 0, "mode=755")
        for number, folder in enumerate(wanted):
            folder.mkdir(parents=True, exist_ok=True)
            sc.mount(f"/mnt/{number}", str(folder), None, sc.MS_BIND | sc.MS_REC)


def without_namespaces() -> None:
    """Let this process make no user namespace, as where an administrator has forbidden them."""
    user, group = os.getuid(), os.getgid()
    sc.unshare(sc.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


def without_clone3() -> None:
    """Let them meet what containers answer whose filter of system calls cannot look into it."""
    _answer(_fails(_CLONE3, errno.ENOSYS))


def without_landlock() -> None:
    """Let this process and its children meet a kernel that was built without landlock."""
    _answer([step for number in _LANDLOCK for step in _fails(number, errno.ENOSYS)])


def without_filters() -> None:
    """Let them meet a kernel without filters of system calls (``CONFIG_SECCOMP_FILTER``)."""
    asked = [(_LOAD, 0, 0, 16), *_fails(sc.PR_SET_SECCOMP, errno.EINVAL)]
    _answer([*_fails(_SECCOMP, errno.EINVAL), (_EQUAL, 0, len(asked), _PRCTL), *asked])


def on_another_machine() -> None:
    """Let the kernel say that this is a machine of another kind."""
    ctypes.CDLL(None).personality(ctypes.c_ulong(_LINUX32))


def _fails(value: int, error: int) -> list[tuple[int, int, int, int]]:
    return [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ERROR | error)]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _answer(steps: Sequence[tuple[int, int, int, int]]) -> None:
    """Answer system calls in the kernel's place, from now on and in all children."""
    steps = [(_LOAD, 0, 0, 0), *steps, (_RETURN, 0, 0, _ALLOW)]
    text = b"".join(struct.pack("HBBI", *step) for step in steps)
    sc.prctl(sc.PR_SET_NO_NEW_PRIVS, 1)
    sc.prctl(sc.PR_SET_SECCOMP, 2, ctypes.byref(_Program(len(steps), text)))


LACKS = {
    "namespaces": without_namespaces,
    "clone3": without_clone3,
    "landlock": without_landlock,
    "filters": without_filters,
    "the machine": on_another_machine,
}


def go_alone(home: Path) -> None:
    """Go on in a child with processes of its own, which end with it, and temporary folders.

    They lie beside ``home``. This process ends as that one does.
    """
    for name in ("tmp", "shm"):
        (home.parent / name).mkdir(exist_ok=True)
        (home.parent / name).chmod(0o1777)
    sc.unshare(_NEW_PROCESSES)
    _wait_for_child()
    sc.prctl(sc.PR_SET_PDEATHSIG, 9)
    sc.mount("proc", "/proc", "proc", 0)
    sc.mount(str(home.parent / "tmp"), "/tmp", None, sc.MS_BIND)
    sc.mount(str(home.parent / "shm"), "/dev/shm", None, sc.MS_BIND)
    _wait_for_child()  # the first process stays root's, as on any machine


def _wait_for_child() -> None:
    """Go on in a child; this process only waits for it."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def run(
    command: Sequence[str],
    *,
    home: Path,
    lacks: Sequence[str] = (),
    alone: bool = False,
    timeout: float = 200,
) -> subprocess.CompletedProcess[str]:
    """Run a command as an ordinary user.

    Args:
        command: the command.
        home: the user's home; given to the user with all that is in it.
        lacks: what the machine lacks, of :data:`LACKS`.
        alone: whether it has processes and temporary folders of its own, for root only.
        timeout: seconds after which it is ended.
    """
    if os.getuid() == 0:
        for path in (home, *home.rglob("*")):
            os.chown(path, USER, USER, follow_symlinks=False)
    settings = json.dumps({"user": USER, "lacks": [*lacks], "alone": alone})
    launch = [sys.executable, "-m", "tests.attacks.launch", settings, *command]
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "CAMP_LANG") if key in os.environ}
    return subprocess.run(
        launch, cwd=ROOT, env={**kept, "HOME": str(home)}, capture_output=True, text=True,
        timeout=timeout,
    )  # fmt: skip


def main() -> None:
    """Become the user and run the command."""
    settings, *command = sys.argv[1:]
    wanted = json.loads(settings)
    if os.getuid() == 0:
        shown_to([Path(sys.base_prefix), Path(sys.prefix), ROOT])
        if wanted["alone"]:
            go_alone(Path(os.environ["HOME"]))
        os.setgroups([])
        os.setresgid(wanted["user"], wanted["user"], wanted["user"])
        os.setresuid(wanted["user"], wanted["user"], wanted["user"])
        sc.prctl(sc.PR_SET_DUMPABLE, 1)
    for part in LACKS:
        if part in wanted["lacks"]:
            LACKS[part]()
    os.chdir(os.environ["HOME"])
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
