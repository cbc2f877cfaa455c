"""What a test finds around it, made the same for both processes: input, plots, modules, sources."""

from __future__ import annotations

import builtins
import linecache
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from IPython.core.error import StdinNotImplementedError

from grading.apart import wire
from grading.apart.given import is_subclass
from grading.apart.names import Names
from grading.apart.peer import Peer

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


def put_in_place(names: Names, peer: Callable[[], Peer], shown: str) -> None:
    """Let tests find the notebook as ``__main__``, its plots, and an ``eval`` of their own.

    Args:
        names: the names of the tests.
        peer: returns the connection to the learner's process.
        shown: the text of all cells of the instructor's.
    """
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
    dict.__setitem__(names, "eval", _evaluator(names, peer, shown))
    dict.__setitem__(names, "issubclass", is_subclass)
    names.given |= {"eval": names["eval"], "issubclass": is_subclass}


def _find_no_examples(*_: Any, **__: Any) -> Any:
    """Fail: none found, all would pass. The instructor's own solution shows it, see ``how``."""
    raise NotImplementedError("examples in docstrings run in the learner's process")


def _evaluator(names: Names, peer: Callable[[], Peer], shown: str) -> Callable[..., Any]:
    """Return an ``eval`` that runs text of a learner's in the learner's process."""

    def evaluate(source: Any, space: Any = None, local: Any = None) -> Any:
        if isinstance(source, str) and source not in shown:
            return peer().ask("eval", source)
        return eval(source, names if space is None else space, local)  # noqa: S307 - their words

    return evaluate


def crosses(value: Any, peer: Peer) -> bool:
    """Tell whether a value can be given to the learner's process."""
    try:
        wire.dump(value, peer)
    except wire.NotPlain:
        return False
    return True
