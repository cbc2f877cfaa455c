"""``make lock-tools``: resolve each tool of the catalogue into ``locks/NAME.lock``.

The pins are those of Linux without torch's CUDA packages, which the installer adds where the torch
that it finds needs them, and without the ``+cpu`` of a local wheel, which other machines lack.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from course_lib.files import write_atomic
from course_lib.toolbox import uv
from course_lib.toolbox.catalogue import Tool, find, tools

PLATFORM = "x86_64-manylinux_2_28"
_CUDA = re.compile(r"(nvidia|cuda|triton)[-=]")


def resolve(tool: Tool, *, upgrade: bool = False) -> str:
    """Return the lock of ``tool``; without ``upgrade`` pins that still hold are kept."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, result = folder / "requirements.in", folder / "lock"
        source.write_text("\n".join(tool.requires))
        if tool.lock.is_file() and not upgrade:
            result.write_text(tool.lock.read_text())
        command = [
            *(str(uv.program()), "pip", "compile", str(source), "-o", str(result), "--quiet"),
            *("--python-version", "3.11", "--python-platform", PLATFORM),
            *("--no-annotate", "--no-header", *uv.exceptions(tool, folder)),
        ]
        unlinked = {k: v for k, v in os.environ.items() if k != "UV_FIND_LINKS"}
        subprocess.run(command, check=True, env=unlinked)
        pins = [line for line in result.read_text().splitlines() if not _CUDA.match(line)]
    head = f"# Made by 'make lock-tools' from catalogue.yml: {tool.name}, Python 3.11."
    return "\n".join([head, *(pin.replace("+cpu", "") for pin in pins), ""])


def main(words: list[str]) -> None:
    """Write the locks of the tools named, or of all."""
    names = [word for word in words if not word.startswith("-")]
    for tool in map(find, names or tools()):
        write_atomic(tool.lock, resolve(tool, upgrade="--upgrade" in words))
        print(f"{tool.lock.name}: {len(tool.lock.read_text().splitlines()) - 1} packages")


if __name__ == "__main__":
    main(sys.argv[1:])
