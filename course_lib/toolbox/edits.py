"""Edits of a tool's configuration: each with its reason, applied together, shown as a diff."""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.errors import CampError
from course_lib.language import Text

_ADDED, _REMOVED = "#e6f6ec", "#fdecea"


@dataclass(frozen=True)
class Edit:
    r"""One edit: every match of ``pattern`` (multiline regex) becomes ``replacement``, and why.

    ``replacement`` is taken as it is, but ``\1`` to ``\9`` stand for the pattern's groups.
    """

    pattern: str
    replacement: str
    why: Text

    def apply(self, text: str) -> str:
        """Return ``text`` edited; raises CampError when the pattern is not there."""
        made, count = re.subn(self.pattern, self._replace, text, flags=re.MULTILINE)
        if count == 0:
            raise CampError(
                str(
                    Text(
                        f"配置里没有找到要改的地方（{self.why.zh}）：重新运行 copy-cfg 再改",
                        f"the configuration lacks the place to edit ({self.why.en}): "
                        "take a fresh copy with copy-cfg",
                    )
                ),
                exit_code=2,
            )
        return made

    def _replace(self, match: re.Match[str]) -> str:
        return re.sub(r"\\([1-9])", lambda group: match[int(group[1])] or "", self.replacement)


def apply(text: str, edits: Sequence[Edit]) -> str:
    """Return ``text`` with all edits, in order; raises CampError when one does not fit."""
    for edit in edits:
        text = edit.apply(text)
    return text


@dataclass(frozen=True)
class Change:
    """The lines that one edit takes away and puts in, and why."""

    removed: tuple[str, ...]
    added: tuple[str, ...]
    why: Text


class Diff:
    """What edits do to a configuration; shows itself in a notebook, prints as text."""

    def __init__(self, text: str, edits: Sequence[Edit]) -> None:
        self.changes: list[Change] = []
        for edit in edits:
            made = edit.apply(text)
            lines = list(difflib.ndiff(text.splitlines(), made.splitlines()))
            removed = tuple(line[2:] for line in lines if line.startswith("- "))
            added = tuple(line[2:] for line in lines if line.startswith("+ "))
            if removed or added:
                self.changes.append(Change(removed, added, edit.why))
            text = made
        self.text = text

    def __str__(self) -> str:
        shown = []
        for change in self.changes:
            shown.append(f"# {change.why}")
            shown += [f"- {line}" for line in change.removed]
            shown += [f"+ {line}" for line in change.added]
        return "\n".join(shown)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = []
        for change in self.changes:
            lines = _lines(change.removed, "−", _REMOVED) + _lines(change.added, "+", _ADDED)
            why = html.escape(str(change.why))
            rows.append(
                '<tr><td style="text-align:left;vertical-align:top;font-family:monospace;'
                f'white-space:pre-wrap">{lines}</td>'
                f'<td style="text-align:left;vertical-align:top">{why}</td></tr>'
            )
        head = f"<tr><th>{Text('改动', 'change')}</th><th>{Text('为什么', 'why')}</th></tr>"
        return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def _lines(lines: Sequence[str], sign: str, colour: str) -> str:
    return "".join(
        f'<div style="background:{colour};color:#1c2128">{sign} {html.escape(line)}</div>'
        for line in lines
    )
