"""The invented world: names, places, numbers and dates, split into seen and held out."""

from __future__ import annotations

import random
import string
import zlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from course_lib.language import Language
from course_lib.mini.words import bilingual, words

T = TypeVar("T")

HANZI = tuple(
    bytes([high, low]).decode("gb2312")
    for high in range(0xB0, 0xD8)
    for low in range(0xA1, 0xFF)
    if not (high == 0xD7 and low > 0xF9)
)
"""The 3755 characters of GB2312 level 1, by far the most of written Chinese."""

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁"
    "任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严武戴莫孔向汤"
)
GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉萍红娥玲芬燕彬鹏辉浩宇轩子涵梓欣怡思佳雨桐晨曦瑞泽"
    "博文嘉琪诗雅梦洁俊凯天翔一诺可馨书航星辰雷梅春兰建国志远安琳晓峰海波立新永康美云"
)
PLEASANT = (
    "星河明东方海天云风光青山绿水金银长江南北春秋月日阳清和安平兴盛华美新远大同德文心诚信智慧飞腾龙凤松竹梅兰"
    "白鹤桃李花香百川千里万家乐福康宁泰顺祥瑞雪枫林泉溪石玉珠宝蓝橙"
)
ORGANISATIONS = bilingual("organisations")
PRODUCTS = bilingual("products")
CITIES = bilingual("cities")
GIVEN_EN = words("given_names", "en")
SURNAMES_EN = words("surnames", "en")
_ONSETS = words("syllables", "onsets")
_VOWELS = words("syllables", "vowels")
_CODAS = ["", "", "n", "r", "l", "s", "m", "k"]


def is_held_out(text: str, share: int = 10) -> bool:
    """Tell whether ``text`` belongs to the tenth (1 in ``share``) that training never shows."""
    return zlib.crc32(text.encode("utf-8")) % share == 0


class World:
    """A source of invented things; the same ``seed`` gives the same things.

    With ``held_out`` it gives only what training never showed, else only the rest.
    """

    def __init__(self, seed: str, *, held_out: bool = False) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self.held_out = held_out

    def chance(self, probability: float) -> bool:
        """Return True with ``probability``."""
        return self.random.random() < probability

    def choice(self, items: Sequence[T]) -> T:
        """Return one of ``items``."""
        return items[int(self.random.random() * len(items))]

    def pick(self, make: Callable[[], T]) -> T:
        """Call ``make`` until what it gives is on this world's side of the split."""
        while True:
            thing = make()
            if is_held_out(str(thing)) == self.held_out:
                return thing

    def phrase(self, phrases: Sequence[str]) -> str:
        """Return one of ``phrases``, of which one in five is held out."""
        while True:
            phrase = self.choice(phrases)
            if is_held_out(phrase, share=5) == self.held_out:
                return phrase

    def hanzi(self, least: int, most: int) -> str:
        """Return ``least`` to ``most`` random characters."""
        return "".join(self.choice(HANZI) for _ in range(self.random.randint(least, most)))

    def code(self) -> str:
        """Return a code such as ``K-27``."""
        letters = "".join(
            self.choice(string.ascii_uppercase) for _ in range(self.choice((1, 1, 2)))
        )
        return f"{letters}{self.choice(('', '-'))}{self.random.randint(1, 999)}"

    def number(self, most_digits: int = 4) -> int:
        """Return a positive integer; each number of digits is equally likely."""
        digits = self.random.randint(1, most_digits)
        return self.random.randint(10 ** (digits - 1), 10**digits - 1)

    def person(self, language: Language) -> str:
        """Return a person's name."""
        return self.pick(self._person_zh if language == "zh" else self._person_en)

    def organisation(self, language: Language) -> str:
        """Return the name of an organisation."""
        return self.pick(self._organisation_zh if language == "zh" else self._organisation_en)

    def product(self, language: Language) -> str:
        """Return the name of a product."""
        return self.pick(self._product_zh if language == "zh" else self._product_en)

    def city(self, language: Language) -> str:
        """Return a city, real or invented."""
        return self.pick(self._city_zh if language == "zh" else self._city_en)

    def entity(self, language: Language) -> str:
        """Return a person, an organisation or a product."""
        return self.choice((self.person, self.organisation, self.product))(language)

    def _person_zh(self) -> str:
        kind = self.random.random()
        if kind < 0.5:
            given = "".join(self.choice(GIVEN) for _ in range(self.choice((1, 2))))
            return self.choice(SURNAMES) + given
        if kind < 0.9:
            return self.hanzi(2, 3)
        return self.code()

    def _two_zh(self) -> str:
        return (
            self.choice(PLEASANT) + self.choice(PLEASANT) if self.chance(0.4) else self.hanzi(2, 2)
        )

    def _organisation_zh(self) -> str:
        return self._two_zh() + self.choice(ORGANISATIONS["zh"])

    def _product_zh(self) -> str:
        name = self.code() if self.chance(0.2) else self._two_zh()
        return name + self.choice(PRODUCTS["zh"])

    def _city_zh(self) -> str:
        if self.chance(0.5):
            return self.choice(CITIES["zh"])
        return self._two_zh() + self.choice(("", "市", "县"))

    def _word_en(self) -> str:
        count = self.random.randint(1, 2)
        start = "".join(self.choice(_ONSETS) + self.choice(_VOWELS) for _ in range(count))
        last = self.choice(_ONSETS[:18]) + "aeiou"[self.random.randrange(5)] + self.choice(_CODAS)
        return (start + last).capitalize()

    def _person_en(self) -> str:
        kind = self.random.random()
        if kind < 0.6:
            return f"{self.choice(GIVEN_EN)} {self.choice(SURNAMES_EN)}"
        if kind < 0.9:
            return self._word_en()
        return self.code()

    def _organisation_en(self) -> str:
        name = self.choice(SURNAMES_EN) if self.chance(0.4) else self._word_en()
        return f"{name} {self.choice(ORGANISATIONS['en'])}"

    def _product_en(self) -> str:
        name = self.code() if self.chance(0.3) else self._word_en()
        return f"{name} {self.choice(PRODUCTS['en'])}"

    def _city_en(self) -> str:
        return self.choice(CITIES["en"]) if self.chance(0.5) else self._word_en()
