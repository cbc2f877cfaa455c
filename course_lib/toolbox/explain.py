"""What went wrong: a tool's log against the problems that learners of the camps met."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from course_lib.language import Text
from course_lib.toolbox import progress

SHOWN = 12
"""How many lines of a log are shown at most."""
_TRACEBACK = "Traceback (most recent call last):"
_TELLING = re.compile(
    r"errors?\b|exception\b|fail|fatal|killed|no space|not found|cannot|denied|invalid|assert", re.I
)
_NOISE = re.compile(
    r"warn|deprecat|compiled without GPU|the following arguments|attention mask is not set"
    r"|^\s*(\^|~)+\s*$|it/s\]",
    re.I,
)


class Words(BaseModel):
    """A text in both languages, in which ``{x}`` stands for a pattern's group."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str
    en: str

    def filled(self, values: dict[str, str]) -> Text:
        """Return the text with the groups' values put in; other braces stay."""
        return Text(*(_filled(text, values) for text in (self.zh, self.en)))


class Problem(BaseModel):
    """A known problem; ``problems.yml`` explains the fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    name: str
    pattern: str
    where: str | None = None
    ended: bool | None = None
    cause: Words
    fix: Words
    source: str

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        given = (self.where, self.pattern)
        return tuple(re.compile(text, re.MULTILINE) for text in given if text)

    def find(self, log: str) -> re.Match[str] | None:
        """Return where a log tells of the problem, or None."""
        found = None
        for pattern in self._patterns:
            found = pattern.search(log)
            if found is None:
                return None
        return found


@dataclass(frozen=True)
class Explanation:
    """The cause and the fix where the problem is known, and the lines that tell it."""

    name: str | None
    cause: Text | None
    fix: Text | None
    lines: tuple[str, ...]

    def __str__(self) -> str:
        if self.cause and self.fix:
            said = [
                str(Text(f"原因：{self.cause.zh}", f"Cause: {self.cause.en}")),
                str(Text(f"解决：{self.fix.zh}", f"Fix: {self.fix.en}")),
            ]
        else:
            said = [str(_UNKNOWN)]
        if self.lines:
            said.append(str(Text("日志里的有关几行：", "The lines of the log that matter:")))
            said += [f"  {line}" for line in self.lines]
        return "\n".join(said)


_UNKNOWN = Text(
    "原因：这个问题课程还不认识。把下面几行和 camp doctor 的输出发到课程的讨论区，"
    "并写上你运行的命令。",
    "Cause: unknown to the course. Post the lines below with the output of camp doctor and the "
    "command that you ran where the course takes questions.",
)


@lru_cache(maxsize=1)
def problems() -> tuple[Problem, ...]:
    """Return the known problems, the more specific first."""
    raw = yaml.safe_load(Path(__file__).with_name("problems.yml").read_text(encoding="utf-8"))
    return tuple(Problem(**fields) for fields in raw["problems"])


def explain(log: Sequence[str], *, ended: bool = False) -> Explanation:
    """Return what a log tells of a failure.

    Args:
        log: its lines.
        ended: whether the run is known to have ended by itself, not by an interrupt.
    """
    lines = [progress.plain(line) for line in log]
    text = "\n".join(lines)
    for problem in problems():
        found = problem.find(text) if problem.ended in (None, ended) else None
        if found and not (problem.ended and _telling(lines)):
            values = {name: value or "" for name, value in found.groupdict().items()}
            first = text.count("\n", 0, found.start())
            matched = lines[first : text.count("\n", 0, found.end()) + 1]
            shown = tuple(_short(matched)) if found[0] else relevant(lines)
            cause, fix = problem.cause.filled(values), problem.fix.filled(values)
            return Explanation(problem.name, cause, fix, shown)
    return Explanation(None, None, None, relevant(lines))


def _filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), text)


def relevant(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the last lines that matter: the last traceback's end, else what tells an error."""
    kept = [line for line in lines if line.strip() and not progress.is_bar(line)]
    kept = [line for line in kept if not line.startswith("$ ")]  # the command, seen already
    starts = [number for number, line in enumerate(kept) if _TRACEBACK in line]
    if starts:
        return tuple(_short(_traceback(kept[starts[-1] :])))
    return tuple(_short((_telling(kept) or kept)[-SHOWN:]))


def _telling(lines: Sequence[str]) -> list[str]:
    """Return the lines that tell an error."""
    return [
        line
        for line in lines
        if _TRACEBACK in line or (_TELLING.search(line) and not _NOISE.search(line))
    ]


def _traceback(lines: Sequence[str]) -> list[str]:
    """Return a traceback's last two frames and its exception."""
    end = next(
        (n for n, line in enumerate(lines[1:], 1) if not line.startswith((" ", "\t"))), len(lines)
    )
    frames = [n for n in range(1, end) if lines[n].lstrip().startswith("File ")]
    first = frames[-2] if len(frames) > 1 else 1
    return [*lines[first:end], *lines[end : end + 4]]


def _short(lines: Sequence[str]) -> list[str]:
    shown = lines if len(lines) <= SHOWN else [*lines[: SHOWN - 4], "...", *lines[-3:]]
    return [line if len(line) <= 240 else line[:237] + "..." for line in shown]
