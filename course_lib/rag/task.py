"""The camp's task: a knowledge base of one's own, asked through LlamaIndex and HuixiangDou."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.hand_in import put
from course_lib.language import Text
from course_lib.rag import questions, running
from course_lib.rag.pages import digest, read_pages
from course_lib.serving import Server

FOLDER = Path("evidence/07_rag")
TASK, FOUND, JUDGED = "task.json", "llamaindex.json", "huixiangdou.json"
K, FACTS = 2, 20
EXAMPLES: Mapping[str, str] = {
    "team": "# 青竹小组\n\n青竹小组每周二晚上开会，轮流讲一篇论文，讲完大家提问。\n"
    "青竹小组的负责人是何敏。\n青竹小组的口号是先做再说。\n青竹小组的吉祥物是熊猫。\n",
    "room": "# 松涛会议室\n\n预约会议室要提前一天在门口的表上写名字，用完把白板擦干净。\n"
    "松涛会议室的电话是30581127。\n松涛会议室的面积是24平方米。\n",
    "start": "# 新同学第一天\n\n新同学先到前台领工牌，再找师兄装好环境，下午一起读代码。\n"
    "前台的电话是30581100。\n前台的负责人是唐宁。\n",
}
"""Pages that show the form; they do not count as one's own."""


def begin(folder: Path = running.MINE) -> None:
    """Write the example pages if there is no folder of one's own yet, and tell where to write."""
    if not folder.exists():
        for name, text in EXAMPLES.items():
            write_atomic(folder / f"{name}.md", text)
    left = [page.name for page in read_pages(folder) if EXAMPLES.get(page.name) == page.text]
    if left:
        print(
            Text(
                f"{folder} 里还有例子：{'、'.join(left)}。换成自己的页面，改好下面的问题，再运行",
                f"{folder} still holds examples: {', '.join(left)}. Replace them by pages of your "
                "own, mend the questions below, and run again",
            )
        )


def run(
    good: Mapping[str, str],
    bad: Sequence[str],
    rounds: Sequence[str],
    server: Server,
    *,
    mine: Path = running.MINE,
    work: Path = running.WORK,
    folder: Path = FOLDER,
) -> None:
    """Ask both tools and put pages, questions and results into the evidence folder.

    Args:
        good: questions and, for each, the name of one's own page that answers it.
        bad: messages that should be left alone.
        rounds: questions for HuixiangDou's whole pipeline.
        server: serves camp-mini.
        mine: the folder of one's own pages.
        work: where jobs and results lie.
        folder: where the evidence goes; an earlier set is moved aside.

    Raises:
        CampError: a page is missing or cannot be used, or a tool is not installed.
    """
    own = read_pages(mine)
    lost = sorted(set(good.values()) - {page.name for page in own})
    if lost or not bad or not rounds:
        what = Text(
            f"{mine} 里没有这些页：{'、'.join(lost) or '—'}；bad 和 rounds 也不能空",
            f"{mine} has no such page: {', '.join(lost) or '—'}; bad and rounds must not be empty",
        )
        raise CampError(str(what))
    every = running.combine(mine, work)
    facts = [one.text for one in questions.fact_questions(own)][:FACTS]
    texts = list(dict.fromkeys([*good, *facts]))
    rows = running.llama_index("task", texts, server, pages=every, k=K, work=work)
    asked, chat = questions.asked(), questions.chat()
    judged = running.huixiangdou(
        "task-groups",
        [*good, *(one.text for one in asked[::2])],
        [*bad, *chat[::2]],
        [one.text for one in asked[1::2]] + chat[1::2],
        rounds,
        server,
        pages=every,
        work=work,
    )
    for row in judged["rounds"]:
        print(row["code"], "|", row["question"], "|", row["answer"], row["references"])
    told = {
        "sha256": digest(read_pages(every)),
        "good": dict(good),
        "bad": list(bad),
        "rounds": list(rounds),
    }
    found = [
        {
            "question": row.question,
            "answer": row.answer,
            "hits": [{"page": hit["page"], "score": hit["score"]} for hit in row.hits],
        }
        for row in rows
    ]
    files = {f"pages/{page.name}.md": page.text.encode() for page in own}
    for name, data in ((TASK, told), (FOUND, found), (JUDGED, judged)):
        files[name] = (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode()
    put(folder, files, whole=("pages",))
