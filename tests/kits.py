"""A learner's kit in a folder of the test's own, and work done in it."""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from course_lib.cli import main
from course_lib.language import Language
from course_lib.learner.home import Home
from grading.samples import Sample, fill_in, read_samples
from tests.conftest import ROOT

LESSON = "01_intro"


def make_kit(folder: Path) -> Home:
    """Return a fresh kit with all lessons."""
    shutil.copytree(
        ROOT / "notebooks", folder / "notebooks",
        ignore=shutil.ignore_patterns("evidence*", "source"),
    )  # fmt: skip
    (folder / "etc").symlink_to(ROOT / "etc")
    return Home(folder)


def sample(learner: str) -> Sample:
    """Return what a made-up learner wrote in lesson 01."""
    return next(one for one in read_samples(LESSON) if one.learner == learner)


def work(
    home: Home, learner: str, language: Language = "zh", changes: Mapping[str, str] | None = None
) -> Path:
    """Write a made-up learner's answers into the kit's notebook and save it.

    Args:
        home: the kit.
        learner: one of the samples.
        language: of the notebook.
        changes: other answers, by cell.
    """
    path = home.notebook(LESSON, language)
    blank = nbformat.read(ROOT / f"notebooks/{language}/{LESSON}.ipynb", as_version=4)
    wrote = sample(learner)
    wrote = replace(wrote, answers={**wrote.answers, **(changes or {})}, copied=(), deleted=())
    nbformat.write(fill_in(wrote, blank), path)
    return path


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return the cell with this grade id."""
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def camp(
    folder: Path, *words: str, language: Language = "en", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run ``camp`` in ``folder``, without a terminal, in this process (a new one takes seconds)."""
    env = {"CAMP_LANG": language, "COLUMNS": "200", **variables}
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.delenv("CAMP_TOKEN", raising=False)
        for name, value in env.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["camp", *words])
        patch.setattr(sys, "stdin", io.StringIO())
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())
