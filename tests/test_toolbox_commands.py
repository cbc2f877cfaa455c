"""``camp tools`` as a user runs it: what is said, what fails, what stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from course_lib.toolbox import install, records
from course_lib.toolbox.catalogue import find, tools
from tests import stand_in
from tests.conftest import SOURCES, free_port
from tests.small_disk import with_small_disk

CAMP = str(Path(sys.executable).with_name("camp"))


def camp(
    *words: str,
    root: Path,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    input: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run ``camp`` in English with the tools below ``root``."""
    own = {"CAMP_TOOLS": str(root), "CAMP_LANG": "en"}
    return subprocess.run(
        [CAMP, *words],
        env=os.environ | own | (env or {}),
        cwd=cwd,
        input=input,
        capture_output=True,
        text=True,
    )


def test_each_tool_has_a_whole_lock() -> None:
    assert set(tools()) == {
        "xtuner", "opencompass", "lmdeploy", "llamacpp", "llamaindex", "huixiangdou", "labelu",
        "mineru",
    }  # fmt: skip
    for tool in tools().values():
        pins = dict(
            line.split("==") for line in tool.lock.read_text().splitlines() if line[:1] != "#"
        )
        assert pins[tool.requires[0].partition("==")[0]] == tool.version
        assert not [pin for pin in pins.values() if "+" in pin]  # a local wheel is not everywhere
        ruled = {Requirement(line).name: line for line in tool.requires + tool.overrides}
        for name, line in ruled.items():
            assert pins[canonicalize_name(name)] in Requirement(line).specifier, line


def test_xtuners_bitsandbytes_has_a_library_for_the_cuda_of_its_torch() -> None:
    """The first releases built for a CUDA: torch 2.13.0 is built for 13.0, bitsandbytes since 0.48."""
    lines = find("xtuner").lock.read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line[:1] != "#")
    assert pins["torch"] == "2.13.0"
    assert Version(pins["bitsandbytes"]) >= Version("0.48")


def test_tools_are_used_in_lessons_that_are_there() -> None:
    used: dict[str, list[str]] = {}
    for path in sorted(SOURCES.glob("[0-9]*.py")):
        text = path.read_text(encoding="utf-8")
        for name in tools():
            if f"camp tools install {name}" in text or f'toolbox.run("{name}"' in text:
                used.setdefault(name, []).append(path.stem)
    assert {name: list(tool.uses) for name, tool in tools().items() if tool.uses} == used


def test_list_tells_what_is_installed(tmp_path: Path) -> None:
    stand_in.make(tmp_path, "labelu", "")
    stand_in.make(tmp_path, "mineru", "")
    mark = tmp_path / "mineru" / "camp-tool.json"
    mark.write_text(json.dumps(json.loads(mark.read_text()) | {"key": "older", "version": "3.9"}))
    done = camp("tools", "list", root=tmp_path)
    assert done.returncode == 0
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert "not installed" in rows["xtuner"]
    assert "0.2.0" in rows["xtuner"]
    assert "installed" in rows["labelu"]
    assert "not installed" not in rows["labelu"]
    assert rows["mineru"].split(maxsplit=2)[1] == "3.9"  # what is there, not what would be
    assert "from an older version of the kit" in rows["mineru"]


def test_an_unknown_tool_is_named_with_the_nearest(tmp_path: Path) -> None:
    done = camp("tools", "install", "xtunner", root=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "camp: there is no tool xtunner, did you mean xtuner?\n"


def test_no_network_is_one_line(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/simple"
    env = {
        "PIP_INDEX_URL": nowhere,
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "UV_HTTP_RETRIES": "0",
    }
    done = camp("tools", "install", "labelu", root=tmp_path / "tools", env=env)
    assert done.returncode == 1
    assert done.stderr.startswith(f"camp: cannot reach the package index {nowhere}: check the")
    assert done.stderr.count("\n") == 1
    assert "LabelU 1.5.6: about 200 MB of disk, about 60 MB to download" in done.stdout
    assert not (tmp_path / "tools" / "labelu" / "camp-tool.json").exists()


@pytest.mark.parametrize(
    ("links", "said"),
    [
        ("", "about 6500 MB of disk, about 3100 MB"),
        ("wheels", "about 1850 MB of disk, about 550 MB"),
    ],
)
def test_the_download_told_is_that_of_the_torch_to_come(
    tmp_path: Path, links: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    env = {
        "PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/simple",
        "PIP_FIND_LINKS": links and str(tmp_path),  # a folder of wheels holds torch for the CPU
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "UV_HTTP_RETRIES": "0",
    }
    done = camp("tools", "install", "xtuner", root=tmp_path / "tools", env=env)
    assert f"XTuner 0.2.0: {said} to download if nothing is cached" in done.stdout


def test_too_little_disk_is_said_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = 10 * os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize // 1_000_000
    monkeypatch.setenv("CAMP_TOOLS", str(tmp_path))
    monkeypatch.setenv("CAMP_LANG", "en")
    tool = find("labelu").model_copy(update={"disk_mb": huge, "cuda_mb": huge})
    with pytest.raises(install.CampError, match=rf"LabelU needs about {huge} MB of disk, \d+ MB"):
        install.install(tool, print)
    assert not (tmp_path / "labelu").exists()


def test_a_disk_that_fills_up_is_one_line(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    code = (
        "from course_lib.toolbox import catalogue, install\n"
        "tool = catalogue.find('labelu').model_copy(update={'disk_mb': 1, 'cuda_mb': 1})\n"
        "install.install(tool, print)"
    )
    env = os.environ | {"CAMP_TOOLS": str(small), "CAMP_LANG": "en", "UV_LINK_MODE": "copy"}
    command = [*with_small_disk(small, "3m"), sys.executable, "-c", code]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert "CampError: the disk is full: free some in" in done.stderr.splitlines()[-1]


def test_two_installations_of_one_tool_do_not_meet(tmp_path: Path) -> None:
    with FileLock(tmp_path / ".labelu.lock"):
        done = camp("tools", "install", "labelu", root=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "camp: another process installs or removes LabelU: wait for it, then try again\n"
    )


def test_remove_takes_the_environment_only(tmp_path: Path) -> None:
    stand_in.make(tmp_path, "labelu", "")
    (tmp_path / "mine").write_text("kept")
    assert camp("tools", "remove", "labelu", root=tmp_path).stdout == "removed LabelU, 0 MB\n"
    assert (tmp_path / "mine").read_text() == "kept"
    assert not (tmp_path / "labelu").exists()
    assert camp("tools", "remove", "labelu", root=tmp_path).stdout == "LabelU is not installed\n"


def test_run_proves_a_step_from_the_command_line(tmp_path: Path) -> None:
    stand_in.make(tmp_path / "tools", "xtuner", stand_in.TRAINING)
    work = tmp_path / "work"
    work.mkdir()
    (work / "cfg.py").write_text("traceback")
    words = ("tools", "run", "xtuner", "train", "cfg.py", "--work-dir", "out")
    done = camp(*words, root=tmp_path / "tools", cwd=work)
    assert done.returncode == 1
    assert "camp: xtuner train cfg.py failed: it stopped with an error" in done.stderr
    explained = camp("explain", root=tmp_path / "tools", cwd=tmp_path)
    assert explained.returncode == 0
    assert "ZeroDivisionError: division by zero" in explained.stdout
    (work / "cfg.py").write_text("pass")
    assert camp(*words, root=tmp_path / "tools", cwd=work).returncode == 0
    assert camp("explain", root=tmp_path / "tools", cwd=work).stdout.endswith(
        "This run succeeded.\n"
    )


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("INFO - Iter(train) [10/40]", "This run was interrupted, and its log tells no known"),
        (
            'WARNING - Failed to search registry with scope "mmengine".',
            "Cause: the training stopped",
        ),
    ],
)
def test_explain_after_an_interrupt(tmp_path: Path, last: str, said: str) -> None:
    stand_in.make(tmp_path / "tools", "xtuner", f"print({last!r})")
    words = ("tools", "run", "xtuner", "train", "cfg.py")
    assert camp(*words, root=tmp_path / "tools", cwd=tmp_path).returncode == 1
    (path,) = (tmp_path / records.FOLDER).glob("*.json")
    path.write_text(path.read_text().replace('"failed"', '"interrupted"'))
    done = camp("explain", root=tmp_path / "tools", cwd=tmp_path)
    assert done.stdout.splitlines()[1].startswith(said)


@pytest.mark.parametrize(
    "line", ["bash: xtuner: command not found", "zsh: command not found: xtuner"]
)
def test_explain_reads_what_is_piped_in(line: str, tmp_path: Path) -> None:
    done = camp("explain", "-", root=tmp_path, input=f"{line}\n")
    assert done.stdout.startswith("Cause: xtuner is not on the terminal's PATH")
    assert "camp tools install xtuner" in done.stdout


def test_explain_without_a_log_says_how(tmp_path: Path) -> None:
    done = camp("explain", root=tmp_path, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        f"camp: no tool's log in {tmp_path} or below: name one, camp explain LOG\n"
    )
    missing = camp("explain", "nothing.log", root=tmp_path, cwd=tmp_path)
    assert missing.stderr == "camp: nothing.log: No such file or directory\n"
