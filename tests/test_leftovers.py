"""What a killed grader left behind is removed by the next one, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from grading.isolation import leftovers


def test_only_folders_of_ended_processes_are_swept(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    gone = tmp_path / f"{leftovers.name_of(ended.pid)}x"
    own = tmp_path / f"{leftovers.name_of(os.getpid())}x"
    first = tmp_path / f"{leftovers.name_of(1)}x"
    others = [tmp_path / name for name in ("camp-x-y", "camp-serve", "notes")]
    for folder in (gone, own, first, *others):
        folder.mkdir()
    (gone / "zygote.log").write_text("")
    link = tmp_path / f"{leftovers.name_of(ended.pid)}link"
    link.symlink_to(others[2])
    leftovers.sweep(tmp_path)
    assert not gone.exists()
    assert all(folder.exists() for folder in (own, first, *others))
    assert link.is_symlink()
