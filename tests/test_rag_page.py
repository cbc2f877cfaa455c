"""The page that answers from files: as Streamlit runs it, and in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from course_lib import chat, models, ports
from course_lib.apps import start
from course_lib.apps.start import open_rag_page
from course_lib.chat import ChatModel
from course_lib.errors import CampError
from course_lib.mini import facts
from course_lib.mini.card import load_measured
from course_lib.rag import questions, reading
from course_lib.rag.appraisal import best_threshold
from course_lib.rag.pages import course_pages, cut_all
from course_lib.rag.search import Index
from tests.conftest import free_port

NOTE = "# 北坡菜园\n\n菜园每周五浇水。\n北坡菜园的负责人是孙悦。\n<script>window.pwned = 1</script> ![x](http://example.com/x.png)\n"
ASKED = "北坡菜园的负责人是谁？"


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMP_LANG", "en")
    monkeypatch.delenv("CAMP_MODEL", raising=False)


@pytest.fixture
def app(mini: ChatModel, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(chat, "load", lambda _folder: mini)
    return AppTest.from_file(str(start.RAG), default_timeout=120).run()


def texts(page: AppTest) -> str:
    return "\n".join(one.value for one in page.text)


def test_it_answers_from_an_upload_names_it_and_refuses(app: AppTest, mini: ChatModel) -> None:
    assert "60 pages" in app.expander[0].label
    files = [("garden.md", NOTE.encode(), "text/markdown"), ("bad.pdf", b"%PDF", "application/pdf")]
    app.file_uploader(key="files").set_value(files).run()
    assert [one.value for one in app.error] == ["bad.pdf: a damaged PDF, it cannot be read"]
    assert "61 pages" in app.expander[0].label
    app.text_input(key="question").set_value(ASKED).run()
    assert "孙悦" in app.chat_message[0].text[0].value
    assert "[garden]" in texts(app)
    assert app.text[-1].value.split(", ")[0] == "garden"
    assert not app.warning
    app.text_input(key="question").set_value("谁能帮我砍一刀？").run()
    assert "not in the knowledge base" in app.warning[0].value
    assert not app.chat_message
    app.slider(key="threshold").set_value(0.0).run()
    assert not app.warning
    app.checkbox(key="course").uncheck().run()
    assert "1 pages" in app.expander[0].label
    app.file_uploader(key="files").set_value([]).run()
    assert "upload documents first" in app.info[0].value
    assert not app.chat_message
    assert not app.exception


def test_the_first_threshold_is_that_of_the_lesson(app: AppTest) -> None:
    index = Index(cut_all(course_pages()))
    good, bad = [one.text for one in questions.asked()[::2]], questions.chat()[::2]
    likeness = [[index.likeness(text) for text in texts] for texts in (good, bad)]
    assert app.slider(key="threshold").value == round(best_threshold(*likeness), 1)


def test_it_says_what_the_model_reads_and_nothing_that_is_for_programmers(app: AppTest) -> None:
    app.text_input(key="question").set_value(ASKED).run()
    app.slider(key="threshold").set_value(0.0).run()
    assert [one.value for one in app.markdown] == []
    assert "one English question in seven" in app.caption[-1].value
    assert "one Chinese question in seventeen" in app.caption[-1].value
    measured = load_measured(models.BUILT_IN["camp-mini"]).results
    wrong = {one.name: 1 - one.accuracy for one in measured}
    assert [round(1 / wrong[name]) for name in ("rag_en", "rag_zh")] == [7, 17]
    named = app.caption[-1].value.partition("by name: ")[2].removesuffix(" …").split(", ")
    known = {kind.name for kinds in facts.KINDS["en"].values() for kind in kinds}
    assert known > set(named)


def test_a_question_too_long_is_told_in_a_line(app: AppTest) -> None:
    app.text_input(key="question").set_value("a" * 501).run()
    assert [one.value for one in app.error] == ["500 characters at most"]
    assert not app.chat_message


def test_a_model_that_cannot_be_loaded_is_told_in_a_line(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(_folder: Path) -> ChatModel:
        raise CampError("the model's folder is damaged")

    monkeypatch.setattr(chat, "load", damaged)
    st.cache_resource.clear()
    app.text_input(key="question").set_value("云帆实验室的负责人是谁？").run()
    assert [one.value for one in app.error] == ["the model's folder is damaged"]
    assert not app.exception


def test_an_upload_is_read_once(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    read, asked = reading.read_upload, list[str]()
    monkeypatch.setattr(
        reading, "read_upload", lambda name, raw: [asked.append(name), read(name, raw)][1]
    )
    files = [("once.md", NOTE.encode(), "text/markdown"), ("bad.md", b"\0", "text/markdown")]
    app.file_uploader(key="files").set_value(files).run()
    app.slider(key="k").set_value(3).run()
    assert asked == ["once.md", "bad.md"]
    assert [one.value for one in app.error] == ["bad.md: it is no text file"]
    assert "61 pages" in app.expander[0].label


@pytest.mark.browser
def test_an_upload_in_a_browser_is_only_text(page: Page, cjk_fonts: None, tmp_path: Path) -> None:
    (tmp_path / "garden.md").write_text(NOTE, encoding="utf-8")
    (tmp_path / "notes.txt").write_bytes(b"\x00\x01\xff\xfe")
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    with open_rag_page("camp-mini", port=free_port()) as running:
        page.goto(running.address)
        expect(page.get_by_text("60 pages")).to_be_visible(timeout=90_000)
        expect(page.get_by_text("2MB per file")).to_be_visible()
        chosen = page.locator("input[type=file]")
        chosen.set_input_files([tmp_path / "garden.md", tmp_path / "notes.txt"])
        expect(page.get_by_text("notes.txt: it is no text file")).to_be_visible(timeout=60_000)
        box = page.get_by_label("question")
        box.fill(ASKED)
        box.press("Enter")
        reply = page.get_by_test_id("stChatMessage")
        expect(reply).to_contain_text("孙悦", timeout=90_000)
        assert page.evaluate("window.pwned") is None
    assert ports.is_free(running.port)
    assert not [url for url in outside if "example.com" in url]
