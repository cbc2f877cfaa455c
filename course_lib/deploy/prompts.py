"""What LMDeploy makes of a question on a CPU: its chat template and its tokenizer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib import toolbox
from course_lib.language import Text

if TYPE_CHECKING:
    from course_lib.chat import ChatModel

_JOB = Path(__file__).with_name("prompt_job.py")
_FOUND = r'^{"prompt": '


def show(bot: ChatModel, question: str, work: Path) -> dict[str, Any]:
    """Print LMDeploy's prompt for a question beside the course's, and what an old name gives.

    Args:
        bot: whose folder LMDeploy reads.
        question: what a user asks.
        work: where LMDeploy runs.

    Returns:
        ``prompt``, ``ids``, and ``by_name``, the prompt of ``ChatTemplateConfig("internlm2")``.
    """
    folder = bot.folder.resolve()
    run = toolbox.run(
        "lmdeploy", _JOB, folder, question, folder=work, lines=[_FOUND], program="python"
    )
    found: dict[str, Any] = json.loads(next(line for line in run.lines if re.match(_FOUND, line)))
    prompt = bot.prompt(question)
    same = found["prompt"] == prompt and found["ids"] == bot.encode(prompt, begin=False)
    print("get_chat_template:", repr(found["prompt"]))
    print(
        Text(
            f"{len(found['ids'])} 个词元，和 bot.prompt、bot.encode {'一样' if same else '不一样'}",
            f"{len(found['ids'])} tokens, {'the same as' if same else 'not those of'} bot.prompt "
            "and bot.encode",
        )
    )
    print("ChatTemplateConfig('internlm2'):", repr(found["by_name"]))
    return found
