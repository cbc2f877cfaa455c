"""The ReAct prompt of Lagent 0.2.4 for plain functions, so that a learner's own loop can use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from course_lib.language import current_language
from course_lib.mini.tool_prompts import PARAMETERS, REACT_EN, REACT_ZH
from course_lib.mini.tools import tool_kinds
from course_lib.template import Message


def react_prompt(tools: Mapping[str, Callable[..., Any]]) -> Message:
    """Return the system turn that offers tools named as kinds that camp-mini knows, such as add."""
    described = [
        {
            "name": name,
            "description": str(tool_kinds()[name].does),
            "parameters": [
                {"name": one, "type": "NUMBER", "description": ""}
                for one in tool_kinds()[name].arguments
            ],
            "required": list(tool_kinds()[name].arguments),
            "parameter_description": PARAMETERS,
        }
        for name in tools
    ]
    form = REACT_ZH if current_language() == "zh" else REACT_EN
    return Message("system", form.format(tools=str(described), names=str(list(tools))))
