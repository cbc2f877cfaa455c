"""A kit is searched before it is written: for hidden tests, seeds, solutions, wrong answers.

Texts inside texts are looked at too: a notebook's cells, base64, what zlib and its kin packed.
"""

from __future__ import annotations

import base64
import bz2
import contextlib
import json
import lzma
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from course_lib.payload import unfold
from grading.cells import blank_source
from grading.cohort import Cohort
from grading.leaks import solution_lines, telling
from grading.lesson import Cell, Lesson

_SHARE = 0.6  # of a secret's lines, found in one text
_LEAST = 30  # characters of a secret's lines; less is nobody's secret
_DEPTH = 3
_MOST = 50_000_000  # bytes that one packed text may unpack to
_FOLDED = re.compile(rb"(?:[A-Za-z0-9+/_-]{24,}\r?\n?)+[A-Za-z0-9+/_-]*")
_ONE_ALPHABET = bytes.maketrans(b"-_", b"+/")
_PACKED = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08|BZh[1-9]|\xfd7zXZ\x00")
_BETWEEN = str.maketrans("", "", " \t\r\n\\")
"""Takes out what may stand between the parts of JSON, and what quotes it once more."""
_HIDDEN = re.compile(r'\bhidden\("(\w+)", "([A-Za-z0-9+/=]+)"')
_SEED = re.compile(r"^seed = (\d{6,})$", re.MULTILINE)
"""As the builder writes it above a check of evidence; shorter numbers stand in lessons anyway."""
_SHOWN = ("prose", "code", "given", "exercise", "check", "quiz", "tool", "note")


@dataclass(frozen=True)
class Secrets:
    """What no learner's kit may hold, each with a name for it.

    Attributes:
        blocks: lines of code; most of them in one text give the secret away.
        words: base64, seeds and numbers that stand for themselves, whatever they touch.
        tests: hidden tests as JSON without blanks and backslashes.
    """

    blocks: Mapping[str, tuple[str, ...]]
    words: Mapping[bytes, str]
    tests: Mapping[str, str]

    @cached_property
    def lines(self) -> frozenset[str]:
        """All lines of all blocks."""
        return frozenset(line for block in self.blocks.values() for line in block)


def secrets_of(lessons: Sequence[tuple[Lesson, str]], cohort: Cohort) -> Secrets:
    """Return what must not be in a kit.

    Args:
        lessons: each with the text of its instructor's notebook.
        cohort: whose hidden tests these are.
    """
    blocks: dict[str, tuple[str, ...]] = {}
    digits = cohort.seed.hex()
    forms = (digits.encode(), digits.upper().encode(), cohort.seed)
    words = dict.fromkeys(forms, f"the seed of cohort {cohort.name}")
    tests: dict[str, str] = {}
    for lesson, instructor in lessons:
        shown = {line.strip() for cell in lesson.cells for line in _shown(cell)}
        for what, lines in _code(lesson):
            rest = tuple(line for line in telling(lines) if line not in shown)
            if sum(map(len, rest)) >= _LEAST:
                blocks[f"{what} in {lesson.name}"] = rest
        source = "\n".join(_strings(json.loads(instructor)))
        for name, word in _HIDDEN.findall(source):
            what = f"a hidden test of {name!r} in {lesson.name}"
            words[word.rstrip("=").encode()] = what
            for test in unfold(word)["tests"]:
                for ascii_only in (False, True):
                    tests[json.dumps(test, ensure_ascii=ascii_only).translate(_BETWEEN)] = what
        for number in _SEED.findall(source):
            words[number.encode()] = f"a seed of the hidden evidence checks in {lesson.name}"
    return Secrets(blocks, words, tests)


def find(files: Mapping[str, bytes], secrets: Secrets) -> list[tuple[str, str]]:
    """Return each file that holds a secret, with the secret's name.

    Args:
        files: contents by path.
        secrets: what to look for.
    """
    found = {}
    for name, raw in files.items():
        for form in _forms(raw):
            for what in _secrets_in(form, secrets):
                found[name, what] = True
    return list(found)


def texts_in(raw: bytes) -> Iterator[str]:
    """Yield a file's text, and the texts that are folded or packed inside it."""
    return (form.decode("utf-8", "replace") for form in _forms(raw))


def _forms(raw: bytes, depth: int = _DEPTH) -> Iterator[bytes]:
    """Yield ``raw``, and what is folded or packed inside it, ``depth`` times one in another."""
    forms = [raw]
    if raw[:1] in (b"{", b"["):
        with contextlib.suppress(ValueError, RecursionError):  # no JSON
            forms.append("\n".join(_strings(json.loads(raw))).encode("utf-8", "replace"))
    for form in forms:
        yield form
        for inner in _inner(form) if depth else ():
            yield from _forms(inner, depth - 1)


def _inner(raw: bytes) -> Iterator[bytes]:
    """Yield what base64 words and packed streams in ``raw`` hold."""
    for match in _FOLDED.finditer(raw):
        word = match[0].translate(_ONE_ALPHABET, b"\r\n")
        for start in range(4):  # letters before it look like a part of it
            part = word[start:]
            part = part[: len(part) - (len(part) % 4 == 1)]  # one too many was no part of it
            yield base64.b64decode(part + b"=" * (-len(part) % 4))
    view = memoryview(raw)
    for match in _PACKED.finditer(raw):
        unpacker: Any = (
            bz2.BZ2Decompressor() if match[0].startswith(b"BZh")
            else lzma.LZMADecompressor() if match[0].startswith(b"\xfd")
            else zlib.decompressobj(wbits=47)
        )  # fmt: skip
        try:
            yield unpacker.decompress(view[match.start() :], _MOST)
        except (OSError, EOFError, zlib.error, lzma.LZMAError):
            continue  # looked like it, was none


def _secrets_in(raw: bytes, secrets: Secrets) -> Iterator[str]:
    for word, what in secrets.words.items():
        if word in raw:
            yield what
    text = raw.decode("utf-8", "replace")
    lines = {line.strip() for line in text.split("\n")} & secrets.lines
    for what, block in secrets.blocks.items() if lines else ():
        if sum(line in lines for line in block) >= _SHARE * len(block):
            yield what
    if '"args' in text:
        close = text.translate(_BETWEEN)
        for test, what in secrets.tests.items():
            if test in close:
                yield what


def _code(lesson: Lesson) -> Iterator[tuple[str, list[str]]]:
    """Yield the code that learners never get, with a name for it."""
    for exercise in lesson.exercises:
        yield f"the solution of {exercise.name!r}", solution_lines(exercise.answer.source)
        yield f"the cases of {exercise.name!r}", exercise.cases.source.split("\n")
        for number, wrong in enumerate(exercise.wrongs, 1):
            yield f"wrong answer {number} to {exercise.name!r}", wrong.source.split("\n")
    for cell in lesson.of_kind("evidence"):
        yield f"the check of the evidence {cell.name!r}", cell.source.split("\n")


def _shown(cell: Cell) -> list[str]:
    """Return the lines of a cell that learners get."""
    if cell.kind not in _SHOWN:
        return []
    source = blank_source(cell.source) if cell.kind == "exercise" else cell.source
    return source.split("\n")


def _strings(data: Any) -> Iterator[str]:
    """Yield the texts in JSON data; a list of texts is one text, as in a notebook."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, list):
        if data and all(isinstance(one, str) for one in data):
            yield "".join(data)
        else:
            for one in data:
                yield from _strings(one)
    elif isinstance(data, dict):
        for one in data.values():
            yield from _strings(one)
