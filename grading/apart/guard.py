"""What the judge's process refuses to do for a test: run as code what a learner may have written.

A test can carry a learner's text into ``exec``, ``doctest``, ``pickle`` or a shell, and would
then run it where the score is decided. Each of these announces itself to the interpreter's audit
hooks (PEP 578), which cannot be removed again. A test that needs it fails here for the
instructor's own solution too, and so is run in the learner's process instead, see ``how``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

_PROGRAMS = {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "pty.spawn"}
# what makes classes and functions of text that it has written itself; timeit's: see surroundings
_WRITERS = ("collections/__init__.py", "dataclasses.py", "unittest/mock.py", "timeit.py")
_LIBRARIES = (
    "numpy",
    "torch",
    "scipy",
    "pydantic",
    "attr",
    "decorator.py",
    "networkx",
    "hypothesis",
)
_OURS = ("running.py", "surroundings.py")
_PLAIN = {
    "builtins": {"bytearray", "complex", "frozenset", "range", "set", "slice"},
    "collections": {"Counter", "OrderedDict", "defaultdict", "deque"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "pathlib": {"Path", "PosixPath", "PurePath", "PurePosixPath"},
    "_codecs": {"encode"},  # bytes, in files of Python 2's formats
    "numpy": {"dtype", "ndarray"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy.core.numeric": {"_frombuffer"},
    "numpy._core.numeric": {"_frombuffer"},
}


class NotHere(PermissionError):
    """Something that tests must not do in the judge's process."""


def install() -> None:
    """Refuse it from now on, for as long as this process lives."""
    places = [Path(entry).resolve() for entry in sys.path if entry.endswith("site-packages")]
    may_run = {
        *(str(Path(__file__).parent / name) for name in _OURS),
        *(str(Path(os.__file__).parent / name) for name in _WRITERS),
    }
    below = tuple(str(place / name) for place in places for name in _LIBRARIES)

    def hook(event: str, words: tuple[Any, ...]) -> None:
        if event == "exec":
            file = sys._getframe(1).f_code.co_filename
            if not (file.startswith(("<frozen importlib", *below)) or file in may_run):
                raise NotHere("text is not run as code in the process that judges")
        elif event == "pickle.find_class":
            module, name = words
            if name not in _PLAIN.get(module, ()):
                raise NotHere(f"{module}.{name} is not unpickled in the process that judges")
        elif event in _PROGRAMS:
            raise NotHere("programs are not started in the process that judges")

    sys.addaudithook(hook)
