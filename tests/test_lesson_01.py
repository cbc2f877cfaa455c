"""Lesson 01: its reference solutions, facts, pictures, simulations and prose."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from typing import Any

import matplotlib as mpl
import pytest

from course_lib import plots
from course_lib.demo import needs
from course_lib.intro import chain, facts, flywheel, pictures, sliders
from course_lib.intro.haystack import haystack
from course_lib.intro.needle import Reader, run
from course_lib.language import LANGUAGES, use_language
from grading.cells import blank_source, in_language

mpl.use("Agg")
LESSON = "01_intro"
NEEDLE = "小明最喜欢的星座是大熊座"


@pytest.fixture(autouse=True)
def _language_stays():
    before = os.environ.get("CAMP_LANG")
    yield
    if before is None:
        os.environ.pop("CAMP_LANG", None)
    else:
        os.environ["CAMP_LANG"] = before


def one_model(version, size, kind, *, ctx_1m=False, raw=False):
    return {"version": version, "size_b": size, "kind": kind, "ctx_1m": ctx_1m, "raw": raw}


LETTERS = list("abcdefghij")
PAIRS = [
    ("count_params(C['tiny'])", 1704),
    ("count_params(C['1.8b'])", 1889110016),
    ("count_params(C['7b'])", 7737708544),
    ("count_params(C['20b'])", 19861149696),
    ("count_params(C['1.8b'], tie=True)", 1699579904),
    ("to_gb(weight_bytes(7e9,16))", 14.0),
    ("round(to_gib(weight_bytes(7737708544,16)),3)", 14.413),
    ("to_gb(weight_bytes(7e9,4))", 3.5),
    ("to_gb(weight_bytes(70e9,16))", 140.0),
    (
        "parse_model_name('internlm/internlm2_5-7b-chat-1m')",
        one_model("2.5", 7.0, "chat", ctx_1m=True),
    ),
    ("parse_model_name('internlm2-chat-1_8b')", one_model("2", 1.8, "chat")),
    ("parse_model_name('internlm-20b')", one_model("1", 20.0, "base")),
    ("parse_model_name('internlm3-8b-instruct')", one_model("3", 8.0, "chat")),
    ("parse_model_name('internlm2-base-7b')", one_model("2", 7.0, "base", raw=True)),
    ("insert_needle(list('abcdefghij'), ['N'], 50, 8)", (list("abcNdefg"), 3)),
    ("insert_needle(list('abcdefghij'), ['N','M'], 100, 8, buffer=1)", (list("abcdeNM"), 5)),
    ("insert_needle(list('ab'), ['N'], 0, 50)", (list("Nab"), 0)),
    (
        "niah_grid([1000, 2000], 3)",
        [(1000, 0.0), (1000, 50.0), (1000, 100.0), (2000, 0.0), (2000, 50.0), (2000, 100.0)],
    ),
    (f"niah_score('答案是 大熊座', '{NEEDLE}', '大熊座')", 100.0),
    (f"niah_score('不知道', '{NEEDLE}', '大熊座')", 0.0),
    (f"round(niah_score('小明最喜欢的星座是小熊座', '{NEEDLE}', '大熊座', 'v1'),4)", 18.3333),
    (f"round(niah_score('不知道', '{NEEDLE}', '大熊座', 'v1'),4)", 0.0),
    (
        "niah_summary({(1000,0):100,(1000,50):100,(2000,0):100,(2000,50):0})",
        {
            "by_length": {1000: 100.0, 2000: 50.0},
            "by_depth": {0: 100.0, 50: 50.0},
            "overall": 75.0,
            "worst": (2000, 50),
        },
    ),
    (
        "niah_summary({(4,0.0):100.0})",
        {
            "by_length": {4: 100.0},
            "by_depth": {0.0: 100.0},
            "overall": 100.0,
            "worst": (4, 0.0),
        },
    ),
    (
        "niah_summary({(1,0):0,(1,100):0,(2,0):50,(2,100):100})",
        {
            "by_length": {1: 0.0, 2: 75.0},
            "by_depth": {0: 25.0, 100: 50.0},
            "overall": 37.5,
            "worst": (1, 0),
        },
    ),
    (
        "self_consistency_filter([{'question':'1+1=?','answers':['2','2','3']},"
        "{'question':'1+1=? ','answers':['2']}])",
        [("1+1=?", "2")],
    ),
    ("self_consistency_filter([{'question':'q','answers':['a','b']}])", []),
    (
        "self_consistency_filter([{'question':'q','answers':['a ','a','b']},"
        "{'question':'r','answers':[]}], 0.6)",
        [("q", "a")],
    ),
    (
        "ladder({'A':60.1,'B':48.6,'C':60.1,'D':27.9})",
        [(1, "A", 60.1), (1, "C", 60.1), (3, "B", 48.6), (4, "D", 27.9)],
    ),
    ("ladder({'x':3.2,'y':2.9}, higher_is_better=False)", [(1, "y", 2.9), (2, "x", 3.2)]),
    ("ladder({})", []),
]


@pytest.mark.parametrize(("call", "result"), PAIRS)
def test_pair(names, call, result):
    assert eval(call, names) == result


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("weight_bytes(-1, 16)", ValueError),
        ("weight_bytes(1, -16)", ValueError),
        ("parse_model_name('qwen2-7b')", ValueError),
        (f"niah_score('', '{NEEDLE}', '大熊座', 'v3')", ValueError),
    ],
)
def test_refusal(names, call, error):
    with pytest.raises(error):
        eval(call, names)


def test_edges(names):
    assert names["niah_score"]("", "", "x", "v1") == 20.0
    assert names["niah_grid"]([7], 1) == [(7, 0.0)]
    text, at = names["insert_needle"](LETTERS, list("NEEDLE"), 50, 4)
    assert (text, at) == (list("NEEDLE"), 0)
    tied, untied = (names["count_params"](names["C"]["7b"], tie=tie) for tie in (True, False))
    assert untied - tied == 92544 * 4096


def test_check_cells_hold_no_other_numbers_than_the_solution_gives(lesson, names):
    from course_lib.checks import case, check

    for exercise in lesson.exercises:
        exec(exercise.check.source, {**names, "case": case, "check": check})


def test_points_and_names(lesson):
    assert [exercise.name for exercise in lesson.exercises] == [
        "count_params", "weight_bytes", "parse_model_name", "insert_needle", "niah_score",
        "niah_summary", "self_consistency_filter", "ladder",
    ]  # fmt: skip
    assert sum(exercise.answer.points for exercise in lesson.exercises) == 70
    assert [(note.name, note.points) for note in lesson.of_kind("note")] == [("hello_intern", 30)]
    assert len(lesson.of_kind("quiz")) == 4
    assert sum(exercise.answer.meta["level"] == 1 for exercise in lesson.exercises) == 4


def test_sizes_agree_with_the_configurations(names):
    for size, key in zip(facts.SIZES, ("1.8b", "7b", "20b"), strict=True):
        config = names["C"][key]
        assert size.params == names["count_params"](config)
        shape = (config["layers"], config["heads"], config["kv_heads"])
        assert (size.layers, size.heads, size.kv_heads) == shape
        assert size.head_dim == config["hidden"] // config["heads"]


def test_numbers_that_the_prose_states():
    seven = facts.SIZES[1]
    assert [size.kv_bytes(1) / 1024 for size in facts.SIZES] == [96, 128, 192]
    assert seven.kv_bytes(2**20) == 128 * 2**30
    assert seven.kv_bytes(2**20, grouped=False) == 512 * 2**30
    assert 8.5 < 128 / (2 * seven.params / 2**30) < 9
    assert round(2 * 92544 * 4096 / 1e8, 2) == 7.58
    assert round(3625 / 4078 * 100, 1) == 88.9
    assert round(2 * facts.SIZES[0].params / 1e9, 1) == 3.8
    assert seven.params * 4 / 8 / 1e9 < 8 < seven.params / 1e9 + 0.5


def test_card_scores():
    assert facts.scores("MATH", "chat") == {
        "InternLM2.5-7B-Chat": 60.1,
        "InternLM2.5-1.8B-Chat": 40.2,
    }
    assert facts.scores("MATH", "base")["InternLM2-1.8B"] == 9.42
    days = [release.day for release in facts.RELEASES]
    assert days == sorted(days)
    assert all(item.source for item in (*facts.RELEASES, *facts.SCORES))


def test_chain_is_whole():
    assert {tool.stage for tool in chain.TOOLS} == {*chain.STAGES, "Model", "Machine"}
    for wanted in (
        "WanJuan", "MinerU", "LabelLLM", "InternEvo", "XTuner", "OpenCompass", "LMDeploy",
        "Lagent", "MindSearch", "HuixiangDou", "InternVL2", "XComposer2", "Streamlit",
        "InternStudio", "TurboMind", "PyTorch",
    ):  # fmt: skip
        for language in LANGUAGES:
            use_language(language)
            assert wanted in chain.table().data


def test_pictures_draw_in_silence(names, capfd):
    grid = {(500, 0.0): 100.0, (500, 100.0): 0.0, (1000, 0.0): 50.0, (1000, 100.0): 18.3}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for figure in (
            pictures.chain_picture(),
            pictures.timeline(),
            pictures.size_chart(),
            pictures.context_chart(),
            plots.heat_maps({"v1": grid, "v2": grid}),
            plots.curves({"a": [0.1, 0.2], "b": [0.3, 0.1]}, "x", "y"),
            plots.ladder_bars({"MATH": [(1, "A", 60.1)]}, "somewhere"),
        ):
            figure.canvas.draw()
    assert capfd.readouterr().err == ""


def test_chinese_in_a_picture_is_silent(capfd):
    plots.use_style()
    figure = plots.curves({"飞轮": [1, 2]}, "圈数", "准确率")
    figure.canvas.draw()
    assert capfd.readouterr().err == ""


def test_heat_map_shows_each_score():
    figure = plots.heat_maps({"v2": {(500, 0.0): 100.0, (500, 100.0): 0.0, (900, 0.0): 1.0,
                                     (900, 100.0): 2.0}})  # fmt: skip
    shown = figure.axes[0].images[0].get_array()
    assert shown.tolist() == [[100.0, 1.0], [0.0, 2.0]]


def test_weights_line_says_the_sum_and_what_fits():
    use_language("en")
    line = sliders.weights_line(7, 16)
    assert "<b>14.0 GB</b> = 13.0 GiB" in line
    bars = re.findall(r"([\d.]+) / (\d+) GB · ([a-z ]+)<", line)
    assert bars == [
        ("14.0", "8", "too big"), ("14.0", "24", "fits"), ("14.0", "40", "fits"),
        ("14.0", "80", "fits"),
    ]  # fmt: skip


def test_context_line_counts_grouped_heads():
    use_language("zh")
    assert "<b>128.00 GiB</b>" in sliders.context_line("7B", 20, grouped=True)
    assert "<b>512.00 GiB</b>" in sliders.context_line("7B", 20, grouped=False)
    assert "放不下" in sliders.context_line("7B", 20, grouped=True)
    assert "放得下" in sliders.context_line("7B", 10, grouped=True)


@pytest.mark.parametrize("slider", [sliders.weights_slider, sliders.context_slider])
def test_slider_without_widgets_still_shows_a_picture(slider, monkeypatch, capsys):
    use_language("en")
    shown: list[Any] = []
    monkeypatch.setattr("course_lib.widgets.display", shown.append)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    slider()
    assert [type(item).__name__ for item in shown] == ["Figure"]
    assert "no ipywidgets" in capsys.readouterr().out


@pytest.mark.parametrize("slider", [sliders.weights_slider, sliders.context_slider])
def test_slider_moves_its_line(slider, monkeypatch):
    shown: list[Any] = []
    monkeypatch.setattr("course_lib.widgets.display", shown.append)
    slider()
    *controls, line = shown[1].children
    before = line.value
    controls[0].value = 20.0 if slider is sliders.weights_slider else "20B"
    assert line.value != before


@pytest.mark.parametrize("language", LANGUAGES)
def test_reader_finds_what_it_sees(names, language):
    use_language(language)
    stack = haystack()
    grid = names["niah_grid"]([500, 1000, 3000], 5)

    def scores(reader, version="v2", two_step=False):
        return run(
            reader, stack, grid, names["insert_needle"], names["niah_score"], version,
            two_step=two_step,
        )  # fmt: skip

    assert set(scores(Reader(10**6)).values()) == {100.0}
    short = scores(Reader(1000))
    assert short[3000, 0.0] == 0.0
    assert short[3000, 100.0] == 100.0
    assert 0 < scores(Reader(1000), "v1")[3000, 0.0] < 20
    assert names["niah_summary"](scores(Reader(10**6), two_step=True))["overall"] < 50


def test_haystack_does_not_hold_the_answer():
    for language in LANGUAGES:
        use_language(language)
        stack = haystack()
        assert stack.keyword not in stack.text
        assert stack.keyword in stack.needle
        assert stack.keyword not in stack.question + stack.two_step_question


def test_flywheel_does_what_the_prose_says(names):
    everything = flywheel.spin(flywheel.keep_everything)
    agreeing = flywheel.spin(names["self_consistency_filter"])
    verified = flywheel.spin(flywheel.keep_verified)
    assert len(agreeing) == 17
    assert abs(everything[-1] - everything[0]) < 0.03
    assert round(agreeing[-1], 2) == 0.72
    assert agreeing[-1] - agreeing[-5] < 0.02 < agreeing[4] - agreeing[0]
    assert verified[-1] > 0.95


def test_needs_waits_in_one_line(capsys):
    use_language("en")
    for error in (NotImplementedError(), NameError("niah_grid")):
        with needs("niah_grid"):
            raise error
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all("niah_grid" in line for line in lines)


@pytest.mark.parametrize("blank", [False, True], ids=["solved", "blank"])
def test_demonstrations_run_in_silence(lesson, blank, tmp_path):
    """Run every code cell, top to bottom, in a process of its own; stderr stays empty."""
    parts = []
    for cell in lesson.cells:
        if cell.kind in ("code", "given"):
            parts.append(in_language(cell.source, "en"))
        elif cell.kind == "exercise":
            parts.append(blank_source(cell.source) if blank else cell.source)
    script = tmp_path / "cells.py"
    script.write_text("\n\n".join(parts), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False,
        env={**os.environ, "MPLBACKEND": "Agg", "CAMP_LANG": "en"},
    )  # fmt: skip
    assert done.stderr == ""
    assert done.returncode == 0
    if blank:
        assert done.stdout.count("do the exercises first") == 5
    else:
        assert "transformers 7,737,708,544   yours 7,737,708,544" in done.stdout
        assert "100.00  What is Ming's favourite constellation?" in done.stdout
