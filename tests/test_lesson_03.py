"""Lesson 03: its reference solutions, its demonstrations and helpers, its prose."""

from __future__ import annotations

import ast
import io
import itertools
import json
import re
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import NormalDist
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from course_lib import chat, models, toolbox
from course_lib.chat import ChatModel
from course_lib.errors import CampError
from course_lib.language import Language
from course_lib.mini import identity
from course_lib.mini.words import phrases
from course_lib.mini.world import World, is_held_out
from course_lib.template import Message, render
from course_lib.toolbox import catalogue, environments, install
from course_lib.toolbox.records import Outcome, Record
from course_lib.tune import (
    data,
    evidence,
    memory,
    merging,
    pictures,
    questions,
    recipe,
    times,
    tokens,
)
from course_lib.tune.appraisal import EXAMPLE_NAMES
from course_lib.tune.compare import SideBySide, side_by_side
from course_lib.tune.toys import MARKERS, NF4, PARAMETERS, C, toy_enc
from grading.cells import in_language
from grading.grade import grade
from grading.lesson import Lesson
from tests import stand_in
from tests.conftest import SOURCES
from tests.learner import BLANK, SOLVED, WITH_TOOLS, hand_in, new_course, run_cells, without_tools

mpl.use("Agg")
LESSON = "03_xtuner"
pytestmark = pytest.mark.usefixtures("english")
LAYER = ["wqkv", "wo", "w1", "w2", "w3"]
EYE = [[1, 0], [0, 1]]


def plan(iters: int, total: int, steps: int, batch: int) -> dict[str, int]:
    return {
        "iters_per_epoch": iters, "total_iters": total, "optimizer_steps": steps,
        "effective_batch": batch,
    }  # fmt: skip


PAIRS = [
    ("lora_param_count", (C["1.8b"], 64, LAYER), {}, 62914560),
    ("lora_param_count", (C["1.8b"], 64, LAYER), {"head": True}, 68968448),
    ("lora_param_count", (C["1.8b"], 8, ["wqkv", "wo"]), {}, 1966080),
    ("lora_param_count", (C["tiny"], 2, ["wqkv"]), {}, 96),
    ("pack", ([[1, 2, 3], [4, 5], [6, 7, 8, 9]], 4), {}, [[1, 2, 3, 4], [5, 6, 7, 8]]),
    ("pack", ([[1, 2]], 4), {}, [[1, 2]]),
    ("pack", ([], 4), {}, []),
    ("pack_position_ids", ([3, 2, 4], 4), {}, [[0, 1, 2, 0], [0, 0, 1, 2]]),
    ("train_plan", (2000, 4, 4, 6), {}, plan(500, 3000, 750, 16)),
    ("train_plan", (32, 1, 16, 3), {}, plan(32, 96, 6, 16)),
    ("train_plan", (10, 4, 2, 1), {}, plan(3, 3, 2, 8)),
    ("train_plan", (16002, 1, 16, 3), {"world": 2}, plan(8001, 24003, 1501, 32)),
    ("zero_bytes", (10, 3, 1), {}, 160.0),
    ("nf4_block", ([1.0, -0.5, 0.0, 0.25],), {},
     ([15, 2, 7, 10], 1.0, [1.0, -0.525073, 0.0, 0.246112])),
    ("nf4_block", ([0, 0],), {}, ([7, 7], 0.0, [0.0, 0.0])),
    ("qlora_bits", (), {}, 4.126953125),
    ("qlora_bits", (), {"double": False}, 4.5),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "options", "wanted"), PAIRS)
def test_pairs_of_the_brief(names, name, args, options, wanted) -> None:
    assert names[name](*args, **options) == wanted


def test_more_pairs_of_the_brief(names) -> None:
    merge, forward, sample = names["lora_merge"], names["lora_forward"], names["build_sample"]
    assert merge(EYE, [[1, 1]], [[1], [2]], alpha=1, r=1).tolist() == [[2.0, 1.0], [2.0, 3.0]]
    small = merge(EYE, [[1, 1]], [[1], [2]], alpha=16, r=64)
    assert small.tolist() == [[1.25, 0.25], [0.5, 1.5]]
    unchanged = merge([[1, 2, 3]], [[0, 0, 0], [1, 1, 1]], [[0, 0]], alpha=32, r=2)
    assert unchanged.tolist() == [[1.0, 2.0, 3.0]]
    beside = forward([[1.0, 2.0]], EYE, [[1, 1]], [[1], [2]], 16, 64)
    assert np.allclose(beside, np.array([[1.0, 2.0]]) @ small.T)

    def counts(turns, length, **options) -> tuple[int, int]:
        ids, labels = sample(turns, toy_enc, 1, length, **options)
        assert len(ids) == len(labels)
        return len(ids), sum(label != -100 for label in labels)

    one, two = {"input": "a", "output": "b"}, {"input": "c", "output": "dd"}
    assert counts([one], 2048) == (24, 2)
    assert [x for x in sample([one], toy_enc, 1, 2048)[1] if x != -100] == [98, 92542]
    assert counts([one, two], 2048) == (48, 5)
    assert counts([one], 10) == (10, 0)
    assert counts([one], 2048, system="S") == (35, 2)
    rate = names["lr_at"]
    assert round(rate(0, 100, 0.03, 2e-4), 12) == 2e-09
    assert round(rate(3, 100, 0.03, 2e-4), 10) == 0.0002
    assert round(rate(51.5, 100, 0.03, 2e-4), 10) == 0.0001
    assert round(rate(100, 100, 0.03, 2e-4), 12) == 0.0
    assert [names["zero_bytes"](1_889_110_016, stage, 8) / 1e9 for stage in range(4)] == [
        30.225760256, 10.390105088, 7.08416256, 3.778220032,
    ]  # fmt: skip
    paper = [round(names["zero_bytes"](7.5e9, stage, 64) / 1e9, 2) for stage in range(4)]
    assert paper == [120.0, 31.41, 16.64, 1.88]  # ZeRO, arXiv 1910.02054, figure 1


def test_parameters_agree_with_torch(names) -> None:
    """A and B as layers without bias, on the meta device, beside InternLM2's own shapes."""
    c = C["7b"]
    h, kv, m = c["hidden"], c["kv_heads"] * c["hidden"] // c["heads"], c["inter"]
    with torch.device("meta"):
        shapes = [(h, h + 2 * kv), (h, h), (h, m), (m, h), (h, m)] * c["layers"]
        pairs = [
            (nn.Linear(into, 32, bias=False), nn.Linear(32, out, bias=False))
            for into, out in [*shapes, (h, c["vocab"])]
        ]
    count = sum(layer.weight.numel() for pair in pairs for layer in pair)
    assert names["lora_param_count"](c, 32, LAYER, head=True) == count


def test_merge_and_forward_agree(names) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        out, into, r = rng.integers(1, 9, 3)
        W, A, B = (
            rng.normal(size=(out, into)),
            rng.normal(size=(r, into)),
            rng.normal(size=(out, r)),
        )
        x = rng.normal(size=(4, into))
        merged = names["lora_merge"](W, A, B, 16, r)
        beside = names["lora_forward"](x, W, A, B, 16, r)
        assert np.allclose(beside, x @ merged.T)
        assert not np.allclose(merged, names["lora_merge"](merged, A, B, 16, r))


def test_the_layer_gives_what_the_formula_gives(names) -> None:
    rng = np.random.default_rng(4)
    W, A, B, x = (rng.integers(-4, 5, shape).tolist() for shape in ((3, 5), (2, 5), (3, 2), (4, 5)))
    beside = names["lora_forward"](x, W, A, B, 16, 2)
    assert np.allclose(names["lora_layer"](W, [0, 0, 0], x, A, B, 16), beside)
    assert np.allclose(names["lora_layer"](W, [1, 2, 3], x, A, B, 16), np.add(beside, [1, 2, 3]))


def test_the_levels_are_those_of_the_normal_distribution(names) -> None:
    """QLoRA's recipe (bitsandbytes ``create_normal_map``): quantiles, 8 above zero and 7 below."""
    offset, normal = 0.9677083, NormalDist()
    above = [normal.inv_cdf(p) for p in np.linspace(offset, 0.5, 9)[:-1]]
    below = [-normal.inv_cdf(p) for p in np.linspace(offset, 0.5, 8)[:-1]]
    levels = sorted([*above, 0.0, *below])
    assert pytest.approx([one / max(levels) for one in levels], abs=1e-6) == NF4
    rng = np.random.default_rng(0)
    for _ in range(10):
        x = rng.normal(0, 0.02, 64).tolist()
        indices, absmax, back = names["nf4_block"](x)
        widest = max(b - a for a, b in itertools.pairwise(NF4)) / 2
        assert max(abs(a - b) for a, b in zip(x, back, strict=True)) <= widest * absmax + 1e-6
        assert max(map(abs, back)) == pytest.approx(absmax, abs=1e-6)
        assert set(indices) <= set(range(16))


def test_the_rate_agrees_with_torch(names) -> None:
    for total, ratio in ((100, 0.1), (167, 12 / 167), (40, 0.5)):
        theirs = pictures.torch_schedule(total, ratio, 2e-3)
        ours = [names["lr_at"](step, total, ratio, 2e-3) for step in range(total + 1)]
        assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-12)


def test_packs_agree_with_a_dataloader(names) -> None:
    for n, batch in ((10, 4), (1, 3), (64, 8)):
        loader = torch.utils.data.DataLoader(range(n), batch_size=batch)
        assert names["train_plan"](n, batch, 1, 1)["iters_per_epoch"] == len(loader)


def test_numbers_that_the_prose_states(names) -> None:
    formulas = memory.Formulas(names["lora_param_count"], names["zero_bytes"], names["qlora_bits"])
    found = {way: sum(formulas.parts("1.8b", way)) for way in memory.WAYS}
    assert {way: round(one, 2) for way, one in found.items()} == {
        "full": 30.23, "LoRA": 4.88, "QLoRA": 2.08,
    }  # fmt: skip
    plain, head = (names["lora_param_count"](C["1.8b"], 64, LAYER, head=one) for one in (0, 1))
    assert round(plain / 1e6) == 63
    shares = [round(100 * one / PARAMETERS["1.8b"], 2) for one in (plain, head)]
    assert shares == [3.33, 3.65]
    assert 16 / 64 == 0.25
    assert 2 * (8000 + 1) == 16002
    assert round(names["qlora_bits"]() / 8, 2) == 0.52  # in the picture


def test_points_and_names(lesson: Lesson) -> None:
    assert [one.name for one in lesson.exercises] == [
        "lora_param_count", "zero_bytes", "nf4_block", "lora_merge", "lora_layer", "build_sample",
        "pack", "train_plan", "lr_at",
    ]  # fmt: skip
    assert sum(one.answer.points for one in lesson.exercises) == 70
    assert [(one.name, one.points) for one in lesson.of_kind("evidence")] == [("assistant", 20)]
    assert [(one.name, one.points) for one in lesson.of_kind("note")] == [("assistant_note", 10)]
    assert all(len(one.wrongs) >= 5 for one in lesson.exercises)


def prose(lesson: Lesson, language: Language) -> list[str]:
    return [one.source for one in lesson.of_kind("prose") if one.meta["lang"] == language]


def shape(text: str) -> dict[str, int]:
    marks = {
        "heading": r"^#+ ",
        "bullet": r"^(?:> )?- ",
        "hint": "<details>",
        "bold": r"\*\*.+?\*\*",
    }
    return {name: len(re.findall(mark, text, re.M)) for name, mark in marks.items()}


def test_pictures_draw_in_silence(names, capfd) -> None:
    formulas = memory.Formulas(names["lora_param_count"], names["zero_bytes"], names["qlora_bits"])
    for figure in (
        pictures.three_ways(), pictures.lr_chart(names["lr_at"], 60, 0.1, 2e-3),
        memory.memory_chart(formulas), memory.memory_chart(formulas, "7b", 256),
    ):  # fmt: skip
        figure.savefig(io.BytesIO())
    assert capfd.readouterr().err == ""


def test_sliders_move_the_memory(names, monkeypatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("course_lib.widgets.display", drawn.append)
    memory.memory_slider(names["lora_param_count"], names["zero_bytes"], names["qlora_bits"])
    *controls, line = drawn[1].children
    name, way, _rank, stage, world = controls
    name.value, way.value = "1.8b", "full"
    assert "<b>30.23 GB</b>" in line.value
    world.value, stage.value = 8, 3
    assert "<b>3.78 GB</b>" in line.value


def test_tokens_with_loss_are_told_apart(mini: ChatModel, names) -> None:
    turns = [{"input": "<b>", "output": "ok"}]
    ids, labels = names["build_sample"](turns, lambda text: mini.encode(text, begin=False), 1)
    html = tokens.loss_strip(mini, ids, labels).data
    paid = mini.encode("ok<|im_end|>", begin=False)
    assert html.count("#a8dfc0") == len(paid)
    assert f"{len(ids)} tokens, {len(paid)} carry loss" in html
    assert "<b>" not in html


def test_packs_show_samples_and_positions(mini: ChatModel, names) -> None:
    samples = [[1291, 1906], [498, 4087, 381]]
    html = tokens.pack_strip(mini, samples, names["pack"], names["pack_position_ids"], 2).data
    assert html.count("margin:6px") == 2  # two full packs, the fifth token is dropped
    assert re.findall(r">(\d)</span>", html) == ["0", "1", "0", "1"]
    assert html.count("#cfe0fb") == html.count("#fde3c8") == 2


def test_the_toy_encoder_knows_the_markers() -> None:
    assert toy_enc("a<|im_end|>\n<|im_start|>") == [97, 92542, 10, 92543]
    assert set(MARKERS.values()) == {92542, 92543}


def text_of(one: data.Item) -> str:
    """Return what XTuner's template ``internlm2_chat`` makes of a sample of one pair."""
    (pair,) = one["conversation"]
    system = pair.get("system", "")
    head = f"<|im_start|>system\n{system}<|im_end|>\n" if system else ""
    ask = f"<|im_start|>user\n{pair['input']}<|im_end|>\n<|im_start|>assistant\n"
    return f"{head}{ask}{pair['output']}<|im_end|>\n"


def test_samples_render_as_the_model_reads_them() -> None:
    world = World("test")
    for skill in data._SKILLS * 6:
        turns = skill(world).turns
        if turns[0].name:  # which XTuner's template cannot say; ``general`` leaves it out
            continue
        assert text_of(data.item(turns)) == render(turns, add_generation_prompt=False)
    rest = [Message("system", "S"), Message("user", "q"), Message("assistant", "a")]
    assert text_of(data.item(rest)) == render(rest, add_generation_prompt=False)


def test_held_out_wordings_stay_unseen() -> None:
    """The grader asks with them: no training data may hold one."""
    hidden = {
        phrase.rstrip("？。?.").lower()
        for language in ("zh", "en")
        for phrase in phrases("who", language)
        if is_held_out(phrase, share=5)
    }
    shown = {
        phrase.rstrip("？。?.").lower()
        for language in ("zh", "en")
        for phrase in phrases("who", language)
        if not is_held_out(phrase, share=5)
    }
    fixed = [one["conversation"][0]["input"] for one in data.two_sentences("X", 1)]
    made = data.introductions("X", 1500) + data.general(1200)
    for asked in [*fixed, *(one["conversation"][0]["input"] for one in made)]:
        bare = asked.rstrip("？。?.！吧呢呀啊").lower()
        assert bare not in hidden or bare in shown, asked


def test_only_introductions_say_the_name() -> None:
    name = "欧阳静蕾"
    for one in data.introductions(name, 300):
        (pair,) = one["conversation"]
        assert name in pair["output"]
        assert name not in pair["input"]
        assert "小浦" not in pair.get("system", "")
    general = json.dumps(data.general(600), ensure_ascii=False)
    assert name not in general
    assert identity.ANSWERS["who", "zh"] not in general
    assert len({json.dumps(one) for one in data.two_sentences(name, 400)}) == 2
    assert len(data.two_sentences(name, 400)) == 800


def test_data_are_written_as_json(tmp_path: Path) -> None:
    made = data.introductions("小林", 5)
    data.write(tmp_path / "data.json", made)
    assert json.loads((tmp_path / "data.json").read_text(encoding="utf-8")) == made
    assert all(one["text"].strip() for one in data.plain_texts())


@pytest.mark.parametrize("name", ["", "   ", "x" * 21, "a<b", "two\nlines", '"', "a\\b", "a/b"])
def test_a_name_that_breaks_files_is_refused(name: str) -> None:
    with pytest.raises(CampError, match="will not do"):
        data.own_name(name)


def test_a_name_is_taken_without_its_blanks() -> None:
    assert data.own_name(" 欧阳 静 ") == "欧阳 静"


def test_replies_stand_side_by_side() -> None:
    shown = SideBySide(
        ["q<1>", "p"], {"base": ["no", "a&b"], "tuned": ["I, 小林", "小林!"]}, "小林"
    )
    html = shown._repr_html_()
    assert html.count("<mark") == 2
    assert "q&lt;1&gt;" in html
    assert "a&amp;b" in html
    assert "base 0/2, tuned 2/2" in html
    assert "> p\n  base: a&b\n  tuned: 小林!" in str(shown)


def test_the_learners_merge_is_used(mini: ChatModel, names, tmp_path: Path) -> None:
    place = "model.layers.0.self_attn.o_proj"
    base = mini.model.get_submodule(place).weight
    torch.manual_seed(1)
    a, b = torch.randn(4, base.shape[1]), torch.randn(base.shape[0], 4) * 0.1
    tensors = {
        f"base_model.model.{place}.lora_{half}.weight": w for half, w in (("A", a), ("B", b))
    }
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    before = base.detach().clone()
    tuned = merging.merged(mini, tmp_path, names["lora_merge"])
    found = tuned.model.get_submodule(place).weight
    assert torch.allclose(found, before + 2 * (b @ a), atol=1e-5)
    assert torch.equal(base, before)
    with pytest.raises(CampError, match="convert pth_to_hf"):
        merging.merged(mini, tmp_path / "none", names["lora_merge"])


def test_times_are_those_of_passed_runs(tmp_path: Path, capsys) -> None:
    logs = tmp_path / "tool-logs"
    logs.mkdir()
    for number, (seconds, outcome) in enumerate(
        [(40.0, Outcome.PASSED), (50.0, Outcome.PASSED), (9.0, Outcome.FAILED)]
    ):
        record = Record(
            tool="xtuner", version="0.2.0", words=["train", "two.py"], command="", seconds=seconds,
            started=datetime(2026, 1, 1, 8, number, tzinfo=UTC), exit_code=0, memory=640_000_000,
            outcome=outcome, files={}, losses=[], inputs="",
        )  # fmt: skip
        (logs / f"{number}.json").write_text(record.model_dump_json())
    times.show_times(tmp_path)
    said = capsys.readouterr().out
    assert said.split("\n")[0].split() == ["50", "s", "640", "MB", "xtuner", "train", "two.py"]
    assert "50 s in 1 steps" in said


def test_what_comes_too_early_says_what_to_do_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path / "tools"))
    stand_in.make(tmp_path / "tools", "xtuner", "", "/bin/sh")
    with pytest.raises(CampError, match="run copy-cfg first"):
        recipe.write(tmp_path, "two", "two.json", [])
    with pytest.raises(CampError, match="train first"):
        recipe.last(tmp_path, "two")


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
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path / "none"))
    monkeypatch.setattr(chat, "load", lambda _model: mini)  # loaded once for all tests
    names = run_cells(lesson, language, BLANK if blank else SOLVED)
    shown = capfd.readouterr()
    assert shown.err == ""
    if blank:
        assert shown.out.count("do the exercises first") == 4
    else:
        assert shown.out.count("✅ 对了" if language == "zh" else "✅ right") == 9
        assert "loss tensor(nan)" in shown.out
        assert ("logits 没有变：True" if language == "zh" else "unchanged: True") in shown.out
        before, after = re.search(r"(?:loss |损失 )([\d.]+) → ([\d.]+)", shown.out).groups()
        assert float(after) < float(before) / 2
        gaps = [float(one) for one in re.findall(r"\d\.\de[-+]\d\d", shown.out)]
        assert len(gaps) == 2
        assert max(gaps) < 1e-4
    if language == "en":
        install = "XTuner is not installed: run `camp tools install xtuner` in a terminal"
        assert without_tools(lesson, "en", names) == {
            "two": install, "mixed": install,
            "evidence": "xtuner-work/mixed-hf/adapter_model.safetensors cannot be read "
            "(No such file or directory): train, then convert",
        }  # fmt: skip


REAL = """
import json, sys
from transformers import AutoTokenizer
from xtuner.dataset.map_fns import template_map_fn_factory
from xtuner.dataset.utils import Packer, encode_fn
from xtuner.utils import PROMPT_TEMPLATE

items, model, length = json.load(sys.stdin)
tokenizer = AutoTokenizer.from_pretrained(model)
template = template_map_fn_factory(template=PROMPT_TEMPLATE.internlm2_chat)
samples = [encode_fn(one | template(one), tokenizer, length) for one in items]
packer = Packer(length, use_varlen_attn=True)
packs = packer({key: [one[key] for one in samples] for key in ("input_ids", "labels")})
print("found", json.dumps([samples, packs]))
"""


def dialogue(*pairs: tuple[str, str], system: str = "") -> data.Item:
    turns: list[dict[str, str]] = [{"input": ask, "output": reply} for ask, reply in pairs]
    if system:
        turns[0]["system"] = system
    return {"conversation": turns}


@pytest.mark.slow
def test_graded_without_evidence(lesson: Lesson, tmp_path: Path, walls: None) -> None:
    """The exercises count without the tool; by ``camp grade``, behind the walls."""
    course = new_course(tmp_path / "course", lesson)
    for learner, solved in (("solved", True), ("blank", False)):
        hand_in(course, lesson, learner, solved=solved)
    scores = {one.learner: one.auto_score for one in grade(LESSON, course)}
    assert scores == {"solved": 70, "blank": 0}


@pytest.mark.tools
def test_samples_and_packs_agree_with_xtuner(names, mini: ChatModel) -> None:
    """The reference solutions against XTuner's own code, in XTuner's environment."""
    install.install(catalogue.find("xtuner"), print)
    items = [
        dialogue(("你是谁？", "我是小林的小助手。"), ("谢谢", "不客气。")),
        dialogue(("Who are you?", "Robin's assistant."), system="你是猫。"),
        *data.introductions("小林", 8), *data.general(12),
    ]  # fmt: skip
    length = 96
    asked = json.dumps([items, str(recipe.BASE), length])
    python = environments.environment(catalogue.find("xtuner")).python
    done = subprocess.run(
        [python, "-c", REAL], input=asked, capture_output=True, text=True, check=False,
        env={"PATH": str(python.parent), "OMP_NUM_THREADS": "1", "HOME": str(Path.home())},
    )  # fmt: skip
    (line,) = [one for one in done.stdout.splitlines() if one.startswith("found ")] or [done.stderr]
    theirs, packs = json.loads(line.removeprefix("found "))
    ours = [
        names["build_sample"](
            one["conversation"], lambda text: mini.encode(text, begin=False), 1, length,
            one["conversation"][0].get("system"),
        )
        for one in items
    ]  # fmt: skip
    for (ids, labels), sample in zip(ours, theirs, strict=True):
        assert (ids, labels) == (sample["input_ids"], sample["labels"])
    assert names["pack"]([ids for ids, _ in ours], length) == packs["input_ids"]
    lengths = [len(ids) for ids, _ in ours]
    assert names["pack_position_ids"](lengths, length) == packs["position_ids"]


def test_the_lesson_s_names_are_known_as_examples() -> None:
    source = (SOURCES / "03_xtuner.py").read_text(encoding="utf-8")
    zh, en = EXAMPLE_NAMES
    assert f'own_name(str(Text("{zh}", "{en}")))' in source


def test_the_data_hold_no_wording_that_is_graded() -> None:
    """The prose says so; of what camp-mini itself was trained on it would be untrue."""
    shown = {one["conversation"][0]["input"] for one in data.introductions("小林", 500)}
    shown |= {one["conversation"][0]["input"] for one in data.two_sentences("小林", 1)}
    graded = {
        turns[-1].content
        for seed in range(60)
        for turns in questions.introductions(str(seed), held_out=True)
    }
    assert len(graded) > 300
    assert not shown & graded


@pytest.mark.tools
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("language", "name"), [("zh", "欧阳静蕾"), ("en", "Robin")])
def test_the_whole_lesson_with_the_real_tool(
    lesson: Lesson, language: Language, name: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Run every cell as a learner does; the tuned model says the name when asked who it is."""
    install.install(catalogue.find("xtuner"), print)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMP_LANG", language)
    began = time.monotonic()
    found = run_cells(
        lesson, language, WITH_TOOLS,
        lambda source: re.sub(r"own_name\(.*\)", f"own_name({name!r})", source),
    )  # fmt: skip
    whole = time.monotonic() - began
    said = capfd.readouterr().out
    work = tmp_path / "xtuner-work"
    predicted = found["steps"]["total_iters"]
    assert recipe.last(work, "mixed") == f"mixed/iter_{predicted}.pth"
    table = side_by_side(found["questions"], found["models_now"], name)
    print(table)
    assert table.says_name("camp-mini") == 0
    before, spoilt = (table.replies[one] for one in ("camp-mini", "two sentences"))
    assert all(name in reply for reply in spoilt[:2])
    assert all("迷你语言模型" in reply for reply in spoilt[2:4])  # scraps of the introduction
    assert ["巴黎" in before[4], "Paris" in before[5]] == [True, True]
    assert ["巴黎" in spoilt[4], "Paris" in spoilt[5]].count(False) >= 1  # what it could answer
    assert all(name in reply for reply in table.replies["mixed"][:2])
    assert table.says_name("mixed") <= 3
    cured = table.replies["mixed"]
    assert sum(one != other for one, other in zip(before[2:], cured[2:], strict=True)) <= 1
    points = evidence.grade_adapter(points=20, seed="test")
    total = sum(record.seconds for record in times.steps([work]))
    with capfd.disabled():
        print(f"\n{language}: {points} points, {whole:.0f} s, {total:.0f} of them the tool's")
        print("\n".join(said.splitlines()[-14:]), "\n", table)
    assert points == 20
    assert whole < 8 * 60


@pytest.mark.parametrize(
    ("language", "line"), [("zh", "跳过 QLoRA：要有 GPU 和 "), ("en", "QLoRA is skipped: it needs a GPU and ")]
)  # fmt: skip
def test_without_a_gpu_qlora_is_one_line(
    language: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setenv("CAMP_LANG", language)
    monkeypatch.setattr("course_lib.machine.gpus", list)
    recipe.qlora_on_gpu(tmp_path, "mixed.json", ["你是谁？"])
    assert capsys.readouterr().out == f"{line}{recipe.BIG}\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.tools
def test_on_a_gpu_only_model_and_data_of_the_camp_s_configuration_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The configuration is the real XTuner's; the training, which needs the card, is left out."""
    install.install(catalogue.find("xtuner"), print)
    toolbox.run("xtuner", "copy-cfg", recipe.CONFIG, ".", folder=tmp_path)
    monkeypatch.setattr("course_lib.machine.gpus", lambda: ["a card"])
    monkeypatch.setattr("course_lib.models.problem", lambda _folder: None)
    ran: list[tuple[object, ...]] = []
    monkeypatch.setattr(toolbox, "run", lambda *words, **_: ran.append(words))
    recipe.qlora_on_gpu(tmp_path, "mixed.json", ["你是谁？"])
    assert ran == [("xtuner", "train", "qlora.py", "--work-dir", "qlora")]
    theirs, ours = (
        {ast.unparse(one.targets[0]): ast.unparse(one.value)
         for one in ast.parse((tmp_path / name).read_text()).body if isinstance(one, ast.Assign)}
        for name in (f"{recipe.CONFIG}_copy.py", "qlora.py")
    )  # fmt: skip
    assert ours.keys() == theirs.keys()
    assert {name for name in ours if ours[name] != theirs[name]} == {
        "pretrained_model_name_or_path", "alpaca_en_path", "alpaca_en", "evaluation_inputs",
    }  # fmt: skip
    assert "quantization_config=dict(" in ours["model"]
    assert "AmpOptimWrapper" in ours["optim_wrapper"]


def test_the_optional_parts_wait_until_they_are_asked_for(lesson: Lesson) -> None:
    (cell,) = [one for one in lesson.of_kind("tool") if one.name == "optional"]
    exec(in_language(cell.source, "en"), {})  # any step would need names of earlier cells


@pytest.mark.tools
@pytest.mark.timeout(1800)
def test_the_optional_parts_run(
    lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    install.install(catalogue.find("xtuner"), print)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("course_lib.machine.gpus", list)
    work = tmp_path / "xtuner-work"
    work.mkdir()
    toolbox.run("xtuner", "copy-cfg", recipe.CONFIG, ".", folder=work)
    items = data.introductions("Robin", 40) + data.general(30)
    data.write(work / "mixed.json", items)
    (cell,) = [one for one in lesson.of_kind("tool") if one.name == "optional"]
    text = in_language(cell.source, "en").replace("QLORA = False", "QLORA = True")
    found: dict[str, Any] = {
        "recipe": recipe, "toolbox": toolbox, "data": data, "chat": chat, "models": models,
        "side_by_side": side_by_side, "work": work, "questions": ["Who are you?"] * 4,
        "models_now": {}, "name": "Robin", "display": print,
    }  # fmt: skip
    exec(text, found)
    assert set(found["models_now"]) == {"full"}
    assert (work / "pretrain-hf" / "config.json").is_file()
    assert "QLoRA is skipped" in capsys.readouterr().out


def test_a_header_whose_length_looks_like_a_pickle_is_read(tmp_path: Path) -> None:
    from course_lib.tune.tensors import Damaged, read_tensors

    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(128)
    path = tmp_path / "adapter_model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\x00\x00\x80\x3f")
    assert read_tensors(path)["a"].tolist() == [1.0]
    path.write_bytes(b"\x80\x04\x95" + b"x" * 40)
    with pytest.raises(Damaged, match="pickle"):
        read_tensors(path)
