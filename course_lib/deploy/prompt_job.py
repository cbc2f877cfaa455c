"""A question through LMDeploy's template and tokenizer: ``prompt_job.py MODEL QUESTION``.

It runs in LMDeploy's environment, not in the course's, and ends with a line of JSON.
"""

from __future__ import annotations

import json
import sys

from lmdeploy.model import ChatTemplateConfig, get_chat_template
from lmdeploy.tokenizer import Tokenizer

GONE = "internlm2"
"""A template that LMDeploy had built in until 0.15."""


def main(model: str, question: str) -> None:
    """Print the prompt by the folder's template, its ids, and the prompt by the old name."""
    turns = [{"role": "user", "content": question}]
    prompt = get_chat_template(model).messages2prompt(turns)
    found = {
        "prompt": prompt,
        "ids": Tokenizer(model).encode(prompt, add_bos=False),
        "by_name": ChatTemplateConfig(GONE).chat_template().messages2prompt(turns),
    }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
