"""Make a tool's environment from its lock, and remove it.

uv keeps what it has downloaded, so an installation that was stopped or failed goes on where it was
when it is asked for again: the environment is made anew from the packages in uv's cache. What an
installation runs ends with it, however it ends, so nothing writes beside the next one.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from filelock import Timeout

from course_lib.background import Tethered
from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Text
from course_lib.toolbox import uv
from course_lib.toolbox.catalogue import Tool
from course_lib.toolbox.environments import (
    MARK,
    Environment,
    Mark,
    State,
    environment,
    lock_of,
    root,
)

Say = Callable[[str], None]
_NETWORK = re.compile(
    r"failed to fetch|error sending request|connection (?:refused|reset)|dns error|timed out"
    r"|name resolution|network is unreachable|no route to host",
    re.I,
)
_DISK = re.compile(r"no space left|os error 28|disk quota", re.I)
_TOLD = re.compile(r"\s*(Resolved|Downloading|Downloaded|Building|Built|Prepared|Installed) ")
_MB = 1_000_000
_MOMENT = 1.0  # seconds, for who only looks whether the lock is held


def needed_mb(tool: Tool) -> int:
    """Return the disk that the environment takes on this machine, in MB."""
    return tool.cuda_mb if _with_cuda() else tool.disk_mb


def download_mb(tool: Tool) -> int:
    """Return what is downloaded on this machine when nothing is cached, in MB."""
    return tool.cuda_download_mb if _with_cuda() else tool.download_mb


def _with_cuda() -> bool:
    """Tell whether the index's torch is installed, which brings CUDA on Linux."""
    return sys.platform == "linux" and not uv.has_wheels()


def install(tool: Tool, say: Say, *, again: bool = False) -> Environment:
    """Return the environment of ``tool``, made when it is not there or ``again`` is asked.

    Args:
        tool: the tool.
        say: shows one line of progress.
        again: make it anew even when it is whole.

    Raises:
        CampError: the disk is full, the package index is out of reach, another installation of
            this tool runs, or a package fails to install or import.
    """
    found = environment(tool)
    if found.state is State.READY and not again:
        return found
    with _alone(tool):
        found = environment(tool)
        if found.state is State.READY and not again:  # another process made it meanwhile
            return found
        began = time.monotonic()
        _check_disk(tool, found.folder)
        (found.folder / MARK).unlink(missing_ok=True)
        shutil.rmtree(found.folder, ignore_errors=True)
        program, variables = str(uv.program()), uv.environment()
        _step([program, "venv", "-q", "--python", uv.python(), str(found.folder)], variables, say)
        words = [
            *(program, "pip", "install", "--python", str(found.python)),
            *("-r", str(tool.lock), *uv.exceptions(tool, found.folder)),
        ]
        _step(words, variables, say)
        say(str(Text("检查：导入并启动", "trying it: imports and commands")))
        _try(found)
        mark = Mark(
            tool=tool.name,
            version=tool.version,
            key=tool.key,
            size=size(found.folder),
            made=datetime.now().astimezone(),
            seconds=round(time.monotonic() - began, 1),
        )
        write_atomic(found.folder / MARK, mark.model_dump_json(indent=1) + "\n")
    return environment(tool)


def remove(tool: Tool) -> int | None:
    """Remove the environment of ``tool``; return the bytes that it held, or None without one."""
    folder = environment(tool).folder
    if not folder.exists():
        return None
    with _alone(tool):
        held = size(folder)
        (folder / MARK).unlink(missing_ok=True)
        shutil.rmtree(folder)
    return held


def size(folder: Path) -> int:
    """Return the bytes of the files below ``folder``."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(parent) / name).lstat().st_size
    return total


@contextlib.contextmanager
def _alone(tool: Tool) -> Iterator[None]:
    root().mkdir(parents=True, exist_ok=True)
    lock = lock_of(tool)
    try:
        lock.acquire(timeout=_MOMENT)
    except Timeout:
        what = Text(
            f"另一个进程正在安装或删除 {tool.title}：等它结束再试",
            f"another process installs or removes {tool.title}: wait for it, then try again",
        )
        raise CampError(str(what)) from None
    try:
        yield
    finally:
        lock.release()


def _check_disk(tool: Tool, folder: Path) -> None:
    free = shutil.disk_usage(root()).free // _MB + size(folder) // _MB
    need = needed_mb(tool)
    if free < need:
        what = Text(
            f"{tool.title} 约需 {need} MB 磁盘，{root()} 所在磁盘只剩 {free} MB：先腾出空间"
            "（camp tools remove 删除不用的工具），或用 CAMP_TOOLS 指定别的目录",
            f"{tool.title} needs about {need} MB of disk, {free} MB are free in {root()}: free "
            "some (camp tools remove), or name another folder with CAMP_TOOLS",
        )
        raise CampError(str(what))


def _step(command: list[str], variables: Mapping[str, str], say: Say) -> None:
    """Run one step of uv, telling its progress; raises CampError with its reason."""

    def hear(line: str) -> None:
        if _TOLD.match(line):
            say(line.strip())

    code, said = _run(command, variables, hear)
    if code:
        raise CampError(str(_reason("\n".join(said))))


def _run(
    command: list[str], variables: Mapping[str, str], hear: Say, folder: Path | None = None
) -> tuple[int, list[str]]:
    """Run a command, which ends when this process does; return its exit code and its lines."""
    said = []
    running = Tethered(command, folder, variables)
    try:
        assert running.process.stdout is not None
        for raw in running.process.stdout:
            said.append(raw.decode("utf-8", "replace").rstrip())
            hear(said[-1])
        return running.wait()[0], said
    finally:
        running.end()


def _reason(said: str) -> Text:
    if _DISK.search(said):
        return Text(
            f"磁盘满了：在 {root()} 和 uv 的缓存所在磁盘腾出空间，再运行同一条命令，会接着装",
            f"the disk is full: free some in {root()} and in uv's cache, then run the same "
            "command, which goes on",
        )
    if _NETWORK.search(said):
        index = uv.environment().get("UV_DEFAULT_INDEX", "PyPI")
        return Text(
            f"连不上软件包索引 {index}：检查网络或代理，或用 PIP_INDEX_URL 指定镜像；"
            "再运行同一条命令，会接着装",
            f"cannot reach the package index {index}: check the network or proxy, or name a mirror "
            "with PIP_INDEX_URL; the same command goes on",
        )
    lines = [line.strip(" ×╰─▶├│") for line in said.splitlines() if line.strip()]
    why = " ".join([line for line in lines if not _TOLD.match(line)][:4])[:400]
    return Text(f"uv 没有装成：{why}", f"uv could not install it: {why}")


def _try(found: Environment) -> None:
    """Import the tool's modules and look for its commands; raises CampError."""
    tool = found.tool
    missing = [name for name in tool.commands if not (found.bin / name).is_file()]
    code = "; ".join(f"import {name}" for name in tool.imports)
    variables = uv.environment() | tool.variables | {"PYTHONNOUSERSITE": "1"}
    others = ("PYTHONPATH", "MPLBACKEND", "PYTHONDONTWRITEBYTECODE")
    own = {k: v for k, v in variables.items() if k not in others}
    failed, said = _run(
        [str(found.python), "-c", code or "pass"], own, lambda _: None, found.folder
    )
    if not failed and not missing:
        return
    lines = [line for line in said if line] if failed else []
    lines = lines or [f"no command {name}" for name in missing]
    raise CampError(
        str(
            Text(
                f"{tool.title} 装好了却不能用（{lines[-1]}）："
                f"运行 camp tools install {tool.name} --again",
                f"{tool.title} is installed but does not work ({lines[-1]}): "
                f"run camp tools install {tool.name} --again",
            )
        )
    )
