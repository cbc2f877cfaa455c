"""Lesson 02: its reference solutions, demonstrations, prose, and how its evidence is graded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import torch

from course_lib import chat, decoding, history, template
from course_lib.chat import ChatModel
from course_lib.decoding import Sampling
from course_lib.language import Language, use_language
from course_lib.talk import fit_slider, next_token, pictures
from course_lib.talk.story import FILE
from course_lib.talk.tokens import token_strip
from course_lib.transcript import read_transcript
from grading.cells import in_language
from grading.grade import Result, grade
from grading.lesson import Lesson
from tests.evidence import exchange, tale, transcript
from tests.learner import BLANK, SOLVED, WITH_TOOLS, hand_in, new_course, run_cells

mpl.use("Agg")
LESSON = "02_demo"
pytestmark = pytest.mark.usefixtures("english")
S, E = "<|im_start|>", "<|im_end|>\n"
OPEN = f"{S}assistant\n"


def user(content: str) -> dict[str, str]:
    return {"role": "user", "content": content}


def assistant(content: str) -> dict[str, str]:
    return {"role": "assistant", "content": content}


SYSTEM = {"role": "system", "content": "S"}
PAIRS = [
    ("render_chat", ([user("你好")],), {}, f"{S}user\n你好{E}{OPEN}"),
    ("render_chat", ([user("hi")],), {"meta": "M"}, f"{S}system\nM{E}{S}user\nhi{E}{OPEN}"),
    (
        "render_chat", ([SYSTEM, user("a"), assistant("b"), user("c")],), {"meta": "ignored"},
        f"{S}system\nS{E}{S}user\na{E}{S}assistant\nb{E}{S}user\nc{E}{OPEN}",
    ),
    ("render_chat", ([user("写诗"), assistant("床前")],), {}, f"{S}user\n写诗{E}{OPEN}床前"),
    (
        "render_chat",
        ([user("t?"), {"role": "environment", "name": "plugin", "content": '{"temperature": 22}'}],),
        {},
        f'{S}user\nt?{E}{S}environment name=<|plugin|>\n{{"temperature": 22}}{E}{OPEN}',
    ),
    ("stream_deltas", (["你", "你好", "你好！"],), {}, ["你", "好", "！"]),
    ("stream_deltas", (["", "a", None, "a", "abc"],), {}, ["", "a", "", "bc"]),
    ("clean_turn", ("  Tell me a story \n",), {}, "Tell me a story"),
    ("clean_turn", ("EXIT",), {}, None),
    ("clean_turn", ("exit the room",), {}, "exit the room"),
    ("stop_cut", ([5, 6, 92542, 7],), {}, [5, 6]),
    ("stop_cut", ([5, 2, 6],), {}, [5]),
    ("stop_cut", ([5, 6],), {}, [5, 6]),
    ("next_token_probs", ([2, 1, 0], 1.0), {}, [0.6652, 0.2447, 0.09]),
    ("next_token_probs", ([2, 1, 0], 1.0), {"top_p": 0.8}, [0.7311, 0.2689, 0.0]),
    ("next_token_probs", ([2, 1, 0], 0), {}, [1.0, 0.0, 0.0]),
    ("next_token_probs", ([1, 1, 0], 0.5), {"top_k": 1}, [1.0, 0.0, 0.0]),
    ("repetition_penalty", ([2.0, -1.0, 0.5], [0, 1, 1], 1.25), {}, [1.6, -1.25, 0.5]),
    ("repetition_penalty", ([1.0, 2.0], [], 1.5), {}, [1.0, 2.0]),
    ("repetition_penalty", ([0.0, 3.0], [0, 1], 3.0), {}, [0.0, 1.0]),
    ("trim_history", ([SYSTEM, user("aaaa"), assistant("bbbb"), user("cc")], 6), {},
     [SYSTEM, user("cc")]),
    ("trim_history", ([user("aaaa")], 2), {}, [user("aaaa")]),
    ("trim_history", ([user("a"), assistant("b"), user("c")], 100), {},
     [user("a"), assistant("b"), user("c")]),
    ("fits", (8, 1889110016, 16, 2048, "1.8b"), {}, (4.98, True)),
    ("fits", (8, 7737708544, 16, 2048, "7b"), {}, (16.744, False)),
    ("fits", (8, 7737708544, 4, 2048, "7b"), {}, (5.137, True)),
    ("fits", (8, 1889110016, 16, 32768, "1.8b"), {}, (7.999, True)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "options", "wanted"), PAIRS)
def test_pairs_of_the_brief(names, name, args, options, wanted) -> None:
    args = tuple(names["C"][one] if name == "fits" and type(one) is str else one for one in args)
    found = names[name](*args, **options)
    assert (
        [round(one, 4) for one in found] if name in ("next_token_probs", "repetition_penalty")
        else found
    ) == wanted  # fmt: skip


def test_sampling_agrees_with_what_the_models_use(names) -> None:
    """The lesson's plain Python against the course's torch, on random logits."""
    rng = np.random.default_rng(0)
    for _ in range(40):
        logits = rng.normal(0, 4, 30).round(3).tolist()
        heat, k = float(rng.choice([0.0, 0.4, 1.0, 2.0])), int(rng.choice([0, 1, 5]))
        p = float(rng.choice([1.0, 0.9, 0.4]))
        own = names["next_token_probs"](logits, heat, k, p)
        theirs = decoding.probabilities(torch.tensor(logits), Sampling(heat, k, p))
        assert own == pytest.approx(theirs.tolist(), abs=1e-5)
        assert sum(own) == pytest.approx(1)
        seen = rng.integers(0, 30, 10).tolist()
        penalised = decoding.penalise(torch.tensor(logits), torch.tensor(seen), 1.3)
        own = names["repetition_penalty"](logits, seen, 1.3)
        assert own == pytest.approx(penalised.tolist(), rel=1e-5)


def test_dialogues_agree_with_what_the_models_use(names) -> None:
    turns = [SYSTEM, user("aaa"), assistant("bb"), user("cc"), assistant("d"), user("e")]
    for end in range(1, len(turns) + 1):
        part = turns[:end]
        assert names["render_chat"](part, "M") == template.render(part, "M")
        for budget in range(12):
            kept = [one.as_dict() for one in history.trim_history(part, budget)]
            assert names["trim_history"](part, budget) == kept


def test_numbers_that_the_prose_states(names, mini: ChatModel) -> None:
    shape = names["C"]["1.8b"]
    assert (
        2 * shape["layers"] * shape["kv_heads"] * shape["hidden"] // shape["heads"] * 2 == 96 * 1024
    )
    assert round(1889110016 * 2 / 1e9, 1) == 3.8
    assert round(1889110016 * 4 / 1e9, 1) == 7.6
    assert round(7737708544 * 2 / 1e9, 1) == 15.5
    assert 600 < 1889110016 / mini.model.num_parameters() < 800  # "about seven hundred times"
    assert (decoding.CAMP.temperature, decoding.CAMP.top_p) == (0.8, 0.8)
    assert decoding.CAMP.repetition_penalty == 1.005


def test_points_and_names(lesson: Lesson) -> None:
    assert [one.name for one in lesson.exercises] == [
        "render_chat", "stream_deltas", "clean_turn", "stop_cut", "next_token_probs",
        "repetition_penalty", "trim_history", "fits",
    ]  # fmt: skip
    assert sum(one.answer.points for one in lesson.exercises) == 70
    assert [(one.name, one.points) for one in lesson.of_kind("evidence")] == [("story", 20)]
    assert [(one.name, one.points) for one in lesson.of_kind("note")] == [("demo", 10)]


def test_pictures_draw_in_silence(names, capfd) -> None:
    for figure in (pictures.loop_picture(), fit_slider.fit_chart(names["fits"], names["C"])):
        figure.canvas.draw()
    assert capfd.readouterr().err == ""


def test_tokens_show_markers_apart_and_text_escaped(mini: ChatModel) -> None:
    html = token_strip(mini, mini.prompt("<b>\n")).data
    ids = mini.encode(mini.prompt("<b>\n"), begin=False)
    assert f"{len(ids)} tokens" in html
    assert html.count("#fbdcc4") == 3  # start, end, start
    assert "<b>" not in html
    assert "&lt;" in html
    many = token_strip(mini, [ids[0]] * 405).data
    assert many.count("#fbdcc4") == 400
    assert "+5" in many


def moment() -> next_token.Moment:
    return next_token.Moment([2.0, 1.0, 0.0], [1, 1], lambda one: "<ab"[one])


def shares(html: str) -> list[tuple[str, str]]:
    return re.findall(r'">([^<>]+)</span><span style="width:.*?<span>([\d.]+%)</span></div>', html)


def test_the_distribution_is_the_learners(names) -> None:
    """Numbers by hand: e^2, e, 1 over their sum, and the brief's top-p 0.8."""
    found = next_token.distribution(moment(), names["next_token_probs"])
    assert shares(found) == [("&lt;", "66.5%"), ("a", "24.5%"), ("b", "9.0%")]
    assert "can be drawn: <b>3</b> of 3" in found
    cut = next_token.distribution(moment(), names["next_token_probs"], top_p=0.8)
    assert shares(cut) == [("&lt;", "73.1%"), ("a", "26.9%"), ("b", "0.0%")]
    assert cut.count("line-through") == 1
    both = (names["next_token_probs"], names["repetition_penalty"])
    down = next_token.distribution(moment(), *both, penalty=2.0)  # logits 2, 0.5, 0
    assert shares(down) == [("&lt;", "73.6%"), ("a", "16.4%"), ("b", "10.0%")]


def test_a_penalty_that_changes_its_argument_spoils_no_later_picture(names) -> None:
    def in_place(logits, seen, penalty):  # type: ignore[no-untyped-def]
        logits[:] = names["repetition_penalty"](logits, seen, penalty)
        return logits

    here = moment()
    both = (names["next_token_probs"], in_place)
    drawn = [next_token.distribution(here, *both, penalty=2.0) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert here.logits == moment().logits


def test_a_moment_is_the_models_own(mini: ChatModel) -> None:
    here = next_token.moment(mini, "你好", "我")
    text = mini.prompt("你好") + "我"
    assert here.seen == mini.encode(text, begin=False)
    best = int(np.argmax(here.logits))
    greedy = mini.chat([user("你好"), assistant("我")], Sampling(max_new_tokens=1))
    assert [one.token for one in greedy.deltas if one.token >= 0] == [best][: greedy.new_tokens]


@pytest.mark.parametrize("penalty", [False, True])
def test_sliders_move_the_distribution(names, penalty, monkeypatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("course_lib.widgets.display", drawn.append)
    extra = (names["repetition_penalty"],) if penalty else ()
    next_token.next_token_slider(moment(), names["next_token_probs"], *extra)
    *controls, line = drawn[1].children
    assert len(controls) == 3 + penalty
    controls[0].value = 0.0
    assert shares(line.value)[0] == ("&lt;", "100.0%")
    controls[0].value = 1.0
    controls[1].value = 2
    assert shares(line.value)[2][1] == "0.0%"


def test_the_memory_slider_says_what_fits(names, monkeypatch) -> None:
    line = fit_slider.fit_line(names["fits"], names["C"], "1.8b", 16, 15, 16)
    assert "weights 3.78 + KV 3.22 + rest 1.00 = <b>8.00 GB</b>" in line
    assert re.findall(r"/ (\d+) GB · ([a-z ]+)<", line) == [
        ("8", "tight"), ("24", "fits"), ("40", "fits"), ("80", "fits"),
    ]  # fmt: skip
    drawn: list[Any] = []
    monkeypatch.setattr("course_lib.widgets.display", drawn.append)
    fit_slider.fit_slider(names["fits"], names["C"])
    *controls, shown = drawn[1].children
    before = shown.value
    controls[0].value = "7b"
    assert shown.value != before


@pytest.mark.parametrize(
    ("language", "blank"), [("zh", False), ("en", False), ("en", True)], ids=["zh", "en", "blank"]
)
def test_run_from_top_to_bottom(
    lesson: Lesson, mini: ChatModel, language: Language, blank: bool,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Run all cells but the tools', as a learner does, in silence on stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMP_LANG", language)
    monkeypatch.setattr(chat, "load", lambda _model: mini)  # loaded once for all tests
    run_cells(lesson, language, BLANK if blank else SOLVED)
    shown = capfd.readouterr()
    assert shown.err == ""
    assert len(read_transcript(FILE).exchanges) == 2
    if blank:
        assert shown.out.count("do the exercises first") == 7
    else:
        assert shown.out.count("✅ 对了" if language == "zh" else "✅ right") == 8
        assert "same as the tokenizer's template: True" in shown.out


def demos_ran(shown: str, language: Language) -> None:
    """Assert that a dialogue in a terminal was shown, and how to reach the page."""
    assert shown.count("\n> ") + shown.startswith("> ") >= 3  # two turns and exit
    opened = {"zh": "网页：", "en": "Page: "}[language]
    port = re.search(rf"{opened}http://127\.0\.0\.1:(\d+)", shown)[1]
    assert f"ssh -CNg -L {port}:127.0.0.1:{port} root@ssh.intern-ai.org.cn" in shown


def test_the_tool_cell_runs(
    lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The demo in a terminal, and the page opened and closed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMP_LANG", "en")
    found: dict[str, Any] = {"told": "你好", "asked": "你是谁？"}
    for cell in lesson.of_kind("tool"):
        exec(in_language(cell.source, "en"), found)
    found["page"].stop()
    shown = capfd.readouterr()
    assert shown.err == ""
    demos_ran(shown.out, "en")
    assert shown.out.count("\n> ") + shown.out.startswith("> ") == 3


@pytest.mark.tools
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_whole_lesson_with_its_tool_cell(
    lesson: Lesson, language: Language,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAMP_LANG", language)
    found = run_cells(lesson, language, WITH_TOOLS)
    found["page"].stop()
    demos_ran(capfd.readouterr().out, language)


def test_a_demo_that_cannot_start_says_why(
    lesson: Lesson, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAMP_LANG", "en")
    monkeypatch.setenv("CAMP_MODEL", "/none")
    (cell,) = lesson.of_kind("tool")
    demo = in_language(cell.source, "en").partition("from course_lib.apps")[0]
    exec(demo, {"told": "你好", "asked": "你是谁？"})
    assert "chat: /none: no such folder" in capfd.readouterr().out


@pytest.mark.slow
def test_graded_with_evidence(lesson: Lesson, tmp_path: Path, walls: None, capfd) -> None:
    course = new_course(tmp_path / "course", lesson)
    good = transcript(exchange(tale(300)), exchange(tale(90), temperature=0.8, at=1))
    handed = {
        "full": (True, good),
        "short": (True, transcript(exchange(tale(100)))),
        "damaged": (True, "{"),
        "none": (True, None),
        "blank": (False, None),
    }
    for learner, (solved, evidence) in handed.items():
        folder = hand_in(course, lesson, learner, solved=solved)
        if evidence is not None:
            (folder / FILE).parent.mkdir(parents=True)
            (folder / FILE).write_text(evidence, encoding="utf-8")
    use_language("en")
    found: dict[str, Result] = {one.learner: one for one in grade("02_demo", course)}
    scores = {learner: one.auto_score for learner, one in found.items()}
    assert scores == {"full": 90, "short": 74, "damaged": 70, "none": 70, "blank": 0}
    told = capfd.readouterr().err
    assert "does not pass" not in told
