"""Which names a cell binds and reads, without running it."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from dataclasses import dataclass

from IPython.core.inputtransformer2 import TransformerManager

_MAX_PARSED = 50_000  # characters; Python's tree of them takes a thousand times as much
READS_ANYTHING = {"eval", "exec", "globals", "locals", "vars", "get_ipython", "__import__"}


@dataclass(frozen=True)
class CellNames:
    """The names that a cell binds and reads at the level of the notebook."""

    bound: frozenset[str]
    read: frozenset[str]


def names_of(source: str) -> CellNames | None:
    """Return the names of a cell; None when they cannot be known."""
    if len(source) > _MAX_PARSED:
        return None
    try:
        top = symtable.symtable(source, "<cell>", "exec")
        if imports_everything(source):
            return None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    bound = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    read = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    for table in _inner(top):
        for symbol in table.get_symbols():
            if symbol.is_global():
                read.add(symbol.get_name())
                if symbol.is_assigned():
                    bound.add(symbol.get_name())
    return CellNames(frozenset(bound), frozenset(read))


def imported_first(source: str) -> frozenset[str]:
    """Return the names that a cell imports before it does anything else."""
    tree = parse(source)
    found: set[str] = set()
    for node in tree.body if tree else ():
        if not isinstance(node, ast.Import | ast.ImportFrom):
            break
        found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    return frozenset(found)


def parse(source: str) -> ast.Module | None:
    """Return the syntax tree of a cell, its magics turned into calls; None if it has none."""
    for text_of in (str, TransformerManager().transform_cell):  # the second takes much longer
        try:
            return ast.parse(text_of(source))
        # IPython gives up on more than 500 magics by a RuntimeError; a RecursionError is one, too
        except (SyntaxError, ValueError, RuntimeError, MemoryError):
            continue
    return None


def imports_of(tree: ast.Module) -> set[str]:
    """Return what a cell imports: ``module`` or ``module:name``, wherever in the cell."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {f"{node.module}:{alias.name}" for alias in node.names}
    return found


def imports_everything(source: str) -> bool:
    """Tell whether a cell has an import of all names (``from module import *``)."""
    tree = parse(source)
    return tree is not None and any(
        alias.name == "*" for node in _imports(tree) for alias in node.names
    )


def classes_of(tree: ast.Module) -> set[str]:
    """Return the classes that a cell defines."""
    return {node.name for node in tree.body if isinstance(node, ast.ClassDef)}


def changed_names(tree: ast.Module) -> set[str]:
    """Return names whose values a cell seems to change in place, at the notebook's level or not."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            found.add(_base_name(node))
        elif isinstance(node, ast.AugAssign):
            found.add(_base_name(node.target))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            function = node.value.func  # called for what it does, not for its value
            found.add(_base_name(function) if isinstance(function, ast.Attribute) else "")
    return found - {""}


def _base_name(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript | ast.Attribute | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _imports(tree: ast.Module) -> Iterator[ast.ImportFrom]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))


def _inner(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inner(child)
