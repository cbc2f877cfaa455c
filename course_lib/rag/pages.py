"""The pages of a knowledge base: read, hashed, and cut into pieces by their structure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CampError
from course_lib.files import read_at_most
from course_lib.language import Text

COURSE = Path(__file__).with_name("pages")
SIZE = 130
"""Characters of a piece; short, because the built-in model reads short passages best."""
MOST_PAGES, MOST_BYTES = 400, 64_000
WINDOW = 2048
"""Characters of LlamaIndex's prompt and camp-mini's reply, about as many as its tokens.

Passages that are longer LlamaIndex sends in several calls.
"""
READ = 400
"""Characters of whole pages that HuixiangDou sends it; from 600 on its answers make no sense."""
TITLE = 200
"""Characters of a title at most; it stands before each piece."""
_NAME = re.compile(r"[\w\-]{1,60}\.md")
_SENTENCE = re.compile(r"(?=.).*?(?:[。！？!?]|\. |$)", re.M)
_ITEM = re.compile(r"\s*[-*+] ")


@dataclass(frozen=True)
class Page:
    """One document: its file name without ``.md``, and its Markdown."""

    name: str
    text: str

    @property
    def title(self) -> str:
        """Return the first heading, else the name."""
        found = re.search(r"^# +(.+)$", self.text, re.M)
        return found[1].strip()[:TITLE] if found else self.name


@dataclass(frozen=True)
class Piece:
    """A passage of a page, its title before it."""

    page: str
    text: str


def read_pages(folder: Path) -> list[Page]:
    """Return the pages ``*.md`` of a folder, in the order of their names.

    Raises:
        CampError: there are none or too many, or one is too long or no UTF-8 text.
    """
    paths = sorted(folder.glob("*.md")) if folder.is_dir() else []
    if not paths or len(paths) > MOST_PAGES:
        what = Text(
            f"{folder} 里有 {len(paths)} 页 .md，要 1 到 {MOST_PAGES} 页",
            f"{folder} holds {len(paths)} pages (*.md), 1 to {MOST_PAGES} are wanted",
        )
        raise CampError(str(what))
    return [read_page(path) for path in paths]


def read_page(path: Path) -> Page:
    """Return one page; raises CampError where it is no short UTF-8 text with a plain name."""
    if not _NAME.fullmatch(path.name) or path.is_symlink():
        what = Text(
            f"文件名 {path.name!r} 不行：只用字母、数字、汉字、- 和 _，以 .md 结尾",
            f"the name {path.name!r} will not do: letters, digits, - and _, ending in .md",
        )
        raise CampError(str(what))
    try:
        text = read_at_most(path, MOST_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        what = Text(f"{path.name} 不是 UTF-8 文本", f"{path.name} is no UTF-8 text")
        raise CampError(str(what)) from None
    except ValueError:
        text = ""  # too long
    if not text.strip() or "\0" in text:
        what = Text(
            f"{path.name} 是空的、太长（最多 {MOST_BYTES} 字节）或不是文本",
            f"{path.name} is empty, too long ({MOST_BYTES} bytes at most) or no text",
        )
        raise CampError(str(what))
    return Page(path.stem, text.replace("\r\n", "\n"))


def course_pages() -> list[Page]:
    """Return the course's own knowledge base."""
    return read_pages(COURSE)


def digest(pages: Iterable[Page]) -> str:
    """Return the SHA-256 of names and texts, 64 hexadecimal digits, whatever the order."""
    whole = hashlib.sha256()
    for page in sorted(pages, key=lambda page: page.name):
        for part in (page.name, page.text):
            raw = part.encode()
            whole.update(len(raw).to_bytes(8, "big") + raw)
    return whole.hexdigest()


def cut(page: Page, size: int = SIZE) -> list[Piece]:
    """Cut a page at headings and ends of sentences into pieces of at most ``size`` characters.

    Each piece begins with the page's title, which does not count; a longer sentence stays whole.
    """
    title = page.title
    pieces: list[str] = []
    for block in re.split(r"^#+ .*$", page.text, flags=re.M):
        held = ""
        for sentence in _SENTENCE.findall(block):
            if held and len(held) + len(sentence) > size:
                pieces.append(held)
                held = ""
            held = _joined(held, sentence) + ("\n" if _is_fact(sentence) else "")
        if held.strip():
            pieces.append(held)
    return [Piece(page.name, f"{title}\n{text.strip()}") for text in pieces]


def _joined(held: str, sentence: str) -> str:
    """Put a sentence after others: list items on lines of their own, a blank after Latin script."""
    if _ITEM.match(sentence):
        held = held.rstrip() + "\n"
    elif held and held[-1].isascii() and not held[-1].isspace():
        held += " "
    return held + sentence.strip()


def _is_fact(sentence: str) -> bool:
    return bool(re.match(r"\S{1,60}的\S{1,60}是|The .{1,60} of .{1,60} is ", sentence))


def cut_all(pages: Sequence[Page], size: int = SIZE) -> list[Piece]:
    """Return the pieces of all pages."""
    return [piece for page in pages for piece in cut(page, size)]
