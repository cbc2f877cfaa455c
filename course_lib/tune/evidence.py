"""The camp's task of level L1-6, an assistant that knows its owner, and its evidence.

The learner's notebook and the grader run the same checks, on other wordings. In
``evidence/03_xtuner`` lie

- ``adapter_model.safetensors`` and ``adapter_config.json`` as ``xtuner convert pth_to_hf`` writes
  them with ``--safe-serialization`` (a ``.bin`` is a pickle and is never loaded),
- ``settings.txt`` (XTuner's ``config.py``: files of code are not shown to checks) and
  ``training.jsonl``, the settings and losses of the training,
- ``assistant.json`` with the owner's name: :func:`collect` puts all of these there,
- ``talk.json``, a transcript of the tuned model: ``Recorder(bot, FOLDER / TALK)`` of
  ``course_lib.transcript`` writes it. At least two questions, asked greedily (temperature 0, no
  repetition penalty), so that the grader can have the same said again.

Of 20 points the adapter that fits base and settings has 4, the name 8, the other skills 5, the log
2, the transcript 1. All for the name needs 60 % of the wordings that the base understands; all for
the skills 65 % of the base's own right answers, half of it 45 %.

What reaches all of them with XTuner 0.2.0 on the CPU (measured 2026-11): the camp's ``r=64``,
``lora_alpha=16``, 300 introductions mixed with 300 samples of other skills, ``max_length=512``,
``batch_size=1``, ``accumulative_counts=1``, ``warmup_ratio=0.05``, two epochs (192 iterations) at
``lr=1e-3``: 15 of 16 wordings, 36 of 39 other questions. One epoch of 170 iterations wants
``lr=5e-3``; at 2e-3 the name came in half of the wordings. Two sentences repeated do not get there:
after 75 gentle iterations the name came in no other wording, and where it does, three of four
answers to other questions are lost.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from course_lib.errors import CampError
from course_lib.findings import Mark, earned, report
from course_lib.language import Text
from course_lib.talk.story import marks
from course_lib.transcript import Transcript, read_transcript
from course_lib.tune.adapter import CONFIG, WEIGHTS
from course_lib.tune.appraisal import Handed, appraise, ask, counted, read_handed
from course_lib.tune.collect import FOLDER, LOG, NO_PICKLE, PICKLE, TALK, collect
from course_lib.tune.llama import one_thread
from course_lib.tune.tensors import Damaged
from course_lib.tune.training import read_log
from course_lib.verdicts import NotPassed

__all__ = ["FOLDER", "TALK", "check_adapter", "collect", "grade_adapter"]
_SHOWN = 4


def check_adapter(folder: Path | str = FOLDER) -> None:
    """Print what the evidence shows so far, with some answers of the tuned model; raises nothing.

    The grader asks in other wordings.
    """
    place = Path(folder)
    handed = _read(place)
    if isinstance(handed, str):
        print(f"⬜ {handed}")
        return
    with one_thread():
        asked = ask(handed, "visible", held_out=False)
        for turns, reply in list(zip(asked.who, asked.tuned_who, strict=True))[:_SHOWN]:
            print(f"   {turns[-1].content} → {reply}")
        report(appraise(handed, asked))
    what = Text(
        f"把 {place} 和笔记本一起交；批改时换别的问法",
        f"hand in {place} with the notebook; it is graded in other wordings",
    )
    print(what)


def grade_adapter(
    folder: Path | str = FOLDER, *, points: float, seed: int | str = "public"
) -> float:
    """Return the points of the evidence handed in, and print why.

    Args:
        folder: where the evidence lies.
        points: what all of it is worth.
        seed: draws the wordings and the questions; the builder writes in the cohort's.

    Raises:
        NotPassed: there is no adapter that fits the base.
    """
    place = Path(folder)
    handed = _read(place)
    if isinstance(handed, str):
        there = any((place / one).exists() for one in (WEIGHTS, CONFIG, PICKLE))
        text = f"{'❌' if there else '⬜'} {handed}"
        raise NotPassed("wrong" if there else "not attempted", Text(text, text))
    with one_thread():
        findings = appraise(handed, ask(handed, str(seed), held_out=True))
    report(findings, _marks(handed, str(seed)))
    return earned(findings, points)


def _marks(handed: Handed, seed: str) -> list[Mark]:
    """Return what no two learners have alike: the adapter, all losses of its log, what was said."""
    sketch = handed.adapter.sketch(handed.base, seed)
    found = [Mark("like", sketch)] if sketch else []
    with contextlib.suppress(Damaged, OSError):
        losses = [line.loss for line in read_log(handed.folder / LOG)]
        found.append(Mark("same", hashlib.sha256(repr(losses).encode()).hexdigest()))
    with contextlib.suppress(CampError):
        told = counted(read_transcript(handed.folder / TALK))
        found += marks(Transcript(exchanges=told))
    return found


def _read(place: Path) -> Handed | str:
    """Return what was handed in, or why there is nothing to check."""
    try:
        return read_handed(place)
    except CampError as error:
        return str(error)
    except OSError as error:
        if not (place / WEIGHTS).exists() and (place / PICKLE).exists():
            return str(NO_PICKLE)
        name = Path(error.filename or place).name
        text = Text(
            f"{place} 里没有 {name}：训练、转换，再运行 collect(工作目录, 名字)",
            f"there is no {name} in {place}: train, convert, then run collect(work_dir, name)",
        )
        return str(text)
