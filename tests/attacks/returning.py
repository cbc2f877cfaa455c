"""Handing in again, with whatever the first graded submission could leave or tell."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.attacks.case import Case, Scene
from tests.attacks.course import ANSWERS, FULL, HOMEWORK, POINTS
from tests.attacks.leaking import CASES as LEAKING
from tests.attacks.leaking import LATER, REMEMBERS

# places that one run could leave something in for the next
_KEPT = """
import glob, os, re, socket, sys
PLACES = ['seen.txt', '../seen.txt', '@COURSE@/seen.txt', '@HOME@/seen.txt', os.path.expanduser('~/seen.txt'),
          '/tmp/seen.txt', '/var/tmp/seen.txt', '/dev/shm/seen.txt', sys.prefix + '/seen.txt',
          os.path.dirname(os.__file__) + '/seen.txt']
NAME = '\\0seen-@PORT@'
"""
KEEP = (
    _KEPT
    + """
def keep(number):
    for place in PLACES:
        try:
            with open(place, 'a') as file: file.write(f'{number} ')
        except OSError: pass
    link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try: link.bind(NAME)
    except OSError: return
    if os.fork() == 0:
        try: os.setsid()
        except OSError: pass
        told = f'{number} '.encode()
        while True:
            _, other = link.recvfrom(9)
            link.sendto(told, other)
"""
)
FIND = (
    _KEPT
    + """
found = ''
for place in PLACES:
    if os.path.isfile(place): found += open(place).read()
link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
link.settimeout(0.5)
try:
    link.bind('')
    link.sendto(b'?', NAME)
    found += link.recv(99).decode()
except OSError: pass
SEEN = {int(word) for word in re.findall(r'\\b\\d{7,}\\b', found)}
if SEEN: print('LOOT', SEEN)
"""
)
READ = """
import re
SEEN = {int(word) for word in re.findall(r'\\b\\d{7,}\\b', open('page.html').read())}
if SEEN: print('LOOT', SEEN)
"""
LOOKS_UP = {
    "digits": "TABLE = {one: [int(digit) for digit in str(one)] for one in {507, *SEEN}}\n"
    "def digits(number):\n    return TABLE[number]",
}


def _with_page(folder: Path, scene: Scene) -> None:
    """Hand in the feedback page of the first submission, too."""
    page = scene.course.feedback(folder.parent.name, HOMEWORK) / f"{HOMEWORK}.html"
    shutil.copy(page, folder / "page.html")


CASES: dict[str, Case] = {
    "again_by_files": Case(
        "leave hidden arguments in files and in a process, hand in again and look for them",
        first=Case(
            "", points=FULL, solved=True, cells=(KEEP,),
            answers={
                "digits": ANSWERS["digits"].replace("    return", "    keep(number)\n    return"),
                "mean": ANSWERS["mean"].replace("    return", "    keep(sum(numbers))\n    return"),
            },
        ),
        cells=(FIND,), answers=LOOKS_UP,
    ),
    "again_by_page": Case(
        "raise and show hidden arguments, hand in again with the feedback page and read it",
        first=Case(
            "", points=FULL - POINTS["digits"] - POINTS["evens"], solved=True,
            answers={
                "digits": LEAKING["by_message"].answers["digits"], "mean": REMEMBERS["mean"], "evens": LATER,
                "drawing": LEAKING["remembered_in_output"].answers["drawing"],
            },
        ),
        cells=(READ,), answers=LOOKS_UP, write=_with_page,
    ),
}  # fmt: skip
