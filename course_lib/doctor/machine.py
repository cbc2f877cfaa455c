"""What this machine has: versions, processors, memory, disk, and the model at hand."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from course_lib.language import Text

GIB = 2**30
SHOWN = (
    *("intern-camp-kit", "jupyterlab", "nbgrader", "jupytext", "ipywidgets"),
    *("torch", "transformers", "streamlit", "matplotlib"),
)
MODEL_VARIABLE = "CAMP_MODEL"
INTERNSTUDIO_MODEL = Path(
    "/root/share/new_models/Shanghai_AI_Laboratory/internlm2_5-1_8b-chat",
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


def is_model(folder: Path) -> bool:
    """Tell whether ``folder`` holds a Hugging Face model."""
    return (folder / "config.json").is_file() and any(folder.glob("*.safetensors"))


def model() -> Path | None:
    """Return the folder of the model in use: ``CAMP_MODEL``, else InternStudio's shared one."""
    chosen = os.environ.get(MODEL_VARIABLE)
    folder = Path(chosen) if chosen else INTERNSTUDIO_MODEL
    return folder if is_model(folder) else None


def model_text() -> Text:
    """Return the model in use in words."""
    folder = model()
    if folder is not None:
        return Text(zh=str(folder), en=str(folder))
    return Text(
        zh=f"还没有：这一版课程不带内置模型（可用 {MODEL_VARIABLE} 指定模型目录）",
        en=f"none yet: this version of the kit has no built-in model ({MODEL_VARIABLE} names one)",
    )
