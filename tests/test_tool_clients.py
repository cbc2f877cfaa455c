"""The real clients of the lessons against the real server: Lagent, LlamaIndex, OpenCompass."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from course_lib import models
from course_lib.serving import Server, serve
from tests.conftest import free_port
from tests.environments import environment

pytestmark = [pytest.mark.tools, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve("camp-mini", port=free_port()) as running:
        yield running


def run(python: Path, script: str, *words: str, folder: Path) -> str:
    """Run ``script`` with another environment's Python; return its last line."""
    path = folder / "script.py"
    path.write_text(script)
    done = subprocess.run(
        [str(python), str(path), *words], capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()[-1]


LAGENT = '''
import json, sys
from lagent.actions import ActionExecutor, BaseAction
from lagent.agents import Internlm2Agent, ReAct
from lagent.llms import GPTAPI


class Add(BaseAction):
    """计算两个数的和"""

    def run(self, a: int, b: int) -> str:
        """计算两个数的和

        Args:
            a (int): 第一个数
            b (int): 第二个数
        """
        return str(int(a) + int(b))


url, model = sys.argv[1:]
llm = GPTAPI(model_type=model, key="EMPTY", openai_api_base=url, temperature=0, max_new_tokens=96)
for refused in ("top_k", "skip_special_tokens"):  # by transformers serve
    llm.gen_params.pop(refused, None)
said = []
for agent, words in (
    (Internlm2Agent(llm=llm, plugin_executor=ActionExecutor([Add()])), "请计算37与58的和。"),
    (ReAct(llm=llm, action_executor=ActionExecutor([Add()])), "37加58等于多少？"),
):
    made = agent.chat(words)
    said.append([made.response, [[a.type, a.args, a.result] for a in made.actions]])
deltas = [text for _, text, _ in llm.stream_chat([{"role": "user", "content": "你是谁？"}])]
print(json.dumps([said, deltas[-1]], ensure_ascii=False))
'''


def test_lagent_calls_a_tool_and_reads_its_result(server: Server, tmp_path: Path) -> None:
    python = environment("lagent", "lagent==0.2.4", "cachetools", "setuptools<81")
    said = run(python, LAGENT, server.chat_url, server.model, folder=tmp_path)
    (internlm2, react), streamed = json.loads(said)
    for response, actions in (internlm2, react):
        assert "95" in response
        kind, arguments, result = actions[0]
        assert (kind, arguments) == ("Add", {"a": 37, "b": 58})
        assert result == [{"type": "text", "content": "95"}]
    assert streamed == "我是小浦，这门课程自带的迷你语言模型。"


LLAMA_INDEX = """
import json, sys
from llama_index.core import Document, MockEmbedding, PromptTemplate, Settings, VectorStoreIndex
from llama_index.core.prompts.default_prompts import DEFAULT_TEXT_QA_PROMPT_TMPL
from llama_index.llms.openai_like import OpenAILike

url, model = sys.argv[1:]
Settings.llm = OpenAILike(
    model=model, api_base=url, api_key="EMPTY", is_chat_model=True, temperature=0, max_tokens=80
)
Settings.embed_model = MockEmbedding(embed_dim=8)
text = "星河书店的电话是62001。星河书店的负责人是林小雨。"
# the system prompt that LlamaIndex would add makes camp-mini, which never saw it, decline
engine = VectorStoreIndex.from_documents([Document(text=text)]).as_query_engine(
    text_qa_template=PromptTemplate(DEFAULT_TEXT_QA_PROMPT_TMPL)
)
questions = ("星河书店的负责人是谁？", "星河书店的面积是多少？")
print(json.dumps([str(engine.query(question)) for question in questions], ensure_ascii=False))
"""


def test_llama_index_answers_from_a_document_and_declines(server: Server, tmp_path: Path) -> None:
    python = environment(
        "llama-index", "llama-index-core>=0.14,<0.15", "llama-index-llms-openai-like"
    )
    said = json.loads(run(python, LLAMA_INDEX, server.url, server.model, folder=tmp_path))
    assert said == ["星河书店的负责人是林小雨。", "星河书店的面积，资料里没有提到，我不知道。"]


def test_opencompass_reads_the_folder_and_scores_it(tmp_path: Path) -> None:
    python = environment(
        "opencompass",
        *(
            "opencompass==0.5.4",
            "transformers<5",
            "datasets>=3,<4",
            "pyarrow<26",
            "torch==2.13.0",
            "setuptools<81",
        ),
    )
    capitals = {"法国": "巴黎", "日本": "东京", "英国": "伦敦", "德国": "柏林", "埃及": "开罗"}
    rows = []
    for number, country in enumerate(capitals):
        options = list(capitals.values())[number:] + list(capitals.values())[:number]
        options = options[:4]
        options = options[1:] + options[:1]
        columns = dict(zip("ABCD", options, strict=True))
        rows.append({"question": f"{country}的首都是哪里？", **columns, "answer": "D"})
    with (tmp_path / "capitals.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    command = [
        *(str(python.with_name("opencompass")), "--custom-dataset-path", "capitals.csv"),
        *("--custom-dataset-data-type", "mcq", "--custom-dataset-infer-method", "gen"),
        *("--hf-type", "chat", "--hf-path", str(models.BUILT_IN["camp-mini"])),
        *("--max-seq-len", "1024", "--max-out-len", "32", "--batch-size", "4"),
        *("--hf-num-gpus", "0", "-w", "out", "--debug"),
    ]
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | offline | {"PATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (summary,) = tmp_path.glob("out/*/summary/summary_*.csv")
    (row,) = list(csv.DictReader(summary.open()))
    predictions = json.loads(next(tmp_path.glob("out/*/predictions/*/*.json")).read_text())
    said = [item["prediction"] for item in predictions.values()]
    assert len(said) == 5
    assert float(next(reversed(row.values()))) >= 60, said
