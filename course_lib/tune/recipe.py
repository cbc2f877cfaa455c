"""XTuner's own configuration, made to run on camp-mini and a CPU, and where its runs lie."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from course_lib import machine, models, toolbox
from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Text
from course_lib.toolbox import edits, xtuner_config
from course_lib.toolbox.edits import Diff

CONFIG = "internlm2_chat_1_8b_qlora_alpaca_e3"
PRETRAIN = "internlm2_1_8b_full_custom_pretrain_e1"
SEED = 42
BASE = models.BUILT_IN["camp-mini"]
BIG = models.share() / "internlm2-chat-1_8b"
"""The camp's model for this level, where InternStudio has it."""
HF = ("--fp32", "--safe-serialization")
"""What ``convert pth_to_hf`` needs besides its three paths: fp32, and no pickle."""
SETTINGS: dict[str, float] = {
    "max_length": 384,
    "accumulative_counts": 1,
    "max_epochs": 1,
    "lr": 5e-3,
    "warmup_ratio": 0.1,
    "save_steps": 1000,
    "evaluation_freq": 1000,
}
"""For a small model and little data; the camp's own are 2048, 16, 3, 2e-4, 0.03, 500 and 500."""


def write(
    work: Path,
    name: str,
    data: str,
    questions: Sequence[str],
    *,
    config: str = CONFIG,
    model: Path = BASE,
    full: bool = False,
    **settings: float,
) -> Diff:
    """Write ``NAME.py``, the CPU form of a copied configuration; return the edits as a diff.

    Args:
        work: the folder that holds the copy and the data.
        name: the new configuration's name.
        data: the data's file name in ``work``.
        questions: what the model is asked before and after the training.
        config: the configuration that was copied.
        model: the model's folder.
        full: train all weights, without LoRA.
        settings: what differs from :data:`SETTINGS`.
    """
    text = _copied(work, config)
    changes = [
        *xtuner_config.for_cpu(text),
        *(xtuner_config.full_parameter(text) if full else ()),
        *xtuner_config.with_model(text, model),
        *xtuner_config.with_data(text, data, questions),
        *xtuner_config.with_settings(text, **(SETTINGS | settings)),
        *xtuner_config.short_answers(text),
    ]
    return _write(work, name, text, changes)


def write_pretraining(work: Path, name: str, texts: Sequence[dict[str, str]]) -> Diff:
    """Write ``NAME.json`` from plain texts, and ``NAME.py``, which trains the base model on it."""
    write_atomic(work / f"{name}.json", json.dumps(texts, ensure_ascii=False))
    return write(
        work,
        name,
        f"{name}.json",
        [texts[0]["text"][:8]],
        config=PRETRAIN,
        model=models.BUILT_IN["camp-mini-base"],
        max_length=256,
        lr=5e-4,
        max_epochs=3,
    )


def qlora_on_gpu(work: Path, data: str, questions: Sequence[str]) -> None:
    """Train InternLM2-Chat-1.8B by the camp's QLoRA configuration, or say that it is skipped.

    Nothing in the configuration changes but model and data.
    """
    if not machine.gpus() or models.problem(BIG):
        print(
            Text(
                f"跳过 QLoRA：要有 GPU 和 {BIG}",
                f"QLoRA is skipped: it needs a GPU and {BIG}",
            )
        )
        return
    text = _copied(work, CONFIG)
    changes = [
        *xtuner_config.with_model(text, BIG),
        *xtuner_config.with_data(text, data, questions),
    ]
    _write(work, "qlora", text, changes)
    toolbox.run("xtuner", "train", "qlora.py", "--work-dir", "qlora", folder=work)


def train(work: Path, name: str) -> Path:
    """Train ``NAME.py`` and convert its last checkpoint; return the folder ``NAME-hf``."""
    config, made = f"{name}.py", f"{name}-hf"
    toolbox.run("xtuner", "train", config, "--work-dir", name, "--seed", SEED, folder=work)
    words = ("convert", "pth_to_hf", config, last(work, name), made, *HF)
    toolbox.run("xtuner", *words, folder=work)
    return work / made


def last(work: Path, run: str) -> str:
    """Return the last checkpoint of the training in the folder ``run``, as a path in ``work``."""
    try:
        path = Path((work / run / "last_checkpoint").read_text(encoding="utf-8").strip())
    except OSError:
        toolbox.need("xtuner")
        what = Text(
            f"{work / run} 里没有检查点：先训练", f"no checkpoint in {work / run}: train first"
        )
        raise CampError(str(what)) from None
    return f"{run}/{path.name}"


def _copied(work: Path, config: str) -> str:
    path = work / f"{config}_copy.py"
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        toolbox.need("xtuner")
        what = Text(f"没有 {path}：先运行 copy-cfg", f"there is no {path}: run copy-cfg first")
        raise CampError(str(what)) from None


def _write(work: Path, name: str, text: str, changes: Sequence[edits.Edit]) -> Diff:
    diff = Diff(text, changes)
    write_atomic(work / f"{name}.py", diff.text)
    return diff
