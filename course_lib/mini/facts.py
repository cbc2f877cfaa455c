"""Invented facts, "the Y of X is V", that the lookup skills and the plain text are about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from course_lib.language import Language
from course_lib.mini.memory import HOBBIES, JOBS
from course_lib.mini.words import bilingual
from course_lib.mini.world import World

Value = Callable[[World], str]

COLOURS = bilingual("colours")
FOODS = bilingual("foods")
ANIMALS = bilingual("animals")
MATERIALS = bilingual("materials")
FEATURES = bilingual("features")


def _words(table: dict[Language, tuple[str, ...]], language: Language) -> Value:
    def value(world: World) -> str:
        if language == "zh" and world.chance(0.3):
            return world.hanzi(2, 4)
        return world.choice(table[language])

    return value


def _number(unit: str, most_digits: int = 4) -> Value:
    return lambda world: f"{world.number(most_digits)}{unit}"


def _date_zh(world: World) -> str:
    return f"{world.random.randint(1, 12)}月{world.random.randint(1, 28)}日"


def _year_zh(world: World) -> str:
    return f"{world.random.randint(1900, 2026)}年"


def _address_zh(world: World) -> str:
    return f"{world.city('zh')}{world.hanzi(2, 2)}路{world.random.randint(1, 999)}号"


@dataclass(frozen=True)
class Attribute:
    """A thing to know: its name, its value, the words that ask for it."""

    name: str
    value: Value
    asks: str = "是什么"


def _person(language: Language) -> Value:
    return lambda world: world.person(language)


def _city(language: Language) -> Value:
    return lambda world: world.city(language)


def _kinds_zh() -> dict[str, tuple[Attribute, ...]]:
    person, city = _person("zh"), _city("zh")
    phone = Attribute("电话", _number("", 8), "是多少")
    code = Attribute("编号", lambda w: w.code() if w.chance(0.5) else str(w.number()), "是多少")
    return {
        "person": (
            Attribute("生日", _date_zh, "是哪一天"),
            phone,
            code,
            Attribute("年龄", _number("岁", 2), "是多少"),
            Attribute("身高", lambda w: f"{w.random.randint(100, 210)}厘米", "是多少"),
            Attribute("体重", lambda w: f"{w.random.randint(20, 120)}公斤", "是多少"),
            Attribute("老师", person, "是谁"),
            Attribute("好朋友", person, "是谁"),
            Attribute("同桌", person, "是谁"),
            Attribute("故乡", city, "是哪里"),
            Attribute("住址", _address_zh, "是哪里"),
            Attribute("爱好", _words(HOBBIES, "zh")),
            Attribute("职业", _words(JOBS, "zh")),
            Attribute("早餐", _words(FOODS, "zh")),
            Attribute("头像", _words(ANIMALS, "zh")),
            Attribute("幸运色", _words(COLOURS, "zh")),
            Attribute("学校", lambda w: w.organisation("zh"), "是哪里"),
        ),
        "organisation": (
            phone,
            code,
            Attribute("成立时间", _year_zh, "是哪一年"),
            Attribute("创始人", person, "是谁"),
            Attribute("负责人", person, "是谁"),
            Attribute("馆长", person, "是谁"),
            Attribute("地址", _address_zh, "是哪里"),
            Attribute("总部", city, "是哪里"),
            Attribute("面积", _number("平方米", 5), "是多少"),
            Attribute("员工人数", _number("人", 5), "是多少"),
            Attribute("吉祥物", _words(ANIMALS, "zh")),
            Attribute("口号", lambda w: w.hanzi(4, 4)),
            Attribute("主要产品", lambda w: w.product("zh")),
            Attribute("代表颜色", _words(COLOURS, "zh")),
            Attribute("招牌菜", _words(FOODS, "zh")),
        ),
        "product": (
            code,
            Attribute("价格", _number("元"), "是多少"),
            Attribute("重量", _number("克"), "是多少"),
            Attribute("长度", _number("厘米", 3), "是多少"),
            Attribute("颜色", _words(COLOURS, "zh")),
            Attribute("材料", _words(MATERIALS, "zh")),
            Attribute("特点", _words(FEATURES, "zh")),
            Attribute("设计师", person, "是谁"),
            Attribute("作者", person, "是谁"),
            Attribute("产地", city, "是哪里"),
            Attribute("发布时间", _year_zh, "是哪一年"),
            Attribute("版本", lambda w: f"{w.number(2)}.{w.number(2)}", "是多少"),
            Attribute("参数量", lambda w: f"{w.number(3)}亿", "是多少"),
            Attribute("许可证", lambda w: w.code()),
            Attribute("代号", lambda w: w.hanzi(2, 2)),
        ),
    }


def _kinds_en() -> dict[str, tuple[Attribute, ...]]:
    person, city = _person("en"), _city("en")
    phone = Attribute("phone number", _number("", 8))
    code = Attribute("code", lambda w: w.code() if w.chance(0.5) else str(w.number()))
    return {
        "person": (
            phone,
            code,
            Attribute("age", _number("", 2)),
            Attribute("teacher", person, "Who is"),
            Attribute("best friend", person, "Who is"),
            Attribute("home town", city),
            Attribute("hobby", _words(HOBBIES, "en")),
            Attribute("job", _words(JOBS, "en")),
            Attribute("favorite food", _words(FOODS, "en")),
            Attribute("favorite color", _words(COLOURS, "en")),
            Attribute("birth year", lambda w: str(w.random.randint(1900, 2020))),
        ),
        "organisation": (
            phone,
            code,
            Attribute("founder", person, "Who is"),
            Attribute("manager", person, "Who is"),
            Attribute("address", lambda w: f"{w.random.randint(1, 999)} {w.city('en')} Street"),
            Attribute("city", city),
            Attribute("area", _number(" square meters", 5)),
            Attribute("mascot", _words(ANIMALS, "en")),
            Attribute("opening year", lambda w: str(w.random.randint(1900, 2026))),
        ),
        "product": (
            code,
            Attribute("price", _number(" yuan")),
            Attribute("weight", _number(" grams")),
            Attribute("color", _words(COLOURS, "en")),
            Attribute("material", _words(MATERIALS, "en")),
            Attribute("designer", person, "Who is"),
            Attribute("version", lambda w: f"{w.number(2)}.{w.number(2)}"),
            Attribute("release year", lambda w: str(w.random.randint(1990, 2026))),
        ),
    }


KINDS: dict[Language, dict[str, tuple[Attribute, ...]]] = {"zh": _kinds_zh(), "en": _kinds_en()}


@dataclass(frozen=True)
class Fact:
    """The ``attribute`` of ``entity`` is ``value``."""

    entity: str
    attribute: Attribute
    value: str

    @property
    def key(self) -> tuple[str, str]:
        """Return what the fact is about."""
        return self.entity, self.attribute.name


def make_fact(world: World, entity: str, attribute: Attribute) -> Fact:
    """Return a fact with an invented value."""
    return Fact(entity, attribute, attribute.value(world))


def make_entity(world: World, kind: str, language: Language) -> str:
    """Return the name of an entity of ``kind``: person, organisation or product."""
    makers = {
        "person": world.person,
        "organisation": world.organisation,
        "product": world.product,
    }
    return makers[kind](language)


STATEMENTS: dict[Language, tuple[str, ...]] = {
    "zh": ("{e}的{a}是{v}。", "{e}的{a}是{v}。", "{e}的{a}为{v}。", "{e}，{a}：{v}。"),
    "en": ("The {a} of {e} is {v}.", "The {a} of {e} is {v}.", "{e}: the {a} is {v}."),
}


def state(world: World, fact: Fact, language: Language) -> str:
    """Return the fact as a sentence."""
    form = world.choice(STATEMENTS[language])
    return form.format(e=fact.entity, a=fact.attribute.name, v=fact.value)


def ask(world: World, entity: str, attribute: Attribute, language: Language) -> str:
    """Return a question for a fact."""
    name, asks = attribute.name, attribute.asks
    if language == "en":
        head = asks if asks.startswith("Who") else "What is"
        direct = f"{head} the {name} of {entity}?"
        return world.choice((direct, direct, f"Tell me the {name} of {entity}."))
    return world.choice(
        (
            f"{entity}的{name}{asks}？",
            f"{entity}的{name}{asks}？",
            f"请问{entity}的{name}{asks}？",
            f"{entity}的{name}是什么？",
            f"你知道{entity}的{name}吗？",
            f"告诉我{entity}的{name}。",
            f"{entity}的{name}？",
        )
    )


def some_facts(world: World, language: Language, least: int, most: int) -> list[Fact]:
    """Return ``least`` to ``most`` facts about one to three entities that share attributes."""
    count = world.random.randint(least, most)
    kinds = KINDS[language]
    kind = world.choice(list(kinds))
    entities = [make_entity(world, kind, language)]
    attributes = world.random.sample(kinds[kind], min(len(kinds[kind]), max(2, count)))
    for _ in range(min(count - 1, world.random.choice((0, 1, 1, 2, 2)))):
        entities.append(make_entity(world, kind, language))
    facts: dict[tuple[str, str], Fact] = {}
    turn = 0
    while len(facts) < count:
        entity = entities[turn % len(entities)] if turn < len(entities) else world.choice(entities)
        reuse = [f.attribute for f in facts.values() if f.entity != entity]
        shared = bool(reuse) and world.chance(0.5)
        fact = make_fact(world, entity, world.choice(reuse if shared else attributes))
        facts.setdefault(fact.key, fact)
        turn += 1
        if turn > 10 * count:
            break
    return list(facts.values())
