"""What a test finds around it, made the same for both processes: input, plots, modules, sources."""

from __future__ import annotations

import ast
import builtins
import functools
import linecache
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from types import ModuleType
from typing import Any

from IPython.core.error import StdinNotImplementedError

from grading.apart import wire
from grading.apart.given import is_subclass
from grading.apart.guard import NotHere
from grading.apart.names import Names
from grading.apart.peer import Peer
from grading.cell_names import parse

PLOTS = "matplotlib.pyplot"
_INPUT, _STDIN = builtins.input, sys.stdin


def remember_source(name: str, source: str) -> None:
    """Let ``inspect.getsource`` find the text of a learner's cell, as it was handed in."""
    lines = [f"{line}\n" for line in source.split("\n")]
    file = f"<cell {name}>"
    linecache.cache[file] = (len(source), None, lines, file)


def read_input(how: str, prompt: str = "") -> str:
    """Read what a test put in the place of ``input`` or of standard input.

    Raises:
        StdinNotImplementedError: nothing, as in a notebook that is graded.
    """
    if how == "input":
        if builtins.input is _INPUT:
            raise StdinNotImplementedError("no input while a notebook is graded")
        return str(builtins.input(prompt))
    if sys.stdin is _STDIN:
        return ""
    return str(sys.stdin.readline() if how == "readline" else sys.stdin.read())


class _Notebook(ModuleType):
    """The module ``__main__`` of the tests: the notebook's names."""

    def __init__(self, names: Names) -> None:
        super().__init__("__main__")
        object.__setattr__(self, "_names", names)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._names[name]
        except (KeyError, NameError):
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self._names.rebind(name, value)

    def __delattr__(self, name: str) -> None:
        self._names.unbind(name)

    def __dir__(self) -> Iterable[str]:
        return [name for name in self._names.keys() if hasattr(self, name)]  # noqa: SIM118


class _Plots(ModuleType):
    """``matplotlib.pyplot`` of the tests: the learner's process draws and holds the plots."""

    def __init__(self, own: ModuleType, ask: Callable[[str], Any]) -> None:
        super().__init__(PLOTS)
        object.__setattr__(self, "_own", own)
        object.__setattr__(self, "_ask", ask)

    def __getattr__(self, name: str) -> Any:
        mine = getattr(self._own, name)
        return mine if name.startswith("__") or isinstance(mine, type) else self._ask(name)


def put_in_place(names: Names, peer: Callable[[], Peer], cells: Sequence[str]) -> None:
    """Let tests find the notebook as ``__main__``, its plots, and ``eval`` and ``exec``.

    Args:
        names: the names of the tests.
        peer: returns the connection to the learner's process.
        cells: the text of all cells of the instructor's.
    """
    shown = "\n".join(cells)
    written = functools.cache(lambda: _written(cells))  # few notebooks ask for it
    sys.modules["__main__"] = _Notebook(names)
    plots = sys.modules.get(PLOTS)
    if plots is not None and "pyplot" in shown:
        own = getattr(plots, "_own", plots)
        found = _Plots(own, lambda name: peer().ask("module", PLOTS, name))
        sys.modules[PLOTS] = found
        sys.modules["matplotlib"].pyplot = found  # type: ignore[attr-defined]
    if "doctest" in shown:
        import doctest

        doctest.DocTestFinder.find = _find_no_examples  # type: ignore[method-assign]
    _watch_timer(written)
    dict.__setitem__(names, "eval", _evaluator(names, peer, written))
    dict.__setitem__(names, "exec", _executor(names, written))
    dict.__setitem__(names, "issubclass", is_subclass)
    names.given |= {"eval": names["eval"], "exec": names["exec"], "issubclass": is_subclass}


def _watch_timer(written: Callable[[], Collection[str]]) -> None:
    """Let ``timeit`` measure functions, and text of the instructor's own."""
    import timeit

    begin = timeit.Timer.__init__

    def checked(
        timer: Any, stmt: Any = "pass", setup: Any = "pass", *more: Any, **words: Any
    ) -> None:
        for text in (stmt, setup):
            if not callable(text) and text != "pass":
                _refuse_unwritten(text, written)
        begin(timer, stmt, setup, *more, **words)

    timeit.Timer.__init__ = checked  # type: ignore[method-assign, assignment]


def _find_no_examples(*_: Any, **__: Any) -> Any:
    """Fail: none found, all would pass. The instructor's own solution shows it, see ``how``."""
    raise NotImplementedError("examples in docstrings run in the learner's process")


def _evaluator(
    names: Names, peer: Callable[[], Peer], written: Callable[[], Collection[str]]
) -> Callable[..., Any]:
    """Return an ``eval`` that runs text of a learner's in the learner's process."""

    def evaluate(source: Any, space: Any = None, local: Any = None) -> Any:
        if isinstance(source, str) and source not in written():
            return peer().ask("eval", source)
        _refuse_unwritten(source, written)
        return eval(source, names if space is None else space, local)  # noqa: S307 - their words

    return evaluate


def _executor(names: Names, written: Callable[[], Collection[str]]) -> Callable[..., None]:
    """Return an ``exec`` that runs the instructor's own words only."""

    def execute(source: Any, space: Any = None, local: Any = None, **words: Any) -> None:
        _refuse_unwritten(source, written)
        exec(source, names if space is None else space, local, **words)  # noqa: S102 - their words

    return execute


def _refuse_unwritten(source: Any, written: Callable[[], Collection[str]]) -> None:
    if not isinstance(source, str) or source not in written():
        raise NotHere("only the instructor's own text is run as code in the process that judges")


def _written(cells: Iterable[str]) -> set[str]:
    """Return the texts in the instructor's cells that are meant to be run.

    Those are the ones that call something, and what ``exec`` is given as it stands. A word like
    ``"wanted"`` is not: a learner's function could return it, and it would stand for the test's
    own variable of that name.
    """
    found = set()
    for cell in cells:
        tree = parse(cell)
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "exec":
                found |= {one.value for one in node.args if isinstance(one, ast.Constant)}
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                inner = parse(node.value) if "(" in node.value else None
                if inner and any(isinstance(one, ast.Call) for one in ast.walk(inner)):
                    found.add(node.value)
    return {one for one in found if isinstance(one, str)}


def crosses(value: Any, peer: Peer) -> bool:
    """Tell whether a value can be given to the learner's process."""
    try:
        wire.dump(value, peer)
    except wire.NotPlain:
        return False
    return True
