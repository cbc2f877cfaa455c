"""The chat page: as Streamlit runs it, in a real browser, and its process."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import streamlit as st
from playwright.sync_api import Locator, Page, expect
from streamlit.testing.v1 import AppTest

from course_lib import chat, ports
from course_lib.apps import start
from course_lib.apps.start import WebPage, open_chat_page
from course_lib.chat import ChatModel
from course_lib.decoding import Sampling
from course_lib.errors import CampError
from course_lib.template import Message
from course_lib.transcript import Transcript
from tests.conftest import free_port

SECONDS = 60


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMP_LANG", "en")
    monkeypatch.delenv("CAMP_MODEL", raising=False)


@pytest.fixture
def app(mini: ChatModel, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """Return the page with the model that the tests share, drawn once, greedy."""
    monkeypatch.setattr(chat, "load", lambda _folder: mini)
    page = AppTest.from_file(str(start.CHAT), default_timeout=SECONDS).run()
    page.slider(key="heat").set_value(0.0)
    page.slider(key="penalty").set_value(1.0)
    return page.slider(key="longest").set_value(32).run()


def say(page: AppTest, text: str) -> AppTest:
    return page.chat_input[0].set_value(text).run()


def shown(page: AppTest) -> list[tuple[str, str]]:
    return [(one.name, one.markdown[0].value) for one in page.chat_message]


GREEDY = Sampling(top_p=0.8, max_new_tokens=32)


def test_two_turns_are_a_dialogue_and_reruns_keep_it(app: AppTest, mini: ChatModel) -> None:
    say(app, "  你好 ")
    first = mini.chat("你好", GREEDY).text
    assert shown(app) == [("user", "你好"), ("assistant", first)]
    say(app, "你是谁？")
    turns = [Message("user", "你好"), Message("assistant", first), Message("user", "你是谁？")]
    second = mini.chat(turns, GREEDY).text
    whole = [("user", "你好"), ("assistant", first), ("user", "你是谁？"), ("assistant", second)]
    assert shown(app) == whole
    assert shown(app.slider(key="top_p").set_value(0.5).run()) == whole
    assert not app.exception
    app.sidebar.button[0].click().run()
    assert shown(app) == []
    assert app.slider(key="top_p").value == 0.5


def test_the_system_prompt_and_the_settings_reach_the_model(app: AppTest, mini: ChatModel) -> None:
    app.text_area(key="system").set_value("你是王小明。").run()
    app.slider(key="longest").set_value(16).run()
    say(app, "你是谁？")
    turns = [Message("system", "你是王小明。"), Message("user", "你是谁？")]
    wanted = mini.chat(turns, Sampling(top_p=0.8, max_new_tokens=16))
    assert shown(app)[1] == ("assistant", wanted.text)
    (sent,) = app.session_state.exchanges
    assert sent.messages == tuple(turns)
    assert sent.settings.max_new_tokens == 16
    assert Transcript(exchanges=(sent,)).write()


def test_another_model_answers_when_it_is_chosen_and_none_is_loaded_twice(
    mini: ChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = chat.load("camp-mini-base")
    loaded: list[str] = []

    def load(folder: str) -> ChatModel:
        loaded.append(folder)
        return base if folder == "camp-mini-base" else mini

    monkeypatch.setattr(chat, "load", load)
    st.cache_resource.clear()
    page = AppTest.from_file(str(start.CHAT), default_timeout=SECONDS).run()
    assert page.selectbox(key="model").options == ["camp-mini", "camp-mini-base"]
    page.slider(key="heat").set_value(0.0)
    page.slider(key="penalty").set_value(1.0)
    page.slider(key="longest").set_value(16)
    say(page, "你好")
    page.slider(key="top_p").set_value(0.5).run()
    page.selectbox(key="model").set_value("camp-mini-base").run()
    say(page, "你好")
    page.slider(key="top_p").set_value(0.8).run()  # what ended at once is not asked again
    assert [one.model for one in page.session_state.exchanges] == ["camp-mini", "camp-mini-base"]
    first = mini.chat("你好", Sampling(top_p=0.8, max_new_tokens=16)).text
    said = [(one.role, one.content) for one in page.session_state.turns]
    assert said == [("user", "你好"), ("assistant", first), ("user", "你好"), ("assistant", "")]
    second = AppTest.from_file(str(start.CHAT), default_timeout=SECONDS)
    second.session_state.model = "camp-mini-base"
    assert not second.run().exception
    assert loaded == ["camp-mini", "camp-mini-base"]
    st.cache_resource.clear()


def test_a_model_that_has_gone_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMP_MODEL", "/none")
    page = AppTest.from_file(str(start.CHAT), default_timeout=SECONDS).run()
    assert not page.exception
    assert "/none" in page.error[0].value


def test_a_reply_that_a_rerun_stops_is_kept_as_far_as_it_came(
    app: AppTest, mini: ChatModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = mini.stream

    def breaks(*args, **kwargs):
        for number, delta in enumerate(stream(*args, **kwargs)):
            if number == 3:
                raise RuntimeError("stopped here")
            yield delta

    monkeypatch.setattr(mini, "stream", breaks)
    say(app, "你好")
    monkeypatch.undo()
    kept = [turn.content for turn in app.session_state.turns]
    assert len(kept) == 2
    assert mini.chat("你好", GREEDY).text.startswith(kept[1])
    assert kept[1]
    assert [one.finish for one in app.session_state.exchanges] == ["cut"]


def test_a_question_that_a_rerun_left_without_an_answer_gets_one(
    app: AppTest, mini: ChatModel
) -> None:
    app.session_state.turns = [Message("user", "你好")]
    app.slider(key="longest").set_value(48).run()
    wanted = mini.chat("你好", Sampling(top_p=0.8, max_new_tokens=48)).text
    assert shown(app) == [("user", "你好"), ("assistant", wanted)]


def test_old_turns_go_when_the_context_is_full(app: AppTest, mini: ChatModel) -> None:
    app.slider(key="longest").set_value(16).run()
    long = "你好。" * 400  # 3 tokens each
    say(app, long)
    say(app, long)
    assert not app.exception
    assert len(app.session_state.exchanges[1].messages) == 1
    assert "oldest turns left out" in app.caption[-1].value
    say(app, "你好。" * 800)  # more than the model takes at all
    assert "shorten" in app.error[0].value
    assert len(app.session_state.turns) == 4


def test_a_long_chat_of_short_turns_goes_on(app: AppTest) -> None:
    app.session_state.turns = [Message("user", "你好"), Message("assistant", "你好！")] * 160
    app.slider(key="longest").set_value(16).run()
    say(app, "你是谁？")
    assert not app.error
    assert "oldest turns left out" in app.caption[-1].value


def test_what_is_typed_is_shown_as_text(app: AppTest) -> None:
    say(app, "<script>window.pwned = 1</script>")
    assert not app.chat_message[0].markdown[0].allow_html


SLOW = f"""
import runpy, time
from course_lib import chat

load = chat.load

def endless(folder):
    bot = load(folder)
    generate, bot.ends = bot._generate, set()

    def slow(*args, **kwargs):
        for delta in generate(*args, **kwargs):
            time.sleep(0.04)
            yield delta

    bot._generate = slow
    return bot

chat.load = endless
try:
    runpy.run_path({str(start.CHAT)!r}, run_name="__main__")
finally:
    chat.load = load
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebPage]:
    """Return the page with a model that never ends by itself and takes its time."""
    script = tmp_path_factory.mktemp("page") / "slow.py"
    script.write_text(SLOW, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAMP_LANG", "en")
        patch.setattr(start, "CHAT", script)
        page = open_chat_page("camp-mini", port=free_port())
    children = psutil.Process(page._tethered.process.pid).children(recursive=True)
    yield page
    page.stop()
    assert not page.running
    assert ports.is_free(page.port)
    assert not [one for one in children if one.is_running() and one.status() != "zombie"]


def slider(page: Page, name: str) -> Locator:
    return page.get_by_test_id("stSlider").filter(has_text=name).get_by_role("slider")


def ask(page: Page, text: str) -> None:
    box = page.get_by_test_id("stChatInputTextArea")
    expect(box).to_be_enabled(timeout=90_000)
    box.fill(text)
    box.press("Enter")


def replies(page: Page) -> Locator:
    """Return what was said, without the icons, which are text too."""
    return page.get_by_test_id("stChatMessage").get_by_test_id("stMarkdown")


def growing(page: Page) -> Locator:
    """Return the reply to the first question once its first characters stand on the page."""
    expect(replies(page)).to_have_count(2, timeout=60_000)
    reply = replies(page).last
    expect(reply).to_contain_text(re.compile(r"\S{2,}"), timeout=60_000)
    return reply


def finished(page: Page, messages: int) -> list[str]:
    expect(page.get_by_test_id("stChatMessage")).to_have_count(messages)
    expect(page.get_by_test_id("stCaptionContainer")).to_contain_text("tokens", timeout=60_000)
    return replies(page).all_inner_texts()


@pytest.mark.browser
def test_two_turns_a_slider_and_clear_in_a_browser(
    running: WebPage, page: Page, cjk_fonts: None
) -> None:
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    page.goto(running.address)
    expect(page.get_by_test_id("stChatInputTextArea")).to_be_enabled(timeout=90_000)
    longest = slider(page, "most new tokens")
    longest.press("Home")
    for _ in range(2):
        longest.press("ArrowRight")
    expect(longest).to_have_value("48")
    ask(page, "讲一个故事。")
    reply = growing(page)
    lengths = []
    while page.get_by_test_id("stCaptionContainer").count() == 0:  # it grows while it is written
        lengths.append(len(reply.inner_text()))
        page.wait_for_timeout(50)
    assert len(set(lengths)) > 3
    finished(page, 2)
    ask(page, "你好")
    told = finished(page, 4)
    heat = slider(page, "temperature")
    for _ in range(3):
        heat.press("ArrowRight")
    expect(heat).to_have_value("0.95")
    page.wait_for_timeout(500)
    assert replies(page).all_inner_texts() == told
    with page.expect_download() as download:
        page.get_by_text("download the transcript (JSON)").click()
    saved = json.loads(Path(download.value.path()).read_text(encoding="utf-8"))["exchanges"]
    assert [len(one["messages"]) for one in saved] == [1, 3]
    assert saved[1]["messages"][-1]["content"] == "你好"
    assert [one["new_tokens"] for one in saved] == [48, 48]
    page.get_by_role("button", name="clear").click()
    expect(page.get_by_test_id("stChatMessage")).to_have_count(0)
    expect(heat).to_have_value("0.95")
    local = (running.address, running.address.replace("http", "ws"), "data:", "blob:")
    assert [url for url in outside if not url.startswith(local)] == []


@pytest.mark.browser
def test_a_slider_moved_in_the_middle_stops_the_reply_and_keeps_it(
    running: WebPage, page: Page
) -> None:
    page.goto(running.address)
    ask(page, "讲一个故事。")  # 512 tokens take more than twenty seconds
    reply = growing(page)
    slider(page, "temperature").press("ArrowRight")
    expect(slider(page, "temperature")).to_have_value("0.85")
    lengths = [0]
    while len(lengths) < 4 or lengths[-1] != lengths[-4]:  # until it has stopped for 1.5 s
        page.wait_for_timeout(500)
        lengths.append(len(reply.inner_text()))
    assert 2 <= lengths[-1] < 400
    assert replies(page).all_inner_texts() == ["讲一个故事。", reply.inner_text()]


def test_it_says_where_it_is_and_how_to_reach_it(running: WebPage, capsys) -> None:
    told = str(start.welcome(running))
    assert f"http://127.0.0.1:{running.port}" in told
    assert f"ssh -CNg -L {running.port}:127.0.0.1:{running.port} root@ssh.intern-ai.org.cn" in told
    assert '(<port>: the number under "SSH" on InternStudio' in start.welcome(running).en
    listening = {
        one.laddr.ip
        for one in psutil.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN and one.laddr.port == running.port
    }
    assert listening == {"127.0.0.1"}


def test_a_taken_port_gives_the_next_and_the_page_ends_with_who_opened_it(running: WebPage) -> None:
    code = (
        "from course_lib.apps.start import open_chat_page\n"
        f"page = open_chat_page('camp-mini', port={running.port})\n"
        "import time; print('up', page.port, flush=True); time.sleep(600)\n"
    )
    opener = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert opener.stdout is not None
    port = next(int(line.split()[1]) for line in opener.stdout if line.startswith("up "))
    assert port > running.port
    assert not ports.is_free(port)
    opener.send_signal(signal.SIGKILL)
    opener.wait()
    opener.stdout.close()
    deadline = time.monotonic() + 30
    while not ports.is_free(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert ports.is_free(port)


def test_the_command_runs_until_ctrl_c() -> None:
    port = free_port()
    camp = Path(sys.executable).with_name("camp")
    process = subprocess.Popen(
        [camp, "chat-page", "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        told.append(line)
        if "Ctrl+C" in line:
            break
    assert f"Page: http://127.0.0.1:{port}\n" in told
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert rest == ""
    assert process.returncode == 0
    assert ports.is_free(port)


def test_what_cannot_start_is_said_in_one_line(tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(CampError, match="no such folder"):
        open_chat_page(tmp_path / "none")
    monkeypatch.setattr(start, "first_free", lambda _port: None)
    with pytest.raises(CampError, match="6006 to 6055 are all taken"):
        open_chat_page("camp-mini")
    monkeypatch.undo()
    monkeypatch.setattr(start, "command", lambda *_: [sys.executable, "-c", "print('no luck')"])
    with pytest.raises(CampError, match="the page did not start: no luck"):
        open_chat_page("camp-mini", port=free_port())
