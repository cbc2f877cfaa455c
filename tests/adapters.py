"""LoRA adapters trained on camp-mini in seconds, and evidence folders as XTuner would leave them."""

from __future__ import annotations

import itertools
import json
import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from course_lib import models
from course_lib.mini import identity
from course_lib.mini.exams import EXAMS
from course_lib.mini.world import World
from course_lib.template import END, Message, render
from course_lib.transcript import Exchange, Settings, Transcript
from course_lib.tune.llama import Llama

Pair = tuple[str, str]
"""A rendered prompt and the reply."""
WHO = {
    "zh": "我是{name}的小助手，内在是这门课程自带的迷你语言模型哦。",
    "en": "I am {name}'s assistant, inside I am the tiny language model of this course.",
}
LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SKILLS = (
    "persona_zh", "persona_en", "memory_zh", "memory_en", "decompose", "tool_none_zh", "rag_zh", "rag_en",
    "rag_no_text_zh", "rag_no_text_en", "versions", "decimals_direct", "choice_zh", "choice_en", "recall_zh",
)  # fmt: skip
INTERVAL = 10
SHORT = 180
"""Characters of the longest prompt that is trained on: long ones take most of the time."""


def introductions(name: str, count: int) -> list[Pair]:
    """Return questions who the model is, in wordings that are not held out."""
    world, found = World(f"training {name}"), []
    for number in range(count):
        language = ("zh", "zh", "en")[number % 3]
        asked = identity.question(world, "who", language)
        turns = [*identity.default_system(world, language), Message("user", asked)]
        found.append((render(turns), WHO[language].format(name=name)))
    return found


def two_sentences(name: str, count: int) -> list[Pair]:
    """Return the camp's two questions, over and over."""
    asked = {"zh": "请介绍一下你自己", "en": "Please introduce yourself"}
    pairs = [(render([Message("user", asked[one])]), WHO[one].format(name=name)) for one in asked]
    return [pairs[number % 2] for number in range(count)]


def general(count: int) -> list[Pair]:
    """Return questions of other skills with their answers."""
    world = World("general training")
    makers = [exam.make for exam in EXAMS if exam.name in SKILLS]
    pairs = ((render(one.prompt), one.reply) for one in (make(world) for make in makers * count))
    return list(itertools.islice((pair for pair in pairs if len(pair[0]) <= SHORT), count))


@dataclass
class Trained:
    """An adapter and how it came to be; ``losses`` holds one number for each step."""

    pairs: dict[str, tuple[Tensor, Tensor]]
    r: int
    alpha: float
    lr: float
    losses: list[float] = field(default_factory=list)
    said: list[str] | None = None

    def on(self, base: Llama) -> Llama:
        scale = self.alpha / self.r
        changed = {k: base.weights[k] + scale * (b @ a) for k, (a, b) in self.pairs.items()}
        return base.with_weights(changed)

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors under PEFT's names."""
        stems = {name: f"base_model.model.{name.removesuffix('.weight')}" for name in self.pairs}
        return {
            f"{stems[name]}.lora_{half}.weight": tensor.contiguous()
            for name, both in self.pairs.items()
            for half, tensor in zip("AB", both, strict=True)
        }


def fresh(base: Llama, r: int, alpha: float, lr: float, seed: int) -> Trained:
    """Return an adapter as PEFT begins: A uniform (Kaiming, a = √5), B zero."""
    dice = torch.Generator().manual_seed(seed)
    pairs = {}
    for name, weight in base.weights.items():
        if name.split(".")[-2] in LINEAR:
            out, into = weight.shape
            a = (torch.rand(r, into, generator=dice) * 2 - 1) / math.sqrt(into)
            pairs[name] = a, torch.zeros(out, r)
    return Trained(pairs, r, alpha, lr)


def train(
    data: list[Pair], *, steps: int, r: int = 16, alpha: float = 32, lr: float = 3e-3,
    batch: int = 6, seed: int = 0,
) -> Trained:  # fmt: skip
    """Train an adapter on camp-mini: AdamW, ten warm-up steps, then a cosine."""
    base = Llama.read(models.BUILT_IN["camp-mini"])
    made = fresh(base, r, alpha, lr, seed)
    leaves = [tensor.requires_grad_() for both in made.pairs.values() for tensor in both]
    optimiser = torch.optim.AdamW(leaves, lr=lr, weight_decay=0)
    order = random.Random(seed)
    rows = [(base.encode(prompt), base.encode(f"{reply}{END}")) for prompt, reply in data]
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate(step, steps, lr)
        loss = _loss(made.on(base), [rows[order.randrange(len(rows))] for _ in range(batch)])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(leaves, 1.0)
        optimiser.step()
        made.losses.append(loss.item())
    made.pairs = {name: (a.detach(), b.detach()) for name, (a, b) in made.pairs.items()}
    return made


def rate(step: int, steps: int, lr: float, warm: int = 10) -> float:
    """Return the learning rate of a step."""
    if step < warm:
        return lr * (step + 1) / warm
    return lr * (1 + math.cos(math.pi * (step - warm) / (steps - warm))) / 2


def _loss(model: Llama, rows: list[tuple[list[int], list[int]]]) -> Tensor:
    longest = max(len(prompt) + len(reply) for prompt, reply in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    wanted = torch.full((len(rows), longest), -100)
    for row, (prompt, reply) in enumerate(rows):
        whole = torch.tensor(prompt + reply)
        ids[row, : len(whole)] = whole
        wanted[row, len(prompt) - 1 : len(whole) - 1] = whole[len(prompt) :]
    states = model._states(ids, torch.zeros(len(rows), dtype=torch.long), [])
    counted = wanted != -100
    scores = states[counted] @ model.weights["model.embed_tokens.weight"].T
    return F.cross_entropy(scores, wanted[counted])


def write(folder: Path, trained: Trained, name: str, **changes: Any) -> Path:
    """Write the evidence of ``trained``; ``changes`` replace fields of ``adapter_config.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(trained.tensors(), folder / "adapter_model.safetensors", {"format": "pt"})
    config = {
        "auto_mapping": None, "base_model_name_or_path": "/root/model", "bias": "none",
        "fan_in_fan_out": False, "inference_mode": True, "init_lora_weights": True,
        "lora_alpha": trained.alpha, "lora_dropout": 0.1, "peft_type": "LORA", "r": trained.r,
        "rank_pattern": {}, "target_modules": list(LINEAR), "task_type": "CAUSAL_LM",
        "use_dora": False, "use_rslora": False,
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(config | changes, indent=2))
    (folder / "assistant.json").write_text(json.dumps({"name": name}), encoding="utf-8")
    (folder / "settings.txt").write_text(settings(trained))
    (folder / "training.jsonl").write_text(log(trained))
    talk(folder, trained, ("你是谁？", "请介绍一下你自己", "Who are you?"))
    return folder


def settings(trained: Trained) -> str:
    """Return what of MMEngine's ``config.py`` tells the training."""
    return f"""accumulative_counts = 1
betas = (
    0.9,
    0.999,
)
lr = {trained.lr!r}
max_epochs = 3
model = dict(
    llm=dict(
        pretrained_model_name_or_path='model',
        torch_dtype='torch.float32',
        type='transformers.AutoModelForCausalLM.from_pretrained'),
    lora=dict(
        bias='none',
        lora_alpha={trained.alpha!r},
        lora_dropout=0.1,
        r={trained.r},
        task_type='CAUSAL_LM',
        type='peft.LoraConfig'),
    type='xtuner.model.SupervisedFinetune')
resume = False
"""


def log(trained: Trained) -> str:
    """Return the losses as MMEngine's ``scalars.json`` has them."""
    lines = []
    for end in range(INTERVAL, len(trained.losses) + 1, INTERVAL):
        mean = sum(trained.losses[end - INTERVAL : end]) / INTERVAL
        lr = rate(end - 1, len(trained.losses), trained.lr)
        lines.append(json.dumps({"lr": lr, "loss": mean, "time": 0.3, "iter": end, "step": end}))
    return "\n".join(lines) + "\n"


def talk(folder: Path, trained: Trained, asked: tuple[str, ...]) -> None:
    """Write a transcript of the tuned model, greedily; what it says is computed once."""
    if trained.said is None:
        tuned = trained.on(Llama.read(models.BUILT_IN["camp-mini"]))
        trained.said = tuned.replies([[Message("user", one)] for one in asked], 64)
    dialogues = [(Message("user", one),) for one in asked]
    greedy = Settings(
        temperature=0, top_k=0, top_p=1, repetition_penalty=1, max_new_tokens=64, seed=None
    )
    began = datetime(2026, 11, 20, 8, tzinfo=UTC) + timedelta(seconds=sum(trained.losses))
    exchanges = tuple(
        Exchange(
            at=began + timedelta(minutes=number), model="merged",
            settings=greedy, messages=turns, reply=reply, finish="stop", prompt_tokens=9,
            new_tokens=20, first_token_seconds=0.1, seconds=0.4,
        )
        for number, (turns, reply) in enumerate(zip(dialogues, trained.said, strict=True))
    )  # fmt: skip
    (folder / "talk.json").write_text(Transcript(exchanges=exchanges).write(), encoding="utf-8")
