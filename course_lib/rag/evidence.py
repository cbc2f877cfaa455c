"""The camp's tasks of levels L1-4 and L2-5: a knowledge base that can be asked again.

The learner's notebook and the grader run the same checks, on other draws. In ``evidence/07_rag``
lie, put there by :func:`course_lib.rag.task.run`,

- ``pages/*.md``: the learner's own pages;
- ``task.json``: the hash of all pages, the good and bad questions, the rounds;
- ``llamaindex.json``: passages and answers; ``huixiangdou.json``: threshold, scores, rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from course_lib.findings import Finding, Mark, earned, report
from course_lib.language import Text
from course_lib.rag import task
from course_lib.rag.appraisal import appraise_huixiangdou, appraise_rag, own_pages
from course_lib.rag.handed import Handed
from course_lib.rag.pages import digest
from course_lib.verdicts import NotPassed

Appraise = Callable[[Handed, str], list[Finding]]


def check_rag(folder: Path | str = task.FOLDER) -> None:
    """Print what LlamaIndex's part shows so far; raises nothing. The grader draws otherwise."""
    _show(Path(folder), appraise_rag)


def check_huixiangdou(folder: Path | str = task.FOLDER) -> None:
    """Print what HuixiangDou's part shows so far; raises nothing. The grader draws otherwise."""
    _show(Path(folder), appraise_huixiangdou)


def grade_rag(
    folder: Path | str = task.FOLDER, *, points: float, seed: int | str = "public"
) -> float:
    """Return the points of LlamaIndex's part, and print why.

    Args:
        folder: where the evidence lies.
        points: what all of it is worth.
        seed: draws the hidden questions; the builder writes in the cohort's.

    Raises:
        NotPassed: nothing was handed in.
    """
    handed = _handed(Path(folder), task.FOUND)
    findings = appraise_rag(handed, str(seed))
    report(findings, [Mark("same", digest(own_pages(handed)))] if findings[0].part else [])
    return earned(findings, points)


def grade_huixiangdou(
    folder: Path | str = task.FOLDER, *, points: float, seed: int | str = "public"
) -> float:
    """Return the points of HuixiangDou's part, and print why; as :func:`grade_rag`."""
    findings = appraise_huixiangdou(_handed(Path(folder), task.JUDGED), str(seed))
    report(findings)
    return earned(findings, points)


def _handed(place: Path, name: str) -> Handed:
    if not (place / name).exists():
        raise NotPassed("not attempted", _nothing(place / name))
    return Handed(place)


def _nothing(place: Path) -> Text:
    return Text(f"⬜ 没有 {place}：先运行 task.run", f"⬜ no {place}: run task.run first")


def _show(place: Path, appraise: Appraise) -> None:
    if not place.is_dir():
        print(_nothing(place))
        return
    for finding in appraise(Handed(place), "visible"):
        print(finding.line())
