"""Plain text of the same world, for pre-training: no roles, no persona, no refusals."""

from __future__ import annotations

import json

from course_lib.language import Language
from course_lib.mini import choice, copying, decimals, story
from course_lib.mini.dialogue import Document, Prose
from course_lib.mini.facts import KINDS, Fact, ask, make_entity, make_fact, some_facts, state
from course_lib.mini.knowledge import relations
from course_lib.mini.world import World


def _language(world: World) -> Language:
    return "zh" if world.chance(0.72) else "en"


def reading(world: World) -> Document:
    """Return a text of facts and questions with answers, like a page of a reading book."""
    language = _language(world)
    facts = some_facts(world, language, 2, 6)
    invented = [f.entity for f in facts] + [f.value for f in facts]
    gap = world.choice(("", "\n")) if language == "zh" else world.choice((" ", "\n"))
    page = Prose().add(gap.join(state(world, f, language) for f in facts) + "\n", invented)
    for fact in world.random.sample(facts, world.random.randint(1, len(facts))):
        question = ask(world, fact.entity, fact.attribute, language)
        if language == "zh":
            reply = f"{fact.entity}的{fact.attribute.name}是{fact.value}。"
            page.add(f"问：{question}\n答：{reply}\n")
        else:
            reply = f"The {fact.attribute.name} of {fact.entity} is {fact.value}."
            page.add(f"Question: {question}\nAnswer: {reply}\n")
    return page.document()


def portrait(world: World) -> Document:
    """Return one entity's facts as a list, then the same as sentences or as a record."""
    language = _language(world)
    kind = world.choice(list(KINDS[language]))
    entity = make_entity(world, kind, language)
    chosen = world.random.sample(KINDS[language][kind], world.random.randint(2, 5))
    facts: list[Fact] = [make_fact(world, entity, attribute) for attribute in chosen]
    invented = [entity, *(f.value for f in facts)]
    page = Prose()
    if world.chance(0.5):
        colon = "：" if language == "zh" else ": "
        page.add(entity + "\n", invented)
        page.add("".join(f"- {f.attribute.name}{colon}{f.value}\n" for f in facts), invented)
    else:
        record = {"name": entity} | {f.attribute.name: f.value for f in facts}
        page.add(json.dumps(record, ensure_ascii=False) + "\n", invented)
    world.random.shuffle(facts)
    form = "{e}的{a}是{v}。" if language == "zh" else "The {a} of {e} is {v}. "
    page.add("".join(form.format(e=entity, a=f.attribute.name, v=f.value) for f in facts) + "\n")
    return page.document()


def echo(world: World) -> Document:
    """Return passages that come back several times, in one line or in turn."""
    page = Prose()
    passages = [copying.passage(world) for _ in range(world.random.randint(1, 3))]
    for _ in range(world.random.randint(2, 4)):
        page.add("".join(f"{passage}\n" for passage in passages), passages)
        world.random.shuffle(passages)
    return page.document()


def tale(world: World) -> Document:
    """Return a tale with its title."""
    hero, place = world.pick(lambda: (world.choice(story.HEROES), world.choice(story.PLACES)))
    text = story.tale(world, hero, place, world.choice(story.NAMES), world.choice(story.LENGTHS))
    return Prose().add(f"{hero}在{place}的故事\n").add(text + "\n").document()


def textbook(world: World) -> Document:
    """Return comparisons of decimals and of versions, worked out."""
    page = Prose()
    for _ in range(world.random.randint(1, 4)):
        two = decimals.pair(world)
        invented = [two.first, two.second]
        if world.chance(0.8):
            page.add(f"比较{two.first}和{two.second}。\n", invented).add(two.worked() + "\n")
        else:
            page.add(f"版本{two.first}和版本{two.second}，", invented).add(f"{two.later}更新。\n")
    return page.document()


def almanac(world: World) -> Document:
    """Return general knowledge as sentences, or as questions with short answers."""
    language = _language(world)
    page, asking = Prose(), world.chance(0.5)
    for _ in range(world.random.randint(3, 8)):
        relation = world.choice(relations(language))
        thing, value = world.choice(relation.pairs)
        if asking:
            question = world.choice(choice.open_asks(relation, language)).format(thing)
            form = "问：{q}\n答：{v}\n" if language == "zh" else "Question: {q}\nAnswer: {v}\n"
            page.add(form.format(q=question, v=value))
            continue
        page.add(relation.says.format(thing, value) + ("" if language == "zh" else " "))
    return page.add("\n").document()


def quiz(world: World) -> Document:
    """Return multiple choice questions with their answers."""
    page = Prose()
    language = _language(world)
    for _ in range(world.random.randint(1, 3)):
        sample = choice.sample(world, 1, language)
        page.add(f"{sample.turns[0].content} ".rstrip() + "\n").add(f"{sample.reply}\n\n")
    return page.document()


KINDS_OF_PROSE = {
    reading: 0.30,
    portrait: 0.20,
    echo: 0.08,
    tale: 0.12,
    textbook: 0.10,
    almanac: 0.10,
    quiz: 0.10,
}
"""What the plain text consists of, by number of documents."""
