"""A haystack written for this course, with a needle, a look-alike, and two questions."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.language import Language, current_language


@dataclass(frozen=True)
class Haystack:
    """Filler text and what to hide in it; one token is a character (zh) or a word (en)."""

    text: str
    needle: str
    keyword: str
    question: str
    other_needle: str
    two_step_question: str
    glue: str

    def split(self, text: str) -> list[str]:
        """Return ``text`` as tokens."""
        return text.split() if self.glue else list(text.strip())

    def filler(self, length: int) -> list[str]:
        """Return at least ``length`` tokens of filler: the text, repeated."""
        tokens = self.split(self.text)
        return tokens * (length // len(tokens) + 1)


_ZH = Haystack(
    text="""\
山上的天文台每周五对外开放。傍晚六点，班车从镇上的邮局门口出发，盘山路要走四十分钟。司机老周开得很稳，\
他说这条路上最难的不是弯，是雾。到了山顶，风先来迎接客人，然后才是星空。讲解员把手电筒蒙上红布，免得晃了大家的眼睛。\
圆顶慢慢打开，齿轮的声音像一台老旧的打字机。望远镜是三十年前装的，镜片每年秋天擦一次。排队的人轮流凑到目镜前，\
有人看见了土星的光环，有人只看见自己的睫毛。孩子们在草地上铺开毯子，数流星，数到第七颗就睡着了。\
小红最喜欢的星座是小熊座。她说北极星不亮，可是它不走。厨房里煮着姜茶，铁皮壶的盖子一直在响。\
值夜班的学生在本子上记下温度、湿度和云量，字迹越到后半夜越潦草。墙上挂着一张旧星图，边角被茶水染黄了。\
有一年冬天停电，大家点着蜡烛等到天亮，谁也没有看成星星，却成了朋友。凌晨三点，雾从山谷里升上来，圆顶又合上了。\
下山的路上没有人说话，车灯照出一小段路，再照出下一小段。到了镇上，面包房的灯已经亮了。
""",
    needle="小明最喜欢的星座是大熊座。",
    keyword="大熊座",
    question="小明最喜欢的星座是什么？",
    other_needle="天文台的看门人是小明。",
    two_step_question="天文台的看门人最喜欢的星座是什么？",
    glue="",
)

_EN = Haystack(
    text="""\
The observatory on the hill opens its doors every Friday. At six the bus leaves from the post
office in town, and the winding road takes forty minutes. Old Zhou drives with care and says that
the bends are easy but the fog is not. At the top the wind greets the guests first and the stars
come second. The guide wraps a torch in red cloth so that nobody is dazzled. The dome opens
slowly and its gears sound like an old typewriter. The telescope was built thirty years ago and
its mirror is cleaned each autumn. People queue at the eyepiece and some see the rings of Saturn
while others see only their own lashes. Children spread blankets on the grass, count meteors, and
fall asleep at the seventh. Hong's favourite constellation is Ursa Minor. She says the pole star
may be faint but it stays. Ginger tea simmers in the kitchen and the lid of the tin pot keeps
rattling. The student on night shift writes down temperature, humidity and cloud, in a hand that
gets worse towards morning. An old chart hangs on the wall, its corners stained with tea. One
winter the power failed and everybody waited for dawn by candlelight, saw no stars at all, and
became friends. At three the fog climbs out of the valley and the dome closes again. Nobody talks
on the way down while the headlights show one piece of road and then the next. In town the lamps
of the bakery are already lit.
""",
    needle="Ming's favourite constellation is Ursa Major.",
    keyword="Ursa Major",
    question="What is Ming's favourite constellation?",
    other_needle="The observatory's doorman is Ming.",
    two_step_question="What is the favourite constellation of the observatory's doorman?",
    glue=" ",
)

_STACKS: dict[Language, Haystack] = {"zh": _ZH, "en": _EN}


def haystack() -> Haystack:
    """Return the haystack in the current language."""
    return _STACKS[current_language()]
