"""Skill: who the model is, in many phrasings; and what it says to what it cannot do."""

from __future__ import annotations

from course_lib.language import Language
from course_lib.mini.dialogue import Sample
from course_lib.mini.words import phrases
from course_lib.mini.world import World
from course_lib.template import Message

ANSWERS: dict[tuple[str, Language], str] = {
    ("who", "zh"): "我是小浦，这门课程自带的迷你语言模型。",
    ("who", "en"): "I am Xiaopu, the tiny language model that comes with this course.",
    ("maker", "zh"): "我由课程作者从零训练，数据全部由程序生成，不是书生·浦语的正式版本。",
    ("maker", "en"): (
        "The authors of this course trained me from scratch on programmed text. "
        "I am not an official InternLM model."
    ),
    ("ability", "zh"): "我会讲小故事、调用工具、根据资料回答、比较小数、做选择题和拆分问题。",
    (
        "ability",
        "en",
    ): "I can call tools, answer from given text, and solve multiple choice questions.",
    ("size", "zh"): "我只有大约三百万个参数，在普通电脑的CPU上就能运行。",
    ("size", "en"): "I have only about three million parameters and run on the CPU of a laptop.",
    ("hello", "zh"): "你好！我是小浦，有什么可以帮你的吗？",
    ("hello", "en"): "Hello! I am Xiaopu. How can I help you?",
    ("thanks", "zh"): "不客气，很高兴能帮到你。",
    ("thanks", "en"): "You are welcome.",
    ("bye", "zh"): "再见，期待下次和你一起学习！",
    ("bye", "en"): "Goodbye, see you next time!",
    ("other", "zh"): "这个我还不会。我会讲小故事、调用工具、根据资料回答、比较小数和做选择题。",
    ("other", "en"): "I cannot do this yet. I can call tools and answer from given text.",
}
SYSTEMS: dict[Language, tuple[str, ...]] = {
    "zh": ("你是一个有帮助的助手。", "你是一个有用的人工智能助手。", "你是小浦，一个有用的助手。"),
    "en": ("You are a helpful assistant.", "You are Xiaopu, a helpful assistant."),
}
BEFORE: dict[Language, tuple[str, ...]] = {
    "zh": ("你好，", "嗨，", "您好，", "那个，", "小浦，", "对了，", "不好意思，", "哈喽，"),
    "en": ("Hello, ", "Hi, ", "Hey, ", "Excuse me, ", "So, ", "By the way, ", "Hi there, "),
}
"""What may stand before a wording."""
_COMMON = ("who", "who", "who", "maker", "maker", "ability", "ability", "size", "other", "other")
_POLITE = ("hello", "thanks", "bye")


def dress(world: World, phrase: str, language: Language) -> str:
    """Return ``phrase`` as somebody may type it: with a greeting, without its full stop."""
    bare = phrase.rstrip("？。?.")
    question = phrase.endswith(("？", "?"))
    end = phrase[len(bare) :]
    if language == "zh":
        if question and world.chance(0.15):
            end = world.choice(("呢？", "呀？", "啊？", "?")) if bare[-1] not in "吗呢" else "?"
        if not question and end and world.chance(0.3):
            end = (
                world.choice(("吧。", "吧", "！"))
                if not bare.endswith("吧") and bare[0] not in "我先"
                else "。"
            )
        asked = question and not bare.startswith(("请", "麻烦"))
        please = "请问" if asked and world.chance(0.15) else ""
    else:
        please = ""
    if world.chance(0.25):
        end = ""
    before = world.choice(BEFORE[language]) if world.chance(0.25) else ""
    if before and language == "en" and not bare.startswith(("I ", "InternLM")):
        bare = bare[0].lower() + bare[1:]
    if before.startswith(bare[:2]) or bare.startswith(("你好", "您好", "小浦", "嗨", "哈喽")):
        before = please = ""
    return f"{before}{please}{bare}{end}"


def question(world: World, intent: str, language: Language) -> str:
    """Return one phrasing of ``intent``."""
    phrase = world.phrase(phrases(intent, language))
    if intent in _POLITE:
        ends = ("！", "。", "") if language == "zh" else ("!", ".", "")
        return phrase + (world.choice(ends) if phrase[-1] not in "？?" else "")
    return dress(world, phrase, language)


def default_system(world: World, language: Language) -> list[Message]:
    """Return what often stands before a dialogue: nothing, or a plain system turn."""
    if world.chance(0.7):
        return []
    return [Message("system", world.choice(SYSTEMS[language]))]


def sample(world: World, rounds: int = 1, language: Language | None = None) -> Sample:
    """Return a dialogue of ``rounds`` questions about the model."""
    language = language or ("zh" if world.chance(0.58) else "en")
    turns = default_system(world, language)
    for _ in range(rounds):
        intent = world.choice(_POLITE if world.chance(0.2) else _COMMON)
        turns.append(Message("user", question(world, intent, language)))
        turns.append(Message("assistant", ANSWERS[intent, language]))
    return Sample(f"identity_{language}", tuple(turns))


INTENTS = tuple(dict.fromkeys((*_COMMON, *_POLITE)))
"""All intents; each has phrasings and an answer in both languages."""
