"""The environment: the lock, the conda file, and the set-up with its failures."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.conftest import ROOT, free_port
from tests.small_disk import with_small_disk

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
IMPORTS = (
    "import ipywidgets, jupyterlab, jupytext, matplotlib.pyplot, nbgrader, pydantic, rich;"
    "import streamlit, torch, transformers, typer; import course_lib;"
    "print(torch.__version__.split('+')[0])"
)
SETUP_FILES = (
    "etc/setup.sh", "etc/first_imports.py", "requirements.lock", "pyproject.toml",
    "environment.yml", "Makefile",
)  # fmt: skip


def pins(text: str) -> dict[str, str]:
    """Return the pins of a requirements file; every line must be one."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.]+)", line)
            assert match, f"not a plain pin: {line}"
            found[canonicalize_name(match[1])] = match[2]
    return found


def pip_section() -> list[str]:
    """Return the lines that conda hands to pip."""
    parts = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (section,) = [part["pip"] for part in parts if isinstance(part, dict)]
    return [str(line) for line in section]


def test_the_lock_holds_what_pyproject_asks_for_and_nothing_of_this_machine() -> None:
    text = (ROOT / "requirements.lock").read_text()
    locked = pins(text)
    extras = PROJECT["optional-dependencies"]
    for line in PROJECT["dependencies"] + extras["dev"] + extras["cluster"]:
        requirement = Requirement(line)
        assert locked[canonicalize_name(requirement.name)] in requirement.specifier, line
    assert locked["torch"] == "2.13.0"
    assert not [name for name in locked if name.startswith(("nvidia-", "cuda-", "triton"))]
    assert "/" not in text.replace("'make lock'", "")


def test_conda_asks_for_the_python_and_the_pins_of_the_lock() -> None:
    data = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert data["name"] == "intern-camp"
    (python,) = [p for p in data["dependencies"] if str(p).startswith("python=")]
    assert python.removeprefix("python=") in SpecifierSet(PROJECT["requires-python"])
    named: dict[str, str] = {}
    for line in pip_section():
        if line.startswith("-r "):
            named |= pins((ROOT / line.removeprefix("-r ")).read_text())
        elif line != "-e .":
            named |= pins(line)
    assert "-e ." in pip_section()
    assert named == pins((ROOT / "requirements.lock").read_text())


def a_copy(folder: Path) -> Path:
    """Copy what a set-up needs into ``folder``, as a fresh clone has it."""
    (folder / "etc").mkdir(parents=True)
    for name in SETUP_FILES:
        shutil.copy(ROOT / name, folder / name)
    ignore = shutil.ignore_patterns("__pycache__")
    for package in ("course_lib", "grading"):
        shutil.copytree(ROOT / package, folder / package, ignore=ignore)
    readme = PROJECT["readme"]
    (folder / readme).write_text("# a copy\n")
    return folder


def base_python() -> str:
    return str(Path(sys.base_prefix) / "bin/python3.11")


def set_up(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    return subprocess.run(
        ["bash", "etc/setup.sh"],
        cwd=folder,
        env=env | {"PYTHON": base_python()} | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def the_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that says why a set-up failed."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("setup: ")]
    assert done.returncode == 1, done.stderr
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]


def test_a_second_set_up_takes_under_two_seconds() -> None:
    if not (ROOT / ".venv/.camp-setup").exists():
        pytest.skip("needs an environment made by 'make setup'")
    assert set_up(ROOT).returncode == 0  # where pytest was called without make
    started = time.monotonic()
    again = set_up(ROOT, PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert time.monotonic() - started < 2
    assert (again.returncode, again.stderr) == (0, "")


@pytest.mark.tools  # `make test` is itself a set-up on a fresh clone
@pytest.mark.timeout(1800)
def test_set_up_on_a_fresh_clone(tmp_path: Path) -> None:
    clone = a_copy(tmp_path / "clone")
    first = set_up(clone)
    assert first.returncode == 0, first.stderr
    assert "about 2 GB" in first.stderr
    version = subprocess.run(
        [clone / ".venv/bin/python", "-c", IMPORTS], cwd=tmp_path, capture_output=True, text=True
    )
    assert version.stdout.strip() == "2.13.0", version.stderr
    packages = clone / ".venv/lib/python3.11/site-packages"
    assert list(packages.glob("transformers/models/llama/__pycache__/modeling_llama.*.pyc"))
    again = set_up(clone, PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert (again.returncode, again.stderr) == (0, "")


@pytest.mark.tools
@pytest.mark.timeout(1800)
def test_what_conda_hands_to_pip_installs_and_imports(tmp_path: Path) -> None:
    clone = a_copy(tmp_path / "clone")
    (clone / "pip.txt").write_text("\n".join(pip_section()) + "\n")
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    links = os.environ.get("PIP_FIND_LINKS", "")
    env = dict(os.environ) | ({"UV_FIND_LINKS": ",".join(links.split())} if links else {})
    python = tmp_path / "conda/bin/python"
    subprocess.run([base_python(), "-m", "venv", tmp_path / "conda"], check=True)
    if uv is None:
        install = [str(python), "-m", "pip", "install", "-q", "-r", "pip.txt"]
    else:
        install = [uv, "pip", "install", "-q", "--python", str(python), "-r", "pip.txt"]
    subprocess.run(install, cwd=clone, env=env, check=True)
    done = subprocess.run([python, "-c", IMPORTS], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "2.13.0", done.stderr


def tools_without_python(folder: Path) -> Path:
    """Make a folder of commands for PATH that has no Python."""
    folder.mkdir()
    for tool in (
        *("bash", "dirname", "cat", "cksum", "mkdir", "tee", "tail", "awk", "df", "rm", "head"),
        *("env", "tr", "grep", "uname"),
    ):
        found = shutil.which(tool)
        assert found, tool
        (folder / tool).symlink_to(found)
    return folder


@pytest.mark.parametrize(("script", "found"), [(None, "none"), ("3.12.4", "Python 3.12.4")])
def test_no_python_311(tmp_path: Path, script: str | None, found: str) -> None:
    clone = a_copy(tmp_path / "clone")
    path = tools_without_python(tmp_path / "bin")
    if script:
        answer = f'#!/bin/sh\n[ "$1" = --version ] && echo Python {script} || exit 1\n'
        (path / "python3").write_text(answer)
        (path / "python3").chmod(0o755)
    line = the_line(set_up(clone, PATH=str(path), PYTHON=""))
    assert line.startswith(f"setup: needs Python 3.11, found {found}: install it")
    assert not (clone / ".venv").exists()


def test_no_network_and_then_again(tmp_path: Path) -> None:
    clone = a_copy(tmp_path / "clone")
    index = f"http://127.0.0.1:{free_port()}/simple"
    dead = {"PIP_INDEX_URL": index, "PIP_CONFIG_FILE": "/dev/null", "PIP_RETRIES": "0"}
    line = the_line(set_up(clone, **dead))
    assert f"cannot reach the package index {index}" in line
    assert "PIP_INDEX_URL=" in line
    assert (clone / "build/setup.log").read_text().count("setup: ") == 1
    second = set_up(clone, **dead)
    assert "The last set-up was interrupted; starting again." in second.stderr
    the_line(second)


def test_an_environment_made_by_others_is_kept(tmp_path: Path) -> None:
    clone = a_copy(tmp_path / "clone")
    (clone / ".venv").mkdir()
    (clone / ".venv/precious").write_text("mine")
    assert ".venv was made by something else" in the_line(set_up(clone))
    assert (clone / ".venv/precious").read_text() == "mine"


def test_a_set_up_that_runs_is_not_disturbed(tmp_path: Path) -> None:
    clone = a_copy(tmp_path / "clone")
    (clone / ".venv").mkdir()
    with subprocess.Popen(["bash", "-c", "sleep 60; : setup.sh"]) as running:
        try:
            (clone / ".venv/.camp-setup").write_text(f"making {running.pid}\n")
            line = the_line(set_up(clone))
        finally:
            running.kill()
    assert f"another set-up (process {running.pid}) is running" in line


@pytest.mark.parametrize("checked", [True, False])
def test_a_full_disk(tmp_path: Path, checked: bool) -> None:
    """Once the check before finds too little, once the disk fills up while installing."""
    clone, disk = a_copy(tmp_path / "clone"), tmp_path / "disk"
    disk.mkdir()
    if not checked:
        script = (clone / "etc/setup.sh").read_text()
        (clone / "etc/setup.sh").write_text(re.sub(r"NEED_MB=\d+", "NEED_MB=1", script))
    begin = with_small_disk(disk, "200m" if checked else "40m")
    commands = f"cp -r {clone}/. {disk} && cd {disk}"
    done = subprocess.run(
        [*begin, "bash", "-c", f"{commands} && PYTHON={base_python()} bash etc/setup.sh"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    line = the_line(done)
    assert ("MB are free: free some" if checked else "the disk is full") in line


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_a_skipped_test_fails_the_run_in_ci_only(tmp_path: Path, ci: str, code: int) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\ndef test_a(): pass\ndef test_b(): pytest.skip('no such program')\n"
    )
    plugins = ["-p", "xdist", "-p", "tests.skips"]
    options = [*plugins, "-n", "1", "-c", "/dev/null", "--rootdir", str(tmp_path)]
    options += ["--basetemp", str(tmp_path / "base")]  # not where this run and earlier ones lie
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "test_it.py"],
        cwd=tmp_path,
        env=dict(os.environ)
        | {"CI": ci, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stdout
    assert "1 passed, 1 skipped" in done.stdout


def test_make_alone_lists_the_targets() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = re.findall(r"^  make ([a-z-]+) ", done.stdout, re.MULTILINE)
    assert {"setup", "lab", "run", "test", "build", "grade", "feedback", "points"} <= set(listed)
    makefile = (ROOT / "Makefile").read_text()
    assert set(listed) == set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
