"""One thing that ``camp doctor`` found, with its fix."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.language import Text


@dataclass(frozen=True)
class Finding:
    """Something to know; ``wrong`` tells whether it needs the fix before the course works."""

    what: Text
    fix: Text
    wrong: bool = True


def run(command: str) -> Text:
    """Return the fix that consists of running ``command``."""
    return Text(zh=f"运行 `{command}`", en=f"run `{command}`")
