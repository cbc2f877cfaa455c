"""A search engine that needs no network: BM25 over the town's pages and the course's lessons.

BM25+ (Lv and Zhai, CIKM 2011) by the library rank-bm25, on the terms of ``rag.ngrams``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rank_bm25 import BM25Plus

from course_lib.agents.town import Page, pages
from course_lib.language import Language, current_language
from course_lib.rag.ngrams import terms


@dataclass(frozen=True)
class Hit:
    """A page that was found, and its score."""

    page: Page
    score: float


class Engine:
    """An index of pages."""

    def __init__(self, of: Sequence[Page]) -> None:
        self.pages = list(of)
        self._index = BM25Plus([terms(f"{one.title} {one.title} {one.text}") for one in self.pages])

    def search(self, query: str, count: int = 3) -> list[Hit]:
        """Return the best ``count`` pages for a query, the best first; none without a match."""
        words = terms(query)
        scores = self._index.get_scores(words)
        best = sorted(range(len(self.pages)), key=lambda at: (-scores[at], at))[:count]
        wanted = set(words)
        found = [Hit(self.pages[at], float(scores[at])) for at in best]
        return [one for one in found if wanted & set(terms(f"{one.page.title} {one.page.text}"))]


def course_pages(language: Language, folder: Path | None = None) -> list[Page]:
    """Return the sections of the lessons that lie in ``folder``, or here."""
    here = folder or Path.cwd()
    found: list[Page] = []
    for path in sorted({*here.glob("[0-9][0-9]_*.ipynb")}):
        try:
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        except (OSError, ValueError, KeyError):
            continue
        prose = ["".join(one["source"]) for one in cells if one.get("cell_type") == "markdown"]
        sections = re.split(r"(?m)^#{1,2} ", "\n".join(prose))[1:]
        for number, section in enumerate(sections, 1):
            title, _, text = section.partition("\n")
            lines = tuple(line.strip() for line in text.splitlines() if line.strip())
            url = f"course/{language}/{path.stem}#{number}"
            found.append(Page(url, title.strip(), lines))
    return found


def engine(language: Language | None = None, folder: Path | None = None) -> Engine:
    """Return the index of the town and of the lessons that lie beside the notebook."""
    language = language or current_language()
    return Engine([*pages(language), *course_pages(language, folder)])
