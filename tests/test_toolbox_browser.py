"""A running tool in real JupyterLab: the bar moves, the loss is drawn, the log folds, stop stops."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import psutil
import pytest
from playwright.sync_api import Page, expect

from tests import stand_in
from tests.conftest import JupyterServer

pytestmark = pytest.mark.browser

RUN = """\
from course_lib import toolbox
toolbox.run("xtuner", "train", "cfg.py", "--work-dir", "work")"""


def test_a_training_is_seen_and_stopped(
    tmp_path: Path, page: Page, jupyter: Callable[..., JupyterServer]
) -> None:
    stand_in.make(tmp_path / "tools", "xtuner", stand_in.TRAINING)
    course = tmp_path / "course"
    course.mkdir()
    (course / "cfg.py").write_text("wait")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(RUN)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, course / "a.ipynb")
    own = {"CAMP_TOOLS": str(tmp_path / "tools"), "CAMP_LANG": "en"}
    server = jupyter(course, env=own)

    page.goto(server.address("/lab/tree/a.ipynb"))
    cell = page.locator(".jp-Notebook .jp-CodeCell").first
    cell.click()
    indicator = page.locator(".jp-Notebook-ExecutionIndicator")
    expect(indicator).to_have_attribute("data-status", "idle", timeout=60_000)
    page.keyboard.press("Shift+Enter")
    output = cell.locator(".jp-OutputArea")
    expect(output.locator(".widget-html-content").first).to_contain_text("20/40", timeout=60_000)
    expect(output).to_contain_text("loss 3")
    bar = output.locator(".progress-bar, .widget-hprogress progress").first
    expect(bar).to_be_visible()
    expect(output.locator("img.widget-image, .widget-image img").first).to_be_visible()
    expect(output.locator("pre", has_text="Saving checkpoint at 20")).to_be_hidden()
    output.get_by_text("log", exact=True).click()
    expect(output.locator("pre", has_text="Saving checkpoint at 20")).to_be_visible()
    _picture(page, "running")

    page.get_by_role("button", name="Interrupt the kernel").first.click()
    expect(output).to_contain_text("interrupted after", timeout=30_000)
    expect(output.locator("details")).to_contain_text("log (")
    expect(output.locator("img")).to_have_attribute("alt", "loss 3.5 at iteration 10, 3 at 20")
    _picture(page, "stopped")
    deadline = time.monotonic() + 10
    while _inside(course) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert _inside(course) == []


def _inside(folder: Path) -> list[str]:
    """Return the command lines of the stand-in's processes in ``folder``."""
    found = []
    for process in psutil.process_iter(["cwd", "cmdline"]):
        command = " ".join(process.info["cmdline"] or [])
        if process.info["cwd"] == str(folder) and "--work-dir" in command:
            found.append(command)
    return found


def _picture(page: Page, name: str) -> None:
    """Keep a picture of the page in the folder ``CAMP_PICTURES``, where that is set."""
    if folder := os.environ.get("CAMP_PICTURES"):
        page.screenshot(path=f"{folder}/toolbox-{name}.png")
