"""The tools that training dialogues offer: what each does, how people ask, what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from course_lib.language import Language, Text
from course_lib.mini.facts import KINDS, ask
from course_lib.mini.world import World

Value = int | str
Values = tuple[Value, ...]
Make = Callable[[World, Language], Values]
Result = Callable[[World, Language, Values], Value]
PATH = Path(__file__).with_name("tools.yml")


@dataclass(frozen=True)
class Kind:
    """A kind of tool; ``{0}``, ``{1}`` stand for its arguments, ``{r}`` for what it returns.

    ``need`` repeats what the tool does, so that looking for it in the list is one motion.
    """

    names: tuple[str, ...]
    arguments: tuple[str, ...]
    does: Text
    need: Text
    asks_zh: tuple[str, ...]
    asks_en: tuple[str, ...]
    answer: Text
    make: Make
    result: Result

    def asks(self, language: Language) -> tuple[str, ...]:
        """Return the ways to ask for it."""
        return self.asks_zh if language == "zh" else self.asks_en


@dataclass(frozen=True)
class Tool:
    """A kind of tool under the name and with the arguments that a prompt gives it."""

    name: str
    arguments: tuple[str, ...]
    does: str
    kind: Kind


def _two_numbers(world: World, language: Language) -> Values:
    return world.pick(lambda: (world.number(), world.number()))


def _city(world: World, language: Language) -> Values:
    return (world.city(language),)


def _two_cities(world: World, language: Language) -> Values:
    return world.city(language), world.city(language)


def _thing(world: World, language: Language) -> Values:
    return (world.entity(language),)


def _person(world: World, language: Language) -> Values:
    return (world.person(language),)


def _product_name(world: World, language: Language) -> Values:
    return (world.product(language),)


def _time(world: World, language: Language) -> Values:
    return world.pick(lambda: (world.random.randint(5, 23), world.random.randint(1, 59)))


def _sum(world: World, language: Language, values: Values) -> Value:
    return int(values[0]) + int(values[1])


def _difference(world: World, language: Language, values: Values) -> Value:
    return int(values[0]) - int(values[1])


def _product(world: World, language: Language, values: Values) -> Value:
    return int(values[0]) * int(values[1])


def _weather(world: World, language: Language, values: Values) -> Value:
    degrees = world.random.randint(-10, 38)
    if language == "zh":
        return f"{world.choice(('晴', '多云', '小雨', '大雨', '阴', '雪'))}，{degrees}度"
    return f"{world.choice(('sunny', 'cloudy', 'rainy', 'windy', 'snowy'))}, {degrees} degrees"


def _clock(world: World, language: Language, values: Values) -> Value:
    return f"{world.random.randint(0, 23)}:{world.random.randint(10, 59)}"


def _found(world: World, language: Language, values: Values) -> Value:
    if language == "zh":
        entity = world.entity("zh")
        return entity + world.choice(("很受欢迎", "刚刚发布", "位于" + world.city("zh")))
    return f"{world.entity('en')} is {world.choice(('popular', 'new', 'in ' + world.city('en')))}"


def _digits(world: World, language: Language, values: Values) -> Value:
    return str(world.random.randint(10**6, 10**8))


def _word(world: World) -> str:
    letters = "abcdefghiklmnoprstuw"
    return "".join(world.choice(letters) for _ in range(world.random.randint(4, 8)))


WORKINGS: Mapping[str, tuple[Make, Result]] = {
    "add": (_two_numbers, _sum),
    "subtract": (_two_numbers, _difference),
    "multiply": (_two_numbers, _product),
    "weather": (_city, _weather),
    "time": (_city, _clock),
    "search": (_thing, _found),
    "phone": (_person, _digits),
    "translate": (_thing, lambda world, language, values: _word(world)),
    "alarm": (_time, lambda world, language, values: "ok"),
    "price": (_product_name, lambda world, language, values: world.number()),
    "draw": (_thing, lambda world, language, values: f"{world.code()}.png"),
    "train": (_two_cities, lambda world, language, values: world.code()),
}
"""How the arguments of each kind are made up, and its result."""


@cache
def tool_kinds() -> dict[str, Kind]:
    """Return the kinds of tools by name, in the order of ``tools.yml``."""
    raw = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return {
        key: Kind(
            tuple(kind["names"]),
            tuple(kind["arguments"]),
            Text(kind["zh"]["does"], kind["en"]["does"]),
            Text(f"需要{kind['zh']['does']}", f"I need to {kind['en']['does']}"),
            tuple(kind["zh"]["asks"]),
            tuple(kind["en"]["asks"]),
            Text(kind["zh"]["answer"], kind["en"]["answer"]),
            *WORKINGS[key],
        )
        for key, kind in raw.items()
    }


OF_OTHER_TOOLS = ("电话", "价格", "phone number", "price")
"""What a tool of ``tools.yml`` looks up already: two that suit would leave the choice open."""


def invented_name(world: World) -> str:
    """Return the name of a tool that says nothing about what it does."""
    stem = _word(world)[: world.random.randint(3, 6)]
    big = stem.capitalize()
    return world.choice((f"get_{stem}", f"query_{stem}", f"find_{stem}", stem, big, f"{big}.get"))


def lookup_kind(world: World, language: Language) -> Kind:
    """Return an invented tool that looks up one attribute; a learner's own tool is like it."""
    sort = world.choice(list(KINDS[language]))
    attribute = world.choice([a for a in KINDS[language][sort] if a.name not in OF_OTHER_TOOLS])
    a = attribute.name
    name = invented_name(world)
    argument = world.choice(("name", "query", "item", "key", "text"))
    makers = {"person": world.person, "organisation": world.organisation, "product": world.product}
    entity = makers[sort](language)
    question = ask(world, entity, attribute, language)
    return Kind(
        (name,),
        (argument,),
        Text(world.choice((f"查询{a}", f"根据名称查询{a}", f"获取{a}")), f"look up the {a}"),
        Text(f"需要查询{a}", f"I need to look up the {a}"),
        (question,),
        (question,),
        Text("{0}的" + a + "是{r}。", "The " + a + " of {0} is {r}."),
        lambda world, language: (entity,),
        lambda world, language, values: attribute.value(world),
    )


def some_tools(world: World, language: Language, count: int) -> tuple[list[Tool], list[Kind]]:
    """Return ``count`` tools to offer, and other kinds that are not offered."""
    invented = [lookup_kind(world, language) for _ in range(3)]
    known = world.random.sample(list(tool_kinds().values()), 6)
    mixed = invented + known if world.chance(0.7) else known
    unique = list({kind.need.in_language(language): kind for kind in mixed}.values())
    world.random.shuffle(unique)
    offered, others = unique[:count], unique[count:]
    tools: list[Tool] = []
    for kind in offered:
        name = world.choice(kind.names)
        if world.chance(0.15):
            name = _word(world)[:4] + world.choice(("", "_tool", "_api"))
        tools.append(Tool(name, kind.arguments, kind.does.in_language(language), kind))
    return tools, others
