"""``python -m grading.isolation``: say which walls this machine can put around learners' code."""

from __future__ import annotations

import os
import sys

from course_lib.errors import CampError
from grading.isolation import cgroup, landlock, seccomp
from grading.isolation.limits import Limits
from grading.isolation.spawner import Needs, Spawner


def main() -> int:
    """Put the walls up once, print a line for each; return 1 when a part is missing."""
    if sys.platform != "linux":
        print("learners' code is run on Linux only")
        return 1
    try:
        with Spawner(Needs(allow_weaker=True)) as spawner:
            missing = spawner.missing
    except CampError as error:
        print(error)
        return 1
    version = landlock.version()
    group = cgroup.make(f"camp-check-{os.getpid()}", Limits())
    spaces = not any(part.startswith("user namespaces") for part in missing)
    root = spaces and not any(part.startswith("a root folder") for part in missing)
    for name, there in (
        ("namespaces (user, pid, network, mount, IPC, host name, control group)", spaces),
        ("a root folder of its own", root),
        (f"landlock, version {version}", version > 0),
        ("filter of system calls", seccomp.supported()),
        ("resource limits", True),
    ):
        print("yes" if there else "NO ", name)
    print("yes" if group else "no ", "control groups for memory (without: looked at by the grader)")
    if group:
        group.remove()
    for part in missing:
        print("missing:", part)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
