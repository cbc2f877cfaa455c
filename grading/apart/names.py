"""What names mean in a test cell: the test's own, the instructor's, then the learner's."""

from __future__ import annotations

import builtins
import importlib
import symtable
from collections.abc import Callable, Collection
from types import FunctionType
from typing import Any

from grading.apart import wire
from grading.apart.peer import Peer, Remote


class Given(wire.Kept):
    """A function or class of the instructor's, which both processes have.

    A call is answered here, from the instructor's copy, when the answer is plain data: what a
    learner's code does to its own copy changes nothing. An object that must be handed to the
    learner's code is made on that side.
    """

    def __init__(self, mine: Any, theirs: Callable[[], Any]) -> None:
        self._mine = mine
        self._theirs = theirs
        self.__name__ = mine.__name__
        self.__doc__ = mine.__doc__
        self._makes_objects = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it here; there, when the answer has to live there."""
        if self._makes_objects:  # then its first answer here would be made for nothing
            made = self._theirs()(*args, **kwargs)
            if isinstance(made, Remote):
                return made
        value = self._mine(*args, **kwargs)
        try:
            wire.dump(value)
        except wire.NotPlain:
            self._makes_objects = True
            return self._theirs()(*args, **kwargs)
        return value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._mine, name)

    def __instancecheck__(self, thing: Any) -> bool:
        if isinstance(thing, Remote):
            return f"__main__.{self.__name__}" in thing._handle.bases
        return isinstance(thing, self._mine)

    def __mro_entries__(self, bases: Any) -> tuple[Any, ...]:
        return (self._mine,)


class Instructors(dict[str, Any]):
    """The names of cells that the instructor gives, run on the judge's side too."""

    def __init__(self, ask: Callable[[str], Any]) -> None:
        super().__init__(__name__="__main__", __builtins__=builtins)
        self._ask = ask

    def __missing__(self, name: str) -> Any:
        """Return what the learner's process has under a name that is not given."""
        if hasattr(builtins, name):
            raise KeyError(name)
        return self._ask(name)


class Names(dict[str, Any]):
    """The names of the test cells."""

    def __init__(
        self,
        peer: Callable[[], Peer],
        *,
        solved: Collection[str],
        classes: Collection[str],
        modules: Collection[str],
    ) -> None:
        """Look names up.

        Args:
            peer: returns the connection to the learner's process.
            solved: names that the instructor's solution binds; these may shadow builtins.
            classes: those of them that are classes.
            modules: modules that the instructor's notebook imports.
        """
        super().__init__(__name__="__main__", __builtins__=builtins)
        self._peer = peer
        self._solved = solved
        self._classes = classes
        self._modules = modules
        self.given = Instructors(self.learners)

    def __missing__(self, name: str) -> Any:
        """Return the value of a name that no test binds."""
        if dict.__contains__(self.given, name):
            return self._given(name, self.given[name])
        if hasattr(builtins, name) and name not in self._solved:
            raise KeyError(name)
        return self.learners(name)

    def __contains__(self, name: object) -> bool:
        if super().__contains__(name) or dict.__contains__(self.given, name):
            return True
        return isinstance(name, str) and self._peer().ask("has", name) is True

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a name, or ``default``."""
        return self[name] if name in self else default  # noqa: SIM401 - this is get

    def learners(self, name: str) -> Any:
        """Return the value that a name has in the learner's process."""
        kind, value = self._peer().ask("get", name)
        if kind == "module":
            if value not in self._modules:
                raise NameError(f"name {name!r} is no module of this assignment")
            return importlib.import_module(value)
        if isinstance(value, Remote) and name in self._classes:
            object.__setattr__(value, "_compares", True)
        return value

    def _given(self, name: str, value: Any) -> Any:
        ours = isinstance(value, FunctionType) and value.__globals__ is self.given
        if isinstance(value, type) and value.__module__ == "__main__":
            ours = not issubclass(value, BaseException)
        return Given(value, lambda: self.learners(name)) if ours else value

    def theirs(self, value: Any) -> Any:
        """Return the learner's process's own copy of an object that the instructor's cells make.

        A model that both have loaded is not asked about across processes.
        """
        if isinstance(value, Given):
            return value._theirs()
        names = (name for name, known in self.given.items() if known is value)
        name = next(names, None)
        return value if name is None else self.learners(name)

    def bind_for_classes(self, source: str) -> None:
        """Look up what the bodies of class statements use: Python does not ask for those."""
        for table in symtable.symtable(source, "<cell>", "exec").get_children():
            if table.get_type() == "class":
                for symbol in table.get_symbols():
                    name = symbol.get_name()
                    if symbol.is_global() and not hasattr(builtins, name) and name in self:
                        self[name] = self[name]
