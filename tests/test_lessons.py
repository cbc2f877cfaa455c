"""What holds for every lesson: its size, its two languages, and what the README says of it."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from course_lib import models
from course_lib.language import LANGUAGES, Language
from course_lib.mini.card import load_measured
from grading.forms import read_quiz
from grading.lesson import Lesson
from grading.reader import read_lesson
from grading.rules import read_rules
from tests.conftest import ROOT, SOURCES

LESSONS = sorted(path.stem for path in SOURCES.glob("[0-9]*.py"))
TRANSLATED = {
    "`int(填充数 × 深度 / 100)`": "`int(fillers × depth / 100)`",
    "`{(长度, 深度): 分数}`": "`{(length, depth): score}`",
    "`[(问题, 答案)]`": "`[(question, answer)]`",
    "`[(名次, 名字, 分数)]`": "`[(rank, name, score)]`",
    "`<|im_start|>角色`": "`<|im_start|>role`",
    "`(总 GB, 放不放得下)`": "`(total in GB, whether it fits)`",
    "`(最大绝对误差, 均方误差)`": "`(largest absolute error, mean squared error)`",
    "`(编号, scale, min, 还原值)`": "`(codes, scale, min, restored)`",
    "`(不共用要几块, 共用要几块)`": "`(blocks without sharing, blocks with it)`",
    "`(块数, 词元数)`": "`(blocks, tokens)`",
    "`str(结果)`": "`str(result)`",
    "`(动作, 结果)`": "`(action, result)`",
    "`lmdeploy lite auto_awq 模型 --calib-dataset 'ptb' …`": (
        "`lmdeploy lite auto_awq MODEL --calib-dataset 'ptb' …`"
    ),
}
"""Code that reads differently in Chinese and in English."""
OF_THE_CARD = {
    "03_xtuner": ("identity_zh", "identity_en"),
    "04_lmdeploy": ("tool_call_zh", "tool_call_en"),
    "06_agents": ("tool_call_zh", "tool_call_en", "tool_none_zh", "tool_none_en"),
    "07_rag": ("rag_zh", "rag_en"),
}
"""Skills that miss their targets, in the lessons that use them. (Lesson 05 measures its own.)"""
CARD: dict[Language, str] = {"zh": "模型卡上", "en": "model card"}
CHINESE_NUMBERS = {"7.58"}  # counted in 亿 there, in millions in English
README = {"en": "README.md", "zh": "README.zh.md"}


read = cache(read_lesson)


@pytest.fixture(params=LESSONS)
def lesson(request: pytest.FixtureRequest) -> Lesson:
    return read(SOURCES / f"{request.param}.py")


def prose(lesson: Lesson, language: Language) -> list[str]:
    return [cell.source for cell in lesson.of_kind("prose") if cell.meta["lang"] == language]


def without_hints(text: str) -> str:
    return re.sub(r"(?s)<details>.*?</details>", "", text)


def shape(text: str) -> dict[str, int]:
    """Count what a translation keeps: headings, bullets, hints, bold words, papers."""
    marks = {
        "heading": r"^#+ ",
        "bullet": r"^(?:> )?- ",
        "hint": "<details>",
        "bold": r"\*\*.+?\*\*",
        "paper": "arXiv",
    }
    return {name: len(re.findall(mark, text, re.M)) for name, mark in marks.items()}


def test_prose_pairs_say_the_same(lesson: Lesson) -> None:
    for zh, en in zip(prose(lesson, "zh"), prose(lesson, "en"), strict=True):
        assert shape(zh) == shape(en), zh[:60]
        code = [set(re.findall(r"`[^`\n]+`", text.replace("```", ""))) for text in (zh, en)]
        assert {TRANSLATED.get(one, one) for one in code[0]} == code[1], zh[:60]
        numbers = [set(re.findall(r"\d+\.\d+|#\d+", text)) for text in (zh, en)]
        assert numbers[0] - CHINESE_NUMBERS == numbers[1], zh[:60]


def test_length(lesson: Lesson) -> None:
    zh, en = (without_hints("\n".join(prose(lesson, language))) for language in ("zh", "en"))
    assert 1200 <= len(re.findall(r"[\u4e00-\u9fff]", zh)) <= 2500
    assert 1000 <= len(re.findall(r"[A-Za-z']+", en)) <= 2500
    assert all(cell.source.count("\n") < 15 for cell in lesson.of_kind("code"))


def test_each_exercise_has_a_hint_and_several_wrong_answers(lesson: Lesson) -> None:
    places = [number for number, cell in enumerate(lesson.cells) if cell.kind == "exercise"]
    assert places
    assert all("<details>" in lesson.cells[place - 1].source for place in places)
    assert all(len(exercise.wrongs) >= 4 for exercise in lesson.exercises)


def test_quiz_choices_all_explain_themselves(lesson: Lesson) -> None:
    for item in (read_quiz(cell.source) for cell in lesson.of_kind("quiz")):
        assert all(choice.why.zh and choice.why.en for choice in item.choices)


def test_right_choices_are_not_told_by_their_place() -> None:
    lessons = [read(SOURCES / f"{name}.py") for name in LESSONS]
    items = [read_quiz(cell.source) for lesson in lessons for cell in lesson.of_kind("quiz")]
    places = Counter([choice.right for choice in item.choices].index(True) for item in items)
    assert set(places) == {0, 1, 2}
    assert max(places.values()) <= 0.45 * len(items)


def check_readme(root: Path, language: Language) -> None:
    """Check that a repository's README lists its lessons as they are."""
    sources = sorted((root / "notebooks/source").glob("[0-9]*.py"))
    text = (root / README[language]).read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if re.match(r"\| \d\d ", line)
    ]
    for source, row in zip(sources, rows, strict=True):
        (title, level, minutes, points, afterwards), name = row, source.stem
        course = read(source).course
        assert title.startswith(name[:3].replace("_", " "))
        assert re.findall(r"\]\((.*?)\)", title) == [
            f"notebooks/{one}/{name}.ipynb" for one in LANGUAGES
        ]
        assert (level, minutes, points) == (course.level, str(course.minutes), str(course.points))
        assert afterwards


def check_levels(root: Path) -> None:
    """Check that a repository's lessons earn the levels that its rules of points say."""
    rules = read_rules(root / "grading/points.yml")
    lessons = [read(path) for path in (root / "notebooks/source").glob("[0-9]*.py")]
    of_level = {level.id: level.lesson for level in rules.levels if level.lesson}
    levels = {one.name: one.course.level.split(", ") for one in lessons}
    assert of_level == {level: name for name in levels for level in levels[name]}
    musts = [level.must for level in rules.levels if level.lesson]
    assert all(musts)
    assert len(set(musts)) == len(musts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_readme_lists_each_lesson_as_it_is(language: Language) -> None:
    check_readme(ROOT, language)


def test_each_lesson_earns_its_own_levels() -> None:
    check_levels(ROOT)


@pytest.mark.parametrize("name", OF_THE_CARD)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_lesson_says_how_good_the_model_was_measured(name: str, language: Language) -> None:
    known = {r.name: r.accuracy for r in load_measured(models.BUILT_IN["camp-mini"]).results}
    cells = "\n".join(prose(read(SOURCES / f"{name}.py"), language))
    (said,) = [line for line in cells.splitlines() if CARD[language] in line]
    for skill in OF_THE_CARD[name]:
        assert f"{100 * known[skill]:.0f} %" in said
