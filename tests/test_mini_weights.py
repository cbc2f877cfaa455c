"""The shipped models: small, quick to load, and as good as their cards say."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from safetensors import safe_open

from course_lib import models
from course_lib.chat import ChatModel
from course_lib.decoding import Sampling
from course_lib.language import LANGUAGES
from course_lib.mini import card, likelihood
from course_lib.mini.evaluate import Answerer, examine, wilson
from course_lib.mini.exams import EXAMS
from course_lib.template import Message

pytestmark = pytest.mark.slow
CHAT, BASE = models.BUILT_IN["camp-mini"], models.BUILT_IN["camp-mini-base"]
COUNT, MANY = 20, 200


def test_the_weights_fit_in_12_megabytes() -> None:
    sizes = {folder.name: (folder / "model.safetensors").stat().st_size for folder in (CHAT, BASE)}
    assert sum(sizes.values()) <= 12_000_000
    assert all(models.problem(folder) is None for folder in (CHAT, BASE))
    with safe_open(CHAT / "model.safetensors", "pt") as file:
        kinds = {str(file.get_tensor(name).dtype) for name in file.keys()}  # noqa: SIM118
    assert kinds == {"torch.bfloat16"}


def test_loading_takes_under_two_seconds() -> None:
    code = (
        "import time, transformers.models.llama.modeling_llama, transformers.generation;"
        "from course_lib import chat; began = time.process_time();"
        "chat.load('camp-mini'); print(time.process_time() - began)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 2


@pytest.mark.parametrize(
    ("turns", "reply"),
    [
        ([("user", "你是谁？")], "我是小浦，这门课程自带的迷你语言模型。"),
        (
            [("user", "Who are you?")],
            "I am Xiaopu, the tiny language model that comes with this course.",
        ),
        (
            [("system", "你是林小雨，来自星河书店。"), ("user", "你叫什么名字？")],
            "我是林小雨，来自星河书店，很高兴为你服务。",
        ),
        (
            [
                ("user", "我叫李雷。"),
                ("assistant", "好的，我记住了，你的名字是李雷。"),
                ("user", "我叫什么名字？"),
            ],
            "你的名字是李雷。",
        ),
        (
            [("system", "可用工具：\nadd(a, b)：计算两个数的和"), ("user", "37加58等于多少？")],
            "需要计算37与58的和。<|action_start|><|plugin|>\n"
            '{"name": "add", "parameters": {"a": 37, "b": 58}}<|action_end|>',
        ),
        (
            [("system", "可用工具：\nadd(a, b)：计算两个数的和"), ("user", "北京今天天气怎么样？")],
            "需要查询北京的天气，但是没有合适的工具。",
        ),
        (
            [
                (
                    "user",
                    "资料：星河书店的电话是62001。星河书店的地址是北京南山路5号。\n"
                    "问题：星河书店的电话是多少？",
                ),
            ],
            "星河书店的电话是62001。",
        ),
        (
            [
                (
                    "user",
                    "资料：星河书店的电话是62001。星河书店的地址是北京南山路5号。\n"
                    "问题：星河书店的负责人是谁？",
                ),
            ],
            "星河书店的负责人，资料里没有提到，我不知道。",
        ),
        ([("user", "星河书店的电话是多少？")], "我不知道星河书店的电话。"),
        (
            [
                (
                    "system",
                    "# Role: 数学老师\n\n## Workflows\n1. 补齐小数位\n2. 逐位比较\n3. 给出结论",
                ),
                ("user", "13.8和13.11哪个大？"),
            ],
            "补齐：13.80和13.11\n逐位：1=1，3=3，8>1\n结论：13.8更大。",
        ),
        (
            [("system", "请把问题拆分成子问题。"), ("user", "比较星河手机和东方手机的价格")],
            "1. 星河手机的价格是什么？\n2. 东方手机的价格是什么？",
        ),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else "",
)
def test_it_answers_as_it_was_taught(
    mini: ChatModel, turns: list[tuple[str, str]], reply: str
) -> None:
    assert mini.chat([Message(role, content) for role, content in turns]).text == reply


def test_it_names_the_right_option_though_not_its_letter(mini: ChatModel) -> None:
    """What the card says it can and cannot do; with the letter right, the card must change."""
    asked = "法国的首都是哪里？\nA. 伦敦\nB. 罗马\nC. 巴黎\nD. 柏林\n答案："
    assert mini.chat(asked).text.startswith("巴黎，选")
    known = {r.name: r.accuracy for r in card.load_measured(CHAT).results}
    for language in LANGUAGES:
        assert known[f"choice_content_{language}"] > 0.95
        assert known[f"choice_{language}"] < 0.35


def test_a_tale_of_300_characters_has_what_was_asked_for(mini: ChatModel) -> None:
    made = mini.chat("请写一个300字的小故事，主角是小兔子，地点是森林。").text
    assert 240 <= len(made) <= 360
    assert "小兔子" in made
    assert "森林" in made
    hot = Sampling(temperature=0.8, top_p=0.8, seed=1)
    assert mini.chat("请写一个300字的小故事，主角是小兔子，地点是森林。", hot).text != made


@pytest.mark.parametrize("exam", EXAMS, ids=lambda exam: exam.name)
@pytest.mark.parametrize("count", [COUNT, pytest.param(MANY, marks=pytest.mark.tools)])
def test_held_out_accuracy_is_what_the_card_says(mini: ChatModel, exam, count: int) -> None:
    """The limits lie three standard errors of fewer questions from the card's figure.

    What the model cannot do is as much a part of the card: there the upper limit can fail.
    """
    (known,) = (r.accuracy for r in card.load_measured(CHAT).results if r.name == exam.name)
    away = 3 * math.sqrt(known * (1 - known) / count) + 0.02
    result, misses = examine(Answerer(mini.model, mini.tokenizer), exam, count)
    shown = "\n".join(f"{miss.reply!r} for {miss.sample.answer!r}" for miss in misses[:5])
    assert result.accuracy >= known - away, shown
    assert result.accuracy <= known + away
    assert known - away > 0 or known + away < 0.6, "this test could not fail"


def test_the_base_knows_the_world_but_not_the_course(mini: ChatModel) -> None:
    from course_lib import chat

    base = chat.load("camp-mini-base")
    general, course = likelihood.examine(base, chat=False)
    assert general.accuracy > 0.95
    assert course.accuracy < 0.45
    assert base.complete("法国的首都是", Sampling(max_new_tokens=2)).text == "巴黎"
    assert base.complete("你是谁？", Sampling(max_new_tokens=20)).text != mini.chat("你是谁？").text


def test_the_cards_say_what_was_measured() -> None:
    for folder in (CHAT, BASE):
        found = card.load_measured(folder)
        size = (folder / "model.safetensors").stat().st_size
        for language in LANGUAGES:
            text = (folder / card.NAMES[language]).read_text(encoding="utf-8")
            assert text == card.card(found, size, language)
            assert "InternLM" in text
        assert (folder / "loss.png").is_file()
    chat_results = {r.name: r for r in card.load_measured(CHAT).results}
    assert {exam.name for exam in EXAMS} <= set(chat_results)
    assert all(chat_results[exam.name].count >= 500 for exam in EXAMS)


@pytest.mark.parametrize(
    ("right", "count", "interval"),
    [(9, 19, (27.33, 68.29)), (0, 19, (0.0, 16.82)), (640, 1346, (44.89, 50.22))],
)
def test_the_interval_is_wilson_s(right: int, count: int, interval: tuple[float, float]) -> None:
    low, high = wilson(right, count)
    assert (round(100 * low, 2), round(100 * high, 2)) == interval
