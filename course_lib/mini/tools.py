"""The tools that training dialogues offer: what each does, how people ask, what it returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from course_lib.language import Language, Text
from course_lib.mini.facts import KINDS, ask
from course_lib.mini.world import World

Value = int | str
Make = Callable[[World, Language], tuple[Value, ...]]
Result = Callable[[World, Language, tuple[Value, ...]], Value]


@dataclass(frozen=True)
class Kind:
    """A kind of tool; ``{0}``, ``{1}`` stand for its arguments, ``{r}`` for what it returns."""

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


def _two_numbers(world: World, language: Language) -> tuple[Value, ...]:
    return world.pick(lambda: (world.number(), world.number()))


def _city(world: World, language: Language) -> tuple[Value, ...]:
    return (world.city(language),)


def _two_cities(world: World, language: Language) -> tuple[Value, ...]:
    return world.city(language), world.city(language)


def _thing(world: World, language: Language) -> tuple[Value, ...]:
    return (world.entity(language),)


def _person(world: World, language: Language) -> tuple[Value, ...]:
    return (world.person(language),)


def _time(world: World, language: Language) -> tuple[Value, ...]:
    return world.pick(lambda: (world.random.randint(5, 23), world.random.randint(1, 59)))


def _weather(world: World, language: Language, values: tuple[Value, ...]) -> Value:
    degrees = world.random.randint(-10, 38)
    if language == "zh":
        return f"{world.choice(('晴', '多云', '小雨', '大雨', '阴', '雪'))}，{degrees}度"
    return f"{world.choice(('sunny', 'cloudy', 'rainy', 'windy', 'snowy'))}, {degrees} degrees"


def _clock(world: World, language: Language, values: tuple[Value, ...]) -> Value:
    return f"{world.random.randint(0, 23)}:{world.random.randint(10, 59)}"


def _found(world: World, language: Language, values: tuple[Value, ...]) -> Value:
    if language == "zh":
        return f"{world.entity('zh')}{world.choice(('很受欢迎', '刚刚发布', '位于' + world.city('zh')))}"
    return f"{world.entity('en')} is {world.choice(('popular', 'new', 'in ' + world.city('en')))}"


def _digits(world: World, language: Language, values: tuple[Value, ...]) -> Value:
    return str(world.random.randint(10**6, 10**8))


def _letters(world: World, language: Language, values: tuple[Value, ...]) -> Value:
    return "".join(
        world.choice("abcdefghiklmnoprstuw") for _ in range(world.random.randint(4, 8))
    )



def _sum(world: World, language: Language, values: tuple[Value, ...]) -> Value:
    return int(values[0]) + int(values[1])


def _difference(world: World, language: Language, values: tuple[Value, ...]) -> Value:
    return int(values[0]) - int(values[1])


def _product(world: World, language: Language, values: tuple[Value, ...]) -> Value:
    return int(values[0]) * int(values[1])


KINDS_OF_TOOLS = (
    Kind(
        ("add", "sum", "plus", "Add", "Calculator.add"),
        ("a", "b"),
        Text("计算两个数的和", "add two numbers"),
        Text("需要计算{0}与{1}的和", "I need to add {0} and {1}"),
        ("{0}加{1}等于多少？", "{0}+{1}=？", "请计算{0}与{1}的和。", "{0}和{1}加起来是多少？", "{0}加{1}是多少"),
        ("What is {0} plus {1}?", "Add {0} and {1}.", "What is {0}+{1}?"),
        Text("{0}加{1}等于{r}。", "{0} plus {1} is {r}."),
        _two_numbers,
        _sum,
    ),
    Kind(
        ("subtract", "minus", "sub", "Subtract", "Calculator.subtract"),
        ("a", "b"),
        Text("计算两个数的差", "subtract two numbers"),
        Text("需要计算{0}与{1}的差", "I need to subtract {1} from {0}"),
        ("{0}减{1}等于多少？", "{0}-{1}=？", "请计算{0}减去{1}。", "{0}比{1}多多少？", "{0}减{1}是多少"),
        ("What is {0} minus {1}?", "What is {0}-{1}?", "Compute {0} minus {1}."),
        Text("{0}减{1}等于{r}。", "{0} minus {1} is {r}."),
        _two_numbers,
        _difference,
    ),
    Kind(
        ("multiply", "mul", "times", "Multiply", "Calculator.multiply"),
        ("a", "b"),
        Text("计算两个数的乘积", "multiply two numbers"),
        Text("需要计算{0}与{1}的乘积", "I need to multiply {0} by {1}"),
        ("{0}乘{1}等于多少？", "{0}×{1}=？", "请计算{0}乘以{1}。", "{0}和{1}的乘积是多少？", "{0}乘{1}是多少"),
        ("What is {0} times {1}?", "Multiply {0} by {1}.", "What is {0}*{1}?"),
        Text("{0}乘{1}等于{r}。", "{0} times {1} is {r}."),
        _two_numbers,
        _product,
    ),
    Kind(
        ("get_weather", "weather", "query_weather", "Weather", "GetWeather"),
        ("city",),
        Text("查询城市的天气", "get the weather of a city"),
        Text("需要查询{0}的天气", "I need the weather of {0}"),
        ("{0}今天天气怎么样？", "{0}会下雨吗？", "查一下{0}的天气。", "我要去{0}，天气如何？", "{0}的天气怎么样"),
        ("How is the weather in {0}?", "What is the weather of {0}?", "Will it rain in {0}?"),
        Text("{0}的天气是{r}。", "The weather of {0} is {r}."),
        _city,
        _weather,
    ),
    Kind(
        ("get_time", "now", "query_time", "Clock", "GetTime"),
        ("city",),
        Text("查询城市的当前时间", "get the time of a city"),
        Text("需要查询{0}的时间", "I need the time of {0}"),
        ("{0}现在几点了？", "查一下{0}的时间。", "{0}当前时间是多少？", "{0}现在几点"),
        ("What time is it in {0}?", "What is the time of {0}?"),
        Text("{0}现在的时间是{r}。", "The time of {0} is {r}."),
        _city,
        _clock,
    ),
    Kind(
        ("search", "web_search", "google", "Search", "WebSearch.search"),
        ("query",),
        Text("在网上搜索关键词", "search the web"),
        Text("需要搜索{0}", "I need to search for {0}"),
        ("帮我搜索一下{0}。", "上网查查{0}。", "搜一搜{0}的资料。", "请搜索{0}。", "搜索{0}"),
        ("Search for {0}.", "Search the web for {0}.", "Look for {0} on the web."),
        Text("关于{0}，我查到：{r}。", "About {0} I found: {r}."),
        _thing,
        _found,
    ),
    Kind(
        ("get_phone", "find_phone", "contact", "Phone", "Contacts.phone"),
        ("name",),
        Text("查询某人的电话", "find the phone number of a person"),
        Text("需要查询{0}的电话", "I need the phone number of {0}"),
        ("{0}的电话是多少？", "帮我找{0}的电话。", "怎么给{0}打电话？"),
        ("What is the phone number of {0}?", "How can I call {0}?"),
        Text("{0}的电话是{r}。", "The phone number of {0} is {r}."),
        _person,
        _digits,
    ),
    Kind(
        ("translate", "to_english", "Translator", "Translate"),
        ("text",),
        Text("把中文翻译成英文", "translate into Chinese"),
        Text("需要翻译{0}", "I need to translate {0}"),
        ("把{0}翻译成英文。", "{0}用英语怎么说？", "请翻译：{0}"),
        ("Translate {0} into Chinese.", "How do you say {0} in Chinese?"),
        Text("{0}的翻译是{r}。", "The translation of {0} is {r}."),
        _thing,
        _letters,
    ),
    Kind(
        ("set_alarm", "alarm", "Alarm", "Clock.alarm"),
        ("hour", "minute"),
        Text("设置闹钟", "set an alarm"),
        Text("需要设置{0}点{1}分的闹钟", "I need to set an alarm for {0} {1}"),
        ("明天{0}点{1}分叫我起床。", "设一个{0}点{1}分的闹钟。", "{0}点{1}分提醒我。"),
        ("Set an alarm for {0} {1}.", "Wake me up at {0} {1}."),
        Text("{0}点{1}分的闹钟设好了。", "The alarm for {0} {1} is set."),
        _time,
        lambda world, language, values: "ok",
    ),
    Kind(
        ("get_price", "price", "stock_price", "Price", "Shop.price"),
        ("item",),
        Text("查询商品的价格", "get the price of an item"),
        Text("需要查询{0}的价格", "I need the price of {0}"),
        ("{0}多少钱？", "{0}的价格是多少？", "查一下{0}卖多少钱。"),
        ("What is the price of {0}?", "How much is {0}?"),
        Text("{0}的价格是{r}元。", "The price of {0} is {r} yuan."),
        lambda world, language: (world.product(language),),
        lambda world, language, values: world.number(),
    ),
    Kind(
        ("draw", "generate_image", "Painter.draw", "MagicMaker.generate_image"),
        ("keywords",),
        Text("根据关键词画图", "draw a picture from keywords"),
        Text("需要画{0}", "I need to draw {0}"),
        ("画一张{0}的图。", "帮我画{0}。", "请生成一张{0}的图片。"),
        ("Draw a picture of {0}.", "Draw {0}.", "Make an image of {0}."),
        Text("{0}的图画好了：{r}。", "The picture of {0} is here: {r}."),
        _thing,
        lambda world, language, values: f"{world.code()}.png",
    ),
    Kind(
        ("find_train", "train", "Trains.find", "query_train"),
        ("start", "end"),
        Text("查询两地之间的火车", "find a train between two cities"),
        Text("需要查询{0}到{1}的火车", "I need a train from {0} to {1}"),
        ("从{0}到{1}坐哪趟火车？", "查一下{0}到{1}的火车。", "{0}到{1}有火车吗？"),
        ("Which train goes from {0} to {1}?", "Find a train from {0} to {1}."),
        Text("{0}到{1}的火车是{r}。", "The train from {0} to {1} is {r}."),
        _two_cities,
        lambda world, language, values: world.code(),
    ),
)


def lookup_kind(world: World, language: Language) -> Kind:
    """Return an invented tool that looks up one attribute; a learner's own tool is like it."""
    sort = world.choice(list(KINDS[language]))
    attribute = world.choice(KINDS[language][sort])
    a = attribute.name
    stem = _letters(world, language, ())[: world.random.randint(3, 6)]
    name = world.choice(
        (f"get_{stem}", f"query_{stem}", f"find_{stem}", stem, stem.capitalize(), f"{stem.capitalize()}.get")
    )
    argument = world.choice(("name", "query", "item", "key", "text"))
    makers = {"person": world.person, "organisation": world.organisation, "product": world.product}
    entity = makers[sort](language)
    question = ask(world, entity, attribute, language)
    asks = (question,)
    return Kind(
        (name,),
        (argument,),
        Text(world.choice((f"查询{a}", f"根据名称查询{a}", f"获取{a}")), f"look up the {a}"),
        Text("需要查询{0}的" + a, "I need the " + a + " of {0}"),
        asks,
        asks,
        Text("{0}的" + a + "是{r}。", "The " + a + " of {0} is {r}."),
        lambda world, language: (entity,),
        lambda world, language, values: attribute.value(world),
    )


def some_tools(world: World, language: Language, count: int) -> tuple[list[Tool], list[Kind]]:
    """Return ``count`` tools to offer, and other kinds that are not offered."""
    invented = [lookup_kind(world, language) for _ in range(3)]
    known = world.random.sample(KINDS_OF_TOOLS, 6)
    mixed = invented + known if world.chance(0.7) else known
    unique = list({kind.does.in_language(language): kind for kind in mixed}.values())
    world.random.shuffle(unique)
    offered, others = unique[:count], unique[count:]
    tools: list[Tool] = []
    for kind in offered:
        name = world.choice(kind.names)
        if world.chance(0.15):
            name = _letters(world, language, ())[:4] + world.choice(("", "_tool", "_api"))
        tools.append(Tool(name, kind.arguments, kind.does.in_language(language), kind))
    return tools, others
