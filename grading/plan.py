"""The cells that grading needs, in the instructor's order and words."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import lru_cache

from nbformat import NotebookNode
from nbgrader import utils

from course_lib.language import Text

_MAX_PARSED = 50_000  # characters; Python's tree of them takes a thousand times as much
_BEGIN = "BEGIN HIDDEN TESTS"
_HIDDEN = re.compile(rf"^.*{_BEGIN}(?s:.*?)END HIDDEN TESTS.*$\n?", re.MULTILINE)


@dataclass(frozen=True)
class Planned:
    """A cell of the instructor's that grading needs, with the text that learners got."""

    name: str
    cell: NotebookNode
    text: str
    checksum: str | None

    @property
    def locked(self) -> bool:
        """Whether the instructor's text counts, not the submission's."""
        return bool(utils.is_locked(self.cell))

    @property
    def label(self) -> Text:
        """What the cell is called in a remark."""
        if not self.locked:
            return Text(f"答题单元 {self.name}", f"answer cell {self.name}")
        if utils.is_grade(self.cell):
            return Text(f"检查单元 {self.name}", f"check cell {self.name}")
        return Text(f"只读单元 {self.name}", f"read-only cell {self.name}")

    def like(self, source: str) -> bool:
        """Tell whether ``source`` is the released text, apart from comments and docstrings."""
        visible, _ = visible_part(self.text)
        return same_text(visible, source, code=self.cell.cell_type == "code")


def visible_part(source: str) -> tuple[str, int]:
    """Return a test's text without its hidden parts, and the line where the first begins or 0."""
    begin = source.find(_BEGIN)
    if begin < 0:
        return source, 0
    visible = _HIDDEN.sub("", source)
    return ("" if _BEGIN in visible else visible), source.count("\n", 0, begin) + 1


def same_text(one: str, other: str, *, code: bool) -> bool:
    """Tell whether two cells say the same; code is compared without comments and docstrings."""
    if one.strip() == other.strip():
        return True
    if not code or max(len(one), len(other)) > _MAX_PARSED:
        return False
    try:
        return _skeleton(one) == _skeleton(other)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


@lru_cache(maxsize=256)  # the instructor's text is compared again and again
def _skeleton(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return ast.dump(tree)
