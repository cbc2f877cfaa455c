"""What this machine has: versions, processors, memory, disk."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

GIB = 2**30
SHOWN = (
    *("intern-camp-kit", "jupyterlab", "nbgrader", "jupytext", "ipywidgets"),
    *("torch", "transformers", "streamlit", "matplotlib"),
)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the course's main packages ("missing" if so)."""
    found = {"python": platform.python_version()}
    for name in SHOWN:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def system() -> str:
    """Return the name and version of the operating system."""
    return platform.platform(terse=True)


def processor() -> str:
    """Return the number of usable cores and the kind of processor."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    return f"{cores} × {platform.machine()}"


def gpus() -> list[str]:
    """Return a line for each NVIDIA GPU: name, memory, driver."""
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def peak_memory() -> int:
    """Return the most bytes of memory that this process has held at once.

    On Linux ``getrusage`` would also count what the process held that started this one.
    """
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def free_memory() -> int:
    """Return the bytes a new process can use: free memory, the container's and ulimit's rest."""
    import psutil

    free = [int(psutil.virtual_memory().available)]
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        ),
    ):
        try:
            free.append(int(Path(limit).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):  # no such cgroup version, or "max"
            continue
    if sys.platform != "win32":
        import resource

        allowed = resource.getrlimit(resource.RLIMIT_AS)[0]
        if allowed != resource.RLIM_INFINITY:
            free.append(allowed)
    return max(0, min(free))


def free_disk(folder: Path) -> int:
    """Return the free bytes of the disk that holds ``folder``."""
    return shutil.disk_usage(folder).free
