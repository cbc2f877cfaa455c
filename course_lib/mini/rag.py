"""Skill: answer from given text, and say so when the text does not hold the answer.

An answer names entity and attribute first, so that looking up and answering are one motion.
"""

from __future__ import annotations

from course_lib.language import Language
from course_lib.mini import identity
from course_lib.mini.dialogue import Sample
from course_lib.mini.facts import KINDS, Attribute, Fact, ask, make_entity, some_facts, state
from course_lib.mini.world import World
from course_lib.template import Message

LLAMA_INDEX = (
    "Context information is below.\n---------------------\n{c}\n---------------------\n"
    "Given the context information and not prior knowledge, answer the query.\nQuery: {q}\nAnswer: "
)
"""The question prompt of LlamaIndex 0.14 (llama_index/core/prompts/default_prompts.py)."""
HUIXIANGDOU = "材料：“{c}”\n 问题：“{q}” \n 请仔细阅读参考材料回答问题。"
"""The answer prompt of HuixiangDou 20240415 (huixiangdou/services/prompt.py)."""
IN_USER: dict[Language, tuple[str, ...]] = {
    "zh": (
        "资料：{c}\n问题：{q}",
        "资料：\n{c}\n\n问题：{q}",
        "已知：\n{c}\n请回答：{q}",
        "请根据下面的资料回答问题。\n{c}\n问题：{q}",
        "参考资料：\n{c}\n请根据参考资料回答：{q}",
        HUIXIANGDOU,
        LLAMA_INDEX,
        LLAMA_INDEX,
    ),
    "en": (
        "Context: {c}\nQuestion: {q}",
        "Text:\n{c}\n\nQuestion: {q}",
        "Answer from the text below.\n{c}\nQuestion: {q}",
        LLAMA_INDEX,
        LLAMA_INDEX,
    ),
}
IN_SYSTEM: dict[Language, tuple[str, ...]] = {
    "zh": ("请根据下面的资料回答问题。\n{c}", "你是问答助手，只根据资料回答。\n资料：\n{c}"),
    "en": ("Answer from the text below.\n{c}", "You answer questions from this text:\n{c}"),
}
FOUND: dict[Language, str] = {"zh": "{e}的{a}是{v}。", "en": "The {a} of {e} is {v}."}
ABSENT: dict[Language, str] = {
    "zh": "{e}的{a}，资料里没有提到，我不知道。",
    "en": "The {a} of {e} is not in the text, so I do not know.",
}
KEYS: dict[Language, tuple[str, str]] = {
    "zh": ("，资料里没有提到", "是{v}。"),
    "en": (" is not in the text", " is {v}."),
}
"""The words that decide an answer: what is absent, what is found."""
NO_TEXT: dict[Language, str] = {
    "zh": "我不知道{e}的{a}。",
    "en": "I do not know the {a} of {e}.",
}
FILLERS: dict[Language, tuple[str, ...]] = {
    "zh": (
        "以下内容仅供参考。",
        "更多信息请看官方网站。",
        "大家都很喜欢这里。",
        "这段资料写于去年。",
    ),
    "en": ("More can be found on the web page.", "People like it very much.", "Please note this."),
}
MARKERS = {"zh": "资料里没有", "en": "not in the text"}
"""What tells that a reply says "not in the text"."""


def context(world: World, facts: list[Fact], language: Language) -> str:
    """Return the facts as running text, as lines, as a list, or as numbered passages."""
    sentences = [state(world, fact, language) for fact in facts]
    if world.chance(0.2):
        sentences.insert(world.random.randint(0, len(sentences)), world.choice(FILLERS[language]))
    form = world.random.random()
    if form < 0.4:
        return (" " if language == "en" else "").join(sentences)
    if form < 0.7:
        return "\n".join(sentences)
    if form < 0.8:
        return "\n\n".join(sentences)
    if form < 0.9:
        return "\n".join(f"[{n}] {sentence}" for n, sentence in enumerate(sentences, 1))
    return "\n".join(f"- {sentence}" for sentence in sentences)


def missing(world: World, facts: list[Fact], language: Language) -> tuple[str, Attribute]:
    """Return an entity and an attribute that the facts do not join; both may be there apart."""
    known = {fact.key for fact in facts}
    kind = _kind_of(facts[0], language)
    while True:
        way = world.random.random()
        entity, attribute = world.choice(facts).entity, world.choice(facts).attribute
        if way < 0.5:
            attribute = world.choice(KINDS[language][kind])
        elif way < 0.85:
            entity = make_entity(world, kind, language)
        if (entity, attribute.name) not in known:
            return entity, attribute


def _kind_of(fact: Fact, language: Language) -> str:
    return next(kind for kind, them in KINDS[language].items() if fact.attribute in them)


def sample(
    world: World,
    rounds: int = 1,
    language: Language | None = None,
    *,
    found: bool | None = None,
    least: int = 1,
    most: int = 6,
) -> Sample:
    """Return ``rounds`` questions on a text of ``least`` to ``most`` facts.

    ``found`` fixes whether the text holds the answers. In evaluation it holds 3 to 5 facts.
    """
    language = language or ("zh" if world.chance(0.62) else "en")
    facts = some_facts(world, language, least, most)
    text = context(world, facts, language)
    in_system = world.chance(0.3)
    turns = (
        [Message("system", world.choice(IN_SYSTEM[language]).format(c=text))] if in_system else []
    )
    skill = expected = ""
    asked: set[tuple[str, str]] = set()
    keys = []
    for _ in range(rounds):
        there = world.chance(0.55) if found is None else found
        if there:
            fact = world.choice(facts)
            entity, attribute, value = fact.entity, fact.attribute, fact.value
        else:
            (entity, attribute), value = missing(world, facts, language), ""
        if (entity, attribute.name) in asked:
            continue
        asked.add((entity, attribute.name))
        question = ask(world, entity, attribute, language)
        if not turns:
            question = world.choice(IN_USER[language]).format(c=text, q=question)
        answer = (FOUND if there else ABSENT)[language]
        answer = answer.format(e=entity, a=attribute.name, v=value)
        keys.append((len(turns) + 1, KEYS[language][there].format(v=value)))
        turns += [Message("user", question), Message("assistant", answer)]
        skill = f"rag_{language}" if there else f"rag_absent_{language}"
        expected = value or MARKERS[language]
    return Sample(skill, tuple(turns), expected, keys=tuple(keys))


def without_text(world: World, rounds: int = 1, language: Language | None = None) -> Sample:
    """Return questions on invented things without any text: the model does not know."""
    language = language or ("zh" if world.chance(0.7) else "en")
    turns = identity.default_system(world, language)
    for _ in range(rounds):
        kind = world.choice(list(KINDS[language]))
        entity, attribute = make_entity(world, kind, language), world.choice(KINDS[language][kind])
        turns.append(Message("user", ask(world, entity, attribute, language)))
        reply = NO_TEXT[language].format(e=entity, a=attribute.name)
        turns.append(Message("assistant", reply))
    return Sample("rag_no_text", tuple(turns), "不知道" if language == "zh" else "not know")


def both(world: World, rounds: int = 1) -> Sample:
    """Return a question for one attribute of two entities, as a final answer of a search needs."""
    kind = world.choice(list(KINDS["zh"]))
    attribute = world.choice(KINDS["zh"][kind])
    entities = [make_entity(world, kind, "zh") for _ in range(2)]
    facts = [Fact(entity, attribute, attribute.value(world)) for entity in entities]
    others = [f for f in some_facts(world, "zh", 1, 2) if f.entity not in entities]
    mixed = facts + others
    world.random.shuffle(mixed)
    text = context(world, mixed, "zh")
    question = f"{entities[0]}和{entities[1]}的{attribute.name}分别{attribute.asks}？"
    answer = "".join(FOUND["zh"].format(e=f.entity, a=f.attribute.name, v=f.value) for f in facts)
    prompt = world.choice(IN_USER["zh"]).format(c=text, q=question)
    keys = tuple((1, f"{f.entity}的{attribute.name}是{f.value}") for f in facts)
    return Sample("rag_both", (Message("user", prompt), Message("assistant", answer)), keys=keys)
