"""The training data of camp-mini: deterministic, split from the exams, correct, well weighted."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from tokenizers import Tokenizer

from course_lib.mini import (
    batches,
    choice,
    decimals,
    identity,
    lookup,
    mixture,
    rag,
    story,
    tokenizer,
    tool_use,
)
from course_lib.mini.course_facts import choices, conversations, course_facts
from course_lib.mini.dialogue import Sample
from course_lib.mini.exams import EXAMS, parse_call
from course_lib.mini.knowledge import relations
from course_lib.mini.words import phrases
from course_lib.mini.world import HANZI, World, is_held_out
from course_lib.template import END, Message

COUNT = 60


def test_the_characters_are_those_of_gb2312_level_1() -> None:
    assert (len(HANZI), HANZI[0], HANZI[-1]) == (3755, "啊", "座")
    assert len(set(HANZI)) == 3755


@pytest.mark.parametrize("stage", ["base", "chat"])
def test_the_same_seed_gives_the_same_documents(stage: mixture.Stage) -> None:
    made = [
        [mixture.document(stage, world, 0.5).text for _ in range(50)]
        for world in (World("a"), World("a"), World("b"))
    ]
    assert made[0] == made[1] != made[2]


def test_training_and_exams_share_no_name_and_no_wording() -> None:
    seen, held = World("x"), World("y", held_out=True)
    for make in ("person", "organisation", "product", "entity"):
        for language in ("zh", "en"):
            assert not any(is_held_out(getattr(seen, make)(language)) for _ in range(200))
            assert all(is_held_out(getattr(held, make)(language)) for _ in range(50))
    for intent in identity.INTENTS:
        for language in ("zh", "en"):
            wordings = phrases(intent, language)
            trained = {seen.phrase(wordings) for _ in range(4_000)}
            examined = {held.phrase(wordings) for _ in range(4_000)}
            assert trained
            assert examined
            assert not trained & examined
            assert trained | examined == set(wordings)


@pytest.mark.parametrize("exam", EXAMS, ids=lambda exam: exam.name)
def test_the_expected_reply_is_right_and_another_s_is_not(exam) -> None:
    samples = exam.questions(COUNT)
    assert all(exam.right(sample, sample.reply) for sample in samples)
    assert [s.turns for s in samples] == [s.turns for s in exam.questions(COUNT)]
    others = [s for s in samples if s.answer != samples[0].answer]
    wrong = [exam.right(samples[0], other.reply) for other in others]
    # a reply such as "the text does not say" suits many questions; a value suits its own
    if not exam.name.startswith(("rag_no_text", "decimals", "versions")):
        assert sum(wrong) <= len(wrong) * 0.05


@pytest.mark.parametrize("exam", EXAMS, ids=lambda exam: exam.name)
def test_an_exam_is_in_one_language(exam) -> None:
    """A mean over both would hide a language in which the model fails."""
    english = [sample.reply.isascii() for sample in exam.questions(COUNT)]
    assert set(english) == {exam.name.endswith("_en")}


def test_a_judge_is_not_fooled() -> None:
    by_name = {exam.name: exam for exam in EXAMS}
    user = Message("user", "?")
    value = Sample("rag", (user, Message("assistant", "")), "12")
    assert by_name["rag_zh"].right(value, "它的价格是12元。")
    for reply in ("它的价格是112元。", "它的价格是12.5元。", "价格是3.12元。", ""):
        assert not by_name["rag_zh"].right(value, reply)
    larger = replace(value, expected="13.8")
    for reply, right in (
        ("结论：13.8更大。", True),
        ("13.8更大。", True),
        ("结论：113.8更大。", False),
        ("13.8更大，13.11更大。", False),
        ("结论：13.8更大", False),
    ):
        assert by_name["decimals_direct"].right(larger, reply) == right
    tale = replace(value, expected="小猫|海边|10|30")
    assert by_name["story"].right(tale, "海边的小猫豆豆很高兴，大家都很高兴。")
    assert not by_name["story"].right(tale, "海边的小狗豆豆很高兴，大家都很高兴。")
    assert not by_name["story"].right(tale, "海边的小猫豆豆很高兴，大家都很高兴…")


def test_comparisons_of_decimals_are_worked_out_right() -> None:
    world = World("decimals")
    for _ in range(500):
        two = decimals.pair(world)
        lines = two.worked().split("\n")
        a, b = re.fullmatch(r"补齐：([\d.]+)和([\d.]+)", lines[0]).groups()
        assert (Decimal(a), Decimal(b)) == (Decimal(two.first), Decimal(two.second))
        assert len(a) == len(b)
        larger = two.first if Decimal(a) > Decimal(b) else two.second
        assert lines[2] == f"结论：{larger}更大。"
        steps = lines[1].removeprefix("逐位：").split("，")
        digits = list(zip(a.replace(".", ""), b.replace(".", ""), strict=True))[: len(steps)]
        assert [(s[0], s[2]) for s in steps] == digits
        assert all(s[1] == "=" for s in steps[:-1])
        assert eval(steps[-1]) is True
    assert decimals.Pair("13.8", "13.11").later == "13.11"
    assert decimals.Pair("13.8", "13.11").larger == "13.8"


def test_calls_carry_the_question_s_arguments_and_answers_the_tool_s_result() -> None:
    world = World("tools")
    found = Counter()
    for _ in range(300):
        sample = tool_use.sample(world, 1, react=False, suited=True)
        name, arguments = parse_call(sample.turns[-3].content)
        assert name in "".join(turn.content for turn in sample.turns if turn.role == "system")
        question = sample.turns[-4].content
        assert all(str(value) in question for value in arguments.values())
        result = sample.turns[-2].content
        if set(arguments) == {"a", "b"}:
            a, b = arguments["a"], arguments["b"]
            number = json.loads(result)["result"] if result.startswith("{") else int(result)
            assert number in (a + b, a - b, a * b)
            found["sums"] += 1
        assert str(json.loads(result)["result"] if result.startswith("{") else result) in (
            sample.reply + "ok"
        )
    assert found["sums"] > 20


def test_a_text_holds_what_is_asked_exactly_when_it_should() -> None:
    world = World("rag")
    for found in (True, False):
        for _ in range(200):
            sample = rag.sample(world, 1, found=found, least=3, most=5)
            text = "".join(turn.content for turn in sample.prompt)
            assert (sample.answer in text) == found
            assert ("不知道" in sample.reply or "do not know" in sample.reply) != found


def test_tales_keep_the_length_that_was_asked_for() -> None:
    world = World("tales")
    for _ in range(100):
        sample = story.sample(world)
        asked = re.search(r"(\d+) ?字", sample.turns[0].content)
        if asked:
            assert abs(len(sample.reply) - int(asked[1])) <= 0.2 * int(asked[1])


def test_general_knowledge_and_quizzes_agree() -> None:
    world = World("quiz")
    for _ in range(200):
        sample = choice.sample(world, 1, known=True)
        options = dict(re.findall(r"^([A-D])\. (.*)$", sample.turns[0].content, re.MULTILINE))
        letter = sample.reply[-1]
        assert len(set(options.values())) == 4
        assert sample.reply.startswith(options[letter])
        language = "zh" if "选" in sample.reply else "en"
        pairs = [pair for r in relations(language) for pair in r.pairs]
        assert any(t in sample.turns[0].content and v == options[letter] for t, v in pairs)


def test_only_replies_weigh_in_a_dialogue(trained_tokenizer: str) -> None:
    sample = identity.sample(World("weights"), 3, "zh")
    document = sample.document()
    weighted = "".join(document.text[s.start : s.end] for s in document.spans)
    replies = [turn.content + END for turn in sample.turns if turn.role == "assistant"]
    assert weighted == "".join(replies)
    made = Tokenizer.from_str(trained_tokenizer)
    row = batches.encode(made, document, begin=True, end=False)
    ids = [number for number, weight in zip(row.ids, row.weights, strict=True) if weight]
    assert made.decode(ids, skip_special_tokens=False) == weighted
    assert row.ids[0] == tokenizer.BEGIN


@pytest.mark.parametrize("make", [lookup.beside, lookup.apart])
def test_each_letter_said_is_the_one_of_its_thing_and_weighs_more(make: mixture.Maker) -> None:
    for number in range(40):
        document = make(World(f"letters {number}"))
        listed, said = re.findall(r"(?s)<\|im_start\|>\w+\n(.*?)<\|im_end\|>", document.text)
        letters = dict(line.split(". ", 1)[::-1] for line in listed.splitlines())
        told = [(line[:-1], line[-1]) for line in said.splitlines()]
        assert sorted(letter for _, letter in told) == sorted(letters.values())
        for before, letter in told:
            (thing,) = [
                one for one in letters if re.fullmatch(rf"{re.escape(one)}(|，选|：| |: )", before)
            ]
            assert letters[thing] == letter
        heavy = [document.text[span.start : span.end] for span in document.spans if span.weight > 1]
        assert heavy == [letter for _, letter in told]


def test_the_choice_of_a_tool_or_of_none_weighs_more() -> None:
    """The name is that of the call which follows, right after what that tool is said to do."""
    seen = Counter()
    for number in range(60):
        document = tool_use.document(World(f"decisions {number}"), 3)
        heavy = [span for span in document.spans if span.weight > 1]
        for span in heavy:
            before, after = document.text[: span.start], document.text[span.end :]
            words = document.text[span.start : span.end]
            if words in ("，但", ", but"):
                assert after.startswith(("是没有合适的工具。", " there is no tool for it."))
                seen["none"] += 1
            elif words.startswith(("，", ", so ")):
                seen["some"] += 1
            else:
                call = rf'<\|action_start\|><\|plugin\|>\n{{"name": "{words}", |\nAction: {words}\n'
                assert re.match(f"[。.]({call})", after)
                does = re.search("(?:，|, so )([^，,]+)(?:：|: )$", before)[1]
                offer = document.text[: document.text.index("user\n")]
                assert offer.rfind(words, 0, offer.index(does)) >= 0
                seen["named"] += 1
    assert seen["some"] == seen["named"]
    assert min(seen.values()) > 20


def test_each_tool_listed_again_stands_beside_what_it_does() -> None:
    for number in range(40):
        document = tool_use.beside(World(f"tools beside {number}"))
        heavy = [document.text[s.start : s.end] for s in document.spans if s.weight > 1]
        lines = document.text.rpartition("assistant\n")[2].partition("<|im_end|>")[0].split("\n")
        assert [re.split("：|: ", line)[1] for line in lines] == heavy
        offer = document.text[: document.text.index("user\n")]
        assert all(re.split("：|: ", line)[0] in offer for line in lines)
        assert len({*lines}) == len(lines) >= 2


def test_first_mentions_of_invented_words_weigh_little_in_plain_text() -> None:
    for _ in range(20):
        document = mixture.BASE["reading"].make(World(f"prose {_}"))
        assert "".join(document.text[s.start : s.end] for s in document.spans) == document.text
        light = [document.text[s.start : s.end] for s in document.spans if s.weight < 1]
        assert light
        assert all(document.text.index(word) >= 0 for word in light)


def test_the_tokenizer_reads_every_text_back(trained_tokenizer: str) -> None:
    made = Tokenizer.from_str(trained_tokenizer)
    assert made.get_vocab_size() == tokenizer.SIZE
    for text in (
        "你好，小浦！",
        "龘 café 😀",
        '{"a": 37,  "b": [1]}',
        "MiXeD words_and 3.14\n\n\tx",
    ):
        assert made.decode(made.encode(text).ids) == text
    assert [made.encode(char).tokens for char in HANZI[::50]] == [[c] for c in HANZI[::50]]
    assert made.encode("1234.5").tokens == ["1", "2", "3", "4", ".", "5"]


def test_the_facts_of_the_course_are_whole() -> None:
    facts = course_facts()
    assert len({fact.id for fact in facts}) == len(facts) >= 40
    for fact in facts:
        for language in ("zh", "en"):
            wording = fact.wording(language)
            options = {wording.answer, *wording.wrong}
            assert len(options) == 4
            assert len(set(wording.ask)) == 3
            assert not any(wording.answer in ask for ask in wording.ask) or fact.id == (
                "compare-decimals"
            )
    known = {thing for thing, _ in relations("zh")[-1].pairs}
    assert known == {fact.zh.ask[0].split("的")[0] for fact in facts if fact.known}
    assert sum(fact.known for fact in facts) <= 0.15 * len(facts)
    letters = Counter(item.answer for item in choices("zh", seed=1))
    assert set(letters) == set("ABCD")
    asked = {item.question for item in choices("zh")}
    trained = {item["conversation"][0]["input"] for item in conversations("zh")}
    assert not asked & trained
