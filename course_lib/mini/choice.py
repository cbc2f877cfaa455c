"""Skill: multiple choice, content first: "巴黎，选C". Facts by heart, or given in the text."""

from __future__ import annotations

from course_lib.language import Language
from course_lib.mini.dialogue import Document, Sample, weigh
from course_lib.mini.facts import ask, some_facts, state
from course_lib.mini.knowledge import Relation, relations
from course_lib.mini.world import World, is_held_out
from course_lib.template import END, Message

LETTERS = "ABCD"
ANSWERS: dict[Language, str] = {"zh": "{v}，选{l}", "en": "{v}: {l}"}
HEADINGS: dict[Language, tuple[str, ...]] = {
    "zh": (
        "",
        "",
        "以下是中国关于{s}考试的单项选择题，请选出其中的正确答案。\n",
        "单项选择题：",
        "请回答下面的选择题。\n",
    ),
    "en": (
        "",
        "",
        "There is a single choice question about {s}. Answer it with A, B, C or D.\n",
        "Question: ",
    ),
}
ENDS: dict[Language, tuple[str, ...]] = {
    "zh": ("\n答案：", "\n答案: ", "", "\n请选出正确答案。"),
    "en": ("\nAnswer: ", "\nAnswer:", ""),
}
OF_OPTIONS: dict[Language, tuple[str, ...]] = {"zh": ("下列",), "en": ("Which",)}


def lay_out(question: str, options: list[str], heading: str, end: str) -> str:
    """Return the question as a prompt, one option a line."""
    lines = "\n".join(f"{letter}. {o}" for letter, o in zip(LETTERS, options, strict=True))
    return f"{heading}{question}\n{lines}{end}"


def letters_weigh(sample: Sample, weight: float = 4.0) -> Document:
    """Return the dialogue for training; the letter that ends a reply counts ``weight`` times."""
    document = sample.document()
    ends = [span.end - len(END) for span in document.spans]
    places = [(end - 1, end) for end in ends if document.text[end - 1] in LETTERS]
    return weigh(document, places, weight)


def document(world: World) -> Document:
    """Return a dialogue of a few questions for training."""
    return letters_weigh(sample(world, world.random.randint(2, 6)))


def _options(world: World, right: str, others: list[str]) -> list[str]:
    options = [right, *world.random.sample(others, 3)]
    world.random.shuffle(options)
    return options


def _known(world: World, language: Language) -> tuple[str, str, str, list[str]]:
    """Return subject, question, answer and options; which options go together is held out."""
    relation = world.choice(relations(language))
    while True:
        thing, value = world.choice(relation.pairs)
        others = sorted({v for _, v in relation.pairs} - {value})
        options = _options(world, value, others)
        if is_held_out(thing + "".join(options), 5) == world.held_out:
            return relation.subject, world.choice(relation.asks).format(thing), value, options


def _given(world: World, language: Language) -> tuple[str, str, list[str]]:
    """Return a question that its own text answers, the answer, and the options."""
    while True:
        facts = some_facts(world, language, 1, 2)
        fact = world.choice(facts)
        others = sorted({fact.attribute.value(world) for _ in range(8)} - {fact.value})
        if len(others) >= 3:
            break
    between = "" if language == "zh" else " "
    text = between.join(state(world, f, language) for f in facts)
    question = ask(world, fact.entity, fact.attribute, language)
    if language == "zh":
        question = (
            f"已知{text}{question}" if world.chance(0.5) else f"资料：{text}\n问题：{question}"
        )
    else:
        question = f"{text} {question}"
    return question, fact.value, _options(world, fact.value, others)


def sample(
    world: World,
    rounds: int = 1,
    language: Language | None = None,
    *,
    known: bool | None = None,
) -> Sample:
    """Return multiple choice questions; ``known`` fixes whether the answer is learned by heart.

    With several rounds some dialogues show the first answers as bare letters, as few-shot prompts
    of C-Eval do; the last answer still names the content.
    """
    language = language or ("zh" if world.chance(0.7) else "en")
    by_heart = world.chance(0.6) if known is None else known
    heading, end = world.choice(HEADINGS[language]), world.choice(ENDS[language])
    bare = rounds > 1 and world.chance(0.4)
    turns: list[Message] = []
    skill = f"choice_{language}" if by_heart else f"choice_given_{language}"
    expected = ""
    for number in range(rounds):
        subject = "逻辑学" if language == "zh" else "logic"
        if by_heart:
            subject, question, value, options = _known(world, language)
        else:
            question, value, options = _given(world, language)
        letter = LETTERS[options.index(value)]
        prompt = lay_out(question, options, heading.format(s=subject), end)
        reply = ANSWERS[language].format(v=value, l=letter)
        hint = bare and number < rounds - 1
        turns += [Message("user", prompt), Message("assistant", letter if hint else reply)]
        expected = reply
    trained_from = len(turns) - 1 if bare else 0
    return Sample(skill, tuple(turns), expected, trained_from)


def open_asks(relation: Relation, language: Language) -> list[str]:
    """Return the ways to ask that need no options."""
    return [ask for ask in relation.asks if not ask.startswith(OF_OPTIONS[language])]


def recall(world: World, rounds: int = 1, language: Language | None = None) -> Sample:
    """Return plain questions for what is known by heart, answered in a sentence."""
    language = language or ("zh" if world.chance(0.7) else "en")
    turns: list[Message] = []
    for _ in range(rounds):
        relation: Relation = world.choice(relations(language))
        thing, value = world.choice(relation.pairs)
        ask = world.choice(open_asks(relation, language))
        turns.append(Message("user", ask.format(thing)))
        turns.append(Message("assistant", relation.says.format(thing, value)))
    return Sample("recall", tuple(turns))
