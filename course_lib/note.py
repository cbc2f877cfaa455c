"""The automatic check of a learner's note (level L1-1). It advises and never decides.

zh：阈值从哪里来。前四期训练营里 24 篇学员公开发表的笔记：代码和图片以外的正文，中位数 556 个
汉字（四分位 284 和 1065），8 个标题，5.5 张图，一个链接也没有，所以不要求图和链接。写得好的有
650 到 1600 字，每个环节都写出官方工具的名字；最常漏的是知识库（RAG）。写得弱的各有各的样子：
只贴幻灯片（39 个字、18 张图）、只有一个链接、只列工具、跑题、视频的自动转写、通顺却一个工具也
没提。把两边分开的规则：至少 250 个汉字（或 150 个英文单词，中英混写按比例相加），并且 7 个环节里
至少 4 个写出官方工具的名字，拼错也算。不满足的连同原因交给助教，从不自动判不及格。不同作者的
笔记最多重合 0.08，与官方文档最多重合 0.26，所以从 0.3 起提醒。

en: Where the thresholds come from. Among 24 public notes of learners of camps 1 to 4 the median
has 556 Chinese characters of prose outside code and images (quartiles 284 and 1065), 8 headings,
5.5 images and not one link, so neither images nor links are demanded. Good ones have 650 to 1600
characters and name the official tool of each stage; the knowledge base (RAG) is what most forget.
Weak ones are slides only (39 characters, 18 images), a bare link, a list of tools, off topic, a
transcript of the video, or fluent without naming a tool. What told them apart: at least 250
Chinese characters (or 150 English words; shares of both add up) and at least 4 of 7 stages tied
to the official tool's name, typos allowed. What misses that goes to the TA with the reason.
Notes of different authors overlap by 0.08 at most, with official pages by 0.26: a remark from 0.3.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.note_check import check_note
from course_lib.note_file import find_notebook, read_note
from course_lib.note_report import NoteReport
from course_lib.note_view import NoteView, render

__all__ = ["NoteReport", "check_file", "check_note", "check_notebook", "note_app"]

_NO_NOTEBOOK = Text(
    "没有找到带笔记单元的笔记本：先保存（Ctrl+S），或运行 camp note check 文件名",
    "no notebook with a note cell found: save it first (Ctrl+S), or run camp note check FILE",
)
_UNREAD = Text("笔记检查没能读文件：", "the note check could not read a file: ")

note_app = typer.Typer(no_args_is_help=True, help="Check the note of level L1-1.")


def check_file(path: Path) -> NoteReport:
    """Return the report on the note in ``path``: Markdown, plain text, or a notebook.

    Raises:
        CampError: when there is no such file, or no note that can be read in it.
    """
    source = read_note(path)
    return check_note(source.text, source.others)


def check_notebook(path: Path | None = None) -> NoteView:
    """Return the report on the note in the running notebook, as last saved.

    Nothing is raised: without a notebook (as when graded) the view says so in one line.

    Args:
        path: the notebook; by default the running one, or the only one in the working folder
            that has a note cell.
    """
    try:
        found = path or find_notebook()
        if found is None:
            return NoteView(missing=str(_NO_NOTEBOOK))
        source = read_note(found)
        changed = time.localtime(source.path.stat().st_mtime)
    except (CampError, OSError) as error:
        return NoteView(missing=f"{_UNREAD}{error}")
    return NoteView(
        check_note(source.text, source.others),
        origin=source.path.name,
        saved=time.strftime("%Y-%m-%d %H:%M:%S", changed),
    )


@note_app.callback()
def _note() -> None:
    """Check the note of level L1-1."""


@note_app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A .md, .txt or .ipynb file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Check a note's length, stages, link and images; advice for you and the TA, never a mark."""
    report = check_file(file)
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        Console().print(render(report))
