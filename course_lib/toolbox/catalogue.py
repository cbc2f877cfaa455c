"""The upstream tools that the lessons run, each locked and in an environment of its own."""

from __future__ import annotations

import difflib
import hashlib
from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from course_lib.errors import CampError
from course_lib.language import Text

LOCKS = Path(__file__).parent / "locks"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tool(_Frozen):
    """One upstream tool; ``catalogue.yml`` explains the fields."""

    name: str
    title: str
    requires: tuple[str, ...]
    overrides: tuple[str, ...]
    excludes: tuple[str, ...]
    imports: tuple[str, ...]
    commands: tuple[str, ...]
    variables: dict[str, str]
    uses: tuple[str, ...]
    disk_mb: int
    cuda_mb: int
    download_mb: int
    cuda_download_mb: int

    @property
    def version(self) -> str:
        """Return the version of the tool itself, which is the first thing it requires."""
        return self.requires[0].partition("==")[2]

    @property
    def program(self) -> str:
        """Return the command that :func:`course_lib.toolbox.run` starts."""
        return self.commands[0] if self.commands else "python"

    @property
    def lock(self) -> Path:
        """Return the file that pins every package of the environment."""
        return LOCKS / f"{self.name}.lock"

    @property
    def key(self) -> str:
        """Return what tells this lock from others: a hash of its pins and exceptions."""
        whole = "\n".join((*self.overrides, "", *self.excludes, "", self.lock.read_text("utf-8")))
        return hashlib.sha256(whole.encode()).hexdigest()[:16]


@lru_cache(maxsize=1)
def tools() -> dict[str, Tool]:
    """Return the tools by name."""
    raw = yaml.safe_load(Path(__file__).with_suffix(".yml").read_text(encoding="utf-8"))
    return {name: Tool(name=name, **fields) for name, fields in raw["tools"].items()}


def find(name: str) -> Tool:
    """Return the tool ``name``, in any case; raises CampError for another name."""
    known = tools()
    if name.lower() in known:
        return known[name.lower()]
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = Text(f"，是不是 {near[0]}？", f", did you mean {near[0]}?") if near else Text("", "")
    names = ", ".join(known)
    raise CampError(
        str(
            Text(
                f"没有叫 {name} 的工具{hint.zh or '：'}{'' if near else '可用：' + names}",
                f"there is no tool {name}{hint.en or ': the tools are ' + names}",
            )
        ),
        exit_code=2,
    )
