"""Edits of an XTuner 0.2.0 configuration, such as that of ``internlm2_chat_1_8b_qlora_alpaca_e3``.

Each function takes the configuration's text and returns the edits with their reasons; apply them
with :func:`course_lib.toolbox.edits.apply`, show them with :class:`course_lib.toolbox.edits.Diff`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.toolbox.edits import Edit

_NO_BF16 = '__import__("torch").cpu.is_bf16_supported = lambda: False\n'
_NESTED = r"(?:[^()]|\((?:[^()]|\([^()]*\))*\))*"  # what two levels of brackets may hold
_INDENT = r"^[ ]*"

SETTINGS: dict[str, Text] = {
    "max_length": Text("每条拼好的样本多长（token）", "tokens in one packed sample"),
    "batch_size": Text("每步几条样本", "samples in one step"),
    "accumulative_counts": Text("几步更新一次权重", "steps between two updates of the weights"),
    "max_epochs": Text(
        "数据看几遍；训练长短由它定，学习率曲线也按它排",
        "passes over the data; it sets the length of training and of the learning-rate schedule",
    ),
    "lr": Text("学习率的最高值", "the highest learning rate"),
    "weight_decay": Text("权重衰减", "weight decay"),
    "warmup_ratio": Text(
        "预热占训练的多少；不足两步学习率就一直接近 0",
        "share of training that warms up; below two steps the learning rate stays near 0",
    ),
    "save_steps": Text("每几步存一次检查点", "steps between two checkpoints"),
    "evaluation_freq": Text("每几步试答一次", "steps between two trial answers"),
}
"""The settings that :func:`with_settings` takes, and what each means."""


def for_cpu(config: str) -> list[Edit]:
    """Return the edits without which the configuration needs a GPU.

    What is not there (no quantisation in a pre-training configuration) is not edited.
    """
    edits = [
        Edit(
            r"\A(?!__import__)",
            _NO_BF16,
            Text(
                "XTuner 问 torch：CPU 支持 bf16 吗？答“不”，它就用 fp32 试答和加载",
                "XTuner asks torch whether the CPU does bf16; with this answer it stays in fp32",
            ),
        ),
        Edit(
            rf"{_INDENT}quantization_config=dict\({_NESTED}\),\n",
            "",
            Text(
                "QLoRA 的 4 比特量化（bitsandbytes）只在 GPU 上运行；小模型用普通 LoRA",
                "QLoRA's 4-bit weights (bitsandbytes) need a GPU; a small model takes plain LoRA",
            ),
        ),
        Edit(
            r"torch_dtype=torch\.(?:float16|bfloat16)",
            "torch_dtype=torch.float32",
            Text("CPU 上用 fp32 训练：fp16 很慢，还会溢出", "train in fp32: fp16 is slow on a CPU"),
        ),
        Edit(
            r"\bAmpOptimWrapper\b",
            "OptimWrapper",
            Text("不用混合精度", "no mixed precision"),
        ),
        Edit(
            rf"{_INDENT}loss_scale=[^\n]*\n|{_INDENT}dtype=\"float16\",\n|{_INDENT}dtype='float16',\n",
            "",
            Text(
                "损失缩放和 dtype 是混合精度的参数，一起去掉",
                "the loss scale and dtype belong to mixed precision, so they go too",
            ),
        ),
    ]
    return [edit for edit in edits if re.search(edit.pattern, config, re.MULTILINE)]


def with_model(config: str, model: str | Path) -> list[Edit]:
    """Return the edit that trains the model in the folder ``model``."""
    return [
        Edit(
            r"^pretrained_model_name_or_path = .*$",
            f"pretrained_model_name_or_path = {str(model)!r}",
            Text("从本地目录加载模型，不联网", "load the model from a folder, not from the hub"),
        )
    ]


def with_data(config: str, data: str | Path, questions: Sequence[str]) -> list[Edit]:
    """Return the edits that train on a JSON file and ask ``questions`` during the training.

    Args:
        config: the configuration's text.
        data: a list of ``{"conversation": [{"input": ..., "output": ...}, ...]}``, or of
            ``{"text": ...}`` for a pre-training configuration.
        questions: what the model is asked at the start, at intervals and at the end.
    """
    pretraining = re.search(r"^data_files = ", config, re.MULTILINE)
    if pretraining:
        edits = [
            Edit(
                r"^data_files = .*$",
                f"data_files = [{str(data)!r}]",
                Text("自己的语料", "your own corpus"),
            )
        ]
    else:
        edits = [
            Edit(
                r"^alpaca_en_path = .*$",
                f"alpaca_en_path = {str(data)!r}",
                Text("自己的对话数据", "your own conversations"),
            ),
            Edit(
                r"dataset=dict\(type=load_dataset, path=alpaca_en_path\)",
                "dataset=dict("
                'type=load_dataset, path="json", data_files=dict(train=alpaca_en_path))',
                Text(
                    "从本地 JSON 文件读，不从网上下载", "read a local JSON file instead of the hub"
                ),
            ),
            Edit(
                r"dataset_map_fn=alpaca_map_fn",
                "dataset_map_fn=None",
                Text(
                    "数据已是 conversation 格式，不必从 Alpaca 格式转换",
                    "the data is in the conversation form already, not in Alpaca's",
                ),
            ),
        ]
    edits += [
        Edit(
            r"^( +)(remove_unused_columns=.*)$",
            "\\1map_num_proc=1,\n\\1\\2",
            Text(
                "数据很少：一个进程就够，否则会起 32 个",
                "little data: one process will do, instead of 32",
            ),
        ),
        Edit(
            r"^evaluation_inputs = \[(?:[^\]\"']|\"[^\"]*\"|'[^']*')*\]",
            f"evaluation_inputs = {list(questions)!r}",
            Text("训练途中问模型这些问题", "what the model is asked during training"),
        ),
    ]
    return edits


def with_settings(config: str, **settings: float) -> list[Edit]:
    """Return the edits of settings at the configuration's top; :data:`SETTINGS` names them."""
    edits = []
    for name, value in settings.items():
        if name not in SETTINGS:
            names = ", ".join(SETTINGS)
            raise CampError(
                str(Text(f"没有设置 {name}：可用 {names}", f"no setting {name}: use {names}")), 2
            )
        edits.append(
            Edit(rf"^{name} = [^\n#]*?(?=\s*(?:#|$))", f"{name} = {value!r}", SETTINGS[name])
        )
    return edits


def short_answers(config: str, tokens: int = 40) -> list[Edit]:
    """Return the edit that ends the trial answers during training after ``tokens``."""
    return [
        Edit(
            r"^( +)type=EvaluateChatHook,$",
            f"\\1type=EvaluateChatHook,\n\\1max_new_tokens={tokens},",
            Text("试答写到这么长就停", "end the trial answers here"),
        )
    ]


def full_parameter(config: str) -> list[Edit]:
    """Return the edit that trains every weight instead of a LoRA adapter."""
    return [
        Edit(
            rf"{_INDENT}lora=dict\({_NESTED}\),\n",
            "",
            Text("全量微调：没有 LoRA，所有权重都训练", "full tuning: no LoRA, all weights train"),
        )
    ]
