"""Honest work, lucky or not: it earns what it is worth."""

from __future__ import annotations

import copy

from nbformat import NotebookNode

from tests.attacks.case import Case, tests_of
from tests.attacks.course import ANSWERS, FULL, find

WARNS = """
import sys, warnings
def slug(title):
    warnings.warn('this is old')
    print('to stderr', file=sys.stderr)
    print('to stdout', title)
    return '-'.join(title.lower().split())
"""
SLOW = "import time\n" + ANSWERS["mean"].replace("    return", "    time.sleep(0.5)\n    return")
PARALLEL = """
from concurrent.futures import ProcessPoolExecutor
import asyncio, subprocess, tempfile
def _pair(text):
    return int(text)
def digits(number):
    with ProcessPoolExecutor(2) as pool:
        return list(pool.map(_pair, str(number)))
assert subprocess.run(['echo', 'x'], capture_output=True, start_new_session=True).stdout == b'x\\n'
with tempfile.NamedTemporaryFile() as file: file.write(b'x')
async def wait():
    await asyncio.sleep(0.01)
await wait()
"""
GENERATES = """
def countdown(start):
    return iter(range(start, 0, -1))
def evens(numbers):
    return list(filter(lambda one: one % 2 == 0, numbers))
"""


def _copied(notebook: NotebookNode) -> None:
    for cell in tests_of(notebook):
        twin = copy.deepcopy(cell)
        twin.id += "-copy"
        notebook.cells.insert(notebook.cells.index(cell) + 1, twin)


def _deleted(notebook: NotebookNode) -> None:
    for cell in tests_of(notebook):
        notebook.cells.remove(cell)


def _edited(notebook: NotebookNode) -> None:
    for cell in tests_of(notebook):
        cell.source = f"print('debug')\n{cell.source}\nassert False"


def _moved(notebook: NotebookNode) -> None:
    notebook.cells.reverse()


def _partly(notebook: NotebookNode) -> None:
    find(notebook, "slug").source = "def slug(title):\n    return title.lower().replace(' ', '-')"


CASES: dict[str, Case] = {
    "blank": Case("the blank notebook"),
    "solved": Case("all answers right", points=FULL, solved=True),
    "warns": Case("warnings on stderr and prints", points=FULL, solved=True, answers={"slug": WARNS}),
    "copied": Case("copied check cells", points=FULL, solved=True, edit=_copied),
    "deleted": Case("deleted check cells", points=FULL, solved=True, edit=_deleted),
    "edited": Case("edited check cells", points=FULL, solved=True, edit=_edited),
    "moved": Case("moved cells", points=FULL, solved=True, edit=_moved),
    "exits": Case("exit() and quit in cells", points=FULL, solved=True, cells=("exit()", "quit()")),
    "dies_once": Case(
        "a cell that ends the kernel", points=FULL, review=True, solved=True, cells=("import os\nos._exit(1)",)
    ),
    "slow": Case("slow but fine", points=FULL, solved=True, answers={"mean": SLOW}),
    "parallel": Case("processes, files, asyncio", points=FULL, solved=True, answers={"digits": PARALLEL}),
    "other_ways": Case("other ways to the same answers", points=FULL, solved=True,
                       answers={"countdown": GENERATES, "evens": "pass"}),
    "magics": Case("magics, plots and shell commands", points=FULL, solved=True,
                   cells=("%timeit -n1 -r1 1 + 1\n!echo hello\n%matplotlib inline",)),
    "partly": Case("a part of the points", points=FULL - 1, solved=True, edit=_partly),
    "errors": Case("an own cell that raises", points=FULL, solved=True, cells=("1 / 0", "syntax error here")),
}  # fmt: skip
