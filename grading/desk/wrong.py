"""The most common wrong answers to one exercise, grouped.

By what the check said, or by the answer's text: its program without comments, docstrings and
layout, names of arguments and variables replaced by their order.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from course_lib.language import Text
from grading.course import Course
from grading.desk.graded import file_of, read_graded
from grading.desk.reading import answer_of
from grading.desk.sheet import Item, Sheet

By = Literal["message", "answer"]
_Function = TypeVar("_Function", ast.FunctionDef, ast.AsyncFunctionDef)
_MAX_ANSWER = 20_000  # characters; a tree of them takes a thousand times as much
_PARTLY = Text("部分得分，检查没有说什么", "partly right; the check said nothing")
_NOTHING = Text("没有得分，检查没有说什么", "no points; the check said nothing")


@dataclass(frozen=True)
class Wrong:
    """One wrong answer: whose, its text, and what the check said."""

    learner: str
    answer: str
    said: Text


@dataclass(frozen=True)
class Group:
    """Wrong answers that are alike; the first stands for all."""

    example: Wrong
    learners: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many learners gave it."""
        return len(self.learners)


def read_wrong(course: Course, sheet: Sheet, item: Item) -> list[Wrong]:
    """Return the answers to an exercise that lost points, by learner.

    Blank ones and those that wait for a TA are left out, and what cannot be read.
    """
    column = sheet.items.index(item)
    lost = (sheet.points[:, column] < item.maximum) & ~sheet.blank[:, column]
    found = []
    for row in (lost & ~sheet.waits[:, column]).nonzero()[0]:
        learner = sheet.learners[row]
        notebook = read_graded(file_of(course, sheet.lesson, learner, item.notebook))
        if notebook is not None:
            cell = notebook.cells.get(item.cell)
            unsaid = _PARTLY if sheet.points[row, column] > 0 else _NOTHING
            said = (cell.said if cell else None) or unsaid
            found.append(Wrong(learner, answer_of(notebook, item), said))
    return found


def group(answers: list[Wrong], by: By) -> list[Group]:
    """Return the answers grouped, the most common first."""
    forms = {text: normal_form(text) for text in {one.answer for one in answers} if by == "answer"}
    found: dict[str, list[Wrong]] = {}
    for one in answers:
        key = one.said.zh if by == "message" else forms[one.answer]
        found.setdefault(key, []).append(one)
    groups = [Group(many[0], tuple(one.learner for one in many)) for many in found.values()]
    return sorted(groups, key=lambda one: (-one.count, one.example.learner))


def normal_form(source: str) -> str:
    """Return what two answers share that differ in layout, comments and names alone.

    Of what is no Python, magics among it, only the layout is left out: IPython takes quadratic time
    for them.
    """
    try:
        if len(source) > _MAX_ANSWER:
            raise ValueError("too long")
        tree = ast.parse(source)
        # no program has such names
        names = {name: f"§{number}" for number, name in enumerate(_own_names(tree))}
        return ast.unparse(_Renamed(names).visit(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return " ".join(source.split())


def _own_names(tree: ast.AST) -> dict[str, None]:
    """Return the names of arguments and variables in functions, in order."""
    return {name: None for function in _outermost(tree) for name in _bound(function)}


def _outermost(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the functions that lie in no other."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
        else:
            yield from _outermost(node)


def _bound(function: ast.AST) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


class _Renamed(ast.NodeTransformer):
    """Renames names and drops docstrings."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg, node.annotation = self._names.get(node.arg, node.arg), None
        return node

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._names.get(node.id, node.id)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        return self._function(node)

    def _function(self, node: _Function) -> _Function:
        node.returns = None
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        self.generic_visit(node)
        return node
