"""uv, which resolves and installs the tools' environments, set up as pip is on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.toolbox.catalogue import Tool

PYTHON = (3, 11)


def program() -> Path:
    """Return uv: this environment's, else the PATH's; raises CampError when there is none."""
    own = Path(sys.executable).with_name("uv")
    found = str(own) if own.is_file() else shutil.which("uv")
    if found is None:
        fix = f"{sys.executable} -m pip install uv"
        raise CampError(
            str(
                Text(
                    f"没有找到安装工具用的 uv：运行 {fix}",
                    f"uv, which installs the tools, is missing: run {fix}",
                )
            )
        )
    return Path(found)


def python() -> str:
    """Return a Python 3.11 to make environments with; raises CampError when there is none."""
    if sys.version_info[:2] == PYTHON:
        return sys.executable
    found = shutil.which("python3.11")
    if found is None:
        raise CampError(
            str(
                Text(
                    "工具需要 Python 3.11：安装它（Debian 12：apt-get install python3.11-venv）",
                    "the tools need Python 3.11: install it "
                    "(Debian 12: apt-get install python3.11-venv)",
                )
            )
        )
    return found


@lru_cache(maxsize=8)
def _pip_setting(name: str) -> str:
    """Return a setting of pip, from its variable or its files, or an empty text."""
    said = os.environ.get(f"PIP_{name.upper().replace('-', '_')}")
    if said is not None:
        return said
    ask = [sys.executable, "-m", "pip", "config", "get", f"global.{name}"]
    return subprocess.run(ask, capture_output=True, text=True).stdout


def environment() -> dict[str, str]:
    """Return the variables for uv: a mirror or a folder of wheels that pip uses holds here too."""
    made = {
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_HTTP_RETRIES": "3",
        "NO_COLOR": "1",
    }
    if index := _pip_setting("index-url").strip():
        made["UV_DEFAULT_INDEX"] = index
    if links := _pip_setting("find-links").split():
        made["UV_FIND_LINKS"] = ",".join(links)
    kept = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "CONDA_PREFIX")}
    return made | kept


def has_wheels() -> bool:
    """Tell whether a folder of wheels is set, which is taken to hold torch for the CPU."""
    return "UV_FIND_LINKS" in environment()


def exceptions(tool: Tool, folder: Path) -> list[str]:
    """Return uv's words for the pins of ``tool`` that give way; writes them to ``folder``."""
    words = []
    for option, lines in (("--overrides", tool.overrides), ("--excludes", tool.excludes)):
        if lines:
            path = folder / f"{option.strip('-')}.txt"
            path.write_text("\n".join(lines))
            words += [option, str(path)]
    return words
