"""A served model examined through its API, with and without a system prompt; own questions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from course_lib import models
from course_lib.errors import CampError
from course_lib.evaluate import exam
from course_lib.evaluate.config import MAX_OUT, prompt
from course_lib.files import write_atomic
from course_lib.language import Text
from course_lib.mini.choice import LETTERS
from course_lib.serving import Server

LANGGPT = """# Role: 考生
## Profile
- 你参加一场单项选择题考试。
## Constraints
- 只回答一个字母。
## Workflows
1. 读题；2. 比较四个选项；3. 写出正确选项的字母。"""
"""A system prompt in LangGPT's form, for the exam."""
_TEXT = Template("""\
from opencompass.datasets import CEvalDataset
from opencompass.models import OpenAISDK
from opencompass.openicl.icl_evaluator import AccEvaluator
from opencompass.openicl.icl_inferencer import GenInferencer
from opencompass.openicl.icl_prompt_template import PromptTemplate
from opencompass.openicl.icl_retriever import ZeroRetriever
from opencompass.utils.text_postprocessors import first_capital_postprocess

roles = dict(round=[dict(role="HUMAN", api_role="HUMAN"),
                    dict(role="BOT", api_role="BOT", generate=True)],
             reserved_roles=[dict(role="SYSTEM", api_role="SYSTEM")])
models = [dict(type=OpenAISDK, abbr=$name, path=$name, key="EMPTY", openai_api_base=$url,
               tokenizer_path=$folder, meta_template=roles, temperature=0.0, query_per_second=100,
               max_seq_len=2048, max_out_len=$out, batch_size=1, retry=1)]
systems = $systems
datasets = [
    dict(abbr=f"api-{name}", type=CEvalDataset, path="opencompass/ceval-exam", name=$subject,
         reader_cfg=dict(input_columns=["question", "A", "B", "C", "D"], output_column="answer",
                         train_split="dev", test_split="val", test_range="[:$count]"),
         infer_cfg=dict(
             prompt_template=dict(type=PromptTemplate, template=dict(
                 begin=[dict(role="SYSTEM", fallback_role="HUMAN", prompt=system)][:len(system)],
                 round=[dict(role="HUMAN", prompt=$prompt)])),
             retriever=dict(type=ZeroRetriever), inferencer=dict(type=GenInferencer)),
         eval_cfg=dict(evaluator=dict(type=AccEvaluator),
                       pred_postprocessor=dict(type=first_capital_postprocess)))
    for name, system in systems.items()
]
""")


def write(
    work: Path, server: Server, prompts: Mapping[str, str], count: int, subject: str = exam.CONTROL
) -> Path:
    """Write ``api.py``, which asks a served model ``count`` questions with each system prompt.

    Args:
        work: the folder in which OpenCompass will run.
        server: of ``course_lib.serving``.
        prompts: system prompts by short name; an empty one is none.
        count: questions, the first of the subject.
        subject: the subject asked.
    """
    exam.write(work)
    text = _TEXT.substitute(
        name=repr(server.model), url=repr(f"{server.url}/"), folder=repr(str(_tokenizer())),
        out=MAX_OUT, systems=json.dumps(dict(prompts), ensure_ascii=False, indent=4),
        subject=repr(subject), count=count, prompt=json.dumps(prompt(subject), ensure_ascii=False),
    )  # fmt: skip
    path = work / "api.py"
    write_atomic(path, text)
    return path


def _tokenizer() -> Path:
    return models.BUILT_IN["camp-mini"].resolve()


def write_questions(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write questions of one's own as ``--custom-dataset-path`` takes them, one JSON a line.

    Raises:
        CampError: a question lacks a column, or its answer is no letter of an option.
    """
    for number, row in enumerate(rows, 1):
        wanted = {"question", "answer", *LETTERS}
        if set(row) != wanted or row["answer"] not in LETTERS:
            what = Text(
                f"第 {number} 题要有 question、A 到 D、answer（一个字母）",
                f"question {number} needs question, A to D, and answer (one letter)",
            )
            raise CampError(str(what), 2)
    lines = [json.dumps(dict(row), ensure_ascii=False) for row in rows]
    write_atomic(path, "\n".join(lines) + "\n")


def command(questions: str) -> list[str]:
    """Return what follows ``opencompass`` to ask camp-mini the questions in a file."""
    model = ["--hf-type", "chat", "--hf-path", str(_tokenizer()), "--hf-num-gpus", "0"]
    sizes = ["--max-seq-len", "2048", "--max-out-len", str(MAX_OUT), "--batch-size", "8"]
    data = ["--custom-dataset-path", questions, "--custom-dataset-data-type", "mcq"]
    return [*data, "--custom-dataset-infer-method", "gen", *model, *sizes]
