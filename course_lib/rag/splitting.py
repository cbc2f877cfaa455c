"""A page cut as HuixiangDou 20240415 cuts Markdown (primitive/splitter.py), done again here."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence

from course_lib.rag.pages import Page

SIZE, OVERLAP, SHORTEST = 900, 32, 10
"""Characters of a passage, of what two neighbours share, and of the shortest that is kept."""
_MARKS = ("```\n", "\n\n", "\n", " ", "")
_HEADING = re.compile(r"(#{1,3})(?: (.*))?")


def huixiangdou_chunks(page: Page) -> list[str]:
    """Return a page's passages: of each section its headings, and its text in lower case.

    The file's name stands before the first heading; a long section is cut. Neighbours with the
    same headings, which HuixiangDou joins, stay apart.
    """
    found: list[str] = []
    path, blocks, fence = ["", "", ""], [[f"{page.name}.md"]], ""
    for raw in page.text.split("\n"):
        line = "".join(filter(str.isprintable, raw.strip()))
        if fence:
            fence = "" if line.startswith(fence) else fence
        elif line.startswith("~~~") or (line.startswith("```") and line.count("```") == 1):
            fence = line[:3]
        heading = None if fence else _HEADING.fullmatch(line)
        if heading is None:
            if line or fence:
                blocks[-1].append(line)
            else:
                blocks.append([])
            continue
        found += _section(path, blocks)
        path[len(heading[1]) - 1 :] = [heading[2] or "", *[""] * (3 - len(heading[1]))]
        blocks = [[]]
    return found + _section(path, blocks)


def _section(path: Sequence[str], blocks: Sequence[Sequence[str]]) -> list[str]:
    text = "  \n".join("\n".join(block) for block in blocks if block)
    head = " ".join(filter(None, path))
    parts = [text] if len(text) <= SIZE else _cut(text, _MARKS)
    return [f"{head} {part.lower()}" for part in parts if len(part) >= SHORTEST]


def _cut(text: str, marks: Sequence[str]) -> list[str]:
    """Cut before the first of ``marks`` that occurs, and what is still long by those after it."""
    at = next(number for number, mark in enumerate(marks) if mark in text)
    parts = re.split(f"(?={re.escape(marks[at])})", text) if marks[at] else list(text)
    found: list[str] = []
    short: list[str] = []
    for part in filter(None, parts):
        if len(part) < SIZE:
            short.append(part)
            continue
        found += [*_joined(short), *_cut(part, marks[at + 1 :])]
        short = []
    return found + _joined(short)


def _joined(parts: Sequence[str]) -> list[str]:
    """Put parts together to at most ``SIZE`` characters, each with the end of the one before."""
    found: list[str] = []
    held: deque[str] = deque()
    total = 0
    for part in parts:
        if held and total + len(part) > SIZE:
            found.append("".join(held).strip())
            while held and (total > OVERLAP or total + len(part) > SIZE):
                total -= len(held.popleft())
        held.append(part)
        total += len(part)
    return [one for one in (*found, "".join(held).strip()) if one]
