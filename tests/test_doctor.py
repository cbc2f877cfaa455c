"""``camp doctor`` on machines that really have each problem."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from course_lib import models
from course_lib.doctor import misinstalled, packages, symptoms
from course_lib.lab import forward_command
from tests.conftest import ROOT, free_port, isolated_home

DOCTOR = "import typer; from course_lib.doctor.command import doctor; typer.run(doctor)"
SITE = next(path for path in sys.path if path.endswith("site-packages"))


def report(
    tmp_path: Path,
    env: dict[str, str] | None = None,
    python: str = sys.executable,
    ulimit: str = "",
) -> tuple[int, dict[str, Any]]:
    """Run the doctor in a process of its own; return its exit code and its JSON."""
    command = f'{ulimit} exec "$0" -c "$1" --json'
    done = subprocess.run(
        ["bash", "-c", command, python, DOCTOR],
        cwd=ROOT,
        env=isolated_home(tmp_path) | {"CAMP_LANG": "en"} | (env or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def wrong(data: dict[str, Any]) -> list[str]:
    return [finding["what"] for finding in data["findings"] if finding["wrong"]]


def fix_of(data: dict[str, Any], words: str) -> str:
    return next(str(found["fix"]) for found in data["findings"] if words in found["what"])


def test_a_sound_environment_has_nothing_wrong(tmp_path: Path) -> None:
    code, data = report(tmp_path)
    ignored = [what for what in wrong(data) if "port 6006" in what]  # held by another program
    assert wrong(data) == ignored
    assert code == (1 if ignored else 0)
    assert data["versions"]["torch"].startswith("2.13.0")
    assert data["versions"]["nbgrader"] == distribution("nbgrader").version
    assert "GiB" in data["machine"]["free memory"]


def test_both_languages_and_no_home_folder_in_the_text(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "model").mkdir(parents=True)
    texts = {}
    for language in ("zh", "en"):
        env = isolated_home(home) | {
            "CAMP_LANG": language,
            "HOME": str(home),
            "CAMP_MODEL": str(home / "model"),
        }
        done = subprocess.run(
            [sys.executable, "-c", DOCTOR], env=env, cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 1
        assert str(home) not in done.stdout
        assert "\x1b" not in done.stdout
        texts[language] = done.stdout
    assert "CAMP_MODEL=~/model: has no readable config.json" in texts["en"]
    assert "CAMP_MODEL=~/model：里面没有可读的 config.json" in texts["zh"]


def test_a_model_folder_is_the_model_it_would_use(tmp_path: Path) -> None:
    _, data = report(tmp_path)
    assert (
        "InternLM2.5" in data["machine"]["model"] or "own small model" in (data["machine"]["model"])
    )
    shutil.copytree(models.BUILT_IN["camp-mini"], tmp_path / "mine")
    _, data = report(tmp_path, {"CAMP_MODEL": str(tmp_path / "mine")})
    assert data["machine"]["model"] == f"{tmp_path / 'mine'} (CAMP_MODEL names it)"
    assert not any("CAMP_MODEL" in what for what in wrong(data))


def test_camp_of_another_environment_comes_first_on_path(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in ("camp", "python"):
        (other / name).write_text("#!/bin/sh\n")
        (other / name).chmod(0o755)
    code, data = report(tmp_path, {"PATH": f"{other}:{os.environ['PATH']}"})
    assert code == 1
    assert f"the command camp comes from another environment: {other}/camp" in wrong(data)
    fix = fix_of(data, "the command camp").removeprefix("run `").removesuffix("`")
    mended = subprocess.run(
        ["bash", "-c", f"{fix}; command -v camp"],
        env=dict(os.environ) | {"PATH": f"{other}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert mended.stdout.strip() == str(misinstalled.own_bin() / "camp")


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_fix_runs_as_it_stands_where_the_course_lies_in_the_home_folder(
    tmp_path: Path, shell: str
) -> None:
    home = tmp_path / "某人 of here"
    home.mkdir()
    python, site = environment_of(home / "my course/env", "rapidfuzz")
    (site / "~apidfuzz").mkdir()
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    _, data = report(tmp_path, env, python=python)
    for words in ("camp is not on PATH", "an interrupted install left"):
        fix = fix_of(data, words)
        assert str(home) not in fix
        command = fix.removeprefix("run `").removesuffix("`")
        done = subprocess.run(
            [shell, "-c", f"{command} && env printenv PATH"],
            env=env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        if "PATH" in words:
            assert done.stdout.split(":")[0] == str(Path(python).parent)
    assert not (site / "~apidfuzz").exists()


def test_camp_missing_on_path_is_a_note(tmp_path: Path) -> None:
    _, data = report(tmp_path, {"PATH": "/usr/bin:/bin"})
    assert fix_of(data, "camp is not on PATH").startswith("run `export PATH=")


def user_site_that_shadows(base: Path) -> Path:
    """Make a user site with another openpyxl, as ``pip install --user`` leaves it."""
    site = base / "lib/python3.11/site-packages"
    info = site / "openpyxl-3.0.0.dist-info"
    (site / "openpyxl").mkdir(parents=True)
    (site / "openpyxl/__init__.py").write_text("__version__ = '3.0.0'\n")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: openpyxl\nVersion: 3.0.0\n")
    (info / "RECORD").write_text("openpyxl/__init__.py,,\n")
    (site / "course.pth").write_text(f"{SITE}\n{ROOT}\n")
    return site


def test_packages_in_the_user_site_shadow_the_environment(tmp_path: Path) -> None:
    """Without a virtual environment, as with conda, Python looks in ~/.local first."""
    site = user_site_that_shadows(tmp_path / "base")
    base_python = str(Path(sys.base_prefix) / "bin/python3.11")
    env = {"PYTHONUSERBASE": str(tmp_path / "base"), "PYTHONNOUSERSITE": ""}
    code, data = report(tmp_path, env, python=base_python)
    assert code == 1
    assert f"openpyxl 3.0.0 in {site} hides the environment's own" in wrong(data)
    assert "PYTHONNOUSERSITE=1" in fix_of(data, "openpyxl 3.0.0")


def test_packages_on_pythonpath_shadow_the_environment(tmp_path: Path) -> None:
    site = user_site_that_shadows(tmp_path / "base")
    (site / "course.pth").unlink()
    _, data = report(tmp_path, {"PYTHONPATH": str(site)})
    assert f"openpyxl 3.0.0 in {site} hides the environment's own" in wrong(data)


def environment_of(folder: Path, name: str) -> tuple[str, Path]:
    """Make an environment that has ``name`` itself and the rest from this one."""
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", "--symlinks", folder], check=True
    )
    site = folder / "lib/python3.11/site-packages"
    package = distribution(name)
    for file in package.files or []:
        if ".." not in file.parts:
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(Path(str(package.locate_file(file))), site / file)
    (site / "course.pth").write_text(f"{SITE}\n{ROOT}\n")
    return str(folder / "bin/python"), site


@pytest.mark.parametrize("damage", ["no RECORD", "no module", "other version", "leftover"])
def test_half_installed_and_drifted_packages(tmp_path: Path, damage: str) -> None:
    version = distribution("rapidfuzz").version
    python, site = environment_of(tmp_path / "env", "rapidfuzz")
    info = site / f"rapidfuzz-{version}.dist-info"
    assert not [what for what in wrong(report(tmp_path, python=python)[1]) if "rapidfuzz" in what]
    if damage == "no RECORD":
        (info / "RECORD").unlink()
        words = "rapidfuzz is half installed"
    elif damage == "no module":
        (site / "rapidfuzz/process.py").unlink()
        words = "rapidfuzz is half installed"
    elif damage == "other version":
        metadata = (info / "METADATA").read_text()
        (info / "METADATA").write_text(metadata.replace(f"Version: {version}", "Version: 1.0"))
        words = f"rapidfuzz should be {version}, it is 1.0"
    else:
        (site / "~apidfuzz").mkdir()
        words = f"an interrupted install left {site}/~apidfuzz"
    code, data = report(tmp_path, python=python)
    fix = fix_of(data, words)
    if damage == "leftover":
        assert fix == f"run `rm -r '{site}/~apidfuzz'`"
    else:
        assert code == 1
        assert fix.endswith(f"--ignore-installed --no-deps rapidfuzz=={version}`")


def test_an_absent_package_is_named_with_its_locked_version() -> None:
    wanted = {"torch": "2.13.0", "no-such-package": "1.0"}
    drift = packages.drifted(wanted, packages.first_found())
    assert drift == [packages.Drift("no-such-package", "1.0", None)]


def test_a_tool_whose_installation_was_interrupted(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    (tools / "xtuner/bin").mkdir(parents=True)
    _, data = report(tmp_path, {"CAMP_TOOLS": str(tools)})
    assert f"xtuner is half installed ({tools / 'xtuner'})" in wrong(data)
    assert fix_of(data, "xtuner is half installed") == "run `camp tools install xtuner`"
    assert not any("lmdeploy" in one["what"] for one in data["findings"])


def test_a_held_port_and_its_process() -> None:
    lab, demo = free_port(), free_port()
    code = f"import socket,time; s=socket.create_server(('0.0.0.0',{demo})); print(1,flush=True);"
    process = subprocess.Popen(
        [sys.executable, "-c", code + "time.sleep(60)", "--token=secret"], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        found = symptoms.held_ports(lab, demo)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    assert len(found) == 2
    assert f"port {demo} is held by process {process.pid}" in found[0].what.en
    assert f"kill {process.pid}" in found[0].fix.zh
    assert "secret" not in found[0].what.en
    assert "open to the whole network (0.0.0.0)" in found[1].what.en
    assert symptoms.held_ports(lab, demo) == []


def test_the_lab_port_held_is_a_note_only() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = symptoms.held_ports(port, free_port())
    assert [finding.wrong for finding in found] == [False]
    assert f"held by process {os.getpid()}" in found[0].what.en


def test_low_memory(tmp_path: Path) -> None:
    code, data = report(tmp_path, ulimit="ulimit -v 1500000;")
    assert code == 1
    assert "only 1.4 GiB of memory are free, 2.0 GiB are needed" in wrong(data)


def test_low_disk() -> None:
    size = shutil.disk_usage("/").total
    assert symptoms.low_disk(Path("/"), needed=size + 1)[0].wrong
    assert symptoms.low_disk(Path("/"), needed=0) == []


def test_a_proxy_that_catches_this_machine(tmp_path: Path) -> None:
    clear = dict.fromkeys(("no_proxy", "NO_PROXY"), "")
    proxy = {"http_proxy": "http://user:secret@127.0.0.1:9"}
    _, data = report(tmp_path, clear | proxy)
    assert any(what.startswith("http_proxy sends requests") for what in wrong(data))
    assert "secret" not in json.dumps(data)
    _, data = report(tmp_path, clear | proxy | {"no_proxy": "localhost,127.0.0.1"})
    assert not any("http_proxy" in what for what in wrong(data))


@pytest.mark.parametrize(
    ("installed", "told"),
    [
        ([], "no Chinese font"),
        (["/usr/share/fonts/NotoSansCJK-Bold.ttc"], "list of fonts is older"),
    ],
)
def test_a_chinese_font_that_is_missing_or_not_noticed(
    monkeypatch: pytest.MonkeyPatch, installed: list[str], told: str
) -> None:
    from matplotlib import font_manager

    plain = font_manager.FontEntry(name="DejaVu Sans")
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [plain])
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: installed)
    (finding,) = symptoms.no_chinese_font()
    assert told in finding.what.en
    assert "fontlist*" in finding.fix.en
    monkeypatch.setattr(
        font_manager.fontManager, "ttflist", [font_manager.FontEntry(name="Noto Sans CJK SC")]
    )
    assert symptoms.no_chinese_font() == []


def test_a_kernel_that_starts_another_python(tmp_path: Path) -> None:
    kernel = tmp_path / "share/kernels/python3"
    kernel.mkdir(parents=True)
    spec = {"argv": ["/usr/bin/python3", "-m", "ipykernel_launcher"], "display_name": "old"}
    (kernel / "kernel.json").write_text(json.dumps(spec | {"language": "python"}))
    _, data = report(tmp_path, {"JUPYTER_PATH": str(tmp_path / "share")})
    assert f"the Jupyter kernel python3 ({kernel}) starts /usr/bin/python3" in wrong(data)
    assert fix_of(data, "the Jupyter kernel") == f"run `mv {kernel} {kernel}.old`"


def test_forwarding_line_of_internstudio() -> None:
    expected = "ssh -CNg -L 8888:127.0.0.1:8888 root@ssh.intern-ai.org.cn -p <port>"
    assert forward_command(8888) == expected
