"""llama.cpp's jobs, run in its environment as a notebook shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

from course_lib import toolbox
from course_lib.llamacpp import EXPORT, KINDS, ROOT


def run(module: str, *words: str | PathLike[str], files: Sequence[str], work: Path) -> None:
    """Run a module of this package in ``work``, where it must write ``files``.

    Raises:
        CampError: llama.cpp is not installed, or the step failed.
    """
    toolbox.run(
        "llamacpp", "-m", module, *words, folder=work, again="over", files=tuple(files),
        variables={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def export(model: Path, work: Path) -> Mapping[int, str]:
    """Write a model folder to ``work`` as GGUF at 16, 8 and 4 bits; return the names by bits."""
    names = {bits: f"{kind}.gguf" for bits, kind in KINDS.items()}
    words = [word for bits, name in names.items() for word in (str(bits), name)]
    run(EXPORT, model.resolve(), *words, files=list(names.values()), work=work)
    return names
