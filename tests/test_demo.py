import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from course_lib.payload import unfold
from course_lib.values import decode
from tests.attacks import launch
from tests.conftest import ROOT
from tests.gradebooks import opened
from tests.test_ordinary_user import reachable


def hidden_arguments(source: Path) -> set[str]:
    """Return long arguments of hidden tests as Python would print them."""
    found = set()
    for payload in re.findall(
        r'hidden\(\\"\w+\\", \\"([A-Za-z0-9+/=]+)', source.read_text("utf-8")
    ):
        for case in unfold(payload)["tests"]:
            found |= {repr(decode(argument)) for argument in case["args"]}
    return {argument for argument in found if len(argument) > 12}


def test_the_main_job_on_the_samples(tmp_path: Path) -> None:
    home = reachable(tmp_path / "home")
    shutil.copytree(ROOT / "notebooks", home / "notebooks")
    command = [str(Path(sys.executable).parent / "camp"), "demo", "--course", "demo"]
    first = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr
    listed = subprocess.run(
        [command[0], "grade", "--course", "demo", "--json"],
        cwd=home, capture_output=True, text=True, check=True,
    )  # fmt: skip
    scores = {row["learner"]: row for row in json.loads(listed.stdout)}
    # Exercises are worth 70; the made-up TA's marks are those of marks.csv.
    assert (scores["li_mei"]["auto_score"], scores["li_mei"]["score"]) == (70, 98)
    assert (scores["sam_okoro"]["auto_score"], scores["sam_okoro"]["score"]) == (70, 97)
    assert len(scores["sam_okoro"]["remarks"]) == 2
    assert (scores["wang_fang"]["auto_score"], scores["wang_fang"]["score"]) == (10, 15)
    assert scores["zhao_lei"]["score"] == 0
    hidden = hidden_arguments(home / "demo/source/01_intro/01_intro.ipynb")
    assert len(hidden) > 50
    ledger = (home / "demo/points/ledger.jsonl").read_text(encoding="utf-8").splitlines()
    paid = [(json.loads(line)["learner"], json.loads(line)["points"]) for line in ledger]
    assert sorted(paid) == [("li_mei", 100), ("sam_okoro", 100)]
    for learner in scores:
        page = home / "demo/feedback" / learner / "01_intro/01_intro.html"
        text = page.read_text(encoding="utf-8")
        assert "HIDDEN TESTS" not in text
        assert not [argument for argument in hidden if argument in text]

    # A TA marks again and puts submissions of others beside the samples, then runs it once more.
    demo = home / "demo"
    with opened(demo) as gradebook:
        grade = gradebook.find_grade("note_hello_intern", "01_intro", "01_intro", "li_mei")
        grade.manual_score = 20
        gradebook.db.commit()
    for name in ("ming", "\x1b[31m"):
        shutil.copytree(demo / "submitted/li_mei", demo / "submitted" / name)
    again = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "90 / 100" in again.stdout
    assert not (demo / "autograded/ming").exists()
    with opened(demo) as gradebook:
        grade = gradebook.find_grade("note_hello_intern", "01_intro", "01_intro", "li_mei")
        assert grade.manual_score == 20
    assert (demo / "points/ledger.jsonl").read_text(encoding="utf-8").splitlines() == ledger

    # On a machine without namespaces each missing part is said once, and the job goes on.
    shutil.rmtree(demo / "autograded/zhao_lei")
    weaker = launch.run(command, home=home, lacks=["namespaces"])
    assert weaker.returncode == 0, weaker.stderr
    parts = re.findall("(?:without|lacks) (user namespaces|.*)", weaker.stdout + weaker.stderr)
    assert parts.count("user namespaces") == 1
    assert len(parts) == len(set(parts))

    # Where the reference solution cannot pass, no score is shown.
    with (demo / "nbgrader_config.py").open("a") as settings:
        settings.write("\nget_config().Execute.timeout = 1e-5\n")
    useless = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
    assert useless.returncode == 1
    assert "the reference solution does not pass check_count_params" in useless.stderr
    assert "Traceback" not in useless.stderr
    assert "li_mei" not in useless.stdout
