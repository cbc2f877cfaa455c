"""What a note is judged by; :mod:`course_lib.note` says where the thresholds come from."""

from __future__ import annotations

from course_lib.language import Text
from course_lib.note.link import find_link
from course_lib.note.prose import count, count_images, read_lines, without_embedded_images
from course_lib.note.report import (
    MIN_HAN,
    MIN_STAGES,
    MIN_WORDS,
    Finding,
    NoteReport,
    Stage,
    length_share,
)
from course_lib.note.signs import Wording, find_keys, find_misheard, is_repetitive, is_transcript
from course_lib.note.terms import find_stages

MAX_LENGTH = 30_000
MAX_LINES = 3_000  # Markdown parsers take quadratic time on lines of lone brackets
COPIED = 0.3
_MOST_KNOWN = 300_000  # characters; a lesson has 30,000, and a learner may add cells


def check_note(text: str, known: str = "") -> NoteReport:
    """Return what the check finds in a note.

    Args:
        text: the note in Markdown.
        known: wording that is not the learner's, such as the lesson's other cells.
    """
    text = without_embedded_images(text.encode("utf-8", "replace").decode("utf-8"))
    if unreadable := _unreadable(text):
        return NoteReport(reasons=(unreadable,), stages=find_stages(""))
    seen = read_lines(text)
    wording = Wording(known[:_MOST_KNOWN])
    own = [line for line in seen if not wording.holds(line.named)]
    prose = "\n".join(line.prose for line in own)
    named = "\n".join(line.named for line in own)
    han, words = count(prose)
    stages = find_stages(named)
    link, links = find_link(text)
    copied = wording.share(line.named for line in seen)
    untouched = not han + words and not any(line.images for line in seen) and not links
    remarks = [link.problem] if link.problem else []
    images, alone = count_images(seen)
    remarks += _remarks(text, prose, images, alone, copied)
    return NoteReport(
        reasons=tuple(_reasons(prose, han, words, stages, untouched=untouched)),
        remarks=tuple(remarks),
        han=han,
        words=words,
        stages=stages,
        link=link,
        links=links,
        images=images,
        images_alone=alone,
        copied=round(copied, 3),
        untouched=untouched,
    )


def _unreadable(text: str) -> Finding | None:
    """Return the one reason not to look closer at ``text``."""
    lines = text.count("\n") + 1
    if len(text) <= MAX_LENGTH and lines <= MAX_LINES:
        return None
    if is_repetitive(text):
        return _REPETITIVE
    return Finding(
        code="too_long",
        text=Text(
            f"有 {len(text):,} 个字符、{lines:,} 行，超过 {MAX_LENGTH:,} 字符或 {MAX_LINES:,} 行："
            "没有往下看；请只交笔记本身",
            f"{len(text):,} characters in {lines:,} lines, more than {MAX_LENGTH:,} or "
            f"{MAX_LINES:,}: not read; hand in the note alone",
        ),
    )


_REPETITIVE = Finding(
    code="repetitive",
    text=Text("同样的内容反复出现，不像一篇笔记", "the same thing over and over; this is no note"),
)
_EMPTY = Finding(
    code="empty",
    text=Text(
        "还没有内容：笔记是空的，或者只有模板", "nothing here yet: it is empty or only the template"
    ),
)


def _reasons(
    prose: str, han: int, words: int, stages: tuple[Stage, ...], *, untouched: bool
) -> list[Finding]:
    if untouched:
        return [_EMPTY]
    if is_repetitive(prose):
        return [_REPETITIVE]
    reasons = []
    if length_share(han, words) < 1:
        reasons.append(
            Finding(
                code="short",
                text=Text(
                    f"正文 {han} 个汉字、{words} 个英文单词（代码、图片、链接、任务原文不算）；"
                    f"好的笔记至少有 {MIN_HAN} 个汉字或 {MIN_WORDS} 个单词，中英混写按比例相加",
                    f"{han} Chinese characters and {words} English words outside code, images, "
                    f"links and the task's text; good notes have at least {MIN_HAN} characters "
                    f"or {MIN_WORDS} words (shares of both add up)",
                ),
            )
        )
    covered = sum(stage.covered for stage in stages)
    if covered < MIN_STAGES:
        reasons.append(_few_stages(covered, stages))
    return reasons


def _few_stages(covered: int, stages: tuple[Stage, ...]) -> Finding:
    spoken = [stage.name for stage in stages if stage.mentioned and not stage.covered]
    silent = [stage.name for stage in stages if not stage.mentioned and not stage.covered]
    zh = f"{len(stages)} 个环节里写出官方工具名字的有 {covered} 个，至少要 {MIN_STAGES} 个"
    en = f"{covered} of {len(stages)} stages name their official tool; {MIN_STAGES} are needed"
    if spoken:
        zh += "；提到了环节、没写工具：" + "、".join(name.zh for name in spoken)
        en += "; spoken of without the tool: " + ", ".join(name.en for name in spoken)
    if silent:
        zh += "；没提到：" + "、".join(name.zh for name in silent)
        en += "; not spoken of: " + ", ".join(name.en for name in silent)
    if len(silent) == len(stages):
        zh += "。这是关于全链路的笔记吗？"
        en += ". Is this the note on the open chain?"
    return Finding(code="few_stages", text=Text(zh, en))


def _remarks(text: str, prose: str, images: int, alone: int, copied: float) -> list[Finding]:
    remarks = []

    def add(code: str, zh: str, en: str) -> None:
        remarks.append(Finding(code=code, text=Text(zh, en)))

    if keys := find_keys(text):
        shown = ", ".join(keys[:3])
        add(
            "api_key",
            f"笔记里像有 API 密钥（{shown}）：请删掉，并到平台上作废重发",
            f"there seems to be an API key ({shown}): remove it and revoke it at its service",
        )
    if alone >= 3 and alone * 2 > images:
        add(
            "images_alone",
            f"{images} 张图里有 {alone} 张前后没有文字：每张图用一句话说说看到了什么",
            f"{alone} of {images} images have no text around them; say what each shows",
        )
    if copied >= COPIED:
        add(
            "copied",
            f"{copied:.0%} 的文字来自任务、模板或课程原文（不计入字数）：请用自己的话写",
            f"{copied:.0%} of the text is the task's, template's or lesson's; use your own words",
        )
    heard = find_misheard(prose)
    if heard or is_transcript(prose):
        zh, en = ("：" + "、".join(heard), ": " + ", ".join(heard)) if heard else ("", "")
        add(
            "transcript",
            f"像是视频的自动转写{zh}。请助教留意；写的时候请核对名字，用自己的话",
            f"looks like an automatic transcript of the video{en}. For the TA; check the names "
            "and use your own words",
        )
    return remarks
