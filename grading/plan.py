"""The cells that grading needs, in the instructor's order and words."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode
from nbgrader import utils

from course_lib.language import Text

_HIDDEN = re.compile(r"^.*BEGIN HIDDEN TESTS(?s:.*?)END HIDDEN TESTS.*$\n?", re.MULTILINE)


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
        return same_text(_HIDDEN.sub("", self.text), source, code=self.cell.cell_type == "code")


def read_plan(instructor: NotebookNode, notebook: Any) -> list[Planned]:
    """Return the planned cells in the instructor's order.

    Args:
        instructor: the notebook in ``source/``.
        notebook: the gradebook's entry of it, which keeps the locked text and checksums.
    """
    known = {cell.name: cell for cell in notebook.source_cells}
    plan = []
    for cell in instructor.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in known:
            plan.append(Planned(name, cell, known[name].source, known[name].checksum))
    return plan


def same_text(one: str, other: str, *, code: bool) -> bool:
    """Tell whether two cells say the same; code is compared without comments and docstrings."""
    if one.strip() == other.strip():
        return True
    if not code:
        return False
    try:
        return _skeleton(one) == _skeleton(other)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _skeleton(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return ast.dump(tree)
