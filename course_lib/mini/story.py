"""Skill: a short tale with the hero, the place and the length that the prompt asks for."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.mini.dialogue import Sample
from course_lib.mini.words import words
from course_lib.mini.world import World
from course_lib.template import Message

HEROES = words("heroes", "zh")
NAMES = words("pet_names", "zh")
PLACES = words("places", "zh")
HELPERS = words("helpers", "zh")


@dataclass(frozen=True)
class Plot:
    """What goes wrong, what the helper says, how it ends, and what it teaches."""

    trouble: str
    advice: str
    ending: str
    lesson: str


PLOTS = (
    Plot("不小心弄丢了家里的钥匙", "沿着来时的路慢慢找", "在一棵大树下面找到了钥匙", "细心"),
    Plot("走着走着迷了路", "看看太阳的方向，再顺着小河走", "平安地回到了家", "冷静"),
    Plot("心爱的风筝挂在了树上", "用一根长竹竿轻轻地拨", "把风筝完好地取了下来", "合作"),
    Plot("发现过河的小桥断了", "找些木头一起把桥修好", "让小桥变得比以前更结实", "坚持"),
    Plot("种下的种子一直没有发芽", "每天浇水，再耐心等几天", "看到了一棵嫩绿的小苗", "耐心"),
    Plot("不小心把新买的皮球踢进了河里", "用渔网慢慢地捞", "把皮球捞了上来", "合作"),
    Plot("遇到了一场很大的雨", "先躲到屋檐下面，一起唱歌等雨停", "看到了一道弯弯的彩虹", "乐观"),
    Plot("把朋友的书弄湿了", "先去道歉，再把书一页一页晒干", "得到了朋友的原谅", "诚实"),
    Plot("发现只剩下一块面包", "把面包分成两半，一人一半", "发现两个人一起吃更香", "分享"),
    Plot("要参加比赛，心里非常紧张", "深吸一口气，想想平时的练习", "勇敢地跑完了全程", "勇敢"),
    Plot(
        "做了很久的木船怎么也浮不起来", "把木船的底部磨得平一些", "让木船稳稳地浮在了水上", "动脑筋"
    ),
    Plot("发现邻居家的灯一直没有亮", "敲敲门，问一问要不要帮忙", "帮邻居换好了灯泡", "关心别人"),
)
WEATHER = ("阳光明媚", "微风轻轻吹过", "天空特别蓝", "空气里有花的香味", "白云像棉花糖一样")
TIMES = ("一天早晨", "一天下午", "一个周末", "春天的一天", "秋天的一天", "一个晴朗的日子")
FEELINGS = ("着急", "难过", "担心", "伤心")
JOYS = ("开心极了", "高兴得跳了起来", "笑得合不拢嘴", "心里暖洋洋的")
LENGTHS = (100, 200, 300)
"""The lengths that a prompt may ask for, in characters; a tale keeps to them within a fifth."""


@dataclass(frozen=True)
class Sentence:
    """One sentence of a tale; a tale of 100 characters has level 0 only, of 300 all three."""

    text: str
    level: int = 0


def _sentences(world: World, hero: str, place: str, name: str) -> list[Sentence]:
    """Return a whole tale, sentence by sentence."""
    plot, helper, choice = world.choice(PLOTS), world.choice(HELPERS), world.choice
    weather, time, joy = choice(WEATHER), choice(TIMES), choice(JOYS)
    return [
        Sentence(
            choice(
                (
                    f"从前，{place}住着一个叫{name}的{hero}。",
                    f"很久以前，有一个名叫{name}的{hero}，家就在{place}。",
                    f"在{place}，大家都认识{hero}{name}。",
                )
            )
        ),
        Sentence(
            choice(
                (
                    f"{name}最喜欢听故事，也喜欢帮助别人。",
                    f"{name}总是笑眯眯的，朋友们都喜欢它。",
                    f"{name}每天都要出门走一走，看看新鲜的东西。",
                )
            ),
            2,
        ),
        Sentence(
            choice(
                (
                    f"{time}，{weather}，{name}高高兴兴地出了门。",
                    f"{time}，{name}背上小书包出去玩，{weather}。",
                )
            )
        ),
        Sentence(
            choice(
                (
                    f"路边的小花向{name}点头，小鸟在枝头唱歌。",
                    f"{name}一边走一边唱，觉得这一天一定会很美好。",
                    f"{name}走了很远，看到了许多有趣的东西。",
                )
            ),
            1,
        ),
        Sentence(f"可是，{name}{plot.trouble}。"),
        Sentence(
            choice(
                (
                    f"{name}心里很{choice(FEELINGS)}，不知道怎么办才好。",
                    f"{name}很{choice(FEELINGS)}，差一点哭了出来。",
                )
            ),
            1,
        ),
        Sentence(f"{name}想：我不能就这样放弃，一定会有办法的。", 2),
        Sentence(
            choice(
                (
                    f"正好{helper}路过，关心地问：“{name}，你怎么了？”",
                    f"{helper}听到声音，走过来问：“需要帮忙吗？”",
                )
            ),
            1,
        ),
        Sentence(f"{name}把事情从头到尾说了一遍。", 2),
        Sentence(
            choice(
                (
                    f"{helper}说：“别急，我们可以{plot.advice}。”",
                    f"{helper}想了想，说：“试试看，{plot.advice}。”",
                )
            )
        ),
        Sentence(
            choice(
                (
                    f"第一次没有成功，{name}擦了擦汗，又试了一次。",
                    f"一开始并不顺利，{helper}在旁边不停地给{name}加油。",
                )
            ),
            2,
        ),
        Sentence(
            choice(
                (
                    f"{name}照着做了，最后{plot.ending}。",
                    f"他们一起动手，过了一会儿，{name}终于{plot.ending}。",
                )
            )
        ),
        Sentence(
            choice(
                (
                    f"{name}{joy}，连忙对{helper}说：“谢谢你！”",
                    f"{name}{joy}，给了{helper}一个大大的拥抱。",
                )
            ),
            1,
        ),
        Sentence(
            choice(
                (
                    f"晚上，{name}躺在床上，把这一天的事又想了一遍。",
                    f"回家以后，{name}把这件事讲给朋友们听，大家都拍起手来。",
                )
            ),
            2,
        ),
        Sentence(
            choice(
                (
                    f"从那以后，{hero}{name}明白了{plot.lesson}有多么重要。",
                    f"这一天，{hero}{name}懂得了要{plot.lesson}的道理。"
                    if plot.lesson not in ("细心", "冷静", "耐心", "乐观", "诚实", "勇敢")
                    else f"这一天，{hero}{name}懂得了做事要{plot.lesson}。",
                )
            )
        ),
        Sentence(f"后来，{name}也常常去帮助别人，{place}里到处都有笑声。", 2),
    ]


def tale(world: World, hero: str, place: str, name: str, length: int) -> str:
    """Return a tale of ``length`` characters, within a fifth."""
    top = LENGTHS.index(length)
    while True:
        text = "".join(s.text for s in _sentences(world, hero, place, name) if s.level <= top)
        if length * 0.83 <= len(text) <= length * 1.17:
            return text


ASKS = (
    "讲一个关于{h}的故事，发生在{p}。",
    "请写一个小故事，主角是{h}，地点是{p}。",
    "写一个{h}在{p}的童话故事。",
    "给我讲个{h}和{p}的故事吧。",
    "请以{h}为主角、{p}为地点，写一个故事。",
)
ASKS_OF_LENGTH = (
    "讲一个关于{h}的{n}字故事，发生在{p}。",
    "请写一个{n}字的小故事，主角是{h}，地点是{p}。",
    "请创作一个{n}字左右的童话，主角是{h}，地点是{p}。",
    "写一个{h}在{p}的故事，{n}字左右。",
)
FREE_ASKS = ("讲一个故事。", "给我讲个故事吧。", "写一个童话故事。", "请讲一个小故事。")
FREE_ASKS_OF_LENGTH = (
    "请写一个{n}字的小故事。",
    "请创作一个{n}字的故事。",
    "写一个{n}字左右的童话故事。",
    "讲一个{n}字的故事。",
)


def sample(world: World, rounds: int = 1) -> Sample:
    """Return a request for a tale and the tale; ``expected`` is ``hero|place|least|most``."""
    hero, place = world.pick(lambda: (world.choice(HEROES), world.choice(PLACES)))
    if world.chance(0.2):
        hero = world.pick(lambda: world.hanzi(2, 3))
    name = world.choice(NAMES)
    sized = world.chance(0.6)
    length = world.choice((100, 200, 300, 300) if sized else (200, 200, 300))
    free = world.chance(0.15) and not world.held_out
    asks = (
        (FREE_ASKS_OF_LENGTH if sized else FREE_ASKS)
        if free
        else (ASKS_OF_LENGTH if sized else ASKS)
    )
    ask = world.choice(asks).format(h=hero, p=place, n=length)
    if world.chance(0.2):
        ask = ask.replace("。", "")
    if sized and world.chance(0.2):
        ask = ask.replace(f"{length}字", f" {length} 字")
    least, most = (int(length * 0.8), int(length * 1.2)) if sized else (150, 400)
    turns = (Message("user", ask), Message("assistant", tale(world, hero, place, name, length)))
    return Sample("story", turns, f"{hero}|{place}|{least}|{most}")
