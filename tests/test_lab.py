"""JupyterLab with the kit's settings, as a learner and an instructor meet it in a browser."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from course_lib import bundle
from course_lib.learner.home import find_home
from course_lib.learner.lessons import read_lessons
from tests.conftest import ROOT, JupyterServer, free_port, isolated_home
from tests.kits import make_kit, work

SOURCE = '''\
# ---
# jupyter:
#   course:
#     level: L1-1
#     minutes: 90
#     points: 100
#     prerequisites: []
#   jupytext:
#     cell_markers: '"""'
#     cell_metadata_filter: cases,check,evidence,exercise,given,lang,level,minutes,note,points,quiz,rubric,tags,tool,wrong,-all
#     notebook_metadata_filter: kernelspec,jupytext,course,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] lang="zh"
"""
## 一道题
"""

# %% [markdown] lang="en"
r"""
## A question with $\\alpha$
"""


# %% exercise="double" level=1 minutes=5 points=10
def double(x: int) -> int:
    # zh: 翻倍
    # en: twice
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION


# %% wrong="double"
# zh: 平方了
# en: squared
def double(x: int) -> int:
    return x * x


# %%
# %matplotlib inline
print(double(21))
'''


def run_lab(folder: Path, port: int, env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [Path(sys.executable).parent / "camp", "lab", "--port", str(port), "--no-browser"],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def read_until(process: subprocess.Popen[str], pattern: str) -> str:
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if re.search(pattern, text):
            return text
    return text


def a_course(folder: Path) -> Path:
    (folder / "notebooks").mkdir(parents=True)
    (folder / "notebooks/README.md").write_text("# The lessons\n\n[one](one.ipynb)\n")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print(6 * 7)", id="a1")])
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
    }
    nbformat.write(notebook, folder / "notebooks/one.ipynb")
    (folder / "etc").symlink_to(ROOT / "etc")
    return folder


@pytest.mark.browser
def test_camp_lab_takes_a_free_port_and_shows_the_lesson_index(tmp_path: Path, page: Page) -> None:
    home = make_kit(tmp_path / "course")
    work(home, "li_mei", "en")
    env = isolated_home(tmp_path / "home") | {"CAMP_LANG": "en"}
    env.pop("JUPYTER_TOKEN", None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        wanted = taken.getsockname()[1]
        process = run_lab(home.path, wanted, env)
        try:
            text = read_until(process, r"Ctrl\+C")
            found = re.search(
                r"http://127\.0\.0\.1:(\d+)/lab/tree/lessons.ipynb\?token=\w{32}", text
            )
            assert found, text
            port = int(found[1])
            assert port != wanted
            assert f"Port {wanted} is taken, using {port}." in text
            line = f"ssh -CNg -L {port}:127.0.0.1:{port} root@ssh.intern-ai.org.cn -p <port>"
            assert line in text
            open_when_ready(page, found[0])
            expect(page.locator(".jp-RenderedMarkdown h1")).to_contain_text("Lessons")
            table = page.locator(".jp-RenderedHTMLCommon table").last  # there without a kernel
            expect(table).to_contain_text("🟡 tried")
            expect(table.locator("tbody tr")).to_have_count(len(read_lessons(home.notebooks)))
            menus = page.locator(".lm-MenuBar-itemLabel").all_inner_texts()
            assert "Kernel" in menus
            assert "Nbgrader" not in menus
            with pytest.raises(OSError):  # noqa: PT011 - bound to 127.0.0.1 only
                socket.create_connection(("127.0.0.2", port), timeout=2)
            table.locator("a", has_text="The full open chain").click()
            opened = page.locator(".jp-MainAreaWidget:not(.lm-mod-hidden) .jp-Notebook")
            expect(opened.locator(".jp-RenderedMarkdown h1").first).to_contain_text("open chain")
            expect(page.locator("#jp-bottom-panel")).to_contain_text("| Idle", timeout=60_000)
            open_second_hint(page, opened)
            hand_in(page, opened)
            (packed,) = home.bundles.glob("*.zip")
            assert packed.name == "01_intro-camp3_7-1.zip"
            assert bundle.verify(packed).hints == {"count_params": 1}
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def open_second_hint(page: Page, notebook: Locator) -> None:
    """Open the second hint of a lesson's first exercise, twice, and save."""
    for _ in range(2):
        notebook.locator(".jp-MarkdownCell summary").nth(1).click()
    page.keyboard.press("Control+s")
    expect(page.get_by_text("Saving completed")).to_be_visible()


def hand_in(page: Page, notebook: Locator) -> None:
    """Run the last cell of a lesson and press its button."""
    notebook.locator(".jp-Cell").first.click()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+End")
    notebook.locator(".jp-CodeCell", has_text='form("01_intro")').locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    fields = notebook.locator(".widget-text input")
    expect(fields).to_have_count(3, timeout=60_000)
    fields.nth(0).fill("camp3_7")
    fields.nth(1).fill("Xiaoshu")
    fields.nth(1).press("Tab")
    notebook.get_by_role("button", name="hand in").click()
    expect(notebook.locator(".widget-html")).to_contain_text("📦 submission 1")


def open_when_ready(page: Page, address: str) -> None:
    for _ in range(240):  # a busy machine
        try:
            page.goto(address)
            return
        except Exception:  # not listening yet
            time.sleep(0.5)
    page.goto(address)


@pytest.mark.browser
def test_a_source_opens_as_a_notebook_and_saves_back_byte_for_byte(
    tmp_path: Path, jupyter: Callable[..., JupyterServer], page: Page
) -> None:
    root = tmp_path / "work"
    root.mkdir()
    source = root / "01_sample.py"
    source.write_text(SOURCE, encoding="utf-8")
    before, modified = source.read_bytes(), source.stat().st_mtime_ns
    server = jupyter(root)
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    page.goto(server.address("/lab/tree/01_sample.py"))
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(5)
    expect(page.locator(".jp-Notebook .jp-MarkdownCell").first).to_contain_text("一道题")
    page.locator(".jp-Notebook .jp-Cell").first.click()
    page.keyboard.press("Control+s")
    for _ in range(100):
        if source.stat().st_mtime_ns != modified and source.stat().st_size:
            break  # the server empties the file before it writes
        page.wait_for_timeout(100)
    assert source.stat().st_mtime_ns != modified, "nothing was saved"
    assert source.read_bytes() == before
    local = (server.url, "data:", "blob:", server.url.replace("http", "ws"))
    assert [url for url in outside if not url.startswith(local)] == []


@pytest.mark.browser
def test_a_released_notebook_opens_and_a_cell_runs(
    tmp_path: Path, jupyter: Callable[..., JupyterServer], page: Page
) -> None:
    server = jupyter(a_course(tmp_path / "course"))
    page.goto(server.address("/lab/tree/notebooks/one.ipynb"))
    cell = page.locator(".jp-Notebook .jp-CodeCell").first
    # the toolbar's indicator says idle before there is a kernel; a cell run then is cancelled
    expect(page.locator("#jp-bottom-panel")).to_contain_text("| Idle", timeout=60_000)
    cell.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    expect(cell.locator(".jp-OutputArea-output")).to_have_text("42\n", timeout=60_000)


def test_lab_outside_a_course_uses_the_installed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_home().path == ROOT
    own = a_course(tmp_path / "own")
    monkeypatch.chdir(own / "notebooks")
    assert find_home().path == own


@pytest.mark.parametrize("source", sorted((ROOT / "notebooks/source").glob("*.py")), ids=str)
def test_saving_a_lesson_source_in_jupyterlab_would_not_change_it(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    assert jupytext.writes(jupytext.reads(text, fmt="py:percent"), fmt="py:percent") == text
