"""Where the tools' environments lie, and which are whole.

An environment's mark, written last and taken away first, says that it is whole and from which lock.
Who installs or removes one holds its lock meanwhile.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.toolbox.catalogue import Tool, find

VARIABLE = "CAMP_TOOLS"
MARK = "camp-tool.json"


class Mark(BaseModel):
    """What a whole environment says of itself."""

    tool: str
    version: str
    key: str
    size: int
    made: datetime
    seconds: float


class State(StrEnum):
    """What there is of a tool's environment."""

    READY = "installed"
    OUTDATED = "from an older version of the kit"
    BUSY = "being installed or removed"
    HALF = "half installed"
    MISSING = "not installed"

    @property
    def text(self) -> Text:
        """The state for people."""
        return Text(_IN_CHINESE[self], str(self))


_IN_CHINESE = {
    State.READY: "已安装",
    State.OUTDATED: "是旧版课程装的",
    State.BUSY: "正在安装或删除",
    State.HALF: "没有装完整",
    State.MISSING: "没有安装",
}


@dataclass(frozen=True)
class Environment:
    """A tool's environment: where it is or would be, and its mark when it is whole."""

    tool: Tool
    folder: Path
    mark: Mark | None

    @property
    def state(self) -> State:
        """Return whether the environment can be used, and if not, why."""
        if self.mark is not None and self.python.exists():
            return State.READY if self.mark.key == self.tool.key else State.OUTDATED
        if _is_held(self.tool):
            return State.BUSY
        return State.HALF if self.folder.exists() else State.MISSING

    @property
    def bin(self) -> Path:
        """Return the folder of its commands."""
        return self.folder / "bin"

    @property
    def python(self) -> Path:
        """Return its Python."""
        return self.bin / "python"


def root() -> Path:
    """Return the folder of all environments: ``CAMP_TOOLS``, else below the user's cache."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "intern-camp-kit" / "tools"


def lock_of(tool: Tool) -> FileLock:
    """Return the lock that whoever installs or removes ``tool`` holds."""
    return FileLock(root() / f".{tool.name}.lock")


def _is_held(tool: Tool) -> bool:
    lock = lock_of(tool)
    if not Path(lock.lock_file).exists():
        return False
    try:
        with lock.acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # another user's folder
        return False


def read_mark(folder: Path) -> Mark | None:
    """Return the mark of a whole environment, or None."""
    try:
        return Mark.model_validate_json((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError):
        return None


def environment(tool: Tool) -> Environment:
    """Return what there is of a tool's environment."""
    folder = root() / tool.name
    return Environment(tool, folder, read_mark(folder))


def has(name: str) -> bool:
    """Tell whether the tool ``name`` can be run here."""
    return environment(find(name)).state is State.READY


def need(name: str) -> Environment:
    """Return the environment of the tool ``name``; raises CampError that says how to get it."""
    found = environment(find(name))
    if found.state is State.READY:
        return found
    title, state = found.tool.title, found.state
    command = f"camp tools install {found.tool.name}"
    way = Text(f"在终端运行 {command}", f"run `{command}` in a terminal")
    if state is State.BUSY:
        way = Text("等它结束再运行", "wait for it, then run this again")
    raise CampError(
        str(
            Text(
                f"这台机器上 {title} {state.text.zh}：{way.zh}",
                f"{title} is {state.text.en}: {way.en}",
            )
        )
    )
