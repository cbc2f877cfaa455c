"""``make pictures``: the pictures of the guides, taken of the real pages on the sample course."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import ROOT, free_port
from tests.kits import make_kit, work

LESSON = "01_intro"
FOLDER = ROOT / "docs" / "pictures"
CAMP = Path(sys.executable).parent / "camp"
_READY = 120_000  # ms
_FIRST = 12  # cells after the first, two checks among them
TASK = {"zh": "关卡任务", "en": "The level's task"}
"""By its heading a submission's language is known in formgrader."""
FONTS = {"zh": "fonts-noto-cjk", "und-zsye": "fonts-noto-color-emoji"}
"""Debian's packages of what the pages show, by fontconfig's name of a language or of emoji."""


def look_for_fonts() -> None:
    """Say which font is missing: a picture full of empty boxes is no picture."""
    for shown, package in FONTS.items():
        found = subprocess.run(["fc-list", f":lang={shown}"], capture_output=True, check=False)
        if not found.stdout:
            sys.exit(f"make pictures: install Debian's {package} first")


@contextmanager
def running(folder: Path, language: str, *words: str) -> Iterator[str]:
    """Run a command that serves pages and give the address that it prints."""
    env = {**os.environ, "CAMP_LANG": language, "HOME": str(folder)}
    process = subprocess.Popen(
        [CAMP, *words, "--port", str(free_port())], cwd=folder, env=env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+/\S*token=\w+", line):
                yield found[0]
                return
        raise SystemExit(f"{' '.join(words)} gave no address")
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # JupyterLab with a kernel may not heed another
        process.wait()


def take(page: Page, name: str, height: int | None = None) -> None:
    """Save what the page shows, in few colours, which is a third of the size."""
    width = page.viewport_size["width"] if page.viewport_size else 1200
    clip = {"x": 0.0, "y": 0.0, "width": float(width), "height": float(height)} if height else None
    raw = page.screenshot(clip=clip, animations="disabled")  # type: ignore[arg-type]
    image = Image.open(io.BytesIO(raw)).convert("RGB").quantize(128)
    FOLDER.mkdir(parents=True, exist_ok=True)
    image.save(FOLDER / f"{name}.png", optimize=True)
    print(f"{name}.png", (FOLDER / f"{name}.png").stat().st_size // 1000, "kB", flush=True)


def opened(browser: Browser, address: str, width: int = 1200, height: int = 760) -> Page:
    """Open an address, which may not be served yet."""
    page = browser.new_page(viewport={"width": width, "height": height})
    for _ in range(120):
        try:
            page.goto(address)
            return page
        except Exception:
            time.sleep(1)
    raise SystemExit(f"{address} did not open")


def lab(browser: Browser, base: Path, language: str) -> None:
    """Take the list of lessons with a learner's progress."""
    home = make_kit(base / f"kit-{language}")
    work(home, "li_mei", language)
    with running(home.path, language, "lab", "--no-browser") as address:
        page = opened(browser, address, height=700)
        page.locator(".jp-RenderedHTMLCommon table").last.wait_for(timeout=_READY)
        page.wait_for_timeout(4000)
        take(page, f"lessons.{language}")
        page.goto(address.replace("lessons.ipynb", f"notebooks/{language}/{LESSON}.ipynb"))
        progress(page, language)


def progress(page: Page, language: str) -> None:
    """Run a lesson's first cells and take what its first one then shows."""
    shown = page.locator(".jp-MainAreaWidget:not(.lm-mod-hidden) .jp-Notebook")
    title = {"zh": "书生", "en": "The full open chain"}[language]
    shown.locator(".jp-RenderedMarkdown h1", has_text=title).first.wait_for(timeout=_READY)
    strip = shown.locator(".camp-progress")
    for _ in range(60):  # what is run before there is a kernel is dropped
        shown.locator(".jp-Cell").nth(1).locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        page.wait_for_timeout(2000)
        if strip.count():
            break
    for _ in range(_FIRST):
        page.keyboard.press("Shift+Enter")
    strip.filter(has_text={"zh": "2/8", "en": "2 of 8"}[language]).wait_for(timeout=_READY)
    strip.evaluate("node => node.scrollIntoView({block: 'center'})")
    page.wait_for_timeout(2000)
    take(page, f"progress.{language}", height=440)


def desk(browser: Browser, course: Path, language: str) -> None:
    """Take a note at the desk."""
    with running(course.parent, language, "desk", "--course", str(course), "--name", "lin") as at:
        page = opened(browser, at, width=1280, height=820)
        page.get_by_test_id("stRadio").wait_for(timeout=_READY)
        _settle(page)
        views = page.get_by_test_id("stRadio")
        claim = page.get_by_role("button", name={"zh": "认领", "en": "claim"}[language], exact=True)
        if claim.is_enabled():  # claimed before the other language's pictures
            claim.click()
            _settle(page)
        views.get_by_text({"zh": "评分", "en": "Mark"}[language], exact=True).click()
        _settle(page)
        take(page, f"desk-mark.{language}")


def _settle(page: Page) -> None:
    """Wait until Streamlit has drawn everything."""
    page.wait_for_timeout(1500)
    page.get_by_test_id("stStatusWidget").wait_for(state="detached", timeout=_READY)
    page.wait_for_timeout(1500)


def formgrader(browser: Browser, course: Path, language: str) -> None:
    """Take a note in formgrader, with what the check says above it."""
    words = ("formgrader", "--course", str(course), "--no-browser")
    with running(course.parent, language, *words) as address:
        page = opened(browser, address)
        root = address.split("/formgrader")[0]
        page.goto(f"{root}/formgrader/gradebook/{LESSON}/{LESSON}")
        page.locator(".glyphicon-eye-open").first.wait_for(timeout=_READY)
        links = page.locator("a[href*='/submissions/']").evaluate_all(
            "all => all.map(one => one.getAttribute('href'))"
        )
        for link in links:  # in no fixed order
            page.goto(f"{root}{link}")
            if page.get_by_role("heading", name=TASK[language]).count():
                break
        note = page.locator("#note_hello_intern")
        note.wait_for(timeout=_READY)
        page.wait_for_timeout(3000)  # its script goes to the first field
        note.evaluate("node => node.scrollIntoView({block: 'end'})")
        page.wait_for_timeout(1000)
        take(page, f"formgrader.{language}")


def pages(browser: Browser, course: Path) -> None:
    """Take a feedback page of each language, as on a phone."""
    page = browser.new_page(viewport={"width": 420, "height": 760})
    for language, learner in _learners(course).items():
        out = course.parent / "out" / learner
        page.goto((out / LESSON / f"{LESSON}.html").as_uri())
        take(page, f"feedback.{language}")


def _learners(course: Path) -> dict[str, str]:
    """Return a learner of each language."""
    found = {}
    for page in sorted((course.parent / "out").glob(f"*/{LESSON}/{LESSON}.html")):
        language = re.search(r'<html lang="(\w+)"', page.read_text(encoding="utf-8"))
        if language:
            found.setdefault(language[1], page.parent.parent.name)
    return found


def main() -> None:
    """Take all pictures."""
    look_for_fonts()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        base = Path(folder)
        course = base / "demo"
        subprocess.run([CAMP, "demo", "--course", course], cwd=ROOT, check=True)
        for number, sample in enumerate(sorted((course / "submitted").iterdir())[:6], start=1):
            shutil.copytree(sample, course / f"submitted/camp_10{number}")  # unmarked as yet
        subprocess.run([CAMP, "grade", LESSON, "--course", course], cwd=ROOT, check=True)
        words = ("feedback", LESSON, "--course", course, "--release", base / "out")
        subprocess.run([CAMP, *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        executable = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        for language in ("zh", "en"):
            lab(browser, base, language)
            desk(browser, course, language)
            formgrader(browser, course, language)
        pages(browser, course)
        browser.close()


if __name__ == "__main__":
    main()
