"""The tables of ``docs/attacks.md`` and ``docs/attacks.zh.md``, made from the corpus.

``python -m tests.attacks.table`` writes them anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

from course_lib.language import Text
from tests.attacks import (
    breaking,
    chinese,
    fair,
    forging,
    frames,
    harming,
    leaking,
    returning,
    spying,
)
from tests.attacks.case import Case
from tests.attacks.course import FULL

TOPICS: tuple[ModuleType, ...] = (
    fair, forging, frames, spying, leaking, returning, harming, breaking,
)  # fmt: skip
PAGES = {"en": Path("docs/attacks.md"), "zh": Path("docs/attacks.zh.md")}
ROOT = Path(__file__).resolve().parent.parent.parent
_BEGIN, _END = "<!-- table: made by python -m tests.attacks.table -->", "<!-- end of table -->"
_HEADS = Text(
    "| 名字 | 试图做什么 | 原版 nbgrader | 这里 |", "| Name | Tries to | Plain nbgrader | Here |"
)
_REVIEW = Text("，助教复核", ", a TA looks")
_EITHER = Text("，可能要助教复核", ", a TA may look")
_PLAIN = (
    Text("没有分数", "no score"),
    Text("，而且得手", ", found something"),
    Text("没有运行，会写满磁盘", "not run, it would fill the disk"),
    Text("90 秒没有结束", "no end in 90 s"),
)


def text_of(language: str) -> str:
    """Return the tables in a language."""
    plain = json.loads(Path(__file__).with_name("plain.json").read_text())
    parts = []
    for topic in TOPICS:
        name = topic.__name__.rpartition(".")[2]
        title = {"zh": chinese.TOPICS[name], "en": (topic.__doc__ or "").partition("\n")[0]}
        rows = [_row(key, case, plain.get(key), language) for key, case in topic.CASES.items()]
        parts += [
            f"### {title[language]}",
            "",
            _in(_HEADS, language),
            "|---|---|---|---|",
            *rows,
            "",
        ]
    return "\n".join([_BEGIN, "", *parts, _END])


def _row(name: str, case: Case, plain: str | None, language: str) -> str:
    tries = chinese.TRIES[name] if language == "zh" else case.tries
    looks = {True: _REVIEW, None: _EITHER}.get(case.review)
    here = f"{case.points:g}" + (_in(looks, language) if looks else "")
    there = plain or "–"
    for text in _PLAIN:
        there = there.replace(text.en, _in(text, language))
    there = there.replace(", found something", ", and it worked")
    return f"| `{name}` | {tries} | {there} | {here} |"


def _in(text: Text, language: str) -> str:
    return text.zh if language == "zh" else text.en


def page(language: str) -> str:
    """Return a page with its tables as they should be now."""
    text = (ROOT / PAGES[language]).read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    return before.replace("@FULL@", f"{FULL:g}") + text_of(language) + rest.partition(_END)[2]


def main() -> None:
    """Write the pages."""
    for language, path in PAGES.items():
        (ROOT / path).write_text(page(language), encoding="utf-8")


if __name__ == "__main__":
    main()
