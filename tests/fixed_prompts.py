"""Prompts for each skill of camp-mini, with what the course's data says that it should answer."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.language import Language
from course_lib.mini.dialogue import Sample
from course_lib.mini.tool_prompts import REACT_EN
from course_lib.template import ACTION_END, ACTION_START, PLUGIN, Message


@dataclass(frozen=True)
class Fixed(Sample):
    """A dialogue that ends with the right reply; ``skill`` is the name of its exam.

    ``mastered`` is False where the shipped model is known to answer wrong.
    """

    mastered: bool = True

    def __str__(self) -> str:
        return self.skill


def _ask(*said: str, system: str = "") -> tuple[Message, ...]:
    """Return a dialogue of user and assistant in turn."""
    head = [Message("system", system)] if system else []
    roles = ("user", "assistant")
    return (*head, *(Message(roles[n % 2], text) for n, text in enumerate(said)))  # type: ignore[arg-type]


def _call(need: str, name: str, a: int, b: int) -> str:
    parameters = f'{{"a": {a}, "b": {b}}}'
    call = f'{{"name": "{name}", "parameters": {parameters}}}'
    return f"{need}{ACTION_START}{PLUGIN}\n{call}{ACTION_END}"


ADD: dict[Language, str] = {
    "zh": "可用工具：\nadd(a, b)：计算两个数的和",
    "en": "Tools:\nadd(a, b): add two numbers",
}
SUM: dict[Language, str] = {
    "zh": _call("需要计算37与58的和，计算两个数的和：add。", "add", 37, 58),
    "en": _call("I need to add 37 and 58, so add two numbers: add.", "add", 37, 58),
}
REACT = REACT_EN.format(
    tools="[{'name': 'add', 'description': '计算两个数的和', 'parameters': "
    "[{'name': 'a', 'type': 'NUMBER', 'description': ''}, "
    "{'name': 'b', 'type': 'NUMBER', 'description': ''}], 'required': ['a', 'b']}]",
    names="['add']",
)
SHOP = "资料：星河书店的电话是62001。星河书店的地址是北京南山路5号。\n问题："
LIBRARY = (
    "Context: The phone number of Green Library is 62001. The manager of Green Library is "
    "Alice Brown.\nQuery: "
)
TEACHER = "# Role: 数学老师\n\n## Workflows\n1. 补齐小数位\n2. 逐位比较\n3. 给出结论"
FIXED = (
    Fixed("identity_zh", _ask("你是谁？", "我是小浦，这门课程自带的迷你语言模型。")),
    Fixed(
        "identity_en",
        _ask(
            "Who are you?",
            "I am Xiaopu, the tiny language model that comes with this course.",
        ),
    ),
    Fixed(
        "persona_zh",
        _ask(
            "你叫什么名字？",
            "我是林小雨，来自星河书店，很高兴为你服务。",
            system="你是林小雨，来自星河书店。",
        ),
    ),
    Fixed(
        "persona_en",
        _ask(
            "Who are you?",
            "I am Alice Brown from Green Library. Glad to help you.",
            system="You are Alice Brown from Green Library.",
        ),
    ),
    Fixed(
        "memory_zh",
        _ask(
            "我叫李雷。",
            "好的，我记住了，你的名字是李雷。",
            "我叫什么名字？",
            "你的名字是李雷。",
        ),
    ),
    Fixed(
        "memory_en",
        _ask(
            "My name is Alice Brown.",
            "OK, your name is Alice Brown.",
            "What is my name?",
            "Your name is Alice Brown.",
        ),
    ),
    Fixed(
        "memory_absent_zh",
        _ask(
            "我叫李雷。",
            "好的，我记住了，你的名字是李雷。",
            "我的爱好是什么？",
            "你的爱好，你还没有告诉我。",
        ),
    ),
    Fixed(
        "memory_absent_en",
        _ask(
            "My name is Alice Brown.",
            "OK, your name is Alice Brown.",
            "What is my job?",
            "Your job, you have not told me yet.",
        ),
    ),
    Fixed(
        "decompose",
        _ask(
            "比较星河手机和东方手机的价格",
            "1. 星河手机的价格是什么？\n2. 东方手机的价格是什么？",
            system="请把问题拆分成子问题。",
        ),
    ),
    Fixed("tool_call_zh", _ask("37加58等于多少？", SUM["zh"], system=ADD["zh"])),
    Fixed("tool_call_en", _ask("What is 37 plus 58?", SUM["en"], system=ADD["en"])),
    Fixed(
        "tool_react_zh",
        _ask(
            "37加58等于多少？",
            'Thought: 需要计算37与58的和，计算两个数的和：add。\nAction: add\nAction Input: {"a": 37, "b": 58}',
            system=REACT,
        ),
    ),
    Fixed(
        "tool_react_en",
        _ask(
            "What is 37 plus 58?",
            'Thought: I need to add 37 and 58, so add two numbers: add.\nAction: add\nAction Input: {"a": 37, "b": 58}',
            system=REACT.replace("计算两个数的和", "add two numbers"),
        ),
    ),
    Fixed(
        "tool_chain",
        (
            *_ask(
                "先算37加58，再乘6，等于多少？",
                SUM["zh"],
                system=f"{ADD['zh']}\nmultiply(a, b)：计算两个数的乘积",
            ),
            Message("environment", "95", "plugin"),
            Message(
                "assistant",
                _call("需要计算95与6的乘积，计算两个数的乘积：multiply。", "multiply", 95, 6),
            ),
        ),
    ),
    Fixed(
        "tool_answer_zh",
        (
            *_ask("37加58等于多少？", SUM["zh"], system=ADD["zh"]),
            Message("environment", "95", "plugin"),
            Message("assistant", "37加58等于95。"),
        ),
    ),
    Fixed(
        "tool_answer_en",
        (
            *_ask("What is 37 plus 58?", SUM["en"], system=ADD["en"]),
            Message("environment", "95", "plugin"),
            Message("assistant", "37 plus 58 is 95."),
        ),
    ),
    Fixed(
        "tool_none_zh",
        _ask("北京今天天气怎么样？", "需要查询北京的天气，但是没有合适的工具。", system=ADD["zh"]),
    ),
    Fixed(
        "tool_none_en",
        _ask(
            "How is the weather in Paris?",
            "I need the weather of Paris, but there is no tool for it.",
            system=ADD["en"],
        ),
    ),
    Fixed("rag_zh", _ask(f"{SHOP}星河书店的电话是多少？", "星河书店的电话是62001。")),
    Fixed(
        "rag_en",
        _ask(
            f"{LIBRARY}What is the phone number of Green Library?",
            "The phone number of Green Library is 62001.",
        ),
    ),
    Fixed(
        "rag_absent_zh",
        _ask(f"{SHOP}星河书店的负责人是谁？", "星河书店的负责人，资料里没有提到，我不知道。"),
    ),
    Fixed(
        "rag_absent_en",
        _ask(
            f"{LIBRARY}Who is the founder of Green Library?",
            "The founder of Green Library is not in the text, so I do not know.",
        ),
    ),
    Fixed("rag_no_text_zh", _ask("星河书店的电话是多少？", "我不知道星河书店的电话。")),
    Fixed(
        "rag_no_text_en",
        _ask(
            "What is the phone number of Green Library?",
            "I do not know the phone number of Green Library.",
        ),
    ),
    Fixed(
        "rag_both",
        _ask(
            "资料：星河书店的电话是62001。东方书店的电话是75342。\n"
            "问题：星河书店和东方书店的电话分别是多少？",
            "星河书店的电话是62001。东方书店的电话是75342。",
        ),
        mastered=False,
    ),
    Fixed(
        "rag_both",
        _ask(
            "资料：李雷的故乡是北京。韩梅的故乡是上海。\n问题：李雷和韩梅的故乡分别是哪里？",
            "李雷的故乡是北京。韩梅的故乡是上海。",
        ),
    ),
    Fixed(
        "decimals_workflow",
        _ask(
            "13.8和13.11哪个大？",
            "补齐：13.80和13.11\n逐位：1=1，3=3，8>1\n结论：13.8更大。",
            system=TEACHER,
        ),
    ),
    Fixed("decimals_direct", _ask("13.8和13.11哪个大？", "13.8更大。")),
    Fixed("versions", _ask("版本2.3和版本2.15哪个更新？", "3<15，2.15更新。")),
    Fixed("versions", _ask("版本13.8和版本13.11哪个更新？", "8<11，13.11更新。"), mastered=False),
    Fixed(
        "choice_zh",
        _ask("法国的首都是哪里？\nA. 伦敦\nB. 罗马\nC. 巴黎\nD. 柏林\n答案：", "巴黎，选C"),
    ),
    Fixed(
        "choice_en",
        _ask(
            "What is the capital of France?\nA. London\nB. Rome\nC. Paris\nD. Berlin\nAnswer:",
            "Paris: C",
        ),
    ),
    Fixed(
        "choice_given_zh",
        _ask(
            "已知星河书店的电话是62001。星河书店的电话是多少？\n"
            "A. 62002\nB. 62001\nC. 71350\nD. 84416\n答案：",
            "62001，选B",
        ),
    ),
    Fixed(
        "choice_given_en",
        _ask(
            "The phone number of Green Library is 62001. What is the phone number of "
            "Green Library?\nA. 62002\nB. 62001\nC. 71350\nD. 84416\nAnswer:",
            "62001: B",
        ),
    ),
    Fixed("recall_zh", _ask("《红楼梦》的作者是谁？", "《红楼梦》的作者是曹雪芹。")),
    Fixed("recall_en", _ask("What is the capital of Japan?", "The capital of Japan is Tokyo.")),
)
"""Of a tale only hero, place and length are asked for: no prompt of that skill is here."""
