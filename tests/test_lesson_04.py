"""Lesson 04: its reference solutions, its measurements and helpers, its prose, its evidence."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import torch
from openai import OpenAI
from safetensors.torch import load_file, save_file

from course_lib import chat, models, serving
from course_lib.chat import ChatModel
from course_lib.decoding import Sampling
from course_lib.demo import needs
from course_lib.deploy import (
    appraisal,
    awq,
    calls,
    card,
    evidence,
    gpu,
    load,
    packed,
    pictures,
    planner,
    proxy,
    quantised,
    recipe,
    salient,
    savings,
    speed,
    talk,
)
from course_lib.deploy import layer as layer_check
from course_lib.deploy.kv import QuantisedCache
from course_lib.deploy.sizes import parts, shape_of, weight_bytes
from course_lib.errors import CampError
from course_lib.findings import read_report, report
from course_lib.language import Language
from course_lib.serving import Server, serve
from course_lib.template import Message, render
from course_lib.toolbox import catalogue, environments, install
from course_lib.transcript import read_transcript
from course_lib.tune import tensors, times
from course_lib.tune.toys import PARAMETERS, C
from course_lib.verdicts import NotPassed
from grading.grade import grade
from grading.lesson import Lesson
from tests import stand_in
from tests.conftest import free_port
from tests.evidence import exchange, transcript
from tests.learner import BLANK, SOLVED, WITH_TOOLS, hand_in, new_course, run_cells, without_tools

mpl.use("Agg")
LESSON = "04_lmdeploy"
RECORDED = Path(__file__).parent / "tool_evidence" / LESSON
pytestmark = pytest.mark.usefixtures("english")
LAYER, NORM = layer_check.LAYER, layer_check.NORM


PAIRS = [
    ("kv_bytes_per_token", (C["1.8b"],), 98304.0),
    ("kv_bytes_per_token", (C["7b"],), 131072.0),
    ("kv_bytes_per_token", (C["20b"],), 196608.0),
    ("kv_bytes_per_token", (C["7b"], 4), 32768.0),
    ("kv_bytes_quant", (C["7b"], 16), 131072.0),
    ("kv_bytes_quant", (C["7b"], 8), 67584.0),
    ("kv_bytes_quant", (C["7b"], 4), 34816.0),
    ("memory_plan", (24, 14), (8.0, 23.0)),
    ("memory_plan", (24, 14, 0.4), (4.0, 19.0)),
    ("memory_plan", (40, 14, 0.8, 0), (20.8, 34.8)),
    ("memory_plan", (24, 3.5, 0.8), (16.4, 20.9)),
    ("memory_plan", (24, 3.5, 0.4, 1.8), (8.2, 13.5)),
    ("memory_plan", (24, 22, 0.1, 1.6), (0.2, 23.8)),
    ("max_blocks", (8e9, 131072), (953, 60992)),
    ("max_blocks", (4e9, 32768), (1907, 122048)),
    ("max_blocks", (4e9, 34816.0), (1795, 114880)),
    ("max_blocks", (4e9, 131072), (476, 30464)),
    ("max_blocks", (1000, 131072), (0, 0)),
    ("quant_err", ([[0.1, -0.2, 0.3, 0.05, 9.0, 0.1, 0.2, -0.3]], 4, 8), (0.3, 0.0465625)),
    ("quant_err", ([[0.1, -0.2, 0.3, 0.05, 9.0, 0.1, 0.2, -0.3]], 4, 4), (0.3, 0.02878472)),
    ("pack_int4", ([0, 1, 2, 3, 4, 5, 6, 7],), 1966171168),
    ("pack_int4", ([0, 1, 2, 3, 4, 5, 6, 7], list(range(8))), 0x76543210),
    ("unpack_int4", (0x75316420,), [0, 1, 2, 3, 4, 5, 6, 7]),
    ("to_int32", (0xF0000000,), -268435456),
    ("kv_quant_head", ([0.0, 1.0, 2.0, 3.0], 4), ([0, 5, 10, 15], 0.2, 0.0, [0.0, 1.0, 2.0, 3.0])),
    ("kv_quant_head", ([-1.0, 0.0, 1.0], 8), ([0, 128, 255], 0.007843, -1.0, [-1.0, 0.003922, 1.0])),
    ("kv_quant_head", ([2.0, 2.0], 4), ([0, 0], 1.0, 2.0, [2.0, 2.0])),
    ("prefix_blocks", ([[1, 2, 3, 4, 5], [1, 2, 3, 4, 9]], 2), (6, 4)),
    ("prefix_blocks", ([[1, 2], [1, 2], [1, 2]], 2), (3, 1)),
    ("prefix_blocks", ([[1], [1]], 4), (2, 2)),
    ("call_tool", ({"name": "add", "arguments": '{"a":3,"b":5}'},), {"ok": True, "result": 8}),
    ("call_tool", ({"name": "add", "arguments": '{"a":3}'},), {"ok": False, "error": "bad-args"}),
    ("call_tool", ({"name": "rm", "arguments": "{}"},), {"ok": False, "error": "unknown-tool"}),
    ("call_tool", ({"name": "add", "arguments": "{a:3}"},), {"ok": False, "error": "bad-json"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "wanted"), PAIRS)
def test_pairs_of_the_brief(names, name, args, wanted) -> None:
    assert names[name](*args) == wanted


def test_more_pairs_of_the_brief(names) -> None:
    quant, restore = names["quant_groups"], names["dequant_groups"]
    row = [[0.0, 1, 2, 3, -1, 0, 1, 2]]
    assert tuple(one.tolist() for one in quant(row, 4, 4)) == (
        [[0, 5, 10, 15, 0, 5, 10, 15]], [[0.2, 0.2]], [[0, 5]],
    )  # fmt: skip
    assert restore(*quant(row, 4, 4), 4).tolist() == row
    equal = quant([[5.0, 5, 5, 5]], 4, 4)
    assert tuple(one.tolist() for one in equal) == ([[15] * 4], [[1 / 3]], [[0]])
    sizes = {(name, group): names["awq_bytes"](C[name], group) for name, group in
             (("7b", 128), ("1.8b", 128), ("7b", 32))}  # fmt: skip
    assert [round(one / 2**30, 3) for one in sizes.values()] == [4.79, 1.437, 5.17]
    assert names["kv_bytes_per_token"](C["7b"]) * 32768 / 2**30 == 4.0
    values = [15, 0, 7, 8, 1, 2, 3, 14]
    assert names["unpack_int4"](names["pack_int4"](values)) == values
    with pytest.raises(MemoryError):
        names["memory_plan"](8, 14)


def test_codes_agree_with_torchs_kernel(names) -> None:
    """Codes, scales and zeros in torch's own 4-bit product, beside the restored weights."""
    torch.manual_seed(0)
    weight = torch.randn(64, 128)
    codes, scale, zero = names["quant_groups"](weight.numpy(), 4, 32)
    words = torch.ops.aten._convert_weight_to_int4pack_for_cpu(torch.as_tensor(codes).int(), 1)
    x = torch.randn(3, 128)
    pairs = packed.kernel_pairs(scale, zero)
    theirs = torch.ops.aten._weight_int4pack_mm_for_cpu(x, words, 32, pairs)
    restored = torch.as_tensor(names["dequant_groups"](codes, scale, zero, 32)).float()
    assert torch.allclose(theirs, x @ restored.T, atol=1e-3)
    assert (restored - weight).abs().max() <= scale.max()


def test_sizes_agree_with_the_learners(names) -> None:
    for name, count in PARAMETERS.items():
        assert sum(parts(C[name])) == count
        assert weight_bytes(C[name], 4) == names["awq_bytes"](C[name])
        assert weight_bytes(C[name], 8, 64) == names["awq_bytes"](C[name], 64, 8)


def test_numbers_that_the_prose_states(names) -> None:
    assert round(131072 / names["kv_bytes_quant"](C["7b"], 4), 2) == 3.76
    assert round(8192 * 2 * C["7b"]["inter"] * 2 / 1e9, 2) == 0.47  # gate and up, 16 bits
    assert (16 + 4) / 32 == 0.625  # bits a weight for scale and zero in groups of 32
    assert round(2 * PARAMETERS["7b"] / 2**30, 1) == 14.4  # the camp saw 15G and 4.9G on disk


def camp_planner(names: dict[str, Any]) -> planner.Planner:
    used = (names[one] for one in ("kv_bytes_quant", "memory_plan", "max_blocks"))
    return planner.Planner(C, *used)


@pytest.mark.parametrize(
    ("card", "bits", "kv_bits", "ratio", "other", "used", "tokens"),
    [
        (24, 16, 16, 0.8, 1.0, 23.0, 60992),
        (24, 16, 16, 0.4, 1.0, 19.0, 30464),
        (24, 4, 16, 0.8, 1.0, 20.9, 125120),
        (24, 4, 16, 0.4, 1.8, 13.5, 62528),
        (24, 4, 4, 0.4, 1.8, 13.5, 235520),
        (40, 16, 16, 0.8, 0, 34.8, 158656),
    ],
)
def test_the_planner_gives_the_camps_table(
    names, card, bits, kv_bits, ratio, other, used, tokens
) -> None:
    made = camp_planner(names).plan(planner.CAMP, card, bits, kv_bits, ratio, other)
    assert made is not None
    assert made.used == pytest.approx(used)
    assert sum(made.parts.values()) == pytest.approx(card)
    assert made.tokens == tokens


def test_the_planner_moves(names, monkeypatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("course_lib.widgets.display", drawn.append)
    used = (names[one] for one in ("kv_bytes_quant", "memory_plan", "max_blocks"))
    planner.memory_planner(C, *used)
    *controls, line = drawn[1].children
    name, card, bits, kv_bits, ratio, other = controls
    name.value = planner.CAMP
    assert "<b>23.00</b> / 24 GB" in line.value
    assert "<b>60,992</b> tokens" in line.value
    kv_bits.value = 4
    assert "<b>23.00</b> / 24 GB" in line.value  # not one byte is saved
    assert "<b>229,760</b> tokens" in line.value
    other.value = 1.8
    assert "<b>23.80</b> / 24 GB" in line.value
    ratio.value = 1.0
    assert "would not start" in line.value
    bits.value, card.value = 16, 8
    assert "too much for 8 GB" in line.value


def test_points_and_names(lesson: Lesson) -> None:
    assert [one.name for one in lesson.exercises] == [
        "kv_bytes_per_token", "memory_plan", "max_blocks", "quant_groups", "pack_int4",
        "awq_bytes", "kv_quant_head", "prefix_blocks", "call_tool",
    ]  # fmt: skip
    assert sum(one.answer.points for one in lesson.exercises) == 70
    assert [(one.name, one.points) for one in lesson.of_kind("evidence")] == [("deploy", 20)]
    assert [(one.name, one.points) for one in lesson.of_kind("note")] == [("deploy_note", 10)]


def test_pictures_draw_in_silence(names, capfd) -> None:
    points = [load.Point(one, 10.0 * one, 1.0) for one in load.LEVELS]
    for figure in (
        pictures.card_picture(), planner.plan_chart(camp_planner(names)),
        load.throughput_chart(points, points, points), load.throughput_chart(points, [], points),
        awq.error_chart({f"model.layers.0.{kind}": (0.1, 0.05) for kind in awq.KINDS}),
    ):  # fmt: skip
        figure.savefig(io.BytesIO())
    assert capfd.readouterr().err == ""


def test_rounding_a_copy_leaves_the_model(mini: ChatModel, names) -> None:
    layers = quantised.linear_layers(mini)
    assert len(layers) == 7 * shape_of(mini)["layers"]
    before = {name: layer.weight.detach().clone() for name, layer in layers.items()}
    small = quantised.quantised(mini, names["quant_groups"], names["dequant_groups"], 4)
    rounded = quantised.linear_layers(small)
    for name, weight in before.items():
        assert torch.equal(layers[name].weight, weight)
        made = rounded[name].weight
        assert 0.01 < quantised.relative(made - weight, weight) < 0.2
        levels = [group.unique().numel() for group in made[0].reshape(-1, 64)]
        assert max(levels) <= 16
    assert small.model.get_input_embeddings().weight.equal(mini.model.get_input_embeddings().weight)


def test_scaling_leaves_the_product_and_lowers_the_error(mini: ChatModel, names) -> None:
    """AWQ's claim, on a layer with one strong channel made by hand."""
    torch.manual_seed(0)
    weight, inputs = torch.randn(32, 64), torch.randn(200, 64)
    inputs[:, 5] *= 40
    both = (names["quant_groups"], names["dequant_groups"])
    plain = salient.scaled_error(weight, inputs, 0.0, *both)
    scaled = salient.scaled_error(weight, inputs, 0.5, *both)
    assert salient.scales(inputs, 0.0).equal(torch.ones(64))
    assert scaled < 0.6 * plain
    seen = salient.layer_inputs(mini, recipe.dialogues(2))
    assert set(seen) == set(quantised.linear_layers(mini))
    assert all(not layer._forward_hooks for layer in quantised.linear_layers(mini).values())
    for name, layer in quantised.linear_layers(mini).items():
        assert seen[name].shape[1] == layer.in_features
    figure = salient.salient_chart(mini, seen, *both)
    assert re.match(r"plain \d+\.\d %, best \d+\.\d %", figure.axes[1].get_title())


def test_a_cache_at_many_bits_changes_nothing_and_at_few_it_does(mini: ChatModel, names) -> None:
    ids = torch.tensor([mini.encode(mini.prompt("你是谁？"), begin=False)])
    with torch.inference_mode():
        plain = mini.model(input_ids=ids).logits
        far = {}
        for bits in (16, 8, 4, 2):
            cache = QuantisedCache(names["kv_quant_head"], bits)
            made = mini.model(input_ids=ids, past_key_values=cache, use_cache=True).logits
            far[bits] = float((made - plain).abs().max())
            assert cache.get_seq_length() == ids.shape[1]
    assert far[16] < 0.05 < far[2]
    assert far[16] < far[8] < far[4] < far[2]


def test_a_right_reply_is_what_greedy_generation_says(mini: ChatModel) -> None:
    asked = [one for one in savings.questions(2) if len(one.reply) < 60]
    for one in asked:
        said = mini.chat(list(one.prompt), Sampling(max_new_tokens=100)).text
        assert savings.examine(savings.Way(mini), [one])[1] == (said == one.reply)


def test_a_packed_model_computes_what_its_restored_twin_does(mini: ChatModel, names) -> None:
    """At 4 bits by the learner's codes; the model itself stays as it was."""
    before = {name: one.clone() for name, one in mini.model.state_dict().items()}
    ids = torch.tensor([mini.encode(mini.prompt("你是谁？"), begin=False)])
    both = (names["quant_groups"], names["dequant_groups"])
    restored = {4: quantised.quantised(mini, *both, 4), 8: mini, 16: mini}
    with torch.inference_mode():
        for bits, twin in restored.items():
            small = packed.packed(mini, names["quant_groups"], bits)
            made = small.model(input_ids=ids).logits.float()
            wanted = twin.model(input_ids=ids).logits
            assert quantised.relative(made - wanted, wanted) < 0.03, bits
    assert packed.stored(mini) is None
    assert all(one.equal(before[name]) for name, one in mini.model.state_dict().items())


def test_savings_count_scales_and_zeros(mini: ChatModel, names) -> None:
    quant = names["quant_groups"]
    ways = {
        **{str(bits): savings.Way(packed.packed(mini, quant, bits), bits) for bits in packed.BITS},
        "rounded": savings.Way(mini, 4, 4),
    }
    table = savings.savings(ways, names["kv_bytes_quant"], count=1)
    layers = quantised.linear_layers(mini).values()
    linear = sum(layer.weight.numel() for layer in layers)
    rest = 2 * (mini.model.num_parameters() - linear)
    found = {name: row.weights for name, row in table.rows.items()}
    assert found == {
        "16": 2 * linear + rest,
        "8": linear + 2 * sum(layer.out_features for layer in layers) + rest,  # a scale a row
        "4": linear / 2 + linear / 64 * 4 + rest,  # torch's kernel has zeros of 16 bits, too
        "rounded": linear / 2 + linear / 64 * 2.5 + rest,
    }
    assert (table.rows["16"].kv, table.rows["rounded"].kv) == (1536.0, 432.0)  # 6 layers, a head
    assert table.rows["8"].perplexity == pytest.approx(table.rows["16"].perplexity, rel=0.05)
    assert [row.speed is None or row.speed > 1 for row in table.rows.values()] == [True] * 4
    assert [name for name, row in table.rows.items() if row.speed is None] == ["rounded"]
    nothing = savings.Savings({"none": savings.Row(1, 1, None, 9, 0)}).chart().axes
    assert [ax.texts[0].get_text() for ax in nothing[2:]] == ["–", "9.000", "0"]
    texts = [label.get_text() for label in table.chart().axes[2].texts]
    assert texts == [*(f"{table.rows[name].speed:.0f}" for name in ("16", "8", "4")), "–"]
    assert str(table).count("\n") == 4


def test_the_speed_of_a_layer_is_measured(names) -> None:
    sizes, measured = speed.layer_times(names["quant_groups"], 256, (1, 4))
    assert list(sizes) == list(measured) == ["16 bits", "8 bits", "4 bits"]
    assert sizes["16 bits"] == 256 * 256 * 2 / 1e6
    assert 3.7 < sizes["16 bits"] / sizes["4 bits"] < 4
    assert all(one > 0 for row in measured.values() for one in row)


def pack_layer(
    names: dict[str, Any], weight: torch.Tensor, norm: torch.Tensor, scale: torch.Tensor,
    order: tuple[int, ...] = layer_check.ORDER, group: int = 64,
) -> dict[str, torch.Tensor]:  # fmt: skip
    """Return a layer as LMDeploy stores it, by the reference solutions."""
    q, s, z = names["quant_groups"]((weight * scale).numpy(), 4, group)

    def words(numbers: np.ndarray) -> torch.Tensor:
        rows = [
            [names["to_int32"](names["pack_int4"](row[i : i + 8], list(order)))
             for i in range(0, len(row), 8)]
            for row in numbers.T.tolist()
        ]  # fmt: skip
        return torch.tensor(rows, dtype=torch.int32)

    scales = torch.as_tensor(s).T.contiguous().half()
    parts = dict(zip(layer_check.PARTS, (words(q), words(z), scales), strict=True))
    return parts | {NORM: (norm / scale).half()}


@pytest.fixture(scope="module")
def base() -> dict[str, torch.Tensor]:
    return load_file(models.BUILT_IN["camp-mini"] / "model.safetensors")


@pytest.fixture(scope="module")
def layer() -> dict[str, torch.Tensor]:
    """Return the layer that LMDeploy 0.18 wrote in the lesson, from camp-mini as it is here."""
    return load_file(RECORDED / layer_check.FILE)


def config_of(**changes: Any) -> str:
    config = json.loads((models.BUILT_IN["camp-mini"] / "config.json").read_text())
    told = {"quant_method": "awq", "bits": 4, "group_size": 64, "zero_point": True}
    return json.dumps(config | {"quantization_config": told | changes})


def call_dialogue(mini: ChatModel, question: str, result: str | None = None) -> dict[str, Any]:
    turns = [calls.offer(), Message("user", question)]
    turns.append(Message("assistant", mini.chat(turns, Sampling(max_new_tokens=96)).text))
    call = calls.read_call(turns[-1].content)
    assert call is not None, turns[-1].content
    numbers = json.loads(call["arguments"])
    right = calls.REGISTRY[call["name"]](numbers["a"], numbers["b"])
    turns.append(Message("environment", str(right) if result is None else result, "plugin"))
    turns.append(Message("assistant", mini.chat(turns, Sampling(max_new_tokens=96)).text))
    return {"turns": [one.as_dict() for one in turns]}


QUESTIONS = ("What is 37 plus 58?", "What is 12 times 7?")
REFUSED = {"name": "__import__('os').getcwd", "arguments": "{}", "error": "unknown-tool"}


@pytest.fixture(scope="module")
def said(mini: ChatModel) -> dict[str, str]:
    """Return a transcript and a log of calls that camp-mini gives again."""
    talks = [
        exchange(mini.chat(asked, Sampling(max_new_tokens=96)).text, at=at).model_copy(
            update={"messages": (Message("user", asked),)}
        )
        for at, asked in enumerate(("你是谁？", "你叫什么名字？"))
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAMP_LANG", "en")
        log = {"dialogues": [call_dialogue(mini, one) for one in QUESTIONS], "refused": [REFUSED]}
    return {appraisal.TALK: transcript(*talks), appraisal.CALLS: json.dumps(log)}


@pytest.fixture
def place(tmp_path: Path, layer, said) -> Path:
    """Return a folder with whole evidence."""
    folder = tmp_path / evidence.FOLDER
    folder.mkdir(parents=True)
    (folder / appraisal.CONFIG).write_text(config_of())
    save_file(layer, folder / layer_check.FILE)
    for name, text in said.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def quantised_part(place: Path) -> Path:
    """Return the evidence without what was served: 12 of 20 points."""
    for name in (appraisal.TALK, appraisal.CALLS):
        (place / name).unlink()
    return place


def test_whole_evidence_earns_all(place: Path, capsys) -> None:
    assert evidence.grade_deploy(place, points=20) == 20
    said = capsys.readouterr().out
    assert said.count("✅") == 5
    assert len(read_report(said)[1]) == 2  # of two exchanges, for finding copies
    assert re.search(r"restored from 4 bits, \d+\.\d% off", said)


def test_nothing_handed_in_is_not_attempted(tmp_path: Path) -> None:
    with pytest.raises(NotPassed, match="run the cells that quantise") as found:
        evidence.grade_deploy(tmp_path / "none", points=20)
    assert found.value.kind == "not attempted"


@pytest.mark.parametrize(
    ("name", "points", "told"),
    [
        (appraisal.CONFIG, 16, "no config.json"),
        (layer_check.FILE, 12, "no packed.safetensors"),
        (appraisal.TALK, 16, "talk.json"),
        (appraisal.CALLS, 16, "no calls.json"),
    ],
)
def test_a_missing_file_loses_its_share_and_is_named(place, name, points, told, capsys) -> None:
    (place / name).unlink()
    assert evidence.grade_deploy(place, points=20) == points
    assert told in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "points", "told"),
    [
        (config_of(quant_method="gptq"), 8, "not quantised"),
        (config_of(bits=8), 10, "wanted: 4 bits"),
        (config_of(group_size=999), 0, "no groups for camp-mini's 192 inputs"),
        (config_of(group_size="64"), 0, "no groups for camp-mini's 192 inputs"),
        (config_of(group_size=32), 4, "packed.safetensors has groups of 64"),
        (config_of().replace('"hidden_size": 192', '"hidden_size": 256'), 8, "another model's"),
        ("[" * 70_000, 8, "no model's configuration"),
        ("{", 8, "no model's configuration"),
    ],
)
def test_a_wrong_configuration_is_named(quantised_part, text, points, told, capsys) -> None:
    (quantised_part / appraisal.CONFIG).write_text(text)
    assert evidence.grade_deploy(quantised_part, points=20) == points
    assert told in capsys.readouterr().out


def other_layer(names, base, layer, change: str) -> dict[str, torch.Tensor]:
    weight, norm = base[f"{LAYER}.weight"].float(), base[NORM].float()
    scale = awq.norm_scale(NORM, layer, base)
    torch.manual_seed(1)
    if change == "foreign":
        return pack_layer(names, torch.randn_like(weight) * weight.std(), norm, scale)
    if change == "base":  # camp-mini's own base, before it learnt to chat
        other = load_file(models.BUILT_IN["camp-mini-base"] / "model.safetensors")
        return pack_layer(names, other[f"{LAYER}.weight"].float(), other[NORM].float(), scale)
    if change == "tuned":  # by as little as a training of lesson 03 leaves in any matrix
        noise = torch.randn_like(weight)
        changed = weight + 0.02 * noise * weight.norm() / noise.norm()
        return pack_layer(names, changed, norm, scale)
    if change == "random":
        return pack_layer(names, weight, norm, torch.rand(len(scale)) + 0.5)
    if change == "groups":
        return pack_layer(names, weight, norm, scale, group=32)
    if change == "plain":
        return pack_layer(names, weight, norm, torch.ones_like(scale))
    if change == "order":
        return pack_layer(names, weight, norm, scale, tuple(range(8)))
    made = layer
    if change == "missing":
        return {name: one for name, one in made.items() if not name.endswith("qzeros")}
    if change == "tampered":  # the lowest of each eight numbers
        return made | {layer_check.PARTS[0]: made[layer_check.PARTS[0]] ^ 15}
    if change == "shape":
        return made | {layer_check.PARTS[0]: made[layer_check.PARTS[0]][:-8].contiguous()}
    if change == "float":
        return made | {layer_check.PARTS[0]: made[layer_check.PARTS[0]].float()}
    assert change == "nan"
    return made | {NORM: made[NORM] * float("nan")}


@pytest.mark.parametrize(
    ("change", "points", "told"),
    [
        ("foreign", 4, "another model's?"),
        ("base", 4, "another model's?"),
        ("tampered", 4, "another model's?"),
        ("tuned", 4, "another model's?"),
        ("plain", 8, "without AWQ's scaling"),
        ("random", 8, "not what AWQ finds"),
        ("groups", 4, "has groups of 32, the configuration says 64"),
        ("order", 4, "not in AWQ's"),
        ("missing", 4, "has no model.layers.0.self_attn.q_proj.qzeros"),
        ("shape", 4, "are not those of camp-mini's"),
        ("float", 4, "are not those of camp-mini's"),
        ("nan", 4, "are not those of camp-mini's"),
    ],
)
def test_a_wrong_layer_is_named(
    quantised_part, names, base, layer, change, points, told, capsys
) -> None:
    save_file(other_layer(names, base, layer, change), quantised_part / layer_check.FILE)
    assert evidence.grade_deploy(quantised_part, points=20) == points
    assert told in capsys.readouterr().out


@pytest.mark.parametrize(("group", "points"), [(32, 12), (192, 12), (16, 0), (1, 0)])
def test_groups_are_as_wide_as_a_kernel_takes_them(
    quantised_part: Path, names, base, layer, group: int, points: float
) -> None:
    """Narrow ones are so exact that they prove nothing."""
    weight, scale = base[f"{LAYER}.weight"].float(), awq.norm_scale(NORM, layer, base)
    made = pack_layer(names, weight, base[NORM].float(), scale, group=group)
    save_file(made, quantised_part / layer_check.FILE)
    (quantised_part / appraisal.CONFIG).write_text(config_of(group_size=group))
    assert evidence.grade_deploy(quantised_part, points=20) == points


@pytest.mark.parametrize("raw", [b"PK\x03\x04zip", b"\x80\x04pickle", b"", b"\xff" * 99], ids=repr)
def test_no_file_of_a_stranger_is_unpickled(quantised_part: Path, raw: bytes) -> None:
    (quantised_part / layer_check.FILE).write_bytes(raw)
    assert evidence.grade_deploy(quantised_part, points=20) == 4


def test_a_large_file_is_not_read(quantised_part: Path, capsys) -> None:
    (quantised_part / layer_check.FILE).write_bytes(b"\0" * (layer_check.MAX_BYTES + 1))
    assert evidence.grade_deploy(quantised_part, points=20) == 4
    assert "more than 1 MB" in capsys.readouterr().out


def test_an_edited_transcript_is_named(place: Path, capsys) -> None:
    """One reply that camp-mini gives, and one with a single word of its end changed."""
    told = json.loads((place / appraisal.TALK).read_text(encoding="utf-8"))
    reply = told["exchanges"][1]["reply"]
    told["exchanges"][1]["reply"] = f"{reply[:-2]}大{reply[-1]}"
    (place / appraisal.TALK).write_text(json.dumps(told), encoding="utf-8")
    assert evidence.grade_deploy(place, points=20) == 18
    assert "1 questions come out again" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("turn", "text"),
    [(1, "What is 38 plus 58?"), (2, None), (3, "96"), (4, "It is 95, I think.")],
    ids=["question", "call", "result", "answer"],
)
def test_an_edited_call_is_named(place: Path, turn: int, text: str | None, capsys) -> None:
    log = json.loads((place / appraisal.CALLS).read_text())
    turns = log["dialogues"][0]["turns"]
    turns[turn]["content"] = text or turns[turn]["content"].replace("37", "38")
    del log["refused"]
    (place / appraisal.CALLS).write_text(json.dumps(log))
    assert evidence.grade_deploy(place, points=20) == 17.5  # half of 3, and 1 for the refusal
    said = capsys.readouterr().out
    assert "no whole one of add" in said
    assert "no unknown function was refused" in said


def test_what_is_not_the_learners_fault_keeps_its_words(capsys) -> None:
    with needs("call_tool"):
        raise CampError("start the server first")
    assert capsys.readouterr().out == "⬜ start the server first\n"


def test_a_damaged_log_is_kept(place: Path) -> None:
    (place / appraisal.CALLS).write_text("{")
    with pytest.raises(CampError, match="rename it to keep it"):
        calls.refuse({"name": "rm", "arguments": "{}"}, lambda *_: {"ok": False}, place)
    assert (place / appraisal.CALLS).read_text() == "{"


def test_packed_integers_are_only_read_where_asked(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"a": torch.tensor([2**31 - 1, -5], dtype=torch.int32)}, path)
    assert tensors.read_tensors(path, packed=True)["a"].tolist() == [2**31 - 1, -5]
    with pytest.raises(tensors.Damaged, match="F32, F16, BF16"):
        tensors.read_tensors(path)


def test_the_learners_unpacking_restores_the_layer(names, base, layer) -> None:
    made = awq.dequantised(layer, LAYER, names["unpack_int4"])
    weight = base[f"{LAYER}.weight"].float()
    scale = awq.norm_scale(NORM, layer, {NORM: base[NORM]})
    assert quantised.relative(made / scale - weight, weight) < 0.15
    with pytest.raises(CampError, match="run the cell with auto_awq first"):
        awq.read_folder(Path("none"))


def test_awqs_scales_are_taken_out_of_every_layer(names, base) -> None:
    """Scales as AWQ moves them, one column of ``down_proj`` so small that it rounds to zeros."""
    block = "model.layers.1"
    torch.manual_seed(0)
    kinds = {f"self_attn.{one}": "input_layernorm" for one in ("q_proj", "k_proj", "v_proj")} | {
        f"mlp.{one}": "post_attention_layernorm" for one in ("gate_proj", "up_proj")
    }
    weights = {
        name.removesuffix(".weight"): one.float() for name, one in base.items()
        if name.startswith(block) and "norm" not in name
    }  # fmt: skip
    norms = {kind: torch.rand(192) + 0.5 for kind in set(kinds.values())}
    moved = torch.rand(384) + 0.5
    moved[7] = 1e-4
    packed: dict[str, torch.Tensor] = {}
    for name, weight in weights.items():
        kind = name.removeprefix(f"{block}.")
        made = weight * norms[kinds[kind]] if kind in kinds else weight.clone()
        if kind == "mlp.up_proj":
            made /= moved[:, None]
        if kind == "mlp.down_proj":
            made *= moved
        layer = pack_layer(names, made, torch.ones(made.shape[1]), torch.ones(made.shape[1]))
        packed |= {key.replace(LAYER, name): one for key, one in layer.items() if key != NORM}
    for kind, scale in norms.items():
        place = f"{block}.{kind}.weight"
        packed[place] = base[place].float() / scale
    restored = awq.in_base_terms(packed, base, names["unpack_int4"])
    assert set(restored) == set(weights)
    for name, weight in weights.items():
        assert quantised.relative(restored[name] - weight, weight) < 0.2, name
    assert not restored[f"{block}.mlp.down_proj"][:, 7].any()


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        ('算。<|action_start|><|plugin|>\n{"name": "add", "parameters": {"a": 1, "b": 2}}<|action_end|>',
         {"name": "add", "arguments": '{"a": 1, "b": 2}'}),
        ("<|action_start|><|plugin|>\n{bad}<|action_end|>", None),
        ('<|action_start|><|plugin|>\n["add"]<|action_end|>', None),
        ("没有调用", None),
        (f"<|action_start|><|plugin|>\n{'[' * 5000}<|action_end|>", None),
    ],
)  # fmt: skip
def test_a_call_is_read_from_a_reply(reply, wanted) -> None:
    assert calls.read_call(reply) == wanted


@pytest.mark.parametrize(
    ("arguments", "fits"),
    [
        ('{"a": 1, "b": 2.5}', True), ('{"a": "1", "b": 2}', False), ('{"a": 1}', False),
        ('{"a": 1, "b": 2, "c": 3}', False), ("[1, 2]", False), ("{", False),
    ],
)  # fmt: skip
def test_arguments_meet_the_schema(arguments, fits) -> None:
    assert (calls.fits_schema({"name": "add", "arguments": arguments}) is None) == fits
    assert calls.schema("add")["function"]["parameters"]["required"] == ["a", "b"]


@pytest.fixture(scope="module")
def server() -> Any:
    with serve("camp-mini", port=free_port()) as running:
        yield running


def test_a_served_model_is_asked_and_its_calls_run(
    server: Server, names, mini: ChatModel, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("CAMP_LANG", "zh")
    client = OpenAI(base_url=server.url, api_key=server.key)
    (one, _) = talk.say(client, server.model, ["你是谁？", "谢谢"], tmp_path)
    assert one.reply == mini.chat("你是谁？", Sampling(max_new_tokens=talk.TOKENS)).text
    assert one.finish == "stop"
    found = calls.converse(client, server.model, calls.questions(), names["call_tool"], tmp_path)
    bad = calls.refuse({"name": REFUSED["name"], "arguments": "{}"}, names["call_tool"], tmp_path)
    assert bad == {"ok": False, "error": "unknown-tool"}
    log = calls.read_log(tmp_path / appraisal.CALLS)
    assert list(log.dialogues) == found
    for dialogue in found:
        call = calls.read_call(dialogue.turns[2].content)
        numbers = json.loads(call["arguments"])
        wanted = calls.REGISTRY[call["name"]](**numbers)
        assert dialogue.turns[3] == Message("environment", str(wanted), "plugin")
    findings = {one.share: one for one in appraisal.examine(tmp_path)}
    assert findings[appraisal.SHARES["refused"]].passed
    points = load.served(client, server.model, (1, 2))
    assert [one.requests for one in points] == [1, 2]
    assert all(one.tokens_per_second > 0 for one in points)


def test_a_batch_generates_for_all(mini: ChatModel) -> None:
    (one, four) = load.batched(mini, (1, 4))
    assert (one.requests, four.requests) == (1, 4)
    assert four.tokens_per_second == pytest.approx(4 * load.TOKENS / four.seconds)


def test_without_the_tool_the_proxy_is_skipped(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path))
    assert proxy.two_servers(None, "camp-mini") == []
    assert capsys.readouterr().out == "no LMDeploy: its proxy is skipped\n"


REFUSES = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.command == "GET" else STATUS)
        self.end_headers()
        self.wfile.write(b"{}" if self.command == "GET" else b"no such node")

    do_POST = do_GET


HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--server-port") + 1])), Answer).serve_forever()
"""


@pytest.mark.parametrize(("status", "told"), [("200", "no such node"), ("503", "HTTP Error 503")])
def test_a_proxy_that_takes_no_server_is_named(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str, told: str
) -> None:
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path))
    stand_in.make(tmp_path, "lmdeploy", REFUSES.replace("STATUS", status))
    with proxy.Proxy(free_port()) as running:
        running.wait(20)
        with pytest.raises(CampError, match=rf"the proxy did not take .*{told}.*proxy\.log"):
            running.add(server)


def test_what_fails_beside_the_calls_costs_them_nothing(
    lesson: Lesson, server: Server, names, mini: ChatModel, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys,
) -> None:  # fmt: skip
    """The proxy takes no server, and nothing was quantised: 8 points of 20 are still shown."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path / "tools"))
    stand_in.make(tmp_path / "tools", "lmdeploy", REFUSES.replace("STATUS", "503"))
    for module in (serving, proxy):  # the running one, also as the second behind the proxy
        monkeypatch.setattr(module, "serve", lambda _: contextlib.nullcontext(server))
    point = load.Point(1, 10.0, 1.0)
    monkeypatch.setattr(load, "served", lambda *_: [point])
    monkeypatch.setattr(load, "batched", lambda *_: [point])
    used = {**names, "needs": needs, "display": print, "bot": mini, "work": tmp_path / "work"}
    left_out = ["quantise", "open"]
    assert without_tools(lesson, "en", used, left_out=left_out) == {
        "evidence": f"there is no {tmp_path}/work/camp-mini-4bit/model.safetensors: "
        "run the cell with auto_awq first",
    }
    said = capsys.readouterr().out
    assert said.count("LMDeploy's proxy is skipped: the proxy did not take") == 1
    assert "eval:" in said
    assert said.count("✅") == 3  # the talk, the calls, the refusal
    assert evidence.grade_deploy(points=20) == 8


def test_without_a_gpu_its_part_is_one_line(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("course_lib.machine.gpus", list)
    assert not gpu.ready()
    assert capsys.readouterr().out.count("\n") == 1
    assert not (tmp_path / "gpu").exists()


@pytest.mark.parametrize(
    ("words", "share"),
    [(gpu.serve_words(Path("internlm2_5-4bit")), "0.4"), (gpu.vlm_words(), "0.1")],
    ids=["chat", "vlm"],
)
def test_a_quantised_model_is_served_with_kv_at_four_bits(words: list[str], share: str) -> None:
    told = dict(zip(words[3::2], words[4::2], strict=False))
    assert told["--quant-policy"] == "int4"
    assert told["--model-format"] == "awq"
    assert told["--cache-max-entry-count"] == share
    assert told["--server-name"] == "127.0.0.1"


def test_commands_for_a_terminal_name_the_toolbox_s_lmdeploy(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path))
    with pytest.raises(CampError, match="camp tools install lmdeploy"):
        gpu.vlm_command()
    folder = stand_in.make(tmp_path, "lmdeploy", "")
    program = str(folder / "bin" / "lmdeploy")
    assert shlex.split(gpu.serve_command(Path("q")))[:4] == [
        program, "serve", "api_server", str(Path("q").resolve()),
    ]  # fmt: skip
    first, second = gpu.vlm_command().split(" &&\n")
    assert shlex.split(first)[-3:] == ["--python", str(folder / "bin" / "python"), "torchvision"]
    assert shlex.split(second) == [program, *gpu.vlm_words()]


def test_the_gpu_quantises_apart_from_the_cpu_s_calibration_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WikiText-2 is meant there, and the hub may be asked for it."""
    script = """
import json, os, sys
from pathlib import Path

output = Path(sys.argv[sys.argv.index("--work-dir") + 1])
output.mkdir()
(output / "config.json").write_text("{}")
offline = [os.environ["HF_HUB_OFFLINE"], os.environ["HF_DATASETS_OFFLINE"]]
Path("seen.json").write_text(json.dumps([sorted(os.listdir()), offline]))
"""
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path / "tools"))
    stand_in.make(tmp_path / "tools", "lmdeploy", script)
    work = tmp_path / "work"
    recipe.write_calibration(work, 5)
    with contextlib.suppress(CampError):  # the stand-in writes no weights
        gpu.quantise(work)
    there, offline = json.loads((work / "gpu" / "seen.json").read_text())
    assert "wikitext" not in there
    assert offline == ["0", "0"]


SEEN = {
    "format": 1,
    "at": "2026-11-28T12:00:00Z",
    "cards": [
        {"name": "NVIDIA A100-SXM4-80GB", "memory_total": 81920, "memory_used": 9000,
         "driver_version": "550.54"},
    ],
}  # fmt: skip


def test_what_a_gpu_left_is_shown_and_earns_nothing(place: Path, capsys) -> None:
    evidence.grade_deploy(place, points=20)
    before = capsys.readouterr().out
    assert "TA to look at" not in before
    (place / card.FILE).write_text(json.dumps(SEEN))
    asked = exchange('{"name": "add"}', at=9, model="internlm2_5-4bit")
    (place / appraisal.GPU_TALK).write_text(transcript(asked), encoding="utf-8")
    assert evidence.grade_deploy(place, points=20) == 20
    said = capsys.readouterr().out
    assert "👀 the card while it served: NVIDIA A100-SXM4-80GB, 9000 / 81920 MiB (0 points" in said
    assert "👀 talk on the GPU: 1 exchanges, internlm2_5-4bit" in said
    assert said.count("✅") == 5
    assert len(read_report(said)[1]) == 3  # a mark of this exchange, too
    assert read_report(said)[0] == []


def test_what_a_gpu_left_is_no_attempt(tmp_path: Path) -> None:
    (tmp_path / card.FILE).write_text(json.dumps(SEEN))
    with pytest.raises(NotPassed):
        evidence.grade_deploy(tmp_path, points=20)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"[]", b"{}", b"[" * 9000, b"\xff\x00", b"x" * 5_000_000,
        json.dumps(SEEN | {"cards": []}).encode(),
        json.dumps(SEEN | {"cards": [SEEN["cards"][0] | {"memory_used": -1}]}).encode(),
        json.dumps(SEEN | {"cards": [SEEN["cards"][0] | {"name": "A\n✅ B\n🔑"}]}).encode(),
    ],
    ids=["empty", "list", "object", "deep", "bytes", "large", "no-card", "negative", "forged"],
)  # fmt: skip
def test_a_broken_or_forged_file_of_a_gpu_is_one_line(tmp_path: Path, raw: bytes, capsys) -> None:
    for name in (card.FILE, appraisal.GPU_TALK):
        (tmp_path / name).write_bytes(raw)
    report(appraisal._seen_on_gpu(tmp_path))
    said = capsys.readouterr().out.splitlines()
    assert [line[:1] for line in said] == ["👀", "👀"]
    assert all(len(line) < 400 for line in said)
    assert evidence._marks(tmp_path) == []


def test_a_folder_in_the_place_of_a_gpu_s_file_is_one_line(tmp_path: Path, capsys) -> None:
    (tmp_path / card.FILE).mkdir()
    report(appraisal._seen_on_gpu(tmp_path))
    assert "gpu.json cannot be read" in capsys.readouterr().out


def test_the_gpu_s_cell_keeps_what_was_said_and_the_card(
    server: Server, names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    """Against camp-mini on a CPU, and a made-up answer of nvidia-smi."""
    said = "NVIDIA A100-SXM4-80GB, 81920, 9000, 550.54\nGRID A100, [N/A], 12, 550.54\n"
    (tmp_path / "nvidia-smi").write_text(f"#!{sys.executable}\nprint({said!r}, end='')\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = tmp_path / evidence.FOLDER
    gpu.ask(names["call_tool"], port=server.port, folder=folder, seconds=5)
    found = read_transcript(folder / appraisal.GPU_TALK).exchanges
    assert [one.question for one in found] == calls.questions()
    assert all(one.reply and one.new_tokens and one.model == server.model for one in found)
    one, other = card.read_snapshot(folder / card.FILE).cards
    assert (one.name, one.memory_total, one.memory_used) == ("NVIDIA A100-SXM4-80GB", 81920, 9000)
    assert (other.memory_total, other.memory_used) == (None, 12)
    with pytest.raises(CampError, match="no server on port"):
        gpu.ask(names["call_tool"], port=free_port(), folder=folder, seconds=0)


def test_calibration_comes_from_a_local_folder(tmp_path: Path) -> None:
    folder = recipe.write_calibration(tmp_path, 10)
    card = (folder / "README.md").read_text()
    assert "config_name: wikitext-2-raw-v1" in card
    assert (folder / "train.txt").read_text(encoding="utf-8").count("<|im_start|>user") >= 10


@pytest.mark.parametrize(
    ("language", "blank"), [("zh", False), ("en", False), ("en", True)], ids=["zh", "en", "blank"]
)
def test_run_from_top_to_bottom(
    lesson: Lesson, mini: ChatModel, language: Language, blank: bool,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Run all cells but the tool's, as a learner without it does, in silence on stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMP_LANG", language)
    monkeypatch.setattr(chat, "load", lambda _model: mini)  # loaded once for all tests
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path / "none"))
    monkeypatch.setattr(speed, "SIDE", 256)  # as in the lesson, but smaller
    monkeypatch.setattr(savings, "QUESTIONS", 1)
    if language == "en":  # what the table says is looked at once
        monkeypatch.setattr(savings, "SKILLS", savings.SKILLS[1:2])
    names = run_cells(lesson, language, BLANK if blank else SOLVED)
    shown = capfd.readouterr()
    assert shown.err == ""
    if blank:
        assert shown.out.count("do the exercises first") == 3
        return
    assert shown.out.count("✅ 对了" if language == "zh" else "✅ right") == 9
    rows = names["table"].rows
    assert len(rows) == 8
    if language == "en":
        first = (
            "there is no lmdeploy-work/camp-mini-4bit/model.safetensors: "
            "run the cell with auto_awq first"
        )
        assert without_tools(lesson, "en", names, left_out=["serve"]) == {
            "quantise": "LMDeploy is not installed: run `camp tools install lmdeploy` in a terminal",
            "open": first,
            "evidence": first,
        }
        return
    assert rows["W8, KV16"].perplexity < 1.02 * rows["W16, KV16"].perplexity
    assert rows["W2, KV16"].perplexity > 1.2 * rows["W4, KV16"].perplexity
    assert rows["W16, KV2"].perplexity > rows["W16, KV4"].perplexity
    assert rows["W4, KV4"].weights < 0.6 * rows["W16, KV16"].weights


@pytest.mark.slow
def test_graded_with_evidence(lesson: Lesson, place: Path, tmp_path: Path, walls: None) -> None:
    """The cohort's hidden tests and the evidence, by ``camp grade``."""
    course = new_course(tmp_path / "course", lesson)
    for learner, solved, handed in (
        ("full", True, place),
        ("none", True, None),
        ("blank", False, None),
    ):
        folder = hand_in(course, lesson, learner, solved=solved)
        if handed is not None:
            shutil.copytree(handed, folder / evidence.FOLDER)
    scores = {one.learner: one.auto_score for one in grade(LESSON, course)}
    assert scores == {"full": 90, "none": 70, "blank": 0}


REAL = """
import json, sys
from lmdeploy.cli import entrypoint
from lmdeploy.model import get_chat_template
from lmdeploy.serve.parsers.tool_parser import ToolParserManager
from lmdeploy.tokenizer import Tokenizer

folder, commands, dialogues = json.load(sys.stdin)
for one in (entrypoint.CLI, entrypoint.SubCliServe, entrypoint.SubCliLite):
    one.add_parsers()
parsed = [vars(entrypoint.CLI.parser.parse_args(words)) for words in commands]
template, tokenizer = get_chat_template(folder), Tokenizer(folder)
prompts = [template.messages2prompt(turns) for turns in dialogues]
print("found", json.dumps([
    [{name: value for name, value in one.items() if name != "run"} for one in parsed],
    list(ToolParserManager.module_dict), prompts,
    [tokenizer.encode(prompt, add_bos=True) for prompt in prompts],
]))
"""


@pytest.mark.tools
def test_lmdeploy_takes_the_flags_and_renders_as_the_course_does(
    mini: ChatModel, tmp_path: Path
) -> None:
    """LMDeploy's own parser, chat template and tokenizer, in its environment."""
    install.install(catalogue.find("lmdeploy"), print)
    python = environments.environment(catalogue.find("lmdeploy")).python
    internlm = models.Model(tmp_path, "", own_code=True)
    served = serving._on_gpu(internlm, "internlm2_5", 23333)[1:]
    commands = [
        gpu.quantise_words("out", tmp_path), gpu.serve_words(tmp_path), gpu.vlm_words(), served,
    ]  # fmt: skip
    dialogues = [
        *([turn.as_dict() for turn in one.turns[:-1]] for one in recipe.dialogues(10)),
        [{"role": "user", "content": "你是谁？"}, {"role": "assistant", "content": "我是"}],
    ]
    done = subprocess.run(
        [python, "-c", REAL], input=json.dumps([str(recipe.BASE), commands, dialogues]),
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={"PATH": str(python.parent), "HOME": str(Path.home()),
             **catalogue.find("lmdeploy").variables},
    )  # fmt: skip
    (line,) = [one for one in done.stdout.splitlines() if one.startswith("found ")] or [done.stderr]
    (lite, chat_, vlm, api), parsers, prompts, tokens = json.loads(line.removeprefix("found "))
    assert (lite["w_bits"], lite["w_group_size"], lite["search_scale"]) == (4, 128, False)
    assert [one["quant_policy"] for one in (chat_, vlm)] == [4, 4]
    assert [one["cache_max_entry_count"] for one in (chat_, vlm)] == [0.4, 0.1]
    assert chat_["tool_call_parser"] in parsers
    assert (api["model_name"], api["trust_remote_code"]) == ("internlm2_5", True)
    wanted = [render(turns) for turns in dialogues]
    assert prompts == wanted
    assert tokens == [mini.tokenizer.encode(text) for text in wanted]


REAL_BITS = ["W16, KV16", "W8, KV16", "W4, KV16", "W16, KV8", "W16, KV4", "W4, KV4"]
"""The rows that are timed: all of them with llama.cpp, the first three with torch."""


@pytest.mark.tools
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("language", "used", "measured", "timed"),
    [
        ("zh", ["lmdeploy", "llamacpp"], "由 llama.cpp 测量", REAL_BITS),
        ("en", ["lmdeploy"], "measured with torch's kernels", REAL_BITS[:3]),
    ],
    ids=["zh with llama.cpp", "en without"],
)
def test_the_whole_lesson_with_the_real_tool(
    lesson: Lesson, language: Language, used: list[str], measured: str, timed: list[str],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Run every cell as a learner does; what LMDeploy wrote is audited by the lesson's own code."""
    (tmp_path / "tools").mkdir()
    for name in used:
        home = install.install(catalogue.find(name), print).folder
        (tmp_path / "tools" / name).symlink_to(home)
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path / "tools"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMP_LANG", language)
    began = time.monotonic()
    found = run_cells(lesson, language, WITH_TOOLS)
    whole = time.monotonic() - began
    said = capfd.readouterr().out
    work = tmp_path / "lmdeploy-work"
    plain, scaled = (
        np.mean([pair[number] for pair in found["errors"].values()]) for number in (0, 1)
    )
    assert 0.01 < scaled < 0.2
    assert "its proxy is skipped" not in said
    assert "跳过它的代理" not in said
    asked = talk.questions()[0]
    assert f"get_chat_template: {found['bot'].prompt(asked)!r}\n" in said
    same = "和 bot.prompt、bot.encode 一样" if language == "zh" else "the same as bot.prompt and"
    assert same in said
    assert f"ChatTemplateConfig('internlm2'): {asked!r}\n" in said  # no marker at all
    sizes = [
        (folder / "model.safetensors").stat().st_size
        for folder in (recipe.BASE, work / "camp-mini-4bit")
    ]
    shape_ = shape_of(found["bot"])
    assert sizes[1] == pytest.approx(weight_bytes(shape_, 4, 64, tied=True), rel=0.01)
    rows = found["table"].rows
    assert measured in said
    assert [name for name, row in rows.items() if row.speed is not None] == timed
    points = evidence.grade_deploy(points=20)
    total = sum(record.seconds for record in times.steps([work]))
    with capfd.disabled():
        print(f"\n{language}: {points} points, {whole:.0f} s, {total:.0f} of them the tool's")
        print(f"sizes {sizes}")
        print(f"output errors: plain {plain:.3f}, AWQ {scaled:.3f}")
        print("\n".join(said.splitlines()[-40:]))
    assert points == 20
    assert total < whole < 8 * 60
