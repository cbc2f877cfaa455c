import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


def test_the_main_job_on_the_samples(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    command = [str(Path(sys.executable).parent / "camp"), "demo", "--course", "demo"]
    first = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr
    listed = subprocess.run(
        [command[0], "grade", "--course", "demo", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    scores = {row["learner"]: row for row in json.loads(listed.stdout)}
    # Exercises are worth 70; the made-up TA's marks are those of marks.csv.
    assert (scores["li_mei"]["auto_score"], scores["li_mei"]["score"]) == (70, 98)
    assert (scores["sam_okoro"]["auto_score"], scores["sam_okoro"]["score"]) == (70, 97)
    assert len(scores["sam_okoro"]["remarks"]) == 2
    assert (scores["wang_fang"]["auto_score"], scores["wang_fang"]["score"]) == (10, 15)
    assert scores["zhao_lei"]["score"] == 0
    ledger = (tmp_path / "demo/points/ledger.jsonl").read_text(encoding="utf-8").splitlines()
    paid = [(json.loads(line)["learner"], json.loads(line)["points"]) for line in ledger]
    assert sorted(paid) == [("li_mei", 100), ("sam_okoro", 100)]
    for learner in scores:
        page = tmp_path / "demo/feedback" / learner / "01_intro/01_intro.html"
        assert "HIDDEN TESTS" not in page.read_text(encoding="utf-8")
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert (tmp_path / "demo/points/ledger.jsonl").read_text(
        encoding="utf-8"
    ).splitlines() == ledger
