"""One thing that ``camp doctor`` found, with its fix."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from course_lib.language import Text


@dataclass(frozen=True)
class Finding:
    """Something to know; ``wrong`` tells whether it needs the fix before the course works."""

    what: Text
    fix: Text
    wrong: bool = True


def in_shell(path: Path | str) -> str:
    """Return a path as a shell takes it, with ``$HOME`` for the home folder."""
    home = Path.home()
    if home != Path("/") and Path(path).is_relative_to(home):
        return f'"$HOME"/{shlex.quote(str(Path(path).relative_to(home)))}'
    return shlex.quote(str(path))


def run(command: str) -> Text:
    """Return the fix that consists of running ``command``."""
    return Text(zh=f"运行 `{command}`", en=f"run `{command}`")
