"""Edits of a tool's configuration: applied together, shown as a diff, refused where they don't fit."""

from __future__ import annotations

import ast

import pytest

from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.toolbox import xtuner_config
from course_lib.toolbox.edits import Diff, Edit, apply

WHY = Text("为什么", "the reason")
CONFIG = """\
import torch
from mmengine.optim import AmpOptimWrapper, CosineAnnealingLR

pretrained_model_name_or_path = "internlm/internlm2-chat-1_8b"
alpaca_en_path = "tatsu-lab/alpaca"
lr = 2e-4
max_length = 2048  # tokens
evaluation_inputs = ["five [5] places", 'it"s']
model = dict(
    llm=dict(
        torch_dtype=torch.float16,
        quantization_config=dict(
            type=BitsAndBytesConfig,
            bnb_4bit_compute_dtype=torch.float16,
            other=dict(deep=(1, 2)),
        ),
    ),
    lora=dict(type=LoraConfig, r=64),
)
alpaca_en = dict(
    dataset=dict(type=load_dataset, path=alpaca_en_path),
    dataset_map_fn=alpaca_map_fn,
    remove_unused_columns=True,
)
optim_wrapper = dict(
    type=AmpOptimWrapper,
    loss_scale="dynamic",
    dtype="float16",
)
"""


def test_the_cpu_edits_leave_python_without_what_needs_a_gpu() -> None:
    made = apply(CONFIG, xtuner_config.for_cpu(CONFIG))
    ast.parse(made)
    for gone in ("quantization_config", "Amp", "float16", "loss_scale"):
        assert gone not in made
    assert "torch_dtype=torch.float32" in made
    assert "lora=dict(type=LoraConfig, r=64)" in made
    assert made.startswith('__import__("torch").cpu.is_bf16_supported')
    assert apply(made, xtuner_config.for_cpu(made)) == made  # a second time changes nothing


def test_data_and_settings_go_where_they_belong() -> None:
    changes = [
        *xtuner_config.with_model(CONFIG, "it's/model"),
        *xtuner_config.with_data(CONFIG, "data.json", ["你是谁？"]),
        *xtuner_config.with_settings(CONFIG, max_length=256, lr=2e-3),
    ]
    made = apply(CONFIG, changes)
    values = {
        node.targets[0].id: node.value  # type: ignore[attr-defined]
        for node in ast.parse(made).body
        if isinstance(node, ast.Assign)
    }
    assert ast.literal_eval(values["pretrained_model_name_or_path"]) == "it's/model"
    assert ast.literal_eval(values["alpaca_en_path"]) == "data.json"
    assert ast.literal_eval(values["evaluation_inputs"]) == ["你是谁？"]
    assert ast.literal_eval(values["max_length"]) == 256
    assert ast.literal_eval(values["lr"]) == 2e-3
    assert "max_length = 256  # tokens" in made
    assert "dataset_map_fn=None" in made
    assert "map_num_proc=1" in made


def test_full_tuning_takes_the_adapter_away() -> None:
    config = CONFIG.replace("lora=dict(type=LoraConfig, r=64)", "lora=dict(\n        r=64,\n    )")
    assert "lora=" not in apply(config, xtuner_config.full_parameter(config))


def test_an_edit_that_does_not_fit_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMP_LANG", "en")
    with pytest.raises(CampError, match=r"lacks the place to edit \(the reason\): take a fresh"):
        apply(CONFIG, [Edit("^nothing$", "x", WHY)])
    with pytest.raises(CampError, match="no setting rate: use max_length"):
        xtuner_config.with_settings(CONFIG, rate=1)


def test_groups_are_put_in_and_nothing_else_is_read_as_one() -> None:
    edit = Edit(r"^(lr) = .*$", r"\1 = 'C:\new\g<0>'", WHY)
    assert r"lr = 'C:\new\g<0>'" in edit.apply(CONFIG)


def test_a_diff_shows_each_change_beside_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMP_LANG", "en")
    diff = Diff(
        CONFIG, [Edit("^lr = .*$", "lr = '<b>'", WHY), Edit("^import torch$", "import torch", WHY)]
    )
    assert (
        str(diff) == "# the reason\n- lr = 2e-4\n+ lr = '<b>'"
    )  # what changes nothing is not shown
    shown = diff._repr_html_()
    assert "+ lr = &#x27;&lt;b&gt;&#x27;" in shown
    assert shown.count("the reason") == 1
    assert diff.text == apply(CONFIG, [Edit("^lr = .*$", "lr = '<b>'", WHY)])
