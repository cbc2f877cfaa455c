"""A note's Markdown taken apart: prose, images, addresses.

Code blocks, images, addresses and HTML tags are not prose. Indented text is: Chinese writers
indent paragraphs, and Markdown's indented code would swallow them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

_IN_ADDRESS = "[!#-&*-;=?-Z_a-z~]"
ADDRESS = re.compile(  # brackets in pairs, as in .../InternLM_(model)
    rf"(?:https?|ftp|file)://(?:{_IN_ADDRESS}|\({_IN_ADDRESS}*\))+", re.IGNORECASE
)
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9'’._-]*")
_LONGEST_WORD = 40
_IMAGE_TAG = re.compile(r"<img\b", re.IGNORECASE)
_DATA_URI = re.compile(r"data:[a-z]{1,20}/[a-z0-9.+-]{1,60};base64,[a-z0-9+/=\s]*", re.IGNORECASE)
_PARSER = MarkdownIt("commonmark").enable("table").disable("code")


@dataclass(frozen=True)
class Line:
    """One line that a reader sees.

    Attributes:
        prose: its words, for the length.
        named: the same with link texts and inline code, where a tool may be named.
        images: number of images in it.
        heading: whether it stands in a heading.
    """

    prose: str
    named: str
    images: int = 0
    heading: bool = False


def without_embedded_images(text: str) -> str:
    """Return ``text`` with the bytes of embedded (base64) images cut out."""
    return _DATA_URI.sub("embedded", text)


def read_lines(text: str) -> list[Line]:
    """Return the lines of a note that a reader sees, in order."""
    lines: list[Line] = []
    heading = False
    for token in _PARSER.parse(text):
        if token.type == "heading_open":
            heading = True
        elif token.type == "heading_close":
            heading = False
        elif token.type == "inline":
            lines += _inline(token.children or [], heading)
        elif token.type == "html_block":
            lines += _html(token.content)
    return lines


def _inline(tokens: Iterable[Token], heading: bool) -> list[Line]:
    lines, prose, named, images, depth = [], "", "", 0, 0

    def end() -> Line:
        return Line(ADDRESS.sub(" ", prose), ADDRESS.sub(" ", named), images, heading)

    for token in tokens:
        match token.type:
            case "softbreak" | "hardbreak":
                lines.append(end())
                prose, named, images = "", "", 0
            case "link_open":
                depth += 1
            case "link_close":
                depth -= 1
            case "image":
                images += 1
            case "html_inline":
                images += len(_IMAGE_TAG.findall(token.content))
            case "code_inline":
                prose += " "
                named += token.content
            case _:
                named += token.content
                prose += " " if depth else token.content
    return [*lines, end()]


def _html(source: str) -> list[Line]:
    images = len(_IMAGE_TAG.findall(source))
    text = html.unescape(nh3.clean(source, tags=set()))
    lines = [Line(ADDRESS.sub(" ", line), ADDRESS.sub(" ", line)) for line in text.splitlines()]
    return [*lines, Line("", "", images)] if images else lines


def count(text: str) -> tuple[int, int]:
    """Return the numbers of Chinese characters and of English words in ``text``."""
    words = sum(len(word) <= _LONGEST_WORD for word in _WORD.findall(text))
    return len(_HAN.findall(text)), words


def count_images(lines: list[Line]) -> tuple[int, int]:
    """Return how many images there are, and how many have no text before or after them.

    Headings between images are not text: a heading and a slide is a slide.
    """
    seen: list[bool] = []  # True is an image, False some text
    for line in lines:
        seen += [True] * line.images
        if not line.heading and any(count(line.prose)):
            seen.append(False)
    around = [False, *(not each for each in seen), False]
    alone = sum(image and not around[at] and not around[at + 2] for at, image in enumerate(seen))
    return sum(seen), alone
