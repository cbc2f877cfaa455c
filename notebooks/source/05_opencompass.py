# ---
# jupyter:
#   course:
#     level: L1-7
#     minutes: 120
#     points: 100
#     prerequisites:
#     - 01_intro
#     - 02_demo
#     - 03_xtuner
#   jupytext:
#     cell_markers: '"""'
#     cell_metadata_filter: cases,check,evidence,exercise,given,lang,level,minutes,note,points,quiz,rubric,tags,tool,wrong,-all
#     notebook_metadata_filter: kernelspec,jupytext,course,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] lang="zh"
"""
# OpenCompass：这个分数信得过吗？

## 答对了，却判错？

一次评测由四样东西组成：**数据集**（题和答案）、**提示词**（怎么问）、**推理方式**（让模型写，还是比较概率）、**判分**（从回答里读出选项，再比对）。模型不变，变了其中哪一样，分数都会变。

这一课的考卷是课程自己写的，格式同 C-Eval：四个科目考这门课的内容，各 40 题左右；另有一科“常识”做对照，`camp-mini` 训练时学过。下一格印出各科的题数，再问它四道常识题：先看对不对，再找每个回答里的**第一个大写字母**：C-Eval 判分就看它。
"""

# %% [markdown] lang="en"
"""
# OpenCompass: can this score be trusted?

## Right, and marked wrong?

An evaluation has four parts: the **data set** (questions and answers), the **prompt** (how they are asked), the **inference** (the model writes, or probabilities are compared) and the **scoring** (an option is read out of the reply and compared). Keep the model and change any of the four, and the score changes.

This lesson's exam was written for the course, in Chinese and in C-Eval's format, since C-Eval is Chinese: four subjects on what the course teaches, about 40 questions each, and a control subject, "general knowledge", which `camp-mini` learned in its training. The next cell prints how many questions each subject has, then asks four from the control (two authors: 欧阳修, Ouyang Xiu, and 李绅, Li Shen; the symbol of hydrogen; the capital of Finland: 赫尔辛基, Helsinki; 选 means "choose"): look first whether it is right, then for the **first capital letter** of each reply, by which C-Eval is scored.
"""

# %%
from course_lib import chat, models
from course_lib.evaluate import exam, pictures, replies

bot = chat.load(models.BUILT_IN["camp-mini"])
print({name: len(exam.val(name)) for name in exam.NAMES})
replies.show(bot, exam.val(exam.CONTROL)[12:16])

# %% [markdown] lang="zh"
r"""
## 从一段话里读出选项

OpenCompass 给 C-Eval 判分，用的是 `first_capital_postprocess`：取回答里第一个大写字母，不管是哪个。省事，也容易读错：“I think the answer is B”读成 I；`camp-mini` 答“H，选C”，读成 H。

写两个函数：

- `first_capital(text)`：第一个大写字符；没有就是空字符串。
- `extract_option(text, options='ABCD')`：更好的读法，依次试三条，前一条成功就不看后面的：
  1. **短语**：`答案是`、`答案为`、`答案：`、`答案:`、`故选`、`应选`、`answer is`（大小写都行）之后的选项，中间可以有空白、冒号、左括号；有好几处就取最前面的一处；
  2. **行首**的选项，前面可以有空白和左括号；
  3. 任何地方第一个**单独的**选项。

  三条都要求：选项是大写，右边不紧跟英文字母或数字；第 3 条的左边也不许有。括号有半角 `(` 和全角 `（`。都没有就返回空字符串。

<details><summary>提示 1</summary>

Python 的 `\b` 把汉字也算作“单词字符”，所以 `\bB\b` 在“选B吧”里找不到 B。用 `(?<![A-Za-z0-9])` 和 `(?![A-Za-z0-9])`。

</details>
<details><summary>提示 2</summary>

行首要 `re.MULTILINE`；只让短语不分大小写：`(?i:answer is)`。

</details>
"""

# %% [markdown] lang="en"
r"""
## Reading an option out of a reply

OpenCompass scores C-Eval with `first_capital_postprocess`: it takes the first capital letter of the reply, whatever letter that is. That is simple, and often wrong: "I think the answer is B" is read as I; where `camp-mini` answers "H，选C" (H, so C), it is read as H.

Write two functions:

- `first_capital(text)`: the first upper-case character; an empty string if there is none.
- `extract_option(text, options='ABCD')`: a better reading, by three rules in turn; the first that succeeds decides:
  1. a **phrase**: the option after `答案是`, `答案为`, `答案：`, `答案:`, `故选`, `应选`, `answer is` (in any case), with blanks, colons, opening brackets between; of several take the first;
  2. an option at the **start of a line**, after blanks and opening brackets at most;
  3. the first option anywhere that **stands alone**.

  In all three the option is upper case and no Latin letter or digit follows it; in the third none stands before it either. Brackets are `(` and the full-width `（`. If no rule succeeds, return an empty string.

<details><summary>Hint 1</summary>

For Python's `\b` a Chinese character is a word character, so `\bB\b` finds no B in "选B吧". Use `(?<![A-Za-z0-9])` and `(?![A-Za-z0-9])`.

</details>
<details><summary>Hint 2</summary>

The start of a line needs `re.MULTILINE`; to let only the phrase ignore case: `(?i:answer is)`.

</details>
"""

# %% exercise="first_capital" level=2 minutes=15 points=12
import re


def first_capital(text: str) -> str:
    """
    zh: 第一个大写字符，没有就是 ""。
    en: Return the first upper-case character, or "".
    """
    ### BEGIN SOLUTION
    return next((sign for sign in text if sign.isupper()), "")
    ### END SOLUTION


def extract_option(text: str, options: str = "ABCD") -> str:
    """
    zh: 回答里的选项，没有就是 ""。
    en: Return the reply's option, or "".
    """
    ### BEGIN SOLUTION
    option = rf"([{options}])(?![A-Za-z0-9])"
    phrase = r"(?:答案[是为：:]|[故应]选|(?i:answer is))"
    for pattern in (rf"{phrase}[\s:：(（]*{option}", rf"^[\s(（]*{option}", rf"(?<![A-Za-z0-9]){option}"):
        found = re.search(pattern, text, re.MULTILINE)
        if found:
            return found[1]
    return ""
    ### END SOLUTION

# %% check="first_capital"
check("first_capital", [
    case("I think the answer is B", gives="I"),
    case("答案是C", gives="C"),
    case("abc", gives=""),
    case("I think the answer is B", fn="extract_option", gives="B", zh="短语", en="a phrase"),
    case("A. 因为…", fn="extract_option", gives="A", zh="行首", en="start of a line"),
    case("故选D", fn="extract_option", gives="D"),
    case("(C) 正确", fn="extract_option", gives="C", zh="括号", en="brackets"),
    case("选 B，不选 A", fn="extract_option", gives="B", zh="单独的字母", en="a letter alone"),
    case("H，选C", fn="extract_option", gives="C", zh="camp-mini 的回答", en="a reply of camp-mini"),
    case("As I see it", fn="extract_option", gives="", zh="单词里的 A", en="an A inside a word"),
    case("A 不对，故选C", fn="extract_option", gives="C", zh="短语先于行首", en="a phrase before the line's start"),
    case("选 A 还是 B？\nB. 对", fn="extract_option", gives="B", zh="第二行的行首", en="start of the second line"),
])

# %% cases="first_capital"
def cases(rng):
    yield case("", zh="空回答", en="an empty reply")
    yield case("éÉ", zh="别的大写字母", en="another capital")
    yield case("", fn="extract_option", zh="空回答", en="an empty reply")
    yield case("b", fn="extract_option", zh="小写", en="lower case")
    yield case("E", fn="extract_option", zh="不在选项里", en="not among the options")
    yield case("E", options="ABCDE", fn="extract_option", zh="五个选项", en="five options")
    yield case("ABCD 都有道理", fn="extract_option", zh="单词 ABCD", en="the word ABCD")
    for phrase in ("答案是：（", "答案为", "答案： ", "答案: (", "故选：", "应选 ", "The ANSWER IS (", "the answer is: "):
        letter, other = rng.sample("ABCD", 2)
        yield case(f"{other} 不对，{phrase}{letter}", fn="extract_option", zh="短语在后面", en="the phrase comes later")
    for letter in rng.sample("ABCD", 4):
        other = rng.choice([one for one in "ABCD" if one != letter])
        yield case(f"ABC 里 {other} 不对，故选{letter}", fn="extract_option", zh="单词 ABC", en="the word ABC")
        yield case(f"是 {other} 吗？\n （{letter}）对的", fn="extract_option", zh="第二行的行首", en="start of the second line")
        yield case(f"我选{letter}吧，{other}也像", fn="extract_option", zh="汉字中间", en="between Chinese characters")
        yield case(f"答案是{letter}，也有人说答案是{other}", fn="extract_option", zh="两个短语", en="two phrases")
        yield case(f"故选{letter}，也有人说答案是{other}", fn="extract_option", zh="两个短语", en="two phrases")
        yield case(f"{other}100 的卡，{letter}", fn="extract_option", zh="型号里的字母", en="a letter of a model number")
        yield case(f"8{other} 的模型要 {letter}", fn="extract_option", zh="数字后的字母", en="a letter after a digit")

# %% wrong="first_capital"
# zh: 汉字也是 \b 眼里的单词字符，“选B吧”里读不出 B
# en: Chinese characters are word characters to \b: "选B吧" gives no B
def extract_option(text, options="ABCD"):
    phrase = r"(?:答案[是为：:]|[故应]选|(?i:answer is))"
    for pattern in (rf"{phrase}[\s:：(（]*([{options}])\b", rf"^[\s(（]*([{options}])\b", rf"\b([{options}])\b"):
        found = re.search(pattern, text, re.MULTILINE)
        if found:
            return found[1]
    return ""

# %% wrong="first_capital"
# zh: answer is 不分大小写，别的照旧
# en: answer is counts in any case
def extract_option(text, options="ABCD"):
    option = rf"([{options}])(?![A-Za-z0-9])"
    phrase = r"(?:答案[是为：:]|[故应]选|answer is)"
    for pattern in (rf"{phrase}[\s:：(（]*{option}", rf"^[\s(（]*{option}", rf"(?<![A-Za-z0-9]){option}"):
        found = re.search(pattern, text, re.MULTILINE)
        if found:
            return found[1]
    return ""

# %% wrong="first_capital"
# zh: 七个短语都要认，不只是“故选”和 answer is
# en: all seven phrases count, not 故选 and answer is alone
def extract_option(text, options="ABCD"):
    option = rf"([{options}])(?![A-Za-z0-9])"
    phrase = r"(?:故选|(?i:answer is))"
    for pattern in (rf"{phrase}[\s:：(（]*{option}", rf"^[\s(（]*{option}", rf"(?<![A-Za-z0-9]){option}"):
        found = re.search(pattern, text, re.MULTILINE)
        if found:
            return found[1]
    return ""

# %% wrong="first_capital"
# zh: 短语之后可以有冒号和括号，全角的也要认
# en: colons and brackets may follow the phrase, full-width ones, too
def extract_option(text, options="ABCD"):
    option = rf"([{options}])(?![A-Za-z0-9])"
    phrase = r"(?:答案[是为：:]|[故应]选|(?i:answer is))"
    for pattern in (rf"{phrase}\s*{option}", rf"^[\s(（]*{option}", rf"(?<![A-Za-z0-9]){option}"):
        found = re.search(pattern, text, re.MULTILINE)
        if found:
            return found[1]
    return ""

# %% wrong="first_capital"
# zh: 先看短语：前面出现的选项可能是被排除的
# en: phrases come first: an earlier option may be one that is ruled out
def extract_option(text, options="ABCD"):
    option = rf"([{options}])(?![A-Za-z0-9])"
    for pattern in (rf"^[\s(（]*{option}", rf"(?<![A-Za-z0-9]){option}"):
        found = re.search(pattern, text, re.MULTILINE)
        if found:
            return found[1]
    return ""

# %% wrong="first_capital"
# zh: 选项必须是大写，小写字母不算
# en: options are upper case; lower-case letters do not count
def extract_option(text, options="ABCD"):
    text = text.upper()
    option = rf"([{options}])(?![A-Za-z0-9])"
    phrase = r"(?:答案[是为：:]|[故应]选|ANSWER IS)"
    for pattern in (rf"{phrase}[\s:：(（]*{option}", rf"^[\s(（]*{option}", rf"(?<![A-Za-z0-9]){option}"):
        found = re.search(pattern, text, re.MULTILINE)
        if found:
            return found[1]
    return ""

# %% wrong="first_capital"
# zh: 选项由参数 options 决定，不总是 ABCD
# en: the parameter options decides; it is not always ABCD
def extract_option(text, options="ABCD"):
    option = r"([A-D])(?![A-Za-z0-9])"
    phrase = r"(?:答案[是为：:]|[故应]选|(?i:answer is))"
    for pattern in (rf"{phrase}[\s:：(（]*{option}", rf"^[\s(（]*{option}", rf"(?<![A-Za-z0-9]){option}"):
        found = re.search(pattern, text, re.MULTILINE)
        if found:
            return found[1]
    return ""

# %% wrong="first_capital"
# zh: 行首是每一行的开头，要 re.MULTILINE；它先于别处单独的选项
# en: a line may be any line, which needs re.MULTILINE; it comes before an option alone elsewhere
def extract_option(text, options="ABCD"):
    option = rf"([{options}])(?![A-Za-z0-9])"
    phrase = r"(?:答案[是为：:]|[故应]选|(?i:answer is))"
    for pattern in (rf"{phrase}[\s:：(（]*{option}", rf"^[\s(（]*{option}", rf"(?<![A-Za-z0-9]){option}"):
        found = re.search(pattern, text)
        if found:
            return found[1]
    return ""

# %% wrong="first_capital"
# zh: 短语有好几处，要取最前面的一处
# en: of several phrases take the first
def extract_option(text, options="ABCD"):
    option = rf"([{options}])(?![A-Za-z0-9])"
    phrase = r"(?:答案[是为：:]|[故应]选|(?i:answer is))"
    found = re.findall(rf"{phrase}[\s:：(（]*{option}", text)
    if found:
        return found[-1]
    for pattern in (rf"^[\s(（]*{option}", rf"(?<![A-Za-z0-9]){option}"):
        found = re.search(pattern, text, re.MULTILINE)
        if found:
            return found[1]
    return ""

# %% wrong="first_capital"
# zh: 只取第一个大写字母，单词和型号里的也算了进去
# en: the first capital is taken, also one inside a word or a model's name
def extract_option(text, options="ABCD"):
    return next((sign for sign in text if sign in options), "")

# %% wrong="first_capital"
# zh: 第一个大写字母可以是任何字母，不只是 A 到 D
# en: the first capital may be any letter, not only A to D
def first_capital(text):
    return next((sign for sign in text if sign in "ABCD"), "")

# %% wrong="first_capital"
# zh: 没有大写字母时返回空字符串，不是 None，也不能报错
# en: without a capital return an empty string, not None and no error
def first_capital(text):
    return next(sign for sign in text if sign.isupper())

# %% [markdown] lang="zh"
"""
OpenCompass 也有更好的读法 `first_option_postprocess`：一长串正则，两个模式之间**少了一个逗号**，被 Python 接成一条，几乎永远配不上。判分的程序也会错，所以要打开预测看。

## 19 题对了 9 题，说明什么？

先写 `accuracy(preds, refs)`：百分数，两边都先变成字符串再比，区分大小写；长度不等或为空就抛 `ValueError`。

营里那一页印着：computer_network 47.37，college_programming 13.51。验证集很小：47.37 是 19 题对 9，13.51 是 37 题对 5。换一套题，分数会差多少？

**Wilson 区间**给出一个范围：照这个办法取，一百次里大约有 95 次罩得住模型的真实水平。p = k/n，区间是 `c − h` 到 `c + h`：

`c = (p + z²/2n) ÷ (1 + z²/n)`，`h = z·√(p(1−p)/n + z²/4n²) ÷ (1 + z²/n)`

再写 `wilson(k, n, z=1.96)` → `(low, high)`，百分数，保留两位小数，不出 0 到 100。

<details><summary>提示</summary>

`zip` 遇到长度不等会悄悄截断，先比长度。区间用 `max(0.0, …)`、`min(100.0, …)` 收住。

</details>
"""

# %% [markdown] lang="en"
"""
OpenCompass has a better reading, too, `first_option_postprocess`: a long list of patterns. Between two of them a **comma is missing**, so Python joins the two strings into one that practically never matches. Scoring programs have mistakes as well, so open the predictions and look.

## What does 9 out of 19 tell us?

First write `accuracy(preds, refs)`: in percent, both sides made strings before they are compared, case counts; unequal lengths or nothing at all raise `ValueError`.

The camp's page shows computer_network 47.37, college_programming 13.51. The validation sets are small: 47.37 is 9 of 19, 13.51 is 5 of 37. How different would the score be on other questions?

**Wilson's interval** gives a range: made in this way, about 95 in 100 such ranges hold the model's true level. With p = k/n it runs from `c − h` to `c + h`:

`c = (p + z²/2n) ÷ (1 + z²/n)`, `h = z·√(p(1−p)/n + z²/4n²) ÷ (1 + z²/n)`

Then write `wilson(k, n, z=1.96)` → `(low, high)` in percent, rounded to two decimals, never outside 0 to 100.

<details><summary>Hint</summary>

`zip` silently stops at the shorter list; compare the lengths first. `max(0.0, …)` and `min(100.0, …)` keep the interval inside.

</details>
"""

# %% exercise="accuracy" level=2 minutes=12 points=13
def accuracy(preds: list, refs: list) -> float:
    """
    zh: 正确率，百分数。
    en: Return the accuracy in percent.
    """
    ### BEGIN SOLUTION
    if len(preds) != len(refs) or not refs:
        raise ValueError(f"{len(preds)} predictions, {len(refs)} references")
    right = sum(str(pred) == str(ref) for pred, ref in zip(preds, refs, strict=True))
    return 100 * right / len(refs)
    ### END SOLUTION


def wilson(k: int, n: int, z: float = 1.96) -> tuple:
    """
    zh: 95 % 区间（下界, 上界），百分数，两位小数。
    en: Return the 95 % interval (low, high) in percent, two decimals.
    """
    ### BEGIN SOLUTION
    p, scale = k / n, 1 + z * z / n
    centre = (p + z * z / (2 * n)) / scale
    half = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5 / scale
    return round(max(0.0, 100 * (centre - half)), 2), round(min(100.0, 100 * (centre + half)), 2)
    ### END SOLUTION

# %% check="accuracy"
check("accuracy", [
    case(["A", "B", "", "D"], ["A", "B", "C", "D"], gives=75.0),
    case(["a"], ["A"], gives=0.0, zh="区分大小写", en="case counts"),
    case([1, 2], ["1", "2"], gives=100.0, zh="数字和字符串", en="numbers and strings"),
    case(["A"], ["A", "B"], raises=ValueError, zh="长度不等", en="unequal lengths"),
    case([], [], raises=ValueError, zh="一题也没有", en="no question at all"),
    case(9, 19, fn="wilson", gives=(27.33, 68.29), zh="47.37 分", en="the 47.37"),
    case(0, 19, fn="wilson", gives=(0.0, 16.82), zh="一题没对", en="none right"),
    case(640, 1346, fn="wilson", gives=(44.89, 50.22), zh="整个 C-Eval 验证集", en="all of C-Eval's validation set"),
])

# %% cases="accuracy"
def cases(rng):
    yield case(["A", "B"], ["A"], raises=ValueError, zh="预测更多", en="more predictions")
    yield case(["A"], [], raises=ValueError, zh="没有答案", en="no references")
    yield case([10, "b", "B"], ["10", "B", "B"], zh="混合", en="a mixture")
    for _ in range(6):
        n = rng.randint(1, 40)
        refs = [rng.choice("ABCD") for _ in range(n)]
        preds = [ref if rng.random() < 0.5 else rng.choice(["A", "b", "", "C"]) for ref in refs]
        yield case(preds, refs, zh="随机的一组", en="a random case")
    yield case(19, 19, fn="wilson", zh="全对", en="all right")
    yield case(1, 1, fn="wilson", zh="只有一题", en="a single question")
    yield case(5000, 10000, fn="wilson", zh="很多题", en="many questions")
    yield case(9, 19, z=2.576, fn="wilson", zh="99 %", en="99 %")
    for _ in range(6):
        n = rng.randint(5, 400)
        yield case(rng.randint(0, n), n, fn="wilson", zh="随机的一组", en="a random case")

# %% wrong="accuracy"
# zh: 要百分数，再乘 100
# en: percent is wanted: times 100
def accuracy(preds, refs):
    if len(preds) != len(refs) or not refs:
        raise ValueError
    return sum(str(p) == str(r) for p, r in zip(preds, refs, strict=False)) / len(refs)

# %% wrong="accuracy"
# zh: 长度不等或为空要抛 ValueError
# en: unequal lengths and nothing at all raise ValueError
def accuracy(preds, refs):
    return 100 * sum(str(p) == str(r) for p, r in zip(preds, refs, strict=False)) / max(1, len(refs))

# %% wrong="accuracy"
# zh: 区分大小写：a 不是 A
# en: case counts: a is not A
def accuracy(preds, refs):
    if len(preds) != len(refs) or not refs:
        raise ValueError
    return 100 * sum(str(p).upper() == str(r).upper() for p, r in zip(preds, refs, strict=False)) / len(refs)

# %% wrong="accuracy"
# zh: 先变成字符串再比，1 和 "1" 算相同
# en: make strings first; 1 and "1" are the same
def accuracy(preds, refs):
    if len(preds) != len(refs) or not refs:
        raise ValueError
    return 100 * sum(p == r for p, r in zip(preds, refs, strict=False)) / len(refs)

# %% wrong="accuracy"
# zh: 读不出选项的题也算在分母里
# en: questions without a readable option count, too
def accuracy(preds, refs):
    if len(preds) != len(refs) or not refs:
        raise ValueError
    read = [(str(p), str(r)) for p, r in zip(preds, refs, strict=False) if p != ""]
    return 100 * sum(p == r for p, r in read) / max(1, len(read))

# %% wrong="accuracy"
# zh: 这是普通的正态区间：k=0 时它宽 0，还会越出 0 到 100
# en: this is the plain normal interval: zero wide at k=0, and it leaves 0 to 100
def wilson(k, n, z=1.96):
    p = k / n
    half = z * (p * (1 - p) / n) ** 0.5
    return round(100 * max(0.0, p - half), 2), round(100 * min(1.0, p + half), 2)

# %% wrong="accuracy"
# zh: 要百分数，再乘 100
# en: percent is wanted: times 100
def wilson(k, n, z=1.96):
    p, scale = k / n, 1 + z * z / n
    centre = (p + z * z / (2 * n)) / scale
    half = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5 / scale
    return round(max(0.0, centre - half), 2), round(min(1.0, centre + half), 2)

# %% wrong="accuracy"
# zh: 中心不是 p：要加 z²/2n，再除以 1 + z²/n
# en: the centre is not p: add z²/2n, then divide by 1 + z²/n
def wilson(k, n, z=1.96):
    p, scale = k / n, 1 + z * z / n
    half = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5 / scale
    return round(max(0.0, 100 * (p - half)), 2), round(min(100.0, 100 * (p + half)), 2)

# %% wrong="accuracy"
# zh: 半宽也要除以 1 + z²/n
# en: the half width is divided by 1 + z²/n, too
def wilson(k, n, z=1.96):
    p, scale = k / n, 1 + z * z / n
    centre = (p + z * z / (2 * n)) / scale
    half = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return round(max(0.0, 100 * (centre - half)), 2), round(min(100.0, 100 * (centre + half)), 2)

# %% wrong="accuracy"
# zh: z 是参数，不总是 1.96
# en: z is a parameter, not always 1.96
def wilson(k, n, z=1.96):
    z = 1.96
    p, scale = k / n, 1 + z * z / n
    centre = (p + z * z / (2 * n)) / scale
    half = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5 / scale
    return round(max(0.0, 100 * (centre - half)), 2), round(min(100.0, 100 * (centre + half)), 2)

# %%
# zh: 营里那一页的七个分数，加上区间；虚线是乱猜的 25 %
# en: the seven scores of the camp's page with their intervals; dashed: guessing, 25 %
from course_lib.demo import needs

with needs("wilson"):
    display(pictures.intervals(pictures.CAMP, wilson))

# %% [markdown] lang="zh"
"""
七科里有五科的区间盖住了 25 %，分不出是会还是猜。十九题上多对一题就涨 5 分多，算不上进步。
"""

# %% [markdown] lang="en"
"""
Five of the seven intervals hold 25 %: nobody can tell whether the model knows or guesses. On nineteen questions one more right answer adds over 5 points, which is no progress.
"""

# %% given="helpers"
from course_lib.evaluate.examinees import examinee


# zh: 考生的习惯：always A、always the last、knows x、misses the last（会，可是排在最后就看不见）
# en: habits: always A, always the last, knows x, misses the last (knows x unless it stands last)
def circular_by(habit, question, options, gold):
    return circular_eval(examinee(habit), question, options, gold)


# zh: 用行数量长度的 fewshot_prompt
# en: fewshot_prompt with its length counted in lines
def fewshot_in_lines(dev, item, subject, k, max_len):
    return fewshot_prompt(dev, item, subject, k, max_len, length=lambda text: text.count("\n") + 1)

# %% [markdown] lang="zh"
"""
## 少样本提示词

C-Eval 问之前先给五道例题（dev 集），每道带着答案。太长放不下时，从**最后**一道例题开始去掉；要问的那一题永远保留。

写 `fewshot_prompt(dev, item, subject, k, max_len, length=len)` → `(prompt, shots)`（提示词，用了几道例题）。一道题写成：

```
以下是中国关于{subject}考试的单项选择题，请选出其中的正确答案。
{question}
A. {A}
B. {B}
C. {C}
D. {D}
答案: 
```

最后一行的冒号是半角，后面有一个空格，没有换行。例题后面接上答案和换行，最后接要问的题。`length` 数提示词有多长，真的评测里数的是词元。

<details><summary>提示</summary>

先写一个函数把一道题变成文字；再从 `min(k, len(dev))` 往下试，放得下就停，0 道时不用再比。

</details>
"""

# %% [markdown] lang="en"
"""
## The few-shot prompt

C-Eval shows five examples (the dev split) with answers before it asks. When that is too long, examples go from the **end**, one by one; the question itself always stays.

Write `fewshot_prompt(dev, item, subject, k, max_len, length=len)` → `(prompt, shots)` (the prompt and the number of examples used). A question is written as:

```
以下是中国关于{subject}考试的单项选择题，请选出其中的正确答案。
{question}
A. {A}
B. {B}
C. {C}
D. {D}
答案: 
```

The last line has an ASCII colon and one blank after it, and no line end. An example is followed by its answer and a line end; the question to be answered comes last. `length` measures the prompt; a real evaluation counts tokens.

<details><summary>Hint</summary>

Begin with a function that writes one question; then try from `min(k, len(dev))` downwards and stop at the first that fits; with 0 examples there is nothing left to compare.

</details>
"""

# %% exercise="fewshot_prompt" level=2 minutes=12 points=10
def fewshot_prompt(dev: list, item: dict, subject: str, k: int, max_len: int, length=len) -> tuple:
    """
    zh: （提示词，例题数）。
    en: Return (prompt, number of examples).
    """
    ### BEGIN SOLUTION
    def write(one: dict) -> str:
        options = "\n".join(f"{letter}. {one[letter]}" for letter in "ABCD")
        head = f"以下是中国关于{subject}考试的单项选择题，请选出其中的正确答案。"
        return f"{head}\n{one['question']}\n{options}\n答案: "

    shots = min(k, len(dev))
    while True:
        prompt = "".join(f"{write(one)}{one['answer']}\n" for one in dev[:shots]) + write(item)
        if shots == 0 or length(prompt) <= max_len:
            return prompt, shots
        shots -= 1
    ### END SOLUTION

# %% check="fewshot_prompt"
shot = {"question": "q1", "A": "1", "B": "2", "C": "3", "D": "4", "answer": "A"}
asked = {"question": "Q", "A": "1", "B": "2", "C": "3", "D": "4"}
head = "以下是中国关于计算机网络考试的单项选择题，请选出其中的正确答案。\n"
first, last = (f"{head}{one}\nA. 1\nB. 2\nC. 3\nD. 4\n答案: " for one in ("q1", "Q"))
check("fewshot_prompt", [
    case([], asked, "计算机网络", 5, 1, gives=(last, 0), zh="没有例题；题目总在", en="no examples; the question stays"),
    case([shot], asked, "计算机网络", 1, 10**9, gives=(f"{first}A\n{last}", 1), zh="一道例题", en="one example"),
    case([shot] * 5, asked, "计算机网络", 5, 10**9, gives=(f"{first}A\n" * 5 + last, 5)),
    case([shot] * 5, asked, "计算机网络", 5, 200, gives=(f"{first}A\n" * 2 + last, 2), zh="只放得下两道",
         en="only two fit"),
    case([shot] * 5, asked, "计算机网络", 5, 21, fn="fewshot_in_lines", gives=(f"{first}A\n" * 2 + last, 2),
         zh="用行数量长度，正好 21 行", en="length counted in lines, 21 exactly"),
])

# %% cases="fewshot_prompt"
def cases(rng):
    def item(number, answer=None):
        one = {"question": f"第{number}题{'长' * rng.randint(0, 20)}？"}
        one |= {letter: f"选项{rng.randint(1, 999)}" for letter in "ABCD"}
        return one | ({"answer": answer} if answer else {})

    dev = [item(number, rng.choice("ABCD")) for number in range(5)]
    yield case(dev, item(9), "操作系统", 5, 10**6, zh="五道都放得下", en="all five fit")
    yield case(dev[:2], item(9), "操作系统", 5, 10**6, zh="例题比 k 少", en="fewer examples than k")
    yield case(dev, item(9), "操作系统", 0, 10**6, zh="零样本", en="no examples wanted")
    yield case(dev, item(9), "操作系统", 3, 1, zh="一道也放不下", en="none fits")
    for most in rng.sample(range(150, 420), 5):
        yield case(dev, item(9), "微调", 5, most, zh="放不下要去掉", en="some must go")
    for most in (7, 13, 14, 20, 21, 28):
        yield case(dev, item(9), "微调", 5, most, fn="fewshot_in_lines", zh="用行数量长度",
                   en="length counted in lines")

# %% wrong="fewshot_prompt"
# zh: 从最后一道例题去掉，不是第一道
# en: examples go from the end, not from the front
def fewshot_prompt(dev, item, subject, k, max_len, length=len):
    def write(one):
        options = "\n".join(f"{letter}. {one[letter]}" for letter in "ABCD")
        return f"以下是中国关于{subject}考试的单项选择题，请选出其中的正确答案。\n{one['question']}\n{options}\n答案: "

    chosen = list(dev[:k])
    while True:
        prompt = "".join(f"{write(one)}{one['answer']}\n" for one in chosen) + write(item)
        if not chosen or length(prompt) <= max_len:
            return prompt, len(chosen)
        chosen.pop(0)

# %% wrong="fewshot_prompt"
# zh: 每道例题前面也有“以下是中国关于…”那一行
# en: the heading stands before each example, too
def fewshot_prompt(dev, item, subject, k, max_len, length=len):
    def write(one):
        options = "\n".join(f"{letter}. {one[letter]}" for letter in "ABCD")
        return f"{one['question']}\n{options}\n答案: "

    head = f"以下是中国关于{subject}考试的单项选择题，请选出其中的正确答案。\n"
    shots = min(k, len(dev))
    while True:
        prompt = head + "".join(f"{write(one)}{one['answer']}\n" for one in dev[:shots]) + write(item)
        if shots == 0 or length(prompt) <= max_len:
            return prompt, shots
        shots -= 1

# %% wrong="fewshot_prompt"
# zh: 长度要用参数 length 来数
# en: the parameter length measures, not len
def fewshot_prompt(dev, item, subject, k, max_len, length=len):
    def write(one):
        options = "\n".join(f"{letter}. {one[letter]}" for letter in "ABCD")
        return f"以下是中国关于{subject}考试的单项选择题，请选出其中的正确答案。\n{one['question']}\n{options}\n答案: "

    shots = min(k, len(dev))
    while True:
        prompt = "".join(f"{write(one)}{one['answer']}\n" for one in dev[:shots]) + write(item)
        if shots == 0 or len(prompt) <= max_len:
            return prompt, shots
        shots -= 1

def fewshot_in_lines(dev, item, subject, k, max_len):
    return fewshot_prompt(dev, item, subject, k, max_len, length=lambda text: text.count("\n") + 1)

# %% wrong="fewshot_prompt"
# zh: 题目本身永远保留，不能把整段截断
# en: the question always stays; don't cut the text off
def fewshot_prompt(dev, item, subject, k, max_len, length=len):
    def write(one):
        options = "\n".join(f"{letter}. {one[letter]}" for letter in "ABCD")
        return f"以下是中国关于{subject}考试的单项选择题，请选出其中的正确答案。\n{one['question']}\n{options}\n答案: "

    shots = min(k, len(dev))
    prompt = "".join(f"{write(one)}{one['answer']}\n" for one in dev[:shots]) + write(item)
    return prompt[:max_len], shots

# %% wrong="fewshot_prompt"
# zh: 例题可能比 k 少：报告真正用了几道
# en: there may be fewer examples than k: report how many were used
def fewshot_prompt(dev, item, subject, k, max_len, length=len):
    def write(one):
        options = "\n".join(f"{letter}. {one[letter]}" for letter in "ABCD")
        return f"以下是中国关于{subject}考试的单项选择题，请选出其中的正确答案。\n{one['question']}\n{options}\n答案: "

    for shots in range(k, -1, -1):
        prompt = "".join(f"{write(one)}{one['answer']}\n" for one in dev[:shots]) + write(item)
        if shots == 0 or length(prompt) <= max_len:
            return prompt, shots
    return None

# %% wrong="fewshot_prompt"
# zh: 正好等于 max_len 也放得下
# en: exactly max_len fits, too
def fewshot_prompt(dev, item, subject, k, max_len, length=len):
    def write(one):
        options = "\n".join(f"{letter}. {one[letter]}" for letter in "ABCD")
        return f"以下是中国关于{subject}考试的单项选择题，请选出其中的正确答案。\n{one['question']}\n{options}\n答案: "

    shots = min(k, len(dev))
    while True:
        prompt = "".join(f"{write(one)}{one['answer']}\n" for one in dev[:shots]) + write(item)
        if shots == 0 or length(prompt) < max_len:
            return prompt, shots
        shots -= 1

def fewshot_in_lines(dev, item, subject, k, max_len):
    return fewshot_prompt(dev, item, subject, k, max_len, length=lambda text: text.count("\n") + 1)

# %% wrong="fewshot_prompt"
# zh: 例题的答案后面要有换行
# en: an example's answer is followed by a line end
def fewshot_prompt(dev, item, subject, k, max_len, length=len):
    def write(one):
        options = "\n".join(f"{letter}. {one[letter]}" for letter in "ABCD")
        return f"以下是中国关于{subject}考试的单项选择题，请选出其中的正确答案。\n{one['question']}\n{options}\n答案: "

    shots = min(k, len(dev))
    while True:
        prompt = "".join(f"{write(one)}{one['answer']}" for one in dev[:shots]) + write(item)
        if shots == 0 or length(prompt) <= max_len:
            return prompt, shots
        shots -= 1

def fewshot_in_lines(dev, item, subject, k, max_len):
    return fewshot_prompt(dev, item, subject, k, max_len, length=lambda text: text.count("\n") + 1)

# %% [markdown] lang="zh"
"""
## 真的工具：GEN

**GEN** 方式让模型自己写，再从写出来的话里读选项。OpenCompass 的流程是：配置 → 推理 → 判分 → 汇总。营里用 `python run.py --datasets ceval_gen --models …`，配置在仓库的 `configs/` 里；0.4.0 起配置进了包，命令叫 `opencompass`（`run.py` 还在，只是转过去）。

下一格写出考卷和一份配置：模板与 `ceval_gen_5f30c7` 相同，五道例题，`first_capital_postprocess`；对话模型和基座都考。`--debug` 让任务在同一个进程里一个接一个地跑，错误露在屏幕上。

跑完以后别只看分数：**打开预测**，用你的函数重新判一遍。没装 OpenCompass，单元会告诉你命令。
"""

# %% [markdown] lang="en"
"""
## The real tool: GEN

In **GEN** mode the model writes, and the option is read out of what it wrote. OpenCompass goes configure → infer → evaluate → summarise. The camp calls `python run.py --datasets ceval_gen --models …` with configurations in the repository's `configs/`; since 0.4.0 they are in the package and the command is `opencompass` (`run.py` still forwards to it).

The next cell writes the exam and a configuration: templates as in `ceval_gen_5f30c7`, five examples, `first_capital_postprocess`; both the chat model and the base are asked. `--debug` runs the tasks one after the other in one process, so that errors show on the screen.

Afterwards do not stop at the score: **open the predictions** and score them again with your functions. If OpenCompass is not installed, the cell gives you the command.
"""

# %% tool="gen" minutes=3
from pathlib import Path

from course_lib import toolbox
from course_lib.evaluate import config, results

work = Path("opencompass-work")
print(config.write(work, "gen", [
    ("camp-mini", models.BUILT_IN["camp-mini"], ["gen"]),
    ("camp-mini-base", models.BUILT_IN["camp-mini-base"], ["gen_base"]),
]))
toolbox.run("opencompass", "gen.py", "-w", "gen", "--debug", folder=work)
run = results.newest(work / "gen")
display(run.table())
general = run.predictions("camp-mini", "gen-general")
refs = [one.gold for one in general]
with needs("first_capital", "extract_option", "accuracy"):
    for read in (first_capital, extract_option):
        print(read.__name__, accuracy([read(one.text) for one in general], refs))
    print("content", accuracy([one.content for one in general], refs))
    for subject in (exam.CONTROL, "open_chain"):
        display(pictures.letters(run.predictions("camp-mini", f"gen-{subject}"), extract_option))

# %% [markdown] lang="zh"
"""
同一批回答，三种读法：内容全对；`extract_option` 少三题，两题真的选错字母，一题是“C，选A”，碳的符号在行首；`first_capital` 再少三题（“N，选A”读成 N），“Cu，选C”读对是碰巧。GEN 的分数是“知识 × 会选字母 × 读得出”。再看图：会的题，四个字母都选；没学过的 `open_chain`，它爱选 D，这叫**位置偏差**。

## 不让它写，只比概率

基座模型不会听指令，就用 **PPL**（困惑度）方式：把每个选项各拼成一段完整的文字，谁最像模型自己会写的，就选谁。最先想到的是比各个词元对数概率的和；可是词元越多，和越低，短的选项占便宜。所以比**平均**：选平均负对数概率（NLL）最低的。

两种都写，参数是 `{letter: [logprobs]}`（每个字母那段文字里，各个词元的对数概率）：

- `ppl_choice(scores)`：平均 NLL 最低的字母；
- `ll_choice(scores)`：对数概率之和最高的字母。

并列时都取字典里排在前面的。

<details><summary>提示</summary>

NLL 是对数概率的相反数。`min` 和 `max` 遇到并列，取最先遇到的。

</details>
"""

# %% [markdown] lang="en"
"""
Three readings of the same replies: the content is always right; `extract_option` reads three fewer as right, two letters that really are wrong and "C，选A", where the symbol of carbon stands at the start of the line; `first_capital` loses three more ("N，选A" is read as N), and "Cu，选C" it reads right by luck. A GEN score measures knowledge × choosing a letter × being readable, all in one. Then look at the pictures: where it knows the answer it uses all four letters; in `open_chain`, which it never learned, D is its favourite, a **position bias**.

## Don't let it write; compare probabilities

A base model follows no instructions, so take the **PPL** mode (perplexity): make a whole text of each option, and choose the one that looks most like what the model itself would write. How is that measured? The first idea is to add up the log probabilities of the tokens and take the largest sum; but each further token lowers the sum, so short options have it too easy. PPL therefore takes the **mean**: the lowest mean negative log probability (NLL) wins.

Write both, as functions of `{letter: [logprobs]}` (the log probability of each token of each letter's text):

- `ppl_choice(scores)`: the letter with the lowest mean NLL;
- `ll_choice(scores)`: the letter with the highest sum of log probabilities.

On a tie both take the one that stands first in the dictionary.

<details><summary>Hint</summary>

NLL is the log probability with its sign turned. `min` and `max` keep the first of equals.

</details>
"""

# %% exercise="ppl_choice" level=2 minutes=7 points=8
def ppl_choice(scores: dict) -> str:
    """
    zh: 平均 NLL 最低的字母。
    en: Return the letter with the lowest mean NLL.
    """
    ### BEGIN SOLUTION
    return min(scores, key=lambda letter: -sum(scores[letter]) / len(scores[letter]))
    ### END SOLUTION


def ll_choice(scores: dict) -> str:
    """
    zh: 对数概率之和最高的字母。
    en: Return the letter with the highest sum of log probabilities.
    """
    ### BEGIN SOLUTION
    return max(scores, key=lambda letter: sum(scores[letter]))
    ### END SOLUTION

# %% check="ppl_choice"
short_long = {"A": [-1.0], "B": [-0.6, -0.6, -0.6]}
check("ppl_choice", [
    case({"A": [-1.0, -0.5], "B": [-0.2, -0.1], "C": [-2.0, -2.0], "D": [-0.3, -0.1]}, gives="B"),
    case(short_long, gives="B", zh="平均", en="the mean"),
    case({"A": [-0.9, -0.3], "B": [-1.0, -0.4, -0.3]}, fn="ll_choice", gives="A", zh="求和", en="the sum"),
    case(short_long, fn="ll_choice", gives="A", zh="求和偏爱短的", en="a sum prefers the short one"),
    case({"A": [-0.5], "B": [-0.5]}, gives="A", zh="并列", en="a tie"),
])

# %% cases="ppl_choice"
def cases(rng):
    for name in ("ppl_choice", "ll_choice"):
        yield case({"A": [-3.0]}, fn=name, zh="只有一个选项", en="a single option")
        yield case({"B": [-0.5], "A": [-0.5]}, fn=name, zh="并列，B 在前", en="a tie, B first")
        yield case({"A": [-0.25, -0.25], "B": [-0.5], "C": [-0.25, -0.25]}, fn=name, zh="并列，长短不同",
                   en="a tie of unequal lengths")
        for _ in range(5):
            letters = rng.sample("ABCD", 4)
            yield case({one: [round(-rng.expovariate(1), 3) for _ in range(rng.randint(1, 6))] for one in letters},
                       fn=name, zh="长短不一", en="unequal lengths")

# %% wrong="ppl_choice"
# zh: PPL 要的是平均，不是求和
# en: PPL wants the mean, not the sum
def ppl_choice(scores):
    return max(scores, key=lambda letter: sum(scores[letter]))

# %% wrong="ppl_choice"
# zh: 对数概率越高越好，NLL 越低越好，方向反了
# en: a high log probability is good and a low NLL is good: the direction is turned round
def ppl_choice(scores):
    return max(scores, key=lambda letter: -sum(scores[letter]) / len(scores[letter]))

# %% wrong="ppl_choice"
# zh: 并列时取字典里排在前面的，不是字母小的，也不是最后的
# en: of equals take the first of the dictionary, not the smaller letter and not the last
def ppl_choice(scores):
    return min(sorted(scores), key=lambda letter: -sum(scores[letter]) / len(scores[letter]))

# %% wrong="ppl_choice"
# zh: 每个词元都算，不能只看第一个
# en: every token counts, not the first alone
def ppl_choice(scores):
    return max(scores, key=lambda letter: scores[letter][0])

def ll_choice(scores):
    return max(scores, key=lambda letter: scores[letter][0])

# %% wrong="ppl_choice"
# zh: ll_choice 是求和，不除以长度
# en: ll_choice sums; it does not divide by the length
def ll_choice(scores):
    return max(scores, key=lambda letter: sum(scores[letter]) / len(scores[letter]))

# %% [markdown] lang="zh"
"""
## 真的工具：PPL

`ceval_ppl` 比的是“答案: A”到“答案: D”四段文字，考的还是字母（图里的 `letters`）。下一格另加一种：把选项的**内容**放在字母的位置上，`plain` 像课文，`chat` 套上对话模板。

一个坑：同一批文字要补成一样长，OpenCompass 默认补在左边；0.5.4 算 PPL 时把补出来的那段后面的 `<s>` 也算了进去，同一题的 PPL 就随同批的别的题变（基座的常识成了 92.5，不是 100）。所以配置里写了 `padding_side="right"`。

先猜：常识这一科，基座和对话模型谁高？
"""

# %% [markdown] lang="en"
"""
## The real tool: PPL

`ceval_ppl` compares the texts "答案: A" to "答案: D"; that examines letters again (`letters` in the picture). The next cell adds another form, with the option's **content** in the letter's place: `plain` as in a book, `chat` in the chat template.

A trap: the texts of a batch are padded to one length, by default on the left; OpenCompass 0.5.4 then counts the `<s>` after the padding into the PPL, so that a question's PPL changes with the others of its batch (the base had 92.5 on general knowledge, not 100). Hence `padding_side="right"` in the configuration.

Guess first: on general knowledge, does the base or the chat model do better?
"""

# %% tool="ppl" minutes=3
config.write(work, "ppl", [
    ("camp-mini-base", models.BUILT_IN["camp-mini-base"], ["letters", "plain"]),
    ("camp-mini", models.BUILT_IN["camp-mini"], ["plain", "chat"]),
])
toolbox.run("opencompass", "ppl.py", "-w", "ppl", "--debug", folder=work)
forms = results.newest(work / "ppl")
with needs("wilson"):
    display(pictures.forms([run, forms], wilson))

# %% [markdown] lang="zh"
"""
左边是常识。同一个对话模型、同样的题，从五十几分到满分，全看怎么问、怎么读；基座让它写，四十题只写对四题的内容，比概率却全对。**gen 和 ppl 的分数不能互相比**，不同模型之间更不能。营里网页上印的配置没有 `meta_template`，等于把对话模型当基座来问：这里 `plain` 和 `chat` 之间，差的就是这个模板。

右边四科在 25 % 上下或更低，按内容读 9 分、0 分：没教过的，怎么问也不会。看来考题没有漏进训练数据（常识本来就在）。做完下一题用图核对：两个训练阶段各造三百份文档，数每科有几题的原话在里面。**数据污染**就这样查。

## 各科怎么合成总分

`group_score(scores, subsets, weights=None)`：

- `subsets` 里的科目一个分数也没有，返回 `None`；
- 缺一部分，返回 `{'error': "missing metrics: ['b']"}`（缺的科目按 `subsets` 的顺序列出）；
- 都在，返回平均分，保留 4 位小数。每科的权重都是 1，和题数无关；给了 `weights` 就加权。

C-Eval 有 52 科（理工 20，社科 10，人文 11，其他 11）；少跑一科，总分就是 `-`。

<details><summary>提示</summary>

`f"missing metrics: {missing}"`，`missing` 是列表。

</details>
"""

# %% [markdown] lang="en"
"""
On the left is general knowledge. The same chat model on the same questions goes from the fifties to 100 by how it is asked and read; when it writes, the base gets the content of 4 in 40 right; by probability, all 40. **Scores of gen and ppl cannot be compared**, least of all between models. The configuration printed on the camp's page has no `meta_template`, so it asks a chat model as if it were a base: that template is all that differs between `plain` and `chat` here.

The four subjects on the right lie about 25 % or below, and by content at 9 and 0: what was never taught is not known, however it is asked. So it seems that no question leaked into the training data (general knowledge was in there). After the next exercise a picture checks this: three hundred documents of each of the two training stages are made, and each subject's questions are looked for in them, word for word. That is how one looks for **contamination**.

## From subjects to one score

`group_score(scores, subsets, weights=None)`:

- no subject of `subsets` has a score: return `None`;
- some are missing: return `{'error': "missing metrics: ['b']"}` (the missing ones in the order of `subsets`);
- all are there: return the mean, rounded to 4 decimals. Each subject weighs 1, whatever its number of questions, unless `weights` are given.

C-Eval has 52 subjects (STEM 20, social science 10, humanities 11, other 11); leave one out and the total is `-`.

<details><summary>Hint</summary>

`f"missing metrics: {missing}"` with a list `missing`.

</details>
"""

# %% exercise="group_score" level=2 minutes=8 points=8
def group_score(scores: dict, subsets: list, weights: dict | None = None):
    """
    zh: 总分，或者 None，或者写明缺什么的字典。
    en: Return the total, or None, or a dictionary that says what is missing.
    """
    ### BEGIN SOLUTION
    missing = [one for one in subsets if one not in scores]
    if len(missing) == len(subsets):
        return None
    if missing:
        return {"error": f"missing metrics: {missing}"}
    weigh = weights or dict.fromkeys(subsets, 1)
    return round(sum(scores[one] * weigh[one] for one in subsets) / sum(weigh[one] for one in subsets), 4)
    ### END SOLUTION

# %% check="group_score"
check("group_score", [
    case({"a": 47.37, "b": 13.51}, ["a", "b"], gives=30.44),
    case({"a": 50.0, "b": 100.0}, ["a", "b"], {"a": 19, "b": 37}, gives=83.0357, zh="按题数加权",
         en="weighted by questions"),
    case({"a": 50.0}, ["a", "b"], gives={"error": "missing metrics: ['b']"}, zh="缺一科", en="one is missing"),
    case({}, ["a", "b"], gives=None, zh="什么也没有", en="nothing there"),
])

# %% cases="group_score"
def cases(rng):
    sizes = {"stem": 20, "social": 10, "humanities": 11, "other": 11}
    scores = {name: round(rng.uniform(10, 90), 2) for name in sizes}
    yield case(scores, list(sizes), zh="四个大类", en="the four groups")
    yield case(scores, list(sizes), sizes, zh="按科目数加权", en="weighted by subjects")
    yield case({**scores, "law": 0.0}, ["stem", "law"], zh="有一科 0 分", en="a score of 0")
    yield case({"z": 1.0}, ["a", "b"], zh="有分数，但都不在里面", en="scores, but none of these")
    yield case({"b": 1.0}, ["c", "b", "a"], zh="缺两科，按顺序", en="two missing, in order")
    yield case({"a": 60.0, "b": 20.0, "c": 90.0}, ["a", "b"], zh="多余的科目不算", en="others do not count")
    yield case({"a": 60.0, "b": 20.0}, ["a", "b"], {"a": 1, "b": 3, "c": 4}, zh="多余的权重不算",
               en="weights of others do not count")
    yield case({"a": 0.0, "b": 0.0}, ["a", "b"], {"a": 3, "b": 1}, zh="都是 0 分", en="all 0")
    for one in ({"a": 80.0, "b": 40.0 + rng.randint(0, 9)}, {"a": 50.0, "b": 60.0 + rng.randint(0, 9)}):
        yield case(one, ["a", "b"], zh="两个模型，每科权重 1", en="two models, each subject weighs 1")
        yield case(one, ["a", "b"], {"a": 10, "b": 50}, zh="两个模型，按题数加权，名次换了",
                   en="two models, weighted by questions, which changes their rank")
    for _ in range(4):
        names = [f"s{number}" for number in range(rng.randint(2, 9))]
        yield case({name: round(rng.uniform(0, 100), 2) for name in names}, names,
                   {name: rng.randint(5, 60) for name in names}, zh="随机的一组", en="a random case")

# %% wrong="group_score"
# zh: 缺了科目不能照常平均，要报告缺什么
# en: with subjects missing there is no mean; report what is missing
def group_score(scores, subsets, weights=None):
    there = [one for one in subsets if one in scores]
    if not there:
        return None
    weigh = weights or dict.fromkeys(there, 1)
    return round(sum(scores[one] * weigh[one] for one in there) / sum(weigh[one] for one in there), 4)

# %% wrong="group_score"
# zh: 一个也没有时返回 None，不是错误
# en: with nothing there return None, no error
def group_score(scores, subsets, weights=None):
    missing = [one for one in subsets if one not in scores]
    if missing:
        return {"error": f"missing metrics: {missing}"}
    weigh = weights or dict.fromkeys(subsets, 1)
    return round(sum(scores[one] * weigh[one] for one in subsets) / sum(weigh[one] for one in subsets), 4)

# %% wrong="group_score"
# zh: 只算 subsets 里的科目
# en: only the subjects of subsets count
def group_score(scores, subsets, weights=None):
    missing = [one for one in subsets if one not in scores]
    if len(missing) == len(subsets):
        return None
    if missing:
        return {"error": f"missing metrics: {missing}"}
    weigh = weights or dict.fromkeys(scores, 1)
    return round(sum(scores[one] * weigh.get(one, 0) for one in scores) / sum(weigh.values()), 4)

# %% wrong="group_score"
# zh: 加权平均要除以权重之和，不是科目数
# en: a weighted mean is divided by the sum of the weights, not by the number of subjects
def group_score(scores, subsets, weights=None):
    missing = [one for one in subsets if one not in scores]
    if len(missing) == len(subsets):
        return None
    if missing:
        return {"error": f"missing metrics: {missing}"}
    weigh = weights or dict.fromkeys(subsets, 1)
    return round(sum(scores[one] * weigh[one] for one in subsets) / len(subsets), 4)

# %% wrong="group_score"
# zh: 给了 weights 就要用
# en: weights count when they are given
def group_score(scores, subsets, weights=None):
    missing = [one for one in subsets if one not in scores]
    if len(missing) == len(subsets):
        return None
    if missing:
        return {"error": f"missing metrics: {missing}"}
    return round(sum(scores[one] for one in subsets) / len(subsets), 4)

# %% wrong="group_score"
# zh: 0 分也是分数，不是缺
# en: a score of 0 is a score, not a missing one
def group_score(scores, subsets, weights=None):
    missing = [one for one in subsets if not scores.get(one)]
    if len(missing) == len(subsets):
        return None
    if missing:
        return {"error": f"missing metrics: {missing}"}
    weigh = weights or dict.fromkeys(subsets, 1)
    return round(sum(scores[one] * weigh[one] for one in subsets) / sum(weigh[one] for one in subsets), 4)

# %%
# zh: 每一科有多少题的原话，在训练文档里出现过（两个阶段各三百份）
# en: how many questions of each subject stand in training documents, three hundred of each stage
from course_lib.evaluate import leaks

pictures.leaks(leaks.met(documents=300))

# %% [markdown] lang="zh"
"""
## 转一转选项

只爱选 B 的模型，四选一也有 25 分。**CircularEval** 把选项转一圈，各问一遍，**全对**才算会：第 s 次给出 `options[s:] + options[:s]`，正确的字母移到第 `(gold − s) mod n` 个。

写：

- `circular_eval(answer_fn, question, options, gold)` → `(hits, all)`（每次对不对的列表，是否全对）；`answer_fn(question, options)` 返回字母，`gold` 是原来的正确字母；
- `expected_random(n)` → `(plain, circular)`：n 个选项乱猜的得分，百分数。

<details><summary>提示</summary>

字母和位置：`"ABCD…".index(gold)`、`chr(65 + place)`。转圈猜要连对 n 次：(1/n)ⁿ。

</details>
"""

# %% [markdown] lang="en"
"""
## Turn the options round

A model that always says B has 25 points, too. **CircularEval** turns the options round, asks each rotation, and counts the question only if **all** are right: rotation s shows `options[s:] + options[:s]`, and the right letter moves to place `(gold − s) mod n`.

Write:

- `circular_eval(answer_fn, question, options, gold)` → `(hits, all)` (a list of right or wrong, and whether all are right); `answer_fn(question, options)` returns a letter, `gold` is the right letter of the original order;
- `expected_random(n)` → `(plain, circular)`: what guessing among n options scores, in percent.

<details><summary>Hint</summary>

Letter and place: `"ABCD…".index(gold)`, `chr(65 + place)`. Guessing a whole circle means being right n times: (1/n)ⁿ.

</details>
"""

# %% exercise="circular_eval" level=3 minutes=12 points=10
def circular_eval(answer_fn, question: str, options: list, gold: str) -> tuple:
    """
    zh: （每次对不对，是否全对）。
    en: Return (right or wrong of each rotation, whether all are right).
    """
    ### BEGIN SOLUTION
    n, place = len(options), ord(gold) - 65
    hits = [
        answer_fn(question, options[s:] + options[:s]) == chr(65 + (place - s) % n) for s in range(n)
    ]
    return hits, all(hits)
    ### END SOLUTION


def expected_random(n: int) -> tuple:
    """
    zh: （普通猜, 转圈猜）的得分，百分数。
    en: Return the scores of guessing (plain, circular) in percent.
    """
    ### BEGIN SOLUTION
    return 100 / n, 100 / n**n
    ### END SOLUTION

# %% check="circular_eval"
check("circular_eval", [
    case("knows x", "q", ["a", "x", "b", "c"], "B", fn="circular_by", gives=([True, True, True, True], True),
         zh="真会的", en="one that knows"),
    case("always A", "q", ["x", "a", "b", "c"], "A", fn="circular_by", gives=([True, False, False, False], False),
         zh="总选 A", en="always A"),
    case(4, fn="expected_random", gives=(25.0, 0.390625)),
])

# %% cases="circular_eval"
def cases(rng):
    for habit in ("always A", "always the last", "knows x", "misses the last"):
        for n in (2, 4, 5):
            place = rng.randrange(n)
            options = [f"o{number}" for number in range(n)]
            options[place] = "x"
            yield case(habit, "q", options, chr(65 + place), fn="circular_by", zh=f"{n} 个选项",
                       en=f"{n} options")
    yield case("knows x", "q", ["x", "y", "z"], "B", fn="circular_by", zh="每次都错", en="wrong every time")
    for n in (2, 3, 5):
        yield case(n, fn="expected_random", zh=f"{n} 个选项", en=f"{n} options")

# %% wrong="circular_eval"
# zh: 选项从来没有转过
# en: the options were never turned
def circular_eval(answer_fn, question, options, gold):
    hits = [answer_fn(question, options) == gold for _ in options]
    return hits, all(hits)

def circular_by(habit, question, options, gold):
    return circular_eval(examinee(habit), question, options, gold)

# %% wrong="circular_eval"
# zh: 选项转了，正确的字母也跟着移到 (gold − s) mod n
# en: when options turn, the right letter moves with them, to (gold − s) mod n
def circular_eval(answer_fn, question, options, gold):
    hits = [answer_fn(question, options[s:] + options[:s]) == gold for s in range(len(options))]
    return hits, all(hits)

def circular_by(habit, question, options, gold):
    return circular_eval(examinee(habit), question, options, gold)

# %% wrong="circular_eval"
# zh: 方向反了：往前转 s 位，字母是 gold − s，不是 gold + s
# en: the direction is wrong: turned by s the letter is gold − s, not gold + s
def circular_eval(answer_fn, question, options, gold):
    n, place = len(options), ord(gold) - 65
    hits = [answer_fn(question, options[s:] + options[:s]) == chr(65 + (place + s) % n) for s in range(n)]
    return hits, all(hits)

def circular_by(habit, question, options, gold):
    return circular_eval(examinee(habit), question, options, gold)

# %% wrong="circular_eval"
# zh: 全对才算，不是对一次就算
# en: all must be right; once is not enough
def circular_eval(answer_fn, question, options, gold):
    n, place = len(options), ord(gold) - 65
    hits = [answer_fn(question, options[s:] + options[:s]) == chr(65 + (place - s) % n) for s in range(n)]
    return hits, any(hits)

def circular_by(habit, question, options, gold):
    return circular_eval(examinee(habit), question, options, gold)

# %% wrong="circular_eval"
# zh: 选项不一定是 4 个
# en: there need not be 4 options
def circular_eval(answer_fn, question, options, gold):
    place = ord(gold) - 65
    hits = [answer_fn(question, options[s:] + options[:s]) == chr(65 + (place - s) % 4) for s in range(4)]
    return hits, all(hits)

def circular_by(habit, question, options, gold):
    return circular_eval(examinee(habit), question, options, gold)

# %% wrong="circular_eval"
# zh: 转圈猜要连对 n 次，是 (1/n) 的 n 次方
# en: guessing a circle means n right guesses: (1/n) to the power of n
def expected_random(n):
    return 100 / n, 100 / n / n

# %%
# zh: camp-mini 会的一科、不会的一科：看字母和看内容，转一圈以后还剩多少
# en: a subject that camp-mini knows and one that it does not: by letter and by content, what a full turn leaves
with needs("circular_eval", "extract_option"):
    display(pictures.circular({
        f"{subject},\nby {name}": pair
        for subject in (exam.CONTROL, "applications")
        for name, pair in replies.turned(exam.val(subject)[:12], circular_eval, extract_option).items()
    }))

# %% [markdown] lang="zh"
"""
会的一科，按内容一题不少，按字母从 92 分到 83。不会的一科，按字母从 42 分到 8：多的靠运气。乱猜也从 25 掉到 0.39：转圈量的是“真会”。

## 教它，再考一次

考题的每条事实有两种问法：`learn` 给训练用，`exam` 只在考卷上。下一格用第 3 课的办法训练两个 LoRA（一分多钟一个）：

- `mine`：学 `learn` 的问法；
- `cheat`：直接背考卷上的问法，这就是污染。

做过第 3 课，你的小助手（`evidence/03_xtuner`）也一起考。先猜：谁的分高？谁真的学会了？
"""

# %% [markdown] lang="en"
"""
In the subject that it knows a full turn loses nothing by content, and by letter 92 points become 83. In the other 42 points by letter become 8: the rest was luck. Guessing falls from 25 to 0.39: the full turn measures what is really known.

## Teach it, and examine it again

Each fact of the exam has two wordings: `learn` for training, `exam` for the exam alone. The next cell trains two LoRAs as in lesson 03 (a minute or more each):

- `mine` learns the `learn` wordings;
- `cheat` learns the exam's own questions by heart, which is contamination.

If you did lesson 03, your assistant (`evidence/03_xtuner`) is examined, too. Guess first: whose score is higher, and who has really learned it?
"""

# %% tool="tuned" minutes=5
from course_lib.evaluate import paired, teach

toolbox.need("opencompass")
folders = {"mine": teach.train(work / "mine", teach.pairs("learn")),
           "cheat": teach.train(work / "cheat", teach.pairs("exam"), steps=250)}
folders |= teach.from_lesson_03(work / "assistant")
asked = [(name, folder, ["chat"]) for name, folder in folders.items()]
asked += [(f"{name}-gen", folder, ["gen"]) for name, folder in folders.items() if name != "cheat"]
config.write(work, "tuned", asked)
toolbox.run("opencompass", "tuned.py", "-w", "tuned", "--debug", folder=work)
tuned = results.newest(work / "tuned")
with needs("wilson", "group_score"):
    display(pictures.before_after(forms, tuned, wilson, group_score), pictures.written(run, tuned, wilson))
for subject in exam.NAMES:
    before, after = (
        [one.right for one in made.predictions(model, f"chat-{subject}")]
        for made, model in ((forms, "camp-mini"), (tuned, "mine"))
    )
    print(f"{subject:>14}: {paired.test(before, after)}")

# %% [markdown] lang="zh"
"""
四科的分涨了很多，换了问法也答得出。同一批题考两个模型，要看**配对**：只有一方答对的题里，两边各多少（McNemar 检验）；p 小于 0.05 才算真的变了。四科都远小于它。常识掉了近一半，看它的 p（种子各人不同）：四十题难断定；让它写（第二张图），第 3 课的**遗忘**就露出来：五道例题一摆，只写胡话。

`cheat` 的分数和 `mine` 差不多或更高，看不出它背过题。报分数要说清训练数据，查的人要换一套题。

## 没有标准答案时

故事写得好不好，只能请裁判（人或大模型）两两比较。裁判也有位置偏差，于是**两种顺序各判一次**。

写 `pairwise_winrate(judgements)` → `({model: rate}, n)`（胜率，百分数；不一致的对数）。每条是 `(first, second, verdict)`：`A` 先给的赢，`B` 后给的赢，`C` 平手（各得 ½）。胜率 = 得分 ÷ 参加的场数。

一对模型的两种顺序都判过、而赢家不是同一个（一次平手也算不同），记一对不一致；只判了一种顺序的不算。

<details><summary>提示</summary>

先把每条变成赢家（平手是 `None`）；用 `frozenset({first, second})` 当键，收集赢家的集合。

</details>
"""

# %% [markdown] lang="en"
"""
The scores of the four subjects rose a lot, in wordings that training did not use. Two models on the same questions are compared in **pairs**: of the questions that only one has right, how many on each side (McNemar's test)? Only p below 0.05 counts as a change. In the four subjects it is far below. General knowledge fell by almost half. Look at its p (each learner's seed is drawn): forty questions hardly settle it. The second picture, where the model writes, does show lesson 03's **forgetting**: after five examples it writes gibberish.

`cheat` scores about as high as `mine` or higher, and nothing in the score shows that it learned the questions by heart. So whoever reports a score must say what the training data were, and whoever checks must change the questions.

## When there is no right answer

Whether a story is good, only a judge can say (a person or a large model), by comparing two. Judges have a position bias, too, so **both orders** are judged.

Write `pairwise_winrate(judgements)` → `({model: rate}, n)` (win rates in percent; the number of inconsistent pairs). Each item is `(first, second, verdict)`: `A` the first wins, `B` the second, `C` a tie (½ each). The win rate is points ÷ games played.

A pair of models is inconsistent when it was judged in both orders and the winners differ (a tie in one of them counts as different); a pair judged in one order only is not.

<details><summary>Hint</summary>

First make each item a winner (`None` for a tie); with `frozenset({first, second})` as key collect the set of winners.

</details>
"""

# %% exercise="pairwise_winrate" level=3 minutes=12 points=9
def pairwise_winrate(judgements: list) -> tuple:
    """
    zh: （{模型: 胜率 %}, 不一致的对数）。
    en: Return ({model: win rate in %}, number of inconsistent pairs).
    """
    ### BEGIN SOLUTION
    points, games, winners = {}, {}, {}
    for first, second, verdict in judgements:
        for model, won in ((first, "A"), (second, "B")):
            games[model] = games.get(model, 0) + 1
            points[model] = points.get(model, 0) + (0.5 if verdict == "C" else verdict == won)
        winner = {"A": first, "B": second, "C": None}[verdict]
        winners.setdefault(frozenset({first, second}), set()).add(winner)
    rates = {model: 100 * points[model] / games[model] for model in games}
    return rates, sum(len(found) > 1 for found in winners.values())
    ### END SOLUTION

# %% check="pairwise_winrate"
check("pairwise_winrate", [
    case([("m", "base", "A"), ("base", "m", "B")], gives=({"base": 0.0, "m": 100.0}, 0)),
    case([("m", "base", "A"), ("base", "m", "A")], gives=({"base": 50.0, "m": 50.0}, 1), zh="只看位置",
         en="position alone"),
    case([("m", "base", "C")], gives=({"base": 50.0, "m": 50.0}, 0), zh="平手，只判了一种顺序", en="a tie, one order"),
])

# %% cases="pairwise_winrate"
def cases(rng):
    models = ["base", "chat", "mine"]
    bias = [(a, b, "A") for a in models for b in models if a != b]
    yield case(bias, zh="三个模型，裁判总选第一个", en="three models, the first always wins")
    yield case([("a", "b", "C"), ("b", "a", "A")], zh="一次平手，一次赢", en="one tie, one win")
    yield case([("a", "b", "C"), ("b", "a", "C")], zh="两次平手", en="two ties")
    yield case([("a", "b", "B"), ("a", "c", "A"), ("c", "b", "A")], zh="都只判一种顺序", en="one order each")
    yield case([], zh="没有判决", en="no judgement")
    for _ in range(5):
        pairs = [(a, b) for a in models for b in models if a != b]
        chosen = rng.sample(pairs, rng.randint(2, 6))
        yield case([(a, b, rng.choice("ABC")) for a, b in chosen], zh="随机的一组", en="a random case")

# %% wrong="pairwise_winrate"
# zh: 平手各得半分
# en: a tie gives each half a point
def pairwise_winrate(judgements):
    points, games, winners = {}, {}, {}
    for first, second, verdict in judgements:
        for model, won in ((first, "A"), (second, "B")):
            games[model] = games.get(model, 0) + 1
            points[model] = points.get(model, 0) + (verdict == won)
        winners.setdefault(frozenset({first, second}), set()).add({"A": first, "B": second, "C": None}[verdict])
    return {m: 100 * points[m] / games[m] for m in games}, sum(len(f) > 1 for f in winners.values())

# %% wrong="pairwise_winrate"
# zh: 比的是赢家，不是判决的字母：换了顺序，A 和 B 才是一致
# en: compare winners, not letters: with the order swapped A and B agree
def pairwise_winrate(judgements):
    points, games, verdicts = {}, {}, {}
    for first, second, verdict in judgements:
        for model, won in ((first, "A"), (second, "B")):
            games[model] = games.get(model, 0) + 1
            points[model] = points.get(model, 0) + (0.5 if verdict == "C" else verdict == won)
        verdicts.setdefault(frozenset({first, second}), set()).add(verdict)
    return {m: 100 * points[m] / games[m] for m in games}, sum(len(f) > 1 for f in verdicts.values())

# %% wrong="pairwise_winrate"
# zh: B 是后给的赢，不是名字叫 B 的
# en: B means that the one shown second wins
def pairwise_winrate(judgements):
    points, games, winners = {}, {}, {}
    for first, second, verdict in judgements:
        for model in (first, second):
            games[model] = games.get(model, 0) + 1
            points[model] = points.get(model, 0) + (0.5 if verdict == "C" else model == first)
        winners.setdefault(frozenset({first, second}), set()).add(first)
    return {m: 100 * points[m] / games[m] for m in games}, sum(len(f) > 1 for f in winners.values())

# %% wrong="pairwise_winrate"
# zh: 胜率除以自己的场数，不是总的判决数
# en: a win rate is over the model's own games, not over all judgements
def pairwise_winrate(judgements):
    points, winners = {}, {}
    for first, second, verdict in judgements:
        for model, won in ((first, "A"), (second, "B")):
            points[model] = points.get(model, 0) + (0.5 if verdict == "C" else verdict == won)
        winners.setdefault(frozenset({first, second}), set()).add({"A": first, "B": second, "C": None}[verdict])
    return ({m: 100 * points[m] / max(1, len(judgements)) for m in points},
            sum(len(f) > 1 for f in winners.values()))

# %% wrong="pairwise_winrate"
# zh: 一次平手、一次有赢家，也是不一致
# en: a tie in one order and a winner in the other is inconsistent, too
def pairwise_winrate(judgements):
    points, games, winners = {}, {}, {}
    for first, second, verdict in judgements:
        for model, won in ((first, "A"), (second, "B")):
            games[model] = games.get(model, 0) + 1
            points[model] = points.get(model, 0) + (0.5 if verdict == "C" else verdict == won)
        if verdict != "C":
            winner = first if verdict == "A" else second
            winners.setdefault(frozenset({first, second}), set()).add(winner)
    return {m: 100 * points[m] / games[m] for m in games}, sum(len(f) > 1 for f in winners.values())

# %% wrong="pairwise_winrate"
# zh: 只判了一种顺序的对不算不一致
# en: a pair judged in one order is not inconsistent
def pairwise_winrate(judgements):
    points, games, winners = {}, {}, {}
    for first, second, verdict in judgements:
        for model, won in ((first, "A"), (second, "B")):
            games[model] = games.get(model, 0) + 1
            points[model] = points.get(model, 0) + (0.5 if verdict == "C" else verdict == won)
        winners.setdefault(frozenset({first, second}), []).append({"A": first, "B": second, "C": None}[verdict])
    agree = sum(len(f) == 2 and f[0] == f[1] for f in winners.values())
    return {m: 100 * points[m] / games[m] for m in games}, len(winners) - agree

# %%
# zh: camp-mini 当裁判：两个答案一对一错，换个顺序再判一次（C 是平手，或者读不出 A 和 B）
# en: camp-mini as a judge: one answer right, one wrong, judged again with the order swapped (C: a tie, or no A or B to be read)
with needs("pairwise_winrate", "extract_option"):
    judged = replies.judge(exam.val(exam.CONTROL)[:12], extract_option)
    for pair in judged[:2]:
        print(pair)
    print(pairwise_winrate([one for pair in judged for one in pair])[0])
    print(sum(pairwise_winrate(pair)[1] for pair in judged), "of", len(judged), "pairs inconsistent")

# %% [markdown] lang="zh"
"""
十二对里有九对，换个顺序结论就变：赢的总是先给的，七次是对的，两次是错的；其余读不出 A 或 B。它当不了裁判，大模型也要先这样量过。

## API，和你自己的题

接口不给词元的概率，只能用 GEN（`OpenAI does not support ppl`）。下一格把 `camp-mini` 开成服务，让 OpenCompass 通过 `OpenAISDK` 考十二道常识题，一遍不带系统提示词，一遍带 LangGPT 格式的（角色、约束、步骤）。两遍内容全对，都判对十题（配对检验 p = 1）：提示词没帮上忙。

再用 `--custom-dataset-path` 考你自己的题，改改那几行。两题的分数说明不了什么，去看预测。
"""

# %% [markdown] lang="en"
"""
In nine of the twelve pairs the verdict changes with the order: what wins was always shown first, seven times the right answer and twice the wrong one; in the other replies no A or B can be read. It cannot judge. Measure a large model in this way, too, before you trust it as a judge.

## An API, and questions of your own

A model behind an interface gives no probabilities of tokens, so only GEN is left (`OpenAI does not support ppl`). The next cell serves `camp-mini` and lets OpenCompass put twelve questions of general knowledge to it through `OpenAISDK`, once without a system prompt and once with one in LangGPT's form (role, constraints, steps). Both times the content is right in all, and ten are scored as right (paired test: p = 1): the prompt did not help.

Then `--custom-dataset-path` asks questions of your own; change those lines. A score on two questions says nothing; look into the predictions.
"""

# %% tool="api" minutes=3
from course_lib.evaluate import api
from course_lib.serving import serve

toolbox.need("opencompass")
with serve("camp-mini") as server:
    api.write(work, server, prompts={"none": "", "LangGPT": api.LANGGPT}, count=12)
    toolbox.run("opencompass", "api.py", "-w", "api", "--debug", folder=work)
display(results.newest(work / "api").table())
mine = [
    {"question": "C-Eval有几个科目？", "A": "52个", "B": "8个", "C": "100个", "D": "5个", "answer": "A"},
    {"question": "法国的首都是哪里？", "A": "伦敦", "B": "巴黎", "C": "东京", "D": "柏林", "answer": "B"},
]
api.write_questions(work / "mine.jsonl", mine)
toolbox.run("opencompass", *api.command("mine.jsonl"), "-w", "custom", "--debug", folder=work)
display(results.newest(work / "custom").table())

# %% [markdown] lang="zh"
"""
## 有 GPU 时

在 InternStudio 上，下一格收好证据，再用 LMDeploy 服务 InternLM2.5-1.8B-Chat，拿 C-Eval 考它；没有 GPU 就跳过（我们没在 GPU 上试过）。

> **2024 年以后**（OpenCompass 0.5.4，2026-11）
> - 营里用 0.2.4，从源码装；现在 `pip install opencompass`，数据在 `data/` 或 `COMPASS_DATA_CACHE`。
> - 对话模型用 `HuggingFacewithChatTemplate`（`--hf-type chat`），模板取自分词器，不写 `meta_template`；`-a lmdeploy` 要装在一起。
> - 结果全是 `-`：推理失败了，看 `outputs/*/logs`，多半是缺 protobuf（Tutorial#479）或显存不够（Tutorial#391）。

## 关卡任务

交上去的是三次评测（GEN、PPL、微调后）的预测、结果、汇总，你的适配器，都在 `evidence/05_opencompass`。营里的提示词关说过，改过的结果会复查；批改的程序正是这样：

- 从预测重算分数，汇总、结果换过就对不上；
- 让写着名字的那个模型重答每一题：换过模型、改过一个预测，都会露出来；
- 用**另一种问法**考你的适配器，它要胜过 `camp-mini`。
"""

# %% [markdown] lang="en"
"""
## With a GPU

After collecting the evidence the next cell, on InternStudio, also serves InternLM2.5-1.8B-Chat by LMDeploy and examines it on C-Eval; without a GPU that is skipped (we have not run it on a GPU).

> **Since 2024** (OpenCompass 0.5.4, 2026-11)
> - The camp installs 0.2.4 from source; now it is `pip install opencompass`, data go to `data/` or `COMPASS_DATA_CACHE`.
> - Chat models take `HuggingFacewithChatTemplate` (`--hf-type chat`) with the tokenizer's template and no `meta_template`; `-a lmdeploy` wants both in one environment.
> - Nothing but `-` in the results: inference failed in silence; look into `outputs/*/logs`. Most often protobuf is missing (Tutorial#479) or memory ran out (Tutorial#391).

## The level's task

You hand in the predictions, results and summaries of three evaluations (GEN, PPL, after tuning) and your adapter, all in `evidence/05_opencompass`. The camp's level on prompts said that edited results are checked again; that is what the grading program does:

- it computes the scores from the predictions, and a swapped summary or an edited result no longer fits;
- it lets the very model that is named answer every question again: another model comes out, and so does a single edited prediction;
- it examines your adapter in **another wording**, in which it must beat `camp-mini`.
"""

# %% tool="evidence" minutes=1
from course_lib.evaluate import evidence, gpu
from course_lib.tune.times import show_times

evidence.collect(work, adapter=work / "mine")
evidence.check_evaluation()
show_times(work)
gpu.evaluate(work)

# %% evidence="evaluation" points=20
from course_lib.evaluate.evidence import grade_evaluation

grade_evaluation(points=20, seed=seed)

# %% rubric="evaluation_note"
rubric(
    criterion(zh="自己的汇总表，写明模型、方式和数据集版本（六位的哈希）",
              en="your summary table with model, mode and the data set's version (six-character hash)", points=3),
    criterion(zh="分析一道答错的题：不会、选错字母，还是没读出来", en="one wrong answer analysed: not known, wrong letter, or not read",
              points=4),
    criterion(zh="一个带区间的结论", en="a conclusion with its interval", points=3),
)

# %% [markdown] note="evaluation_note" points=10
"""
## 我的记录 / My record

汇总表 / Summary table:

一道答错的题，为什么 / One wrong answer, and why:

一个结论（带区间）/ A conclusion (with its interval):
"""

# %% [markdown] lang="zh"
"""
## 回顾

现在你能：

- 说清数据集、提示词、推理、判分怎样各自改变分数；
- 从回答里读出选项，知道 `first_capital` 会错在哪里；
- 分清 GEN 和 PPL、平均和求和，不拿 GEN 的分数去比 PPL 的；
- 给分数配上区间，做配对比较，看懂 `-`；
- 用转圈和换顺序查出位置偏差，用换问法查出背题；
- 运行 OpenCompass，打开预测，自己重算。

最后三道小题，不计分。
"""

# %% [markdown] lang="en"
"""
## Recap

Now you can:

- tell how data set, prompt, inference and scoring each change a score;
- read an option out of a reply, and know where `first_capital` goes wrong;
- tell GEN from PPL and mean from sum, and never compare a GEN score with a PPL one;
- give a score its interval, compare in pairs, read a `-`;
- find a position bias by turning and swapping, and learning by heart by new wordings;
- run OpenCompass, open the predictions, and compute the score again.

Three last questions, not graded.
"""

# %% quiz="two_points"
quiz(
    zh="19 道题，微调前 47.4，微调后 52.6。能说进步了吗？",
    en="19 questions; 47.4 before fine-tuning, 52.6 after. Progress?",
    choices=[
        choice(zh="能，分数高了 5 分", en="yes, it is 5 points higher",
               why_zh="5 分只是一道题，区间宽四十分。", why_en="5 points are one question; the interval is forty wide."),
        choice(zh="不能，只多对了一题", en="no, one question more is right", right=True,
               why_zh="要更多的题，并做配对比较。", why_en="It takes more questions and a paired comparison."),
        choice(zh="能，两次用的是同一批题", en="yes, both took the same questions",
               why_zh="同一批题可以配对，但一题之差仍说明不了什么。",
               why_en="The same questions can be paired, but one of them still tells nothing."),
    ],
)

# %% quiz="all_dashes"
quiz(
    zh="汇总里总分是 `-`，各科却有分数。最可能的原因？",
    en="The total is `-`, yet subjects have scores. Why, most likely?",
    choices=[
        choice(zh="有一科没有跑完", en="one subject did not finish", right=True,
               why_zh="缺一科，整组就是 missing metrics。", why_en="With one missing the whole group is missing metrics."),
        choice(zh="总分是 0", en="the total is 0", why_zh="0 分会显示 0.00。", why_en="A zero shows as 0.00."),
        choice(zh="没有加权重", en="there are no weights", why_zh="默认就是每科权重 1。",
               why_en="By default each subject weighs 1."),
    ],
)

# %% quiz="base_and_chat"
quiz(
    zh="A 团队报基座模型 ppl 53 分，B 团队报对话模型 gen 50 分。谁强？",
    en="Team A reports 53 by ppl for a base model, team B 50 by gen for a chat model. Which is better?",
    choices=[
        choice(zh="A", en="A", why_zh="gen 还要会听指令、写字母、被读出来，两个数不是一回事。",
               why_en="gen also needs instructions followed, a letter written and read; the numbers differ in kind."),
        choice(zh="B，因为 gen 更难", en="B, because gen is harder", why_zh="难多少谁也没量过。",
               why_en="Nobody measured how much harder."),
        choice(zh="比不出来", en="it cannot be told", right=True,
               why_zh="方式、例题数、提示词和版本都相同才能比。",
               why_en="Only the same mode, examples, prompt and version can be compared."),
    ],
)
