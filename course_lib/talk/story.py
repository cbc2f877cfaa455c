"""The camp's task of level L1-2, a story of 300 characters, and what counts as its evidence.

The learner's notebook and the grader run the same check, so nobody is surprised.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from course_lib.errors import CampError
from course_lib.findings import Finding, Mark, earned, report
from course_lib.language import Text
from course_lib.transcript import Exchange, Transcript, read_transcript
from course_lib.verdicts import NotPassed

FILE = Path("evidence/02_demo/story.json")
WANTED, SLACK = 300, 0.2
SHORTEST, LONGEST = round(WANTED * (1 - SLACK)), round(WANTED * (1 + SLACK))
VARIED = 0.5
EXAMPLE = "请写一个300字的小故事，主角是小兔子，地点是森林。"
"""The lesson's own prompt, in place of which a learner writes another."""
_AS_GIVEN = Finding(
    1,
    Text(
        "提示词还是课里的例子：换成你自己的",
        "the prompt is still the lesson's example: write one of your own",
    ),
    0,
)
_COUNTED = re.compile(
    r"[A-Za-z0-9]+(?:['’.-][A-Za-z0-9]+)*|[\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]"
)


def length(text: str) -> int:
    """Return the length as a word processor counts it.

    Each Chinese character, each full-width mark, and each Latin word is one.
    """
    return len(_COUNTED.findall(text))


def variety(text: str, size: int = 4) -> float:
    """Return which share of the runs of ``size`` counted signs are different; 1 without any.

    A model that is stuck repeats itself: its share is near 0.
    """
    signs = _COUNTED.findall(text)
    runs = list(zip(*(signs[start:] for start in range(size)), strict=False))
    return len(set(runs)) / len(runs) if runs else 1.0


def examine(transcript: Transcript) -> list[Finding]:
    """Return what the evidence shows of the task, for the learner and for the grader."""
    found = transcript.exchanges
    best = min(found, key=_distance, default=None)
    untouched = best is not None and best.question.strip() == EXAMPLE
    return [
        _story(best, 0.6),
        Finding(
            best is not None and best.finish == "stop",
            Text("它自己停下来了，没有被截断", "it came to its own end, not cut off"),
            0.2,
        ),
        _compared(found, 0.2),
        *([_AS_GIVEN] if untouched else []),
    ]


def _distance(exchange: Exchange) -> tuple[bool, int, bool]:
    size = length(exchange.reply)
    off = max(SHORTEST - size, size - LONGEST, 0)
    return variety(exchange.reply) < VARIED, off, exchange.finish != "stop"


def _story(best: Exchange | None, share: float) -> Finding:
    if best is None:
        return Finding(False, Text("还没有故事", "no story yet"), share)
    size, varied = length(best.reply), variety(best.reply)
    zh = f"最接近的故事有 {size} 字（要 {SHORTEST} 到 {LONGEST}）"
    en = f"the closest story has {size} characters (wanted: {SHORTEST} to {LONGEST})"
    if varied < VARIED:
        zh += f"，而且 {1 - varied:.0%} 是重复的片段"
        en += f", and {1 - varied:.0%} of it is repetition"
    asked = bool(best.question.strip())
    passed = asked and SHORTEST <= size <= LONGEST and varied >= VARIED
    return Finding(passed, Text(zh, en), share)


def _compared(found: tuple[Exchange, ...], share: float) -> Finding:
    """Look for one request that was tried with two ways of drawing tokens, seeds aside."""
    tried: dict[str, set[str]] = {}
    for one in found:
        settings = one.settings.model_dump_json(exclude={"seed", "max_new_tokens"})
        tried.setdefault(one.question.strip(), set()).add(settings)
    most = max((len(settings) for settings in tried.values()), default=0)
    return Finding(
        most > 1,
        Text(
            f"同一句提示词试过 {most} 组采样设置（要至少 2 组）",
            f"one prompt was tried with {most} sampling settings (wanted: at least 2)",
        ),
        share,
    )


def check_story(path: Path | str = FILE) -> None:
    """Print what the evidence shows so far; raises nothing."""
    try:
        findings = examine(read_transcript(Path(path)))
    except CampError as error:
        print(f"⬜ {error}")
        return
    for finding in findings:
        print(finding)
    print(Text(f"证据在 {path}，和笔记本一起交", f"evidence: {path}; hand it in with the notebook"))


def grade_story(path: Path | str = FILE, *, points: float) -> float:
    """Return the points of the evidence handed in, and print why.

    What it cannot tell is who wrote the file; the TA, who reads prompt and story, can.

    Raises:
        NotPassed: no transcript was handed in, or it is damaged.
    """
    try:
        transcript = read_transcript(Path(path))
    except CampError as error:
        there = Path(path).exists()
        text = f"{'❌' if there else '⬜'} {error}"
        raise NotPassed("wrong" if there else "not attempted", Text(text, text)) from None
    findings = examine(transcript)
    report(findings, marks(transcript))
    return earned(findings, points)


def marks(transcript: Transcript) -> list[Mark]:
    """Return a mark of each exchange; two learners' never have the same microsecond and times."""
    return [
        Mark("same", hashlib.sha256(one.model_dump_json().encode()).hexdigest())
        for one in transcript.exchanges
    ]
