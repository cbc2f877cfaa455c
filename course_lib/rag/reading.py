"""Files that a person uploads to a knowledge base: Markdown, text or PDF; nothing is written."""

from __future__ import annotations

import io
import re
import time

from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.rag.pages import Page

MOST_BYTES = 2_000_000
MOST_PDF_PAGES = 60
MOST_CHARACTERS = 200_000
MOST_SECONDS = 10
"""CPU time after which no further page of a PDF is read: pages may share one costly stream."""
LIMITS = {
    "zlib_maximum_output_length": 4_000_000,
    "lzw_maximum_output_length": 4_000_000,
    "run_length_maximum_output_length": 4_000_000,
    "array_based_stream_maximum_output_length": 4_000_000,
    "stream_decoding_work_maximum_length": 8_000_000,
    "stream_parsing_work_maximum_count": 200_000,
    "xform_maximum_invocations_per_extraction": 200,
}
"""What pypdf may unpack and parse for each stream: a file of 3 KB can unpack to 75 MB."""
KINDS = ("md", "txt", "pdf")
_LOCKED = Text("有密码", "it has a password")


def read_upload(name: str, raw: bytes) -> Page:
    """Return the page in an uploaded file; its name is reduced to letters, digits, - and _.

    Raises:
        CampError: another kind, too large, encrypted, damaged, or without text, in one line.
    """
    shown = re.sub(r"[^\w.\- ]+", "_", name.replace("\\", "/").rsplit("/", 1)[-1])[:60] or "?"
    stem, _, kind = shown.rpartition(".")
    if kind.lower() not in KINDS:
        raise _error(shown, Text("只收 .md、.txt 和 .pdf", "only .md, .txt and .pdf are taken"))
    if len(raw) > MOST_BYTES:
        mb = MOST_BYTES // 1_000_000
        raise _error(shown, Text(f"超过 {mb} MB", f"it is larger than {mb} MB"))
    text = _pdf(shown, raw) if kind.lower() == "pdf" else _plain(shown, raw)
    if not text.strip():
        what = Text(
            "里面没有文字（扫描件要先做文字识别）", "it holds no text (a scan needs OCR first)"
        )
        raise _error(shown, what)
    if len(text) > MOST_CHARACTERS:
        raise _error(shown, Text("文字太多，分成几个文件", "too much text, split it"))
    return Page(re.sub(r"[^\w\-]+", "_", stem).strip("_") or "page", text)


def _plain(name: str, raw: bytes) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = raw.decode("gb18030")
        except UnicodeDecodeError:
            text = "\0"
    if "\0" in text:
        raise _error(name, Text("不是文本文件", "it is no text file"))
    return text.replace("\r\n", "\n")


def _pdf(name: str, raw: bytes) -> str:
    from pypdf import apply_configuration
    from pypdf.errors import DependencyError, LimitReachedError, PyPdfError

    damaged = Text("PDF 坏了，读不出来", "a damaged PDF, it cannot be read")
    try:
        with apply_configuration(None, **LIMITS):
            return _pages(name, raw)
    except LimitReachedError:
        raise _error(name, Text("展开后太大", "it unpacks to too much")) from None
    except (DependencyError, NotImplementedError):
        secret = b"/Encrypt" in raw  # ciphers of others, or AES without its library
        raise _error(name, _LOCKED if secret else damaged) from None
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError,
            RecursionError, OverflowError, AssertionError, MemoryError, OSError):  # fmt: skip
        raise _error(name, damaged) from None


def _pages(name: str, raw: bytes) -> str:
    """Return the text of all pages of a PDF."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(raw))
    if reader.is_encrypted:
        raise _error(name, _LOCKED)
    if len(reader.pages) > MOST_PDF_PAGES:
        what = Text(f"超过 {MOST_PDF_PAGES} 页", f"it has more than {MOST_PDF_PAGES} pages")
        raise _error(name, what)
    parts: list[str] = []
    began = time.thread_time()
    for page in reader.pages:
        parts.append(page.extract_text())
        if sum(map(len, parts)) > MOST_CHARACTERS:
            break
        if time.thread_time() - began > MOST_SECONDS:
            raise _error(name, Text("读起来太久，分成几个文件", "reading takes too long, split it"))
    return "\n\n".join(parts)


def _error(name: str, why: Text) -> CampError:
    return CampError(str(Text(f"{name}：{why.zh}", f"{name}: {why.en}")))
