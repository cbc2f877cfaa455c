"""``camp explain``: each known problem is recognised in an excerpt of a real log."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from course_lib.toolbox.explain import SHOWN, explain, problems, relevant

LOGS = Path(__file__).parent / "tool_logs"
NAMES = [problem.name for problem in problems()]
ENDED = {problem.name: bool(problem.ended) for problem in problems()}


def log(name: str) -> list[str]:
    return (LOGS / f"{name}.log").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_a_real_log_is_explained_in_both_languages(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = explain(log(name), ended=ENDED[name])
    assert found.name == name
    assert found.cause is not None
    assert found.fix is not None
    for text in (found.cause, found.fix):
        assert re.search("[一-鿿]", text.zh)
        assert not re.search("[一-鿿]", text.en)
        assert not re.search(r"\{[a-z]+\}", text.zh + text.en)  # every group is filled in
    monkeypatch.setenv("CAMP_LANG", "zh")
    assert str(found).startswith("原因：")
    monkeypatch.setenv("CAMP_LANG", "en")
    assert str(found).startswith("Cause: ")
    assert 0 < len(found.lines) <= SHOWN


def test_each_excerpt_belongs_to_a_problem() -> None:
    assert sorted(path.stem for path in LOGS.glob("*.log")) == sorted(NAMES)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stray-colon", "the path ends in a stray colon: work/iter_40.pth:"),
        ("data-key", "the data has no field text: its form and dataset_map_fn do not fit."),
        ("config-syntax", "line 54 is no correct Python:     lr = 2e-3 3"),
        ("adapter-is-no-model", "hf has no model's config.json, so it is not a whole model: an ad"),
        ("adapter-missing", "no adapter (adapter_config.json) in model, or no such folder."),
        ("configuration-unknown", "XTuner has no configuration named no_such_config."),
        ("choice-unknown", "--prompt-template does not know no_such."),
        ("module-missing", "the module datasets is missing: an installation stopped half-way"),
        ("ppl-of-a-chat-model", "HuggingFacewithChatTemplate only answers and gives no"),
        ("evaluation-failed-inside", "the real error is in oc1/20261125_063115/logs/infer"),
    ],
)
def test_the_cause_names_what_the_log_names(name: str, said: str) -> None:
    cause = explain(log(name)).cause
    assert cause is not None
    assert said in cause.en


def test_torch_tells_of_a_full_disk_in_words_of_its_own() -> None:
    said = "RuntimeError: [enforce fail at inline_container.cc:672] . unexpected pos 88768 vs 88656"
    assert explain([said]).name == "disk-full"


def test_an_older_bitsandbytes_asks_for_a_gpu_in_other_words() -> None:
    said = "RuntimeError: CUDA is required but not available for bitsandbytes. Please consider"
    assert explain([said]).name == "qlora-needs-a-gpu"


TRAINED = """\
11/25 06:12:35 - mmengine - WARNING - Failed to search registry with scope "mmengine" in the "builder" registry tree.
The installed version of bitsandbytes was compiled without GPU support. 8-bit optimizers, 8-bit multiplication, and GPU quantization are unavailable.
11/25 06:12:51 - mmengine - INFO - Iter(train) [40/40]  lr: 3.8e-06  eta: 0:00:00  loss: 0.2928
11/25 06:12:52 - mmengine - INFO - Saving checkpoint at 40 iterations
"""


def test_what_a_good_log_holds_is_no_problem() -> None:
    assert explain(TRAINED.splitlines()).name is None


@pytest.mark.parametrize("lines", [TRAINED.splitlines(), log("stuck-at-the-registry"), []])
def test_a_run_that_ended_without_a_word_did_not_wait_for_a_download(lines: list[str]) -> None:
    assert explain(lines, ended=True).name == "ended-without-a-word"


def test_where_a_line_tells_an_error_it_did_not_end_without_a_word() -> None:
    for last in ("Traceback (most recent call last):", "error: no such option"):
        assert explain(["start", last], ended=True).name is None


def test_relevant_lines_are_the_end_of_the_last_traceback() -> None:
    lines = [
        *("Traceback (most recent call last):", '  File "a.py", line 1, in f', "ValueError: first"),
        "During handling of the above exception, another exception occurred:",
        *("Traceback (most recent call last):", '  File "a.py", line 2, in f', "    g()"),
        *('  File "b.py", line 3, in g', "    h()", '  File "c.py", line 4, in h', "    1 / 0"),
        "ZeroDivisionError: division by zero",
        "  0%|          | 0/1 [00:00<?, ?it/s]",
        "bye",
    ]
    assert relevant(lines) == (
        *('  File "b.py", line 3, in g', "    h()", '  File "c.py", line 4, in h', "    1 / 0"),
        "ZeroDivisionError: division by zero",
        "bye",
    )


def test_without_a_traceback_lines_that_tell_an_error_are_relevant() -> None:
    lines = ["start", "error: no such option --foo", "UserWarning: an error is near", "end"]
    assert relevant(lines) == ("error: no such option --foo",)
    assert relevant(["a", "", "b"]) == ("a", "b")


def test_a_pattern_stays_quick_on_a_long_log() -> None:
    lines = ["11/25 06:12:51 - mmengine - INFO - pth_to_hf Use random port: 1 word " * 3] * 20_000
    began = time.monotonic()
    assert explain(lines).name is None
    assert time.monotonic() - began < 20
