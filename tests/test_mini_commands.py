"""``camp mini eval`` and ``camp mini bench`` as typed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests import kits


def camp(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return kits.camp(folder, "mini", *words)


def test_eval_shows_n_accuracy_and_interval_and_writes_them(tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    skills = ("--skill", "persona_zh", "--skill", "recall_zh")
    done = camp(tmp_path, "eval", "--count", "4", *skills, "--out", str(out))
    assert done.returncode == 0, done.stderr
    rows = {row["skill"]: row for row in json.loads(out.read_text())}
    assert set(rows) == {"persona_zh", "recall_zh"}
    assert rows["persona_zh"]["n"] == 4
    assert rows["persona_zh"]["target"] == 0.95
    line = next(text for text in done.stdout.splitlines() if "persona_zh" in text and "│" in text)
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells[:2] == ["persona_zh", "4"]
    right = rows["persona_zh"]["right"]
    assert cells[2].startswith(f"{right / 4:.3f}")
    if right == 4:  # Wilson's interval of 4 out of 4
        assert cells[3] == "0.510-1.000"


def test_a_skill_that_does_not_exist_is_one_clear_line(tmp_path: Path) -> None:
    done = camp(tmp_path, "eval", "--skill", "flying")
    assert done.returncode == 2
    assert done.stderr.startswith("camp: --skill flying: no such skill; there are identity_zh,")
    assert done.stderr.count("\n") == 1


def test_a_wrong_folder_is_one_clear_line(tmp_path: Path) -> None:
    for command in ("eval", "bench"):
        done = camp(tmp_path, command, str(tmp_path))
        assert done.returncode == 2
        assert done.stderr.startswith(f"camp: {tmp_path}: has no readable config.json")


def test_bench_measures_this_machine(tmp_path: Path) -> None:
    words = ("mini", "bench", "--tokens", "12", "--runs", "1")
    done = kits.camp(tmp_path, *words, CAMP_TOOLS=str(tmp_path / "none"))
    assert done.returncode == 0, done.stderr
    line = next(text for text in done.stdout.splitlines() if "transformers" in text)
    load, first, speed, memory = (float(c) for c in line.strip("│ ").split("│")[1:])
    assert 0 < load < 60
    assert 0 < first < 30
    assert 1 < speed < 10_000
    assert 100 < memory < 4_000
    last = done.stdout.splitlines()[-1]
    assert last.startswith("no row for llama.cpp: llama.cpp is not installed: ")
    assert "camp tools install llamacpp" in last
