"""A LoRA layer that a learner wrote, tried on one linear layer of a real model."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from course_lib.language import Text
from course_lib.template import END, Message, render

if TYPE_CHECKING:
    from course_lib.chat import ChatModel

PLACE = "model.layers.5.mlp.down_proj"
STEPS, RATE = 25, 3e-3
_IGNORED = -100


def try_layer(
    bot: ChatModel,
    layer: Callable[[nn.Linear], nn.Module],
    lora_merge: Callable[..., Any],
    lora_forward: Callable[..., Any],
    name: str,
) -> None:
    """Wrap one layer of a copy of the model, train it on one answer, merge it, compare.

    Args:
        bot: the model; it stays as it is.
        layer: makes a module with ``base``, ``A``, ``B``, ``alpha`` and ``r`` from a linear layer.
        lora_merge: the learner's function (W, A, B, alpha, r).
        lora_forward: the learner's function (x, W, A, B, alpha, r).
        name: whose assistant the model shall be.
    """
    torch.manual_seed(0)
    model = copy.deepcopy(bot.model).requires_grad_(False)
    own: Any = layer(model.get_submodule(PLACE))
    model.set_submodule(PLACE, own)
    ids, labels = _one_sample(bot, name)
    before = model(input_ids=ids, labels=labels)
    same = torch.equal(before.logits, bot.model(input_ids=ids).logits)
    print(Text(f"B = 0 时 logits 没有变：{same}", f"with B = 0 the logits are unchanged: {same}"))
    last = _train(model, own, ids, labels)
    count = own.A.numel() + own.B.numel()
    print(
        Text(
            f"训练 {PLACE} 旁边的 {count:,} 个数，{STEPS} 步：损失 {before.loss:.2f} → {last:.2f}",
            f"{count:,} numbers beside {PLACE}, {STEPS} steps: loss {before.loss:.2f} → {last:.2f}",
        )
    )
    with torch.no_grad():
        trained = model(input_ids=ids).logits
        numbers = [one.double().numpy() for one in (own.base.weight, own.A, own.B)]
        x = torch.randn(4, own.base.in_features).double()
        merged = torch.as_tensor(lora_merge(*numbers, own.alpha, own.r))
        beside = torch.as_tensor(lora_forward(x.numpy(), *numbers, own.alpha, own.r))
        plain = nn.Linear(own.base.in_features, own.base.out_features, bias=False)
        plain.weight.copy_(merged)
        model.set_submodule(PLACE, plain)
        gap = (model(input_ids=ids).logits - trained).abs().max()
        other = (beside - x @ merged.T).abs().max()
    print(
        Text(
            f"合并前后 logits 最多差 {gap:.1e}；lora_forward 与合并的权重差 {other:.1e}",
            f"logits merged and unmerged differ by at most {gap:.1e}; "
            f"lora_forward and the merged weight by {other:.1e}",
        )
    )


def _one_sample(bot: ChatModel, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and labels (1 × length) of a question and the answer wanted."""
    asked = bot.encode(
        render([Message("user", str(Text("你是谁？", "Who are you?")))]), begin=False
    )
    said = str(Text(f"我是{name}的小助手。", f"I am {name}'s assistant."))
    answer = bot.encode(said + END, begin=False)
    labels = [_IGNORED] * len(asked) + answer
    return torch.tensor([asked + answer]), torch.tensor([labels])


def _train(model: Any, own: Any, ids: torch.Tensor, labels: torch.Tensor) -> float:
    """Train A and B by AdamW; return the last loss."""
    optimiser = torch.optim.AdamW([own.A, own.B], lr=RATE)
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        return float(model(input_ids=ids, labels=labels).loss)
