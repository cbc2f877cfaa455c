"""Submissions that should make grading stop, hang or keep an older score."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from tests.attacks.case import Case, Scene
from tests.attacks.course import FULL, HOMEWORK, POINTS, find

NOTEBOOK = f"{HOMEWORK}.ipynb"


def _text(content: str | bytes) -> Callable[[Path, Scene], None]:
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return lambda folder, scene: (folder / NOTEBOOK).write_bytes(raw) and None


def _format(number: object) -> Callable[[Path, Scene], None]:
    def write(folder: Path, scene: Scene) -> None:
        data = json.loads((folder / NOTEBOOK).read_text())
        (folder / NOTEBOOK).write_text(json.dumps({**data, "nbformat": number}))

    return write


def _remove(folder: Path, scene: Scene) -> None:
    (folder / NOTEBOOK).rename(folder / "readme.txt")


def _many_files(folder: Path, scene: Scene) -> None:
    for number in range(1500):
        (folder / f"{number}.txt").touch()


def _deep_folders(folder: Path, scene: Scene) -> None:
    (folder / "/".join("d" * 30)).mkdir(parents=True)


def _sparse(folder: Path, scene: Scene) -> None:
    with (folder / "data.bin").open("wb") as file:
        file.truncate(1 << 40)


def _pipe(folder: Path, scene: Scene) -> None:
    os.mkfifo(folder / "pipe.txt")


def _socket(folder: Path, scene: Scene) -> None:
    here = os.open(folder, os.O_PATH)
    with socket.socket(socket.AF_UNIX) as link:
        link.bind(f"/proc/self/fd/{here}/s")
    os.close(here)


def _device(folder: Path, scene: Scene) -> None:
    try:
        os.mknod(folder / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:  # an ordinary user makes none
        os.mkfifo(folder / "zero")


def _odd_names(folder: Path, scene: Scene) -> None:
    for name in (
        b"a\nb.txt",
        b"\xff\xfe.csv",
        b"\x1b[2J.txt",
        b"n" * 250,
        "\u202etxt.exe".encode(),
    ):
        (folder / os.fsdecode(name)).write_text("x")


def _clash(folder: Path, scene: Scene) -> None:
    """A folder where Python looks for metadata of packages, and one named as a module."""
    for name in ("numpy-9.dist-info/entry_points.txt", "numpy-9.dist-info/METADATA", "io/x.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("[console_scripts]\nx = antigravity:x\n")


def _cells(count: int, source: str = "0") -> Callable[[NotebookNode], None]:
    one = new_code_cell(source)  # of which each call is checked against the schema

    def edit(notebook: NotebookNode) -> None:
        notebook.cells += [{**one, "id": f"more-{number}"} for number in range(count)]

    return edit


def _types(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell["id"] = {"a": 1}
        cell.metadata["nbgrader"] = {"grade_id": ["test_mean"], "points": "many"}
        cell["attachments"] = {"x": 7}
    notebook.metadata = {"course": {"language": {"zh": 1}}, "kernelspec": {"name": "../../evil"}}


def _moved_ids(notebook: NotebookNode) -> None:
    """Swap the grade ids of two answers, and give a check's id to an answer."""
    one, other = find(notebook, "mean"), find(notebook, "slug")
    one.metadata.nbgrader.grade_id, other.metadata.nbgrader.grade_id = "slug", "mean"
    find(notebook, "digits").metadata.nbgrader.grade_id = "test_digits"


def _markdown(notebook: NotebookNode) -> None:
    essay = find(notebook, "essay")
    essay.source = (
        "<script>window.evil = 1</script><img src=x onerror='evil=2'>[x](javascript:evil=3)"
        "<svg onload=evil=4></svg><iframe srcdoc='<script>evil=5</script>'></iframe>"
    )
    essay["attachments"] = {
        'a"><script>evil=6</script>': {"image/png": '"><script>evil=7</script>'}
    }
    find(notebook, "drawing").source = (
        "from IPython.display import HTML, Javascript, display\n"
        "display(HTML('<script>evil=8</script><a href=\"javascript:evil=9\">x</a>'))\n"
        "display(Javascript('evil=10'))\nprint('</pre><script>evil=11</script>\\x1b[31m')\n"
        "raise type('<script>evil=12</script>', (Exception,), {})('<script>evil=13</script>')"
    )


_LOOPS = "import os\nos.close(0)\nwhile True: pass"
_SLEEPS = "import time\ntime.sleep(3.5)"  # less computed than slept would be tried again


def _broken(tries: str, write: Callable[[Path, Scene], None], solved: bool = True) -> Case:
    return Case(tries, review=True, solved=solved, write=write)


CASES: dict[str, Case] = {
    "no_json": _broken("a notebook that is no JSON", _text('{"cells": [ {"oops')),
    "deep_json": _broken("JSON nested 100,000 times", _text('{"a":' * 100_000)),
    "no_text": _broken("a notebook that is no UTF-8", _text(b"\xff\xfe\x00{")),
    "long_number": _broken("a number of a million digits", _text('{"nbformat": ' + "9" * 1_000_000 + "}")),
    "nan_format": _broken("a format that is not a number", _format(float("nan"))),
    "format_99": _broken("nbformat 99", _format(99)),
    "no_notebook": _broken("no notebook", _remove),
    "list_notebook": _broken("a notebook that is a list", _text('[{"nbformat": 4, "cells": []}]')),
    "large_notebook": _broken("a notebook of 25 MB", _text(json.dumps({"nbformat": 4, "x": "y" * 25_000_000}))),
    "long_code": Case(
        "code that takes gigabytes to parse", review=True, solved=True, answers={"digits": "a\n" * 2_000_000}
    ),
    "nested_code": Case(
        "code nested so deep that parsing overflows", review=None,
        points=FULL - POINTS["digits"] - POINTS["evens"], solved=True,
        answers={"digits": "x = " + "-" * 20_000 + "1", "evens": "y = 1" + " + 1" * 20_000},
    ),
    "many_cells": Case("3,000 cells", points=FULL, solved=True, edit=_cells(3000)),
    "too_many_cells": Case("20,000 cells", review=True, solved=True, edit=_cells(20_000)),
    "many_dead_cells": Case(
        "cells that end the process again and again", review=True, edit=_cells(40, "import os\nos._exit(1)")
    ),
    "many_files": _broken("1,500 files", _many_files),
    "deep_folders": _broken("folders 30 deep", _deep_folders),
    "sparse_file": _broken("a sparse file of a terabyte", _sparse),
    "pipe": _broken("a pipe", _pipe),
    "socket": _broken("a socket", _socket),
    "device": _broken("a device", _device),
    "odd_names": Case("file names with control characters", points=FULL, solved=True, write=_odd_names),
    "name_clash": Case("folders named as Python's own", points=FULL, solved=True, write=_clash),
    "odd_types": Case(
        "other types than a notebook has",  # the classes of what is no answer any more still count
        points=POINTS["Account"] + POINTS["Vector"], edit=_types, solved=True,
    ),
    "swapped_ids": Case(
        "grade ids given to other cells", points=FULL - POINTS["digits"] - POINTS["mean"], solved=True,
        edit=_moved_ids
    ),
    "surrogates": Case(
        "text that is no UTF-8 in output and exceptions",
        points=FULL - POINTS["digits"], solved=True,
        cells=("print('\\ud800')\ndisplay({'text/plain': '\\udfff'}, raw=True)",),
        answers={"digits": "def digits(number):\n    raise ValueError('\\ud800')"},
    ),
    "many_remarks": Case("an early end before thousands of cells", review=True,
                         cells=(_LOOPS, _SLEEPS, _LOOPS, _LOOPS), edit=_cells(2000)),
    "scripts": Case("scripts in text, output and names", points=FULL, solved=True, edit=_markdown),
    "dotted_path": Case(
        "leave the folder by the language and the kernel's name", points=FULL, solved=True,
        edit=lambda notebook: notebook.metadata.update(
            language_info={"name": "../../x"}, course={"language": "../../../x", "lesson": "x"}
        ),
    ),
}  # fmt: skip
