"""How a lesson's cells become a notebook's."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from course_lib.language import LANGUAGES
from grading import prove
from grading.assemble import instructor_notebook, learner_notebook
from grading.reader import read_lesson
from tests.conftest import ROOT
from tests.sources import GOOD

TASK = '''# %% [markdown] lang="zh"
"""
刚才的图。

### ✏️

写一个函数。
"""

# %% [markdown] lang="en"
"""
The picture above.

### ✏️

Write a function.
"""

'''
ANOTHER = """# %% quiz="nibble"
quiz(
    zh="半个字节几位？",
    en="How many bits are half a byte?",
    choices=[
        choice(zh="4", en="4", why_zh="对", why_en="yes", right=True),
        choice(zh="2", en="2", why_zh="不对", why_en="no"),
    ],
)

"""
STORY = "# %% [markdown] note="


def learners(tmp_path: Path, text: str) -> NotebookNode:
    path = tmp_path / "01_sizes.py"
    path.write_text(text, encoding="utf-8")
    tests = {"weight_bytes": prove.Tests("", "")}
    return learner_notebook(instructor_notebook(read_lesson(path), tests, {}, "en"))


def sources(notebook: NotebookNode) -> dict[str, str]:
    return {cell.id: cell.source for cell in notebook.cells}


def test_the_heading_stands_where_the_prose_says(tmp_path: Path) -> None:
    found = sources(learners(tmp_path, GOOD.replace("# %% exercise", TASK + "# %% exercise")))
    (task,) = [text for name, text in found.items() if name.startswith("prose")]
    assert task.split("\n\n") == [
        "The picture above.",
        "### ✏️ Exercise 1: `weight_bytes` ★ · 5 min · 70 points",
        "Write a function.",
    ]


def test_else_the_heading_stands_below_the_section_above_the_prose_or_alone(tmp_path: Path) -> None:
    text = GOOD.replace("# %% exercise", TASK.replace("### ✏️\n\n", "") + "# %% exercise")
    (task,) = [t for name, t in sources(learners(tmp_path, text)).items() if "prose" in name]
    assert task.startswith("### ✏️ Exercise 1: `weight_bytes`")
    section = text.replace("The picture above.", "The end of the last.\n\n## A section")
    (task,) = [t for name, t in sources(learners(tmp_path, section)).items() if "prose" in name]
    assert task.split("\n\n") == [
        "The end of the last.",
        "## A section",
        "### ✏️ Exercise 1: `weight_bytes` ★ · 5 min · 70 points",
        "Write a function.",
    ]
    alone = sources(learners(tmp_path, GOOD))["task-weight_bytes"]
    assert alone == "### ✏️ Exercise 1: `weight_bytes` ★ · 5 min · 70 points"


def test_quiz_items_read_as_text_and_share_a_folded_cell(tmp_path: Path) -> None:
    notebook = learners(tmp_path, GOOD.replace(STORY, ANOTHER + STORY))
    (cell,) = [cell for cell in notebook.cells if cell.id.startswith("quiz")]
    assert cell.metadata["jupyter"] == {"source_hidden": True}
    assert "# ❓ How many bits are a byte?\n#   A. 8\n#   B. 10\nquiz(" in cell.source
    assert cell.source.count("\nquiz(") == 2
    assert "yes, eight" not in cell.source


def test_the_rubric_joins_the_prose_before_the_note(tmp_path: Path) -> None:
    prose = TASK.replace("### ✏️\n\n", "")
    found = sources(learners(tmp_path, GOOD.replace(STORY, prose + STORY)))
    assert "rubric-story" not in found
    (told,) = [text for name, text in found.items() if name.startswith("prose")]
    assert told.endswith("Write a function.\n\n| A TA marks by this rubric | points |\n|---|---|\n"
                         "| a number | 10 |\n| own words | 20 |")  # fmt: skip
    assert "rubric-story" in sources(learners(tmp_path, GOOD))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "path", sorted((ROOT / "notebooks/source").glob("*.py")), ids=lambda p: p.stem
)
def test_a_lesson_has_25_to_45_cells(path: Path, language: str) -> None:
    notebook = nbformat.read(ROOT / f"notebooks/{language}/{path.stem}.ipynb", as_version=4)
    assert notebook.cells[-1].source.endswith(f'form("{path.stem}")')
    assert 25 <= len(notebook.cells) - 2 <= 45  # besides the way to hand in
