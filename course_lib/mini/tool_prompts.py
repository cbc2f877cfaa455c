"""How a prompt offers tools: plain lines, InternLM2's plugin turn, or ReAct as Lagent writes it.

The fixed texts are those of Lagent 0.2.4 (lagent/agents/internlm2_agent.py, react.py).
"""

from __future__ import annotations

import json
from typing import Any

from course_lib.language import Language
from course_lib.mini.tools import Tool
from course_lib.mini.world import World
from course_lib.template import Message

HEADS: dict[Language, tuple[str, ...]] = {
    "zh": ("你可以使用以下工具：\n", "可用工具：\n", "你是一个助手，可以调用下列工具：\n"),
    "en": ("You can use these tools:\n", "Tools:\n", "You are an assistant with these tools:\n"),
}
META = "当开启工具以及代码时，根据需求选择合适的工具进行调用"
PLUGIN = (
    "你可以使用如下工具：\n{tools}\n如果你已经获得足够信息，请直接给出答案. 避免不必要的工具调用! "
    "同时注意你可以使用的工具，不要随意捏造！"
)
API_PREFIX = (
    "This is the subfunction for tool '{tool}', you can use this tool. "
    "The description of this function is: \n{does}"
)
PARAMETERS = (
    "If you call this tool, you must pass arguments in the JSON format {key: value}, "
    "where the key is the parameter name."
)
REACT_EN = """You are a assistant who can utilize external tools.
{tools}
To use a tool, please use the following format:
```
Thought:Think what you need to solve, do you need to use tools?
Action:the tool name, should be one of [{names}]
Action Input:the input to the action
```
The response after utilizing tools should using the following format:
```
Response:the results after call the tool.
```
If you already know the answer, or you do not need to use tools,
please using the following format to reply:
```
Thought:the thought process to get the final answer
Final Answer:final answer
```
Begin!"""
REACT_ZH = """你是一个可以调用外部工具的助手，可以使用的工具包括：
{tools}
如果使用工具请遵循以下格式回复：
```
Thought:思考你当前步骤需要解决什么问题，是否需要使用工具
Action:工具名称，你的工具必须从 [{names}] 选择
Action Input:工具输入参数
```
工具返回按照以下格式回复：
```
Response:调用工具后的结果
```
如果你已经知道了答案，或者你不需要工具，请遵循以下格式回复
```
Thought:给出最终答案的思考过程
Final Answer:最终答案
```
开始!"""


def describe(tool: Tool, *, prefixed: bool, advised: bool) -> dict[str, Any]:
    """Return a tool as Lagent describes it; ``prefixed`` as in InternLM2's plugin turn."""
    does = tool.does
    if prefixed:
        does = API_PREFIX.format(tool=tool.name.split(".")[0], does=does)
    numbers = tool.kind.arguments in (("a", "b"), ("hour", "minute"))
    described: dict[str, Any] = {
        "name": tool.name,
        "description": does,
        "parameters": [
            {"name": name, "type": "NUMBER" if numbers else "STRING", "description": ""}
            for name in tool.arguments
        ],
        "required": list(tool.arguments),
    }
    if advised:
        described["parameter_description"] = PARAMETERS
    return described


def plain(world: World, tools: list[Tool], language: Language) -> list[Message]:
    """Return one system turn with a line for each tool."""
    colon = "：" if language == "zh" else ": "
    lines = [f"{tool.name}({', '.join(tool.arguments)}){colon}{tool.does}" for tool in tools]
    return [Message("system", world.choice(HEADS[language]) + "\n".join(lines))]


def plugin(world: World, tools: list[Tool], language: Language) -> list[Message]:
    """Return InternLM2's turns: with the plugin marker, or as Lagent's API client flattens them."""
    prefixed = world.chance(0.5)
    described = [describe(t, prefixed=prefixed, advised=prefixed) for t in tools]
    indent = 4 if prefixed or world.chance(0.5) else None
    text = PLUGIN.format(tools=json.dumps(described, ensure_ascii=False, indent=indent))
    way = world.random.random()
    if way < 0.5:
        return [Message("system", META), Message("system", text, "plugin")]
    if way < 0.75:
        return [Message("system", META), Message("system", text)]
    return [Message("system", text, "plugin")]


def react(world: World, tools: list[Tool], language: Language) -> list[Message]:
    """Return Lagent's ReAct turn; its default is English, whatever the question is."""
    form = REACT_EN if language == "en" or world.chance(0.6) else REACT_ZH
    described = [describe(tool, prefixed=False, advised=world.chance(0.8)) for tool in tools]
    text = form.format(tools=str(described), names=str([tool.name for tool in tools]))
    return [Message("system", text)]
