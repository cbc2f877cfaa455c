"""The note check, on notes as learners write them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from course_lib.errors import CampError
from course_lib.note import NoteReport, check_note, check_notebook
from course_lib.note.command import check_file, note_app

NOTES = Path(__file__).with_name("notes")
SOURCES = Path(__file__).parents[1] / "notebooks" / "source"
ALL = {"data", "pretrain", "finetune", "evaluate", "deploy", "apply", "knowledge"}
KEY_LIKE = [
    "sk-" + "a1B2" * 8,
    "hf_" + "aB" * 17,
    "ghp_" + "x9" * 18,
    "api_key='" + "q7" * 16 + "'",
]
OWN = "https://zhuanlan.zhihu.com/p/712345678"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CAMP_LANG", "en")
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    return


def covered(report: NoteReport) -> set[str]:
    return {stage.key for stage in report.stages if stage.covered}


def reasons(report: NoteReport) -> list[str]:
    return [reason.code for reason in report.reasons]


def remarks(report: NoteReport) -> list[str]:
    return [remark.code for remark in report.remarks]


def read(name: str) -> str:
    return (NOTES / name).read_text(encoding="utf-8")


# Whole notes. Lengths were counted by hand or with a word processor.


def test_good_chinese_note_looks_complete() -> None:
    report = check_note(read("good_zh.md"))
    assert report.verdict == "looks_complete"
    assert (report.reasons, report.remarks) == ((), ())
    assert covered(report) == ALL
    assert report.han >= 650
    assert (report.link.url, report.link.place.en) == (OWN, "Zhihu")


def test_good_english_note_looks_complete() -> None:
    report = check_note(read("good_en.md"))
    assert report.verdict == "looks_complete"
    assert covered(report) == ALL
    assert report.han == 0
    assert 200 < report.words < 260
    assert report.link.place.en == "GitHub"


def test_slides_with_summary_bullets_look_complete_with_typos() -> None:
    """Built like a real learner's note: task, slides, bullets; the RAG tool is not named."""
    report = check_note(read("seedlike.md"))
    assert report.verdict == "looks_complete"
    assert report.han == 379 - 41  # the line with the task's text does not count
    assert covered(report) == ALL - {"knowledge"}
    knowledge = next(stage for stage in report.stages if stage.key == "knowledge")
    assert knowledge.mentioned
    assert {"InernEvo", "XTune", "Imdeploy", "Miner U", "Label LLM"} <= {
        written for stage in report.stages for written in stage.written
    }
    assert (report.images, report.images_alone) == (9, 7)  # first and last stand beside text
    assert remarks(report) == ["link_task", "images_alone"]


def test_images_only_goes_to_the_ta() -> None:
    names = ["MinerU", "InternEvo", "XTuner", "OpenCompass", "LMDeploy", "Lagent", "HuixiangDou"]
    text = "# 全链路\n\n" + "\n\n".join(f"## 图\n\n![{name}](img/{name}.png)" for name in names)
    report = check_note(text)
    assert reasons(report) == ["short", "few_stages"]
    assert report.han == 3 + len(names)
    assert (report.images, report.images_alone) == (7, 7)
    assert "images_alone" in remarks(report)
    assert covered(report) == set()


def test_bare_link_goes_to_the_ta() -> None:
    report = check_note(f"我的笔记：{OWN}")
    assert reasons(report) == ["short", "few_stages"]
    assert report.han == 4
    assert report.link.url == OWN
    assert report.link.problem is None


def test_list_of_tools_is_too_short() -> None:
    text = "- MinerU\n- InternEvo\n- XTuner\n- OpenCompass\n- LMDeploy\n- Lagent\n- 茴香豆\n"
    report = check_note(text)
    assert reasons(report) == ["short"]
    assert (report.han, report.words) == (3, 6)
    assert covered(report) == ALL


def test_off_topic_says_so() -> None:
    cooking = [
        "红烧肉要选五花三层的肉，先焯水去掉血沫，再用冰糖炒出颜色，最后小火慢慢收汁。",
        "读万卷书不如多做几次菜，火候只有自己试过才知道，锅里的声音会告诉你什么时候翻面。",
    ]
    lines = [
        f"第{number}次做的时候我改了{number * 3}克盐：{cooking[number % 2]}" for number in range(8)
    ]
    report = check_note("\n\n".join(lines))
    assert reasons(report) == ["few_stages"]
    assert "open chain?" in report.reasons[0].text.en


def test_transcript_is_remarked_for_the_ta() -> None:
    report = check_note(read("transcript.md"))
    assert reasons(report) == ["few_stages"]
    remark = next(each for each in report.remarks if each.code == "transcript")
    for heard in ("书生葡语", "英特尔M2", "IN Turn LLM"):
        assert heard in remark.text.zh
    assert "TA" in remark.text.en


def test_time_stamps_are_a_transcript() -> None:
    text = "\n".join(f"0{minute}:1{minute} 我们来看第{minute}个工具。" for minute in range(6))
    assert "transcript" in remarks(check_note(text))
    assert "transcript" not in remarks(check_note("09:30 开始看视频，10:15 看完。"))


def test_fluent_note_without_tools() -> None:
    report = check_note(read("fluent.md"))
    assert reasons(report) == ["few_stages"]
    assert report.han == 323
    spoken = {stage.key for stage in report.stages if stage.mentioned}
    assert spoken == {"data", "pretrain", "finetune", "evaluate", "deploy"}
    text = report.reasons[0].text.en
    assert text.startswith("0 of 7 stages")
    assert "not spoken of: agents and applications, knowledge base (RAG)" in text


@pytest.mark.parametrize("text", ["", " \n\t\n", "链接 / Link:\n\n正文 / Text:\n"])
def test_empty_or_template(text: str) -> None:
    report = check_note(text)
    assert report.untouched
    assert reasons(report) == ["empty"]


def test_every_note_template_of_the_course_is_known() -> None:
    """A new template must be added to the wording in ``note_terms.yml``."""
    found = 0
    for source in SOURCES.glob("*.py"):
        for cell in source.read_text(encoding="utf-8").split("\n# %%")[1:]:
            head, _, body = cell.partition("\n")
            if " note=" in head:
                found += 1
                template = body.split('"""')[1]
                assert check_note(template).untouched, f"{source.name}: {head}"
                filled = template.rstrip() + " 我看完了视频。"
                assert not check_note(filled).untouched
    assert found or not list(SOURCES.glob("*.py"))


@pytest.mark.parametrize("letter", ["a", "书", "[", "\n", "_", "😀"])
def test_two_megabytes_of_one_letter(letter: str) -> None:
    start = time.perf_counter()
    report = check_note(letter * (2_000_000 // len(letter.encode())))
    assert time.perf_counter() - start < 1
    assert reasons(report) == ["repetitive"]


def test_long_and_varied_is_not_read() -> None:
    report = check_note("\n".join(str(number) for number in range(200_000)))
    assert reasons(report) == ["too_long"]


def test_one_sentence_over_and_over_is_no_note() -> None:
    text = "MinerU InternEvo XTuner OpenCompass LMDeploy 都是很好的工具 " * 40
    assert reasons(check_note(text)) == ["repetitive"]


def test_embedded_images_do_not_make_a_note_too_long() -> None:
    picture = "![图](data:image/png;base64," + "iVBORw0KGgo" * 60_000 + ")"
    report = check_note(f"{read('good_zh.md')}\n\n{picture}\n")
    assert report.verdict == "looks_complete"
    assert report.images == 1


# Length.


@pytest.mark.parametrize(
    ("han", "words", "enough"),
    [(250, 0, True), (249, 0, False), (0, 150, True), (0, 149, False), (125, 75, True),
     (125, 74, False), (200, 30, True)],
)  # fmt: skip
def test_length_rule_adds_both_languages(han: int, words: int, enough: bool) -> None:
    names = "MinerU XTuner LMDeploy 茴香豆"  # 3 words, 3 characters
    filler = "".join(chr(0x4E00 + 7 * number) for number in range(max(han - 3, 0)))
    if han == 0:
        names = "MinerU XTuner LMDeploy HuixiangDou"
    extra = max(words - names.count(" ") - (han == 0), 0)
    english = " ".join(f"w{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(extra))
    if words == 0:
        names = "司南、茴香豆、万卷、思·索"  # 9 characters
        filler = filler[: han - 9]
    report = check_note(f"{names}\n{filler}\n{english}")
    assert (report.han, report.words) == (han, words)
    assert (report.verdict == "looks_complete") == enough


def test_what_is_not_prose() -> None:
    text = (
        "甲乙\n\n```python\n# 代码里的字不算 XTuner\n```\n\n![图里的字](a.png)\n\n"
        "[链上的字](https://example.org/a) <b>丙</b> `LMDeploy`\n\n<div align=center>丁<img src=x></div>\n\n"
        "<!-- 注释 -->\n\n    缩进的段落也是正文\n\nhttps://example.org/InternEvo\n"
    )
    report = check_note(text)
    assert report.han == 2 + 1 + 1 + 9
    assert report.words == 0
    assert report.images == 2
    assert covered(report) == {"deploy"}  # inline code and link texts name tools, code blocks don't
    assert report.links == ("https://example.org/a", "https://example.org/InternEvo")


# Names of tools.


@pytest.mark.parametrize(
    ("text", "stage", "tool"),
    [
        ("用 InernEvo 训练", "pretrain", "InternEvo"),
        ("Intern-Evo", "pretrain", "InternEvo"),
        ("用XTune微调", "finetune", "XTuner"),
        ("X-Tuner 0.1.21", "finetune", "XTuner"),
        ("xtuner0.1.21", "finetune", "XTuner"),
        ("Xtunner", "finetune", "XTuner"),
        ("ＸＴｕｎｅｒ", "finetune", "XTuner"),
        ("Imdeploy", "deploy", "LMDeploy"),
        ("LM Deploy", "deploy", "LMDeploy"),
        ("1mdeploy", "deploy", "LMDeploy"),
        ("Turbomind", "deploy", "TurboMind"),
        ("Miner U和别的", "data", "MinerU"),
        ("magic-pdf", "data", "MinerU"),
        ("Label LLM", "data", "LabelLLM"),
        ("书生 · 万卷", "data", "WanJuan"),
        ("Open Compass", "evaluate", "OpenCompass"),
        ("OpenCompas", "evaluate", "OpenCompass"),
        ("司南", "evaluate", "OpenCompass"),
        ("Lagnet", "apply", "Lagent"),
        ("Mind Search", "apply", "MindSearch"),
        ("思·索", "apply", "MindSearch"),
        ("Hui Xiang Dou", "knowledge", "HuixiangDou"),
        ("茴香豆", "knowledge", "HuixiangDou"),
    ],
)
def test_names_and_their_typos(text: str, stage: str, tool: str) -> None:
    found = {each.key: each.tools for each in check_note(text).stages if each.covered}
    assert found == {stage: (tool,)}


@pytest.mark.parametrize(
    "text",
    ["tuner", "fine-tuner", "a tuner for the radio", "auto tuner", "agent", "agents", "latent space",
     "deploy", "deployment", "compass", "research", "a data miner", "miners", "labels", "label",
     "we label LLM outputs", "internet", "Internet 上", "internal", "internship", "InternLM2.5",
     "InternVL2", "书生·浦语", "读万卷书", "思索", "mind", "llm", "turbo", "U"],
)  # fmt: skip
def test_false_friends(text: str) -> None:
    assert covered(check_note(text)) == set()


@pytest.mark.parametrize(
    "name", ["书生·浦语", "书生浦语", "书生・浦语", "浦语", "InternLM", "in turn, LLMs"]
)
def test_right_names_are_not_misheard(name: str) -> None:
    assert "transcript" not in remarks(check_note(f"{name} 是一个开源的模型系列。"))


# The link.


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"链接 / Link: {OWN}", None),
        (f"**链接**：<{OWN}>", None),
        (f"Link: [my note]({OWN})", None),
        (f"链接 / Link:\n{OWN}", None),
        (f"视频 https://www.bilibili.com/video/BV18142187g5/ 我的 {OWN}。", None),
        ("链接: https://blog.csdn.net/me/article/details/1", None),
        ("链接: https://juejin.cn/post/7", None),
        ("链接: https://www.cnblogs.com/me/p/1.html", None),
        ("链接: https://www.bilibili.com/opus/9", None),
        ("链接: https://notes.example.org/camp", None),
        ("链接: https://github.com/me/Tutorial/blob/main/note.md", None),
        ("链接 / Link:", "link_missing"),
        ("没有网址", "link_missing"),
        ("链接: https://www.bilibili.com/video/BV18142187g5/?p=1", "link_lecture"),
        ("链接: https://github.com/InternLM/Tutorial/blob/camp3/README.md", "link_task"),
        ("链接: https://aicarrier.feishu.cn/share/base/form/shrcnZ4bQ4", "link_task"),
        ("链接: https://github.com/InternLM/lmdeploy", "link_official"),
        ("链接: http://zhuanlan.zhihu.com/p/1", "link_not_https"),
        ("链接: zhuanlan.zhihu.com/p/1", "link_incomplete"),
        ("链接: https://", "link_incomplete"),
        ("链接: http://localhost:8888/lab/tree/note.md", "link_private"),
        ("链接: https://127.0.0.1/a", "link_private"),
        ("链接: https://192.168.1.4/a", "link_private"),
        ("链接: https://wiki.corp/a", "link_private"),
        ("链接: https://nas/note", "link_private"),
        ("链接: file:///home/me/note.md", "link_path"),
        (r"链接: C:\Users\me\note.md", "link_path"),
        ("链接: /root/note.md", "link_path"),
        ("链接: ./note.md", "link_path"),
        ("链接: https://me:hunter2secret@example.org/a", "link_credentials"),
        ("链接: https://example.org/a?access_token=abc123secret", "link_credentials"),
        ("链接: https://zhuanlan.zhihu.com/p/712345678/edit", "link_draft"),
        ("链接: https://editor.csdn.net/md/?articleId=1", "link_draft"),
        ("链接: https://example.org:notaport/a", "link_incomplete"),
    ],
)
def test_link_form(text: str, problem: str | None) -> None:
    report = check_note(text)
    assert (report.link.problem.code if report.link.problem else None) == problem
    assert "secret" not in report.model_dump_json()
    if problem:
        assert remarks(report)[0] == problem


def test_a_link_of_a_sentence_is_not_the_link_line() -> None:
    report = check_note(f"这条链链接了很多工具：XTuner 等。\n\n原文 {OWN}")
    assert report.link.url == OWN


def test_a_query_that_opens_the_page_is_kept() -> None:
    url = "https://mp.weixin.qq.com/s?__biz=MzI&mid=22"
    assert check_note(f"Link: {url}").link.url == url


def test_the_link_never_decides() -> None:
    text = read("good_zh.md").replace(OWN, "https://www.bilibili.com/video/BV18142187g5/")
    report = check_note(text)
    assert report.verdict == "looks_complete"
    assert remarks(report) == ["link_lecture"]


# Copied wording and secrets.


def test_copied_lesson_text_does_not_count() -> None:
    lesson = "MinerU 把论文变成干净的文字，LabelLLM 让许多人一起给对话打分，这一步决定模型吃什么。"
    own = "我自己试了一篇论文，公式没有丢，表格错了一格。"
    report = check_note(f"{lesson}\n\n{own}", known=f"# 数据\n\n{lesson}\n")
    assert report.han == 20
    assert covered(report) == set()
    letters, mine = 44 - 1, 20  # letters and digits of each line
    assert report.copied == pytest.approx((letters - 11) / (letters - 11 + mine - 11), abs=0.06)
    assert "copied" in remarks(report)
    assert check_note(own, known=lesson).copied == 0


def test_good_notes_are_not_copied_from_the_lesson() -> None:
    lesson = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES.glob("*.py"))
    for name in ("good_zh.md", "good_en.md"):
        report = check_note(read(name), known=lesson)
        assert report.verdict == "looks_complete"
        assert report.copied < 0.1


@pytest.mark.parametrize("key", KEY_LIKE)
def test_keys_are_found_and_never_shown(key: str) -> None:
    report = check_note(f"```\nkey = {key}\n```")
    assert "api_key" in remarks(report)
    assert key not in report.model_dump_json()


def test_no_key_in_ordinary_text() -> None:
    text = "每个 token = 词元；max_tokens=1024；sk-learn、task-oriented、risk-averse-and-more-of-it"
    assert "api_key" not in remarks(check_note(text))


# Data and views.


def test_report_is_json_and_bilingual() -> None:
    data = json.loads(check_note(read("fluent.md")).model_dump_json())
    assert data["verdict"] == "to_ta"
    assert data["covered"] == 0
    assert len(data["stages"]) == 7
    assert set(data["reasons"][0]["text"]) == {"zh", "en"}
    assert check_note("用 XTuner").coverage["finetune"] == ["XTuner"]


def note_book(folder: Path, source: str, name: str = "01_intro.ipynb") -> Path:
    def cell(text: str, grade_id: str | None) -> dict[str, object]:
        meta = {"nbgrader": {"grade_id": grade_id}} if grade_id else {}
        return {"cell_type": "markdown", "metadata": meta, "source": text.splitlines(keepends=True)}

    cells = [cell("# 课程\n\n先读下面这段说明，再写自己的笔记。", None)]
    cells += [{"cell_type": "code", "metadata": {}, "source": "1", "outputs": []}]
    cells += [cell(source, "note_hello_intern")]
    path = folder / name
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}), encoding="utf-8")
    return path


def test_command_reads_a_notebook_and_prints_a_table(tmp_path: Path) -> None:
    path = note_book(tmp_path, read("good_zh.md"))
    result = CliRunner().invoke(note_app, ["check", str(path)])
    assert result.exit_code == 0
    assert "looks complete" in result.stdout
    assert "HuixiangDou" in result.stdout


def test_command_never_fails_a_note_that_it_can_read(tmp_path: Path) -> None:
    path = tmp_path / "weak.md"
    path.write_text("我看了视频。", encoding="utf-8")
    result = CliRunner().invoke(note_app, ["check", str(path), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["verdict"] == "to_ta"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes(read("good_zh.md").replace("\n", "\r\n").encode(encoding))
    assert check_file(path) == check_note(read("good_zh.md"))


@pytest.mark.parametrize(
    "raw", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"PK\3\4" + bytes(60), b"\xff" * 9]
)
def test_binary_is_one_line(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "note.md"
    path.write_bytes(raw)
    with pytest.raises(CampError, match=r"note\.md: this is not a text file[^\n]+$"):
        check_file(path)


@pytest.mark.parametrize("raw", ["", "{}", "[]", '{"cells": 3}', '{"cells": [1]}', "[" * 100_000])
def test_broken_notebook_is_one_line(tmp_path: Path, raw: str) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(raw, encoding="utf-8")
    with pytest.raises(CampError, match=r"a\.ipynb: [^\n]+$"):
        check_file(path)


def test_missing_file_and_notebook_without_a_note(tmp_path: Path) -> None:
    with pytest.raises(CampError, match="no such file"):
        check_file(tmp_path / "none.md")
    with pytest.raises(CampError, match="is not a file"):
        check_file(tmp_path)
    path = note_book(tmp_path, "x")
    path.write_text(path.read_text(encoding="utf-8").replace("note_", "other_"), encoding="utf-8")
    with pytest.raises(CampError, match="no note of level L1-1"):
        check_file(path)


def test_notebook_finds_the_running_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = note_book(tmp_path, read("good_zh.md"))
    note_book(tmp_path, "", "another.ipynb")
    os.utime(running, (1_700_000_000, 1_700_000_000))
    monkeypatch.setenv("JPY_SESSION_NAME", str(running))
    view = check_notebook()
    saved = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(1_700_000_000))
    for shown in (repr(view), view._repr_html_()):
        assert "looks complete" in shown
        assert "Ctrl+S" in shown
    assert f"01_intro.ipynb as saved at {saved}" in view._repr_html_()


def test_notebook_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no notebook with a note cell" in repr(check_notebook())
    note_book(tmp_path, read("good_zh.md"))
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "renamed-since.ipynb"))
    assert "looks complete" in repr(check_notebook())
    note_book(tmp_path, "", "another.ipynb")
    assert "each of 01_intro.ipynb, another.ipynb: name one" in repr(check_notebook())
    assert "looks complete" in repr(check_notebook("01_intro.ipynb"))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_only_the_note_on_the_chain_is_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, language: str
) -> None:
    monkeypatch.chdir(shutil.copytree(SOURCES.parent / language, tmp_path / language))
    assert "empty or only the template" in repr(check_notebook())
    result = CliRunner().invoke(note_app, ["check", "05_opencompass.ipynb"])
    assert "no note of level L1-1" in str(result.exception)


def test_note_beside_an_untouched_notebook(tmp_path: Path) -> None:
    path = note_book(tmp_path, "链接 / Link:\n\n正文 / Text:\n")
    assert "empty or only the template" in repr(check_notebook(path))
    (tmp_path / "note.md").write_text(read("good_zh.md"), encoding="utf-8")
    view = check_notebook(path)
    assert (view.origin, view.report and view.report.verdict) == ("note.md", "looks_complete")
    note_book(tmp_path, "我已经开始在单元里写了。")
    assert check_notebook(path).origin == "01_intro.ipynb"


def test_notebook_view_escapes_what_a_learner_wrote(tmp_path: Path) -> None:
    text = "链接: https://example.org/&lt;script&gt;alert(1)\n\n<script>alert(2)</script> <img src=x onerror=y>"
    shown = check_notebook(note_book(tmp_path, text))._repr_html_()
    assert "<script" not in shown
    assert "onerror" not in shown


@pytest.mark.parametrize("language", ["zh", "en"])
def test_as_a_kernel_without_a_notebook(tmp_path: Path, language: str) -> None:
    """One line, no traceback, nothing on stderr: what grading meets."""
    code = "from course_lib.note import check_notebook; print(repr(check_notebook()))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "CAMP_LANG": language},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
    assert "camp note check" in done.stdout


def test_a_kernel_shows_the_report_once(tmp_path: Path) -> None:
    import nbclient
    import nbformat

    path = note_book(tmp_path, read("good_zh.md"))
    code = f"from pathlib import Path\nfrom course_lib.note import check_notebook\ncheck_notebook(Path({str(path)!r}))"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, timeout=60).execute()
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "execute_result"
    assert "<table>" in output.data["text/html"]
    assert "looks complete" in output.data["text/plain"]


@pytest.mark.parametrize("text", ["", "a" * 2_000_000, "天书" * 20_000])
def test_what_was_not_looked_at_shows_no_table(tmp_path: Path, text: str) -> None:
    path = tmp_path / "note.md"
    path.write_text(text, encoding="utf-8")
    shown = CliRunner().invoke(note_app, ["check", str(path)]).stdout
    assert shown.startswith("👀 goes to the TA; this check never fails a note\n")
    assert "pre-training" not in shown
    assert 2 <= len(shown.splitlines()) <= 3


def test_lines_are_not_broken_for_a_narrow_terminal(tmp_path: Path) -> None:
    path = tmp_path / "note.md"
    path.write_text("我看了视频。", encoding="utf-8")
    shown = CliRunner().invoke(note_app, ["check", str(path)], env={"COLUMNS": "60"}).stdout
    assert any(
        line.startswith("👀 0 of 7 stages") and len(line) > 100 for line in shown.splitlines()
    )


def test_runs_of_space_are_read_in_one_go() -> None:
    start = time.process_time()
    check_note(" ".join("`" * 14_500))
    assert time.process_time() - start < 2


PIECES = [
    "[", "](", "![", "<", "<!--", "```", "`", "> ", "- ", "|", "*", "链接:", "https://", "http://[",
    "data:image/png;base64,", "sk-", "XTuner ", "书生", "\n", "\n\n", "&#0;", "</div>", "10:10 ", "\\",
]  # fmt: skip


@given(st.one_of(st.text(st.characters()), st.lists(st.sampled_from(PIECES)).map("".join)))
@settings(deadline=2000, max_examples=150)
def test_any_text_gives_a_report(text: str) -> None:
    report = check_note(text)
    assert report.reasons
    assert report.han + report.words <= len(text)
    assert NoteReport.model_validate_json(report.model_dump_json()).covered == report.covered


@pytest.mark.slow
@given(st.sampled_from(PIECES), st.sampled_from(PIECES))
@settings(deadline=None, max_examples=10)
def test_no_text_is_slow(first: str, second: str) -> None:
    text = ((first + second) * 30_000)[:30_000]
    start = time.process_time()
    check_note(text)
    assert time.process_time() - start < 5
