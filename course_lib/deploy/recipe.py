"""What ``lmdeploy lite`` gets to quantise camp-mini on a CPU, and its calibration text.

LMDeploy loads WikiText-2 from the hub. A folder ``wikitext`` where it runs, with a card that names
the configuration, is taken in its place: so calibration works offline, and on texts like those the
model meets.
"""

from __future__ import annotations

import os
from pathlib import Path

from course_lib import models
from course_lib.files import write_atomic
from course_lib.mini import identity, memory, persona, rag, tool_use
from course_lib.mini.dialogue import Sample
from course_lib.mini.world import World
from course_lib.template import render

BITS, GROUP = 4, 64
"""The camp takes groups of 128, but 128 does not divide camp-mini's 192 inputs."""
SAMPLES, LENGTH = 8, 128
BASE = models.BUILT_IN["camp-mini"]
_CARD = """---
configs:
- config_name: wikitext-2-raw-v1
  data_files:
  - split: train
    path: train.txt
---
"""
_MAKERS = (
    lambda world: identity.sample(world, 1, world.choice(("zh", "en"))),
    lambda world: persona.sample(world, 1),
    lambda world: memory.sample(world),
    lambda world: tool_use.sample(world, 1),
    lambda world: rag.sample(world),
)


def dialogues(count: int) -> list[Sample]:
    """Return dialogues of camp-mini's skills, one skill after the other, always the same."""
    world = World("calibration", held_out=False)
    return [_MAKERS[number % len(_MAKERS)](world) for number in range(count)]


def write_calibration(work: Path, count: int = 120) -> Path:
    """Write the folder ``wikitext`` with ``count`` dialogues as the model reads them."""
    texts = [render(one.turns, add_generation_prompt=False) for one in dialogues(count)]
    folder = work / "wikitext"
    write_atomic(folder / "README.md", _CARD)
    write_atomic(folder / "train.txt", "".join(texts))
    return folder


def words(step: str, output: str) -> list[str | os.PathLike[str]]:
    """Return what follows ``lmdeploy`` to quantise camp-mini: ``auto_awq`` or ``smooth_quant``."""
    calibration = ["--calib-dataset", "wikitext2", "--calib-samples", str(SAMPLES)]
    common = [*calibration, "--calib-seqlen", str(LENGTH), "--device", "cpu", "--dtype", "float16"]
    bits = ["--w-bits", str(BITS), "--w-group-size", str(GROUP)] if step == "auto_awq" else []
    return ["lite", step, BASE, *common, *bits, "--work-dir", output]
