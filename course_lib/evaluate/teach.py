"""A LoRA on camp-mini, trained in the notebook's own process: question in, answer out.

The recipe is lesson 03's (rank, scale, warm-up and cosine, loss on the reply alone), in a few lines
over the course's own Llama, because a hundred facts need no tool.
"""

from __future__ import annotations

import json
import math
import random
import secrets
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ValidationError
from safetensors.torch import save_file
from torch import Tensor

from course_lib import models
from course_lib.errors import CampError
from course_lib.evaluate import exam
from course_lib.files import write_atomic
from course_lib.language import Text
from course_lib.template import END, Message, render
from course_lib.tune.adapter import CONFIG, WEIGHTS, read_adapter
from course_lib.tune.llama import Llama, one_thread

BASE = models.BUILT_IN["camp-mini"]
RANK, ALPHA = 16, 32
STEPS, BATCH, RATE, WARM_UP = 400, 8, 5e-3, 10
LESSON_03 = Path("evidence/03_xtuner")
_NOTE = "training.json"
_EVERYBODYS = 0  # the seed of an earlier version
_IGNORED = -100
_KEPT = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")
Pair = tuple[str, str]


def pairs(wording: Literal["learn", "exam"]) -> list[Pair]:
    """Return question and answer of each fact of the four subjects, in one of its wordings."""
    return [
        (one.learn if wording == "learn" else one.exam, one.answer)
        for subject in exam.SUBJECTS
        for one in exam.facts(subject)
    ]


def train(
    folder: Path, data: Sequence[Pair], *, steps: int = STEPS, seed: int | None = None
) -> Path:
    """Train a LoRA and return the folder with the adapter and with the merged model.

    What was trained before from the same data is not trained again. No two learners train the same
    adapter, for the seed is drawn where none is given; ``training.json`` keeps it.

    Args:
        folder: gets ``adapter_model.safetensors``, ``adapter_config.json`` and the merged model.
        data: questions with their answers.
        steps: updates, of eight pairs each.
        seed: of the first weights and of the order.
    """
    before = _seed(folder / _NOTE, data, steps)
    own = before != _EVERYBODYS if seed is None else before == seed
    if (folder / WEIGHTS).is_file() and before is not None and own:
        print(Text(f"{folder.name}：已经训练过", f"{folder.name}: trained before"))
        return folder
    if seed is None:
        seed = secrets.randbelow(1 << 31)
    base = Llama.read(BASE)
    with one_thread():
        halves = _fit(base, data, steps, seed, folder.name)
    folder.mkdir(parents=True, exist_ok=True)
    _save(
        {
            f"base_model.model.{name.removesuffix('.weight')}.lora_{half}.weight": weight
            for name, both in halves.items()
            for half, weight in zip("AB", both, strict=True)
        },
        folder / WEIGHTS,
    )
    targets = sorted({name.split(".")[-2] for name in halves})
    told = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "target_modules": targets}
    write_atomic(folder / CONFIG, json.dumps(told, indent=1) + "\n")
    _merge(base, folder)
    note = _Note(steps=steps, seed=seed, data=list(data))
    write_atomic(folder / _NOTE, note.model_dump_json())
    return folder


class _Note(BaseModel):
    """What a training was made from."""

    steps: int
    seed: int
    data: list[Pair]


def _seed(path: Path, data: Sequence[Pair], steps: int) -> int | None:
    """Return the seed of an earlier training on the same data, or None."""
    try:
        note = _Note.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return note.seed if (note.steps, note.data) == (steps, list(data)) else None


def _fit(
    base: Llama, data: Sequence[Pair], steps: int, seed: int, title: str
) -> dict[str, tuple[Tensor, Tensor]]:
    """Return A (r, in) and B (out, r) of each linear layer."""
    chance = torch.Generator().manual_seed(seed)
    halves = {}
    for name, weight in base.weights.items():
        if name.endswith("proj.weight"):
            out, into = weight.shape
            first = torch.randn(RANK, into, generator=chance) / math.sqrt(into)
            halves[name] = (first.requires_grad_(), torch.zeros(out, RANK, requires_grad=True))
    trained = [half for both in halves.values() for half in both]
    optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(1, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * step / steps)) / 2,
    )
    samples = [_sample(base, *pair) for pair in data]
    dice, began = random.Random(seed), time.monotonic()  # noqa: S311
    order: list[int] = []
    for step in range(steps):
        while len(order) < BATCH:
            order += dice.sample(range(len(samples)), len(samples))
        loss = _loss(base, halves, [samples[order.pop()] for _ in range(BATCH)])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == steps - 1:
            seconds = time.monotonic() - began
            print(
                f"{title}: {step + 1}/{steps}  loss {loss.item():.3f}  {seconds:.0f} s", flush=True
            )
    return {name: (a.detach(), b.detach()) for name, (a, b) in halves.items()}


def _sample(base: Llama, question: str, answer: str) -> tuple[list[int], int]:
    """Return ids of a dialogue and where its reply begins."""
    before = base.encode(render([Message("user", question)]))
    return before + base.encode(f"{answer}{END}"), len(before)


def _loss(
    base: Llama, halves: dict[str, tuple[Tensor, Tensor]], batch: Sequence[tuple[list[int], int]]
) -> Tensor:
    longest = max(len(ids) for ids, _ in batch)
    rows = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in batch])
    labels = rows[:, 1:].clone()
    for number, (ids, start) in enumerate(batch):
        labels[number, : start - 1] = _IGNORED
        labels[number, len(ids) - 1 :] = _IGNORED
    changed = {name: base.weights[name] + ALPHA / RANK * (b @ a) for name, (a, b) in halves.items()}
    states = base.with_weights(changed).states(rows[:, :-1])
    kept = labels != _IGNORED
    return F.cross_entropy(states[kept] @ base.weights["model.embed_tokens.weight"].T, labels[kept])


def _save(tensors: dict[str, Tensor], path: Path) -> None:
    made = path.with_suffix(".new")
    save_file({name: one.contiguous() for name, one in tensors.items()}, made, {"format": "pt"})
    made.replace(path)


def _merge(base: Llama, folder: Path) -> None:
    """Make ``folder`` a model of its own: base plus the adapter that lies in it, in float32."""
    tuned = read_adapter(folder, base).on(base)
    for name in _KEPT:
        shutil.copyfile(BASE / name, folder / name)
    _save(dict(tuned.weights), folder / "model.safetensors")


def from_lesson_03(folder: Path, evidence: Path = LESSON_03) -> dict[str, Path]:
    """Return lesson 03's assistant as a model to evaluate, or nothing when there is none."""
    if not (evidence / WEIGHTS).is_file():
        print(Text(f"没有 {evidence}：跳过第 3 课的助手", f"no {evidence}: lesson 03's is skipped"))
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    for name in (WEIGHTS, CONFIG):
        shutil.copyfile(evidence / name, folder / name)
    try:
        _merge(Llama.read(BASE), folder)
    except (CampError, OSError) as error:
        print(Text(f"第 3 课的适配器用不了：{error}", f"lesson 03's adapter will not do: {error}"))
        return {}
    return {"assistant": folder}
