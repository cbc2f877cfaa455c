from pathlib import Path

import pytest

from grading.build import make_texts
from grading.cohort import PUBLIC, find_cohort
from tests.conftest import ROOT


@pytest.mark.parametrize("source", sorted((ROOT / "notebooks/source").glob("*.py")), ids=str)
def test_the_committed_notebooks_are_what_the_source_gives(source: Path) -> None:
    texts = make_texts(source, find_cohort(PUBLIC), "zh")
    for language, text in texts.learners.items():
        committed = ROOT / "notebooks" / language / f"{source.stem}.ipynb"
        assert committed.read_text(encoding="utf-8") == text, "run 'camp build' and commit"
