"""Jobs for LlamaIndex and HuixiangDou, each in the environment of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import course_lib
from course_lib import toolbox
from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Text
from course_lib.rag.pages import COURSE, Page, read_pages
from course_lib.serving import Server

_JOBS = Path(__file__).with_name("jobs")
_ROOT = Path(course_lib.__file__).parents[1]
WORK = Path("rag-work")
MINE = Path("my-pages")


@dataclass(frozen=True)
class Answered:
    """One question as LlamaIndex dealt with it: passages, best first, and the answer."""

    question: str
    answer: str
    hits: tuple[Mapping[str, Any], ...]

    @property
    def pages(self) -> list[str]:
        """Return the pages of the passages, best first."""
        return [str(hit["page"]) for hit in self.hits]

    @property
    def passages(self) -> list[str]:
        """Return the texts of the passages, best first."""
        return [str(hit["text"]) for hit in self.hits]


def llama_index(
    name: str,
    questions: Sequence[str],
    server: Server | None = None,
    *,
    pages: Path = COURSE,
    k: int = 2,
    embedder: str = "n-grams",
    work: Path = WORK,
) -> list[Answered]:
    """Let LlamaIndex retrieve, and with a server also answer; results go to ``NAME.json``.

    Args:
        name: names the job and its result in ``work``.
        questions: what is asked.
        server: a running :func:`course_lib.serving.serve`; without one only passages are found.
        pages: a folder of ``*.md``.
        k: passages for each question.
        embedder: ``n-grams``, or ``minilm`` for the English model.
        work: where jobs, results and logs lie.
    """
    job = {
        "pages": str(pages.resolve()),
        "questions": list(questions),
        "k": k,
        "embedder": embedder,
    }
    rows = _run("llamaindex", name, job, server, work)
    return [Answered(row["question"], row["answer"], tuple(row["hits"])) for row in rows]


def huixiangdou(
    name: str,
    good: Sequence[str],
    bad: Sequence[str],
    new: Sequence[str] = (),
    rounds: Sequence[str] = (),
    server: Server | None = None,
    *,
    pages: Path = COURSE,
    work: Path = WORK,
) -> dict[str, Any]:
    """Let HuixiangDou find its threshold from good and bad questions and judge new ones.

    Args:
        name: names the job and its result in ``work``.
        good: questions that it should answer.
        bad: messages that it should leave alone.
        new: more of both kinds, only accepted or rejected.
        rounds: questions for its whole pipeline, which needs ``server``.
        server: a running :func:`course_lib.serving.serve`.
        pages: a folder of ``*.md``.
        work: where jobs, results and logs lie.

    Returns:
        ``reject_throttle``; ``good``, ``bad``, ``new`` with a ``score`` for each question, the new
        ones with ``accepted``; ``rounds`` with ``code``, ``answer`` and ``references``.
    """
    job = {
        "pages": str(pages.resolve()),
        "good": list(good),
        "bad": list(bad),
        "new": list(new),
        "rounds": list(rounds),
    }
    found: dict[str, Any] = _run("huixiangdou", name, job, server, work)
    return found


def combine(mine: Path = MINE, work: Path = WORK) -> Path:
    """Return a folder with the course's pages and those of ``mine``, made anew.

    Raises:
        CampError: a page of ``mine`` cannot be used or has the name of one of the course.
    """
    pages: list[Page] = [*read_pages(COURSE), *read_pages(mine)]
    names = [page.name for page in pages]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        what = Text(
            f"{mine} 里的页名课程已用：{'、'.join(twice)}；请改名",
            f"names of {mine} that the course has: {', '.join(twice)}; rename them",
        )
        raise CampError(str(what))
    folder = work / "all-pages"
    shutil.rmtree(folder, ignore_errors=True)
    for page in pages:
        write_atomic(folder / f"{page.name}.md", page.text, durable=False)
    return folder


def _run(tool: str, name: str, job: dict[str, Any], server: Server | None, work: Path) -> Any:
    work.mkdir(parents=True, exist_ok=True)
    job["out"] = f"{name}.json"
    if server is not None:
        job |= {"url": server.url, "key": server.key, "model": server.model}
    write_atomic(work / f"{name}-job.json", json.dumps(job, ensure_ascii=False, indent=1))
    toolbox.run(
        tool, _JOBS / f"{tool}_job.py", f"{name}-job.json", folder=work, again="over",
        files=(job["out"],), variables={"PYTHONPATH": str(_ROOT)},
    )  # fmt: skip
    return json.loads((work / job["out"]).read_text(encoding="utf-8"))
