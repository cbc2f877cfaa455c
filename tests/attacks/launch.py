"""Runs a command as an ordinary user, or as one without user namespaces, when tests run as root.

Used as ``python -m tests.attacks.launch '{"user": 12345, "namespaces": true}' command ...``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from grading.isolation import syscalls as sc

ROOT = Path(__file__).resolve().parent.parent.parent
USER = 12_345


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


def run(
    command: Sequence[str], *, home: Path, namespaces: bool = True, timeout: float = 200
) -> subprocess.CompletedProcess[str]:
    """Run a command as an ordinary user.

    Args:
        command: the command.
        home: the user's home; given to the user with all that is in it.
        namespaces: whether it may make user namespaces.
        timeout: seconds after which it is ended.
    """
    if os.getuid() == 0:
        for path in (home, *home.rglob("*")):
            os.chown(path, USER, USER, follow_symlinks=False)
    settings = json.dumps({"user": USER, "namespaces": namespaces})
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
        os.setgroups([])
        os.setresgid(wanted["user"], wanted["user"], wanted["user"])
        os.setresuid(wanted["user"], wanted["user"], wanted["user"])
        sc.prctl(sc.PR_SET_DUMPABLE, 1)
    if not wanted["namespaces"]:
        without_namespaces()
    os.chdir(os.environ["HOME"])
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
