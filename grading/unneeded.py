"""Which of a lesson's demonstrations nobody's code needs, so that grading need not run them.

A lesson's graded cells use only given cells and exercises (the builder proves it), but a learner
may use a name from a demonstration, say an import. Those that bind such a name still run.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

_READS_ANYTHING = {"eval", "exec", "globals", "locals", "vars", "get_ipython", "__import__"}


def unneeded(sources: Sequence[str], demonstrations: Collection[int]) -> set[int]:
    """Return the demonstrations without effect on the other cells.

    Args:
        sources: the text of each code cell.
        demonstrations: indices of the cells that are the lesson's own, as released.
    """
    found = [_names(source) for source in sources]
    idle = set(demonstrations)
    needed: set[str] = set()
    awake = set(range(len(sources))) - idle
    while awake:
        for bound_and_read in (found[index] for index in awake):
            if bound_and_read is None or bound_and_read.read & _READS_ANYTHING:
                return set()
            needed |= bound_and_read.read
        awake = {i for i in idle if (names := found[i]) is None or names.bound & needed}
        idle -= awake
    return idle


@dataclass(frozen=True)
class _Names:
    bound: set[str]
    read: set[str]


def _names(source: str) -> _Names | None:
    """Return the names that a cell binds and reads; None when they cannot be known."""
    try:
        top = symtable.symtable(source, "<cell>", "exec")
        if any(alias.name == "*" for alias in _imports(source)):
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
    return _Names(bound, read)


def _imports(source: str) -> Iterator[ast.alias]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            yield from node.names


def _inner(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inner(child)
