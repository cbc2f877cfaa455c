from pathlib import Path

import pytest

from grading.build import make_texts
from grading.cohort import PUBLIC, find_cohort
from tests.conftest import ROOT


def test_no_notebook_is_left_of_a_lesson_that_is_gone() -> None:
    names = {source.stem for source in (ROOT / "notebooks/source").glob("*.py")}
    for language in ("zh", "en"):
        assert {path.stem for path in (ROOT / "notebooks" / language).glob("*.ipynb")} == names


@pytest.mark.parametrize("source", sorted((ROOT / "notebooks/source").glob("*.py")), ids=str)
def test_the_committed_notebooks_are_what_the_source_gives(source: Path) -> None:
    texts = make_texts(source, find_cohort(PUBLIC), "zh")
    for language, text in texts.learners.items():
        committed = ROOT / "notebooks" / language / f"{source.stem}.ipynb"
        assert committed.read_text(encoding="utf-8") == text, "run 'camp build' and commit"
