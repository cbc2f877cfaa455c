from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.learner_kit import LearnerKit


def test_no_notebook_is_left_of_a_lesson_that_is_gone() -> None:
    names = {source.stem for source in (ROOT / "notebooks/source").glob("*.py")}
    for language in ("zh", "en"):
        assert {path.stem for path in (ROOT / "notebooks" / language).glob("*.ipynb")} == names


@pytest.mark.parametrize("source", sorted((ROOT / "notebooks/source").glob("*.py")), ids=str)
def test_the_committed_notebooks_are_what_the_source_gives(
    source: Path, learner_kit: LearnerKit
) -> None:
    built = learner_kit.files()
    for language in ("zh", "en"):
        name = f"notebooks/{language}/{source.stem}.ipynb"
        assert (ROOT / name).read_bytes() == built[name], "run 'camp build' and commit"


def test_the_committed_list_of_lessons_is_what_the_sources_give(learner_kit: LearnerKit) -> None:
    committed = (ROOT / "notebooks/README.md").read_bytes()
    assert committed == learner_kit.files()["notebooks/README.md"], "run 'camp build' and commit"
