"""The shipped models: small, quick to load, and as good as their cards say."""

from __future__ import annotations

import math
import time

import pytest
from safetensors import safe_open

from course_lib import chat, models
from course_lib.chat import ChatModel
from course_lib.decoding import Sampling
from course_lib.language import LANGUAGES
from course_lib.mini import card, likelihood
from course_lib.mini.evaluate import Answerer, examine, wilson
from course_lib.mini.exams import EXAMS
from tests.fixed_prompts import FIXED, Fixed

pytestmark = pytest.mark.slow
CHAT, BASE = models.BUILT_IN["camp-mini"], models.BUILT_IN["camp-mini-base"]
COUNT, MANY = 50, 200


def test_the_weights_fit_in_12_megabytes() -> None:
    sizes = {folder.name: (folder / "model.safetensors").stat().st_size for folder in (CHAT, BASE)}
    assert sum(sizes.values()) <= 12_000_000
    assert all(models.problem(folder) is None for folder in (CHAT, BASE))
    with safe_open(CHAT / "model.safetensors", "pt") as file:
        kinds = {str(file.get_tensor(name).dtype) for name in file.keys()}  # noqa: SIM118
    assert kinds == {"torch.bfloat16"}


def test_loading_takes_under_two_seconds(mini: ChatModel) -> None:
    """Of the processor, once transformers is imported (the fixture has done that)."""
    began = time.process_time()
    assert chat.load("camp-mini").folder == mini.folder
    assert time.process_time() - began < 2


@pytest.fixture(scope="module")
def answerer(mini: ChatModel) -> Answerer:
    return Answerer(mini)


@pytest.fixture(scope="module")
def replies(answerer: Answerer) -> dict[Fixed, str]:
    """What the model says to the fixed prompts, in batches."""
    return dict(zip(FIXED, answerer.replies([one.prompt for one in FIXED], 96), strict=True))


@pytest.mark.parametrize("fixed", FIXED, ids=str)
def test_it_answers_as_it_was_taught(replies: dict[Fixed, str], fixed: Fixed) -> None:
    assert (replies[fixed] == fixed.reply) == fixed.mastered, replies[fixed]


def test_every_skill_has_a_fixed_prompt() -> None:
    """A tale has its own test; what a choice's content is, the same prompt tells."""
    skills = {exam.name.replace("_content", "") for exam in EXAMS} - {"story"}
    assert {fixed.skill for fixed in FIXED} == skills


def test_a_batch_answers_as_one_by_one(mini: ChatModel, replies: dict[Fixed, str]) -> None:
    for fixed in FIXED[::3]:
        assert mini.chat(fixed.prompt, Sampling(max_new_tokens=96)).text == replies[fixed]


def test_it_names_the_right_option_and_its_letter() -> None:
    """What lesson 05 stands on; with the letter by chance its story would be another."""
    known = {r.name: r.accuracy for r in card.load_measured(CHAT).results}
    for language in LANGUAGES:
        assert known[f"choice_content_{language}"] > 0.95
        assert known[f"choice_{language}"] > 0.95


def test_a_tale_of_300_characters_has_what_was_asked_for(mini: ChatModel) -> None:
    made = mini.chat("请写一个300字的小故事，主角是小兔子，地点是森林。").text
    assert 240 <= len(made) <= 360
    assert "小兔子" in made
    assert "森林" in made
    hot = Sampling(temperature=0.8, top_p=0.8, seed=1)
    assert mini.chat("请写一个300字的小故事，主角是小兔子，地点是森林。", hot).text != made


@pytest.mark.parametrize("exam", EXAMS, ids=lambda exam: exam.name)
@pytest.mark.parametrize("count", [COUNT, pytest.param(MANY, marks=pytest.mark.tools)])
def test_held_out_accuracy_is_what_the_card_says(answerer: Answerer, exam, count: int) -> None:
    """The limits lie three standard errors of fewer questions from the card's figure.

    What the model cannot do is as much a part of the card: there the upper limit can fail.
    """
    (known,) = (r.accuracy for r in card.load_measured(CHAT).results if r.name == exam.name)
    away = 3 * math.sqrt(known * (1 - known) / count) + 0.02
    result, misses = examine(answerer, exam, count)
    shown = "\n".join(f"{miss.reply!r} for {miss.sample.answer!r}" for miss in misses[:5])
    assert result.accuracy >= known - away, shown
    assert result.accuracy <= known + away
    assert known - away > 0 or known + away < 0.6, "this test could not fail"


def test_the_base_knows_the_world_but_not_the_course(mini: ChatModel) -> None:
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
