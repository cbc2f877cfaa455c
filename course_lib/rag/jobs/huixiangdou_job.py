"""HuixiangDou builds its feature store, finds its threshold, and answers: run with ``JOB.json``.

The job names ``pages`` (a folder), ``good`` and ``bad`` example questions, ``new`` questions that
are only accepted or rejected, ``rounds`` that are also answered, ``out``, and for the rounds
``url``, ``key`` and ``model``. FeatureStore, Retriever with ``update_throttle`` and SerialPipeline
are HuixiangDou's own code. What stands in for its parts that need a GPU, a download or an account:

- embedder: the course's n-grams for bce-embedding-base_v1 (so the score is a cosine);
- reranker: the order of that cosine for bce-reranker-base_v1;
- CacheRetriever: one that hands out both of them;
- LLM: the served model, greedy, without system prompt; ``encode_string`` counts characters
  (tiktoken downloads its table);
- ``faiss.METRIC_IP``, a name that HuixiangDou uses for cosines and Faiss does not have;
- the answer's prompt: HuixiangDou's own former GENERATE_TEMPLATE_CN, which the small model knows,
  with the first 400 characters of the pages, all of which HuixiangDou hands over.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytoml
from huixiangdou.primitive import FileOperation
from huixiangdou.primitive.query import DistanceStrategy
from huixiangdou.services import llm as llm_module
from huixiangdou.services import serial_pipeline
from huixiangdou.services.prompt import GENERATE_TEMPLATE_CN
from huixiangdou.services.retriever import Retriever
from huixiangdou.services.store import FeatureStore, InitializeConfig
from loguru import logger
from openai import AsyncOpenAI

from course_lib.rag.ngrams import Ngrams
from course_lib.rag.pages import MOST_BYTES, READ, cut_all, read_pages

CONFIG, WORK = "config.ini", "workdir"
TOP, MAX_NEW = 2, 32
WHOLE = 2 * TOP * MOST_BYTES
"""Characters of context that HuixiangDou may fill: no page has to be cut."""


class Embedder:
    """The course's n-grams as HuixiangDou asks for vectors."""

    support_image = False
    distance_strategy = DistanceStrategy.MAX_INNER_PRODUCT

    def __init__(self, maker: Ngrams) -> None:
        self._maker = maker

    def token_length(self, text: str) -> int:
        """Return the number of characters."""
        return len(text)

    def embed_query(self, text: str | None = None, path: str | None = None) -> Any:
        """Return the vector of a text, float32 of shape (1, size)."""
        return self._maker.vectors([text or ""])


class Reranker:
    """The best chunks by cosine with the question."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def rerank(self, query: str, chunks: list[Any]) -> list[Any]:
        """Return the best ``TOP`` chunks, best first."""
        vector = self._embedder.embed_query(query)[0]
        rows = [self._embedder.embed_query(one.content_or_path)[0] for one in chunks]
        order = np.argsort([-float(row @ vector) for row in rows], kind="stable")
        return [chunks[i] for i in order[:TOP]]


class Served(llm_module.LLM):  # type: ignore[misc]
    """The served model, greedy; the pipeline's own prompts, as they are."""

    async def chat(self, prompt: str, **_: Any) -> str:
        """Return the reply to one prompt."""
        (backend,) = self.backends.values()
        client = AsyncOpenAI(base_url=backend.base_url, api_key=backend.api_key, timeout=120)
        made = await client.chat.completions.create(
            model=backend.model, messages=[{"role": "user", "content": prompt}], temperature=0,
            max_tokens=MAX_NEW,
        )  # fmt: skip
        return (made.choices[0].message.content or "").strip()


class FormerPrompt:
    """HuixiangDou's answer prompt before it asked for citations."""

    def __init__(self, language: str) -> None:
        self.language = language

    def build(self, texts: list[str], question: str) -> str:
        """Return the prompt for the retrieved pages."""
        return str(GENERATE_TEMPLATE_CN.format("\n".join(texts)[:READ], question))


def write_config(job: dict[str, Any]) -> None:
    """Write config.ini, its threshold at -1 as HuixiangDou ships it."""
    server = {
        "remote_type": "local", "base_url": job.get("url") or "http://127.0.0.1:9/v1",
        "remote_api_key": job.get("key") or "EMPTY", "remote_llm_model": job.get("model") or "none",
        "remote_llm_max_text_length": WHOLE, "rpm": 100000, "tpm": 100000000,
    }  # fmt: skip
    config = {
        "feature_store": {"reject_throttle": -1.0, "work_dir": WORK},
        "llm": {"server": server},
        "worker": {"enable_web_search": 0, "save_path": "logs/work.txt", "time": {"enable": 0}},
    }
    with Path(CONFIG).open("w", encoding="utf-8") as file:
        pytoml.dump(config, file)


def build(job: dict[str, Any]) -> Retriever:
    """Build the feature store and let HuixiangDou find the threshold."""
    write_config(job)
    shutil.rmtree(WORK, ignore_errors=True)
    Path(WORK).mkdir()
    embedder = Embedder(Ngrams(piece.text for piece in cut_all(read_pages(Path(job["pages"])))))
    store = FeatureStore(embedder=embedder, config_path=CONFIG, language="zh")
    files = sorted(FileOperation().scan_dir(repo_dir=job["pages"]), key=lambda one: one.origin)
    store.initialize(InitializeConfig(files=files, work_dir=WORK))
    retriever = Retriever(CONFIG, embedder, Reranker(embedder), WORK, -1.0)
    retriever.update_throttle(CONFIG, job["good"], job["bad"])
    with Path(CONFIG).open(encoding="utf-8") as file:
        retriever.reject_throttle = pytoml.load(file)["feature_store"]["reject_throttle"]
    return retriever


def score(retriever: Retriever, question: str) -> float:
    """Return HuixiangDou's score of a question, as it counts for the threshold."""
    return max(0.0, float(retriever.is_relative(question, enable_threshold=False)[1]))


async def answer(pipeline: Any, questions: list[str]) -> list[dict[str, Any]]:
    """Return how the pipeline ended for each question."""
    found: list[dict[str, Any]] = []
    for question in questions:
        last = None
        async for one in pipeline.generate(query=question):
            last = one
        assert last is not None
        code = last.code.name
        print(f"{len(found) + 1}/{len(questions)} {code}", flush=True)
        found.append(
            {
                "question": question,
                "code": code,
                "answer": last.response,
                "references": [Path(name).stem for name in last.references],
            }
        )
    return found


def judge(job: dict[str, Any]) -> dict[str, Any]:
    """Return the threshold, the scores of all questions, and the rounds."""
    logger.remove()
    logger.add("huixiangdou.log", level="INFO", mode="w")
    llm_module.encode_string = list
    faiss.METRIC_IP = faiss.METRIC_INNER_PRODUCT
    retriever = build(job)
    throttle = float(retriever.reject_throttle)
    print(f"reject_throttle {throttle:.4f}", flush=True)
    scored = {
        name: [{"question": one, "score": score(retriever, one)} for one in job[name]]
        for name in ("good", "bad", "new")
    }
    for row in scored["new"]:
        row["accepted"] = bool(retriever.is_relative(row["question"])[0])
    rounds: list[dict[str, Any]] = []
    if job.get("url"):
        serial_pipeline.LLM = Served
        serial_pipeline.CitationGeneratePrompt = FormerPrompt
        serial_pipeline.CacheRetriever = lambda **_: type("One", (), {"get": lambda _: retriever})()
        pipeline = serial_pipeline.SerialPipeline(WORK, CONFIG)
        rounds = asyncio.run(answer(pipeline, job["rounds"]))
    return {"reject_throttle": throttle, **scored, "rounds": rounds}


def main(path: Path) -> None:
    """Run the job that a file describes; the feature store goes with it."""
    job = json.loads(path.read_text(encoding="utf-8"))
    try:
        made = judge(job)
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
    Path(job["out"]).write_text(json.dumps(made, ensure_ascii=False, indent=1), encoding="utf-8")
    print(f"wrote {job['out']}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
