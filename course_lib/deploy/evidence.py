"""The camp's task of this level, a quantised and served model, and its evidence.

The learner's notebook and the grader run the same checks. In ``evidence/04_lmdeploy`` lie

- ``config.json`` of the folder that ``lmdeploy lite auto_awq`` wrote,
- ``packed.safetensors``, one packed layer of it and the norm before that layer,
- ``talk.json``, a transcript (``course_lib.transcript``) of the served model, greedily,
- ``calls.json``, the log of function calls (``course_lib.deploy.calls``),
- with a GPU also ``gpu.json`` and ``gpu_talk.json``, the card and a transcript of the model that
  it served (``course_lib.deploy.gpu``): shown to a TA, worth no points.

Nothing in them is run or unpickled: the packed layer is unpacked by the grader and laid beside
camp-mini's own weights, and camp-mini is asked again what the transcript says it said.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from safetensors.torch import save

from course_lib.deploy import awq
from course_lib.deploy.appraisal import CALLS, CONFIG, GPU_TALK, TALK, examine
from course_lib.deploy.layer import FILE, NORM, PARTS
from course_lib.errors import CampError
from course_lib.findings import Mark, earned, report
from course_lib.hand_in import put
from course_lib.language import Text
from course_lib.talk.story import marks
from course_lib.transcript import read_transcript
from course_lib.verdicts import NotPassed

FOLDER = Path("evidence/04_lmdeploy")
FILES = (CONFIG, FILE, TALK, CALLS)


def collect(quantised: Path | str, folder: Path | str = FOLDER) -> Path:
    """Copy the configuration and one packed layer of a quantised folder into the evidence.

    Args:
        quantised: what ``lmdeploy lite auto_awq`` got as ``--work-dir``.
        folder: where the evidence goes; an earlier set that differs is moved aside first.

    Raises:
        CampError: the folder is not there or not quantised; the text says what to do.
    """
    source, target = Path(quantised), Path(folder)
    tensors = awq.read_folder(source)
    missing = [name for name in (*PARTS, NORM) if name not in tensors]
    if missing:
        what = Text(
            f"{source} 里没有 {missing[0]}：它不是 auto_awq 写出的 camp-mini",
            f"{source} has no {missing[0]}: it is not camp-mini as auto_awq writes it",
        )
        raise CampError(str(what))
    packed = {name: tensors[name].contiguous() for name in (*PARTS, NORM)}
    put(target, {CONFIG: (source / CONFIG).read_bytes(), FILE: save(packed)})
    return target


def check_deploy(folder: Path | str = FOLDER) -> None:
    """Print what the evidence shows so far; raises nothing."""
    place = Path(folder)
    report(examine(place))
    print(Text(f"把 {place} 和笔记本一起交", f"hand {place} in with the notebook"))


def grade_deploy(folder: Path | str = FOLDER, *, points: float = 20) -> float:
    """Return the points of the evidence handed in, and print why.

    Raises:
        NotPassed: nothing was handed in.
    """
    place = Path(folder)
    if not any((place / name).exists() for name in FILES):
        text = Text(
            f"⬜ 没有 {place}：运行量化、服务和收集证据的单元",
            f"⬜ there is no {place}: run the cells that quantise, serve and collect",
        )
        raise NotPassed("not attempted", text)
    findings = examine(place)
    report(findings, _marks(place))
    return earned(findings, points)


def _marks(place: Path) -> list[Mark]:
    """Return what no two learners have alike: when they asked. All else is the same for all."""
    found: list[Mark] = []
    for name in (TALK, GPU_TALK):
        with contextlib.suppress(CampError):
            found += marks(read_transcript(place / name))
    return found
