"""What names mean in a test cell: the test's own, the instructor's, then the learner's."""

from __future__ import annotations

import builtins
import importlib
import symtable
from collections.abc import Callable, Collection, Iterator
from types import FunctionType
from typing import Any

from grading.apart.given import Given
from grading.apart.peer import Peer
from grading.apart.remote import place_of


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
        modules: Collection[str],
        owned: Collection[str] = (),
    ) -> None:
        """Look names up.

        Args:
            peer: returns the connection to the learner's process.
            solved: names that the instructor's solution binds or changes; these are the
                learner's, also where they shadow builtins.
            modules: modules that the instructor's notebook imports.
            owned: names that the instructor's cells bind. Where such a cell ended before it bound
                one, a learner's value of that name is not taken in its place.
        """
        super().__init__(__name__="__main__", __builtins__=builtins)
        self._peer = peer
        self._solved = solved
        self._modules = modules
        self._owned = frozenset(owned) - frozenset(solved)
        self.shared: Collection[str] = ()  # what a test binds in the learner's process too
        self.returns = False  # and reads there again
        self._moved: set[str] = set()
        self._seen: dict[str, Any] = {}  # plain values of the learner's
        self._seen_at: tuple[Peer, int] | None = None
        self.given = Instructors(self._unowned)

    def __missing__(self, name: str) -> Any:
        """Return the value of a name that no test binds."""
        if name in self._moved:
            return self.learners(name)
        if dict.__contains__(self.given, name) and name not in self._solved:
            return self._given(name, self.given[name])
        if hasattr(builtins, name) and name not in self._solved:
            raise KeyError(name)
        return self._unowned(name)

    def __setitem__(self, name: str, value: Any) -> None:
        if name in self.shared and self.returns:
            self.pop(name, None)
            self._moved.add(name)
        else:
            super().__setitem__(name, value)
        if name in self.shared:
            self._peer().ask("bind", name, value)

    def __delitem__(self, name: str) -> None:
        if name in self._moved:
            self._moved.remove(name)
            self._peer().ask("unbind", name)
        elif name in self.shared and not super().__contains__(name):
            self._peer().ask("unbind", name)
        else:
            super().__delitem__(name)

    def __contains__(self, name: object) -> bool:
        if super().__contains__(name) or dict.__contains__(self.given, name):
            return True
        if not isinstance(name, str) or name in self._owned - self._moved:
            return False
        return self._peer().ask("has", name) is True

    def forget(self, names: Collection[str]) -> None:
        """Let go of what tests bound to names that a later cell binds anew."""
        for name in names:
            self.pop(name, None)
            self._moved.discard(name)

    def rebind(self, name: str, value: Any) -> None:
        """Bind a name here and in the learner's process."""
        if place_of(value) is None:
            super().__setitem__(name, value)
        else:
            self.pop(name, None)
        self._peer().ask("bind", name, value)

    def unbind(self, name: str) -> None:
        """Take a name away here and in the learner's process."""
        self.pop(name, None)
        self._peer().ask("unbind", name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a name, or ``default``."""
        return self[name] if name in self else default  # noqa: SIM401 - this is get

    def keys(self) -> Any:
        """Return all names, the learner's too."""
        theirs = self._peer().ask("names")
        return dict.fromkeys([*super().keys(), *self.given, *filter(_is_name, theirs)]).keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def _unowned(self, name: str) -> Any:
        if name in self._owned:
            raise NameError(f"name {name!r} is not defined")
        return self.learners(name)

    def learners(self, name: str) -> Any:
        """Return the value that a name has in the learner's process.

        A plain value is asked for once until something else is asked of that process: between two
        mentions nothing honest changes it.
        """
        peer = self._peer()
        if self._seen_at != (peer, peer.asked):
            self._seen, self._seen_at = {}, (peer, peer.asked)
        if name in self._seen:
            return self._seen[name]
        try:
            kind, value = peer.ask("get", name)
        except KeyError:  # Python would look for a builtin of that name
            raise NameError(f"name {name!r} is not defined") from None
        if kind == "module":
            if value not in self._modules:
                raise NameError(f"name {name!r} is no module of this assignment")
            return importlib.import_module(value)
        if place_of(value) is None:
            self._seen[name] = value
        return value

    def _given(self, name: str, value: Any) -> Any:
        ours = isinstance(value, FunctionType) and value.__globals__ is self.given
        if isinstance(value, type) and value.__module__ == "__main__":
            ours = not issubclass(value, BaseException)
        return Given(value, lambda: self.learners(name), self._peer()) if ours else value

    def theirs(self, value: Any) -> Any:
        """Return the learner's process's own copy of an object that the instructor's cells make.

        A model that both have loaded is not asked about across processes.
        """
        if isinstance(value, Given):
            return value.theirs()
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
                        dict.__setitem__(self, name, self[name])


def _is_name(name: Any) -> bool:
    return isinstance(name, str)
