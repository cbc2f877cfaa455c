"""What can be wrong with an environment: commands, packages and kernels from elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from course_lib.doctor import packages
from course_lib.doctor.findings import Finding, in_shell, run
from course_lib.language import Text


def own_bin() -> Path:
    """Return the folder of this environment's commands."""
    return Path(sys.executable).parent


def path_at_start() -> str:
    """Return PATH as the shell gave it (``camp`` puts its own folder first)."""
    try:
        raw = Path("/proc/self/environ").read_bytes()
    except OSError:  # not Linux
        return os.environ.get("PATH", "")
    variables = dict(item.split(b"=", 1) for item in raw.split(b"\0") if b"=" in item)
    return os.fsdecode(variables.get(b"PATH", b""))


def commands_elsewhere(path: str | None = None) -> list[Finding]:
    """Commands that the shell would take from another environment, or not find."""
    path = path_at_start() if path is None else path
    fix = run(f'export PATH={in_shell(own_bin())}:"$PATH"')
    findings = []
    for name in ("camp", "python", "jupyter"):
        first = shutil.which(name, path=path)
        if first is None or Path(first).parent == own_bin():
            continue
        findings.append(
            Finding(
                Text(
                    zh=f"命令 {name} 来自另一个环境：{first}",
                    en=f"the command {name} comes from another environment: {first}",
                ),
                fix,
                wrong=name == "camp",
            )
        )
    if shutil.which("camp", path=path) is None:
        what = Text(zh="PATH 里没有 camp", en="camp is not on PATH")
        findings.append(Finding(what, fix, wrong=False))
    return findings


def broken_packages() -> list[Finding]:
    """Packages that are half installed, of another version, or shadowed."""
    wanted, found = packages.locked(), packages.first_found()
    findings = []
    shadowed = packages.shadowed(wanted, found)
    for name, folder in sorted(shadowed.items()):
        findings.append(
            Finding(
                Text(
                    zh=f"{folder} 里的 {name} {found[name].version} 盖住了环境里的版本",
                    en=f"{name} {found[name].version} in {folder} hides the environment's own",
                ),
                run("export PYTHONNOUSERSITE=1; unset PYTHONPATH"),
            )
        )
    for name in packages.half_installed(found):
        findings.append(
            Finding(
                Text(zh=f"{name} 没有装完整", en=f"{name} is half installed"),
                _reinstall(f"{name}=={wanted.get(name, found[name].version.split('+')[0])}"),
            )
        )
    drifted = [drift for drift in packages.drifted(wanted, found) if drift.name not in shadowed]
    for drift in drifted:
        zh, en = drift.found or "没有安装", drift.found or "not installed"
        findings.append(
            Finding(
                Text(
                    zh=f"{drift.name} 应为 {drift.wanted}，现在是 {zh}",
                    en=f"{drift.name} should be {drift.wanted}, it is {en}",
                ),
                _reinstall(f"{drift.name}=={drift.wanted}"),
            )
        )
    for path in packages.leftovers():
        findings.append(
            Finding(
                Text(zh=f"中断的安装留下了 {path}", en=f"an interrupted install left {path}"),
                run(f"rm -r {in_shell(path)}"),
                wrong=False,
            )
        )
    return findings


def _reinstall(requirement: str) -> Text:
    python = in_shell(sys.executable)
    return run(f"{python} -m pip install --ignore-installed --no-deps {requirement}")


def wrong_kernel() -> list[Finding]:
    """A Jupyter kernel ``python3`` that starts another Python."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except (NoSuchKernel, json.JSONDecodeError):
        what = Text(zh="没有 Jupyter 内核 python3", en="there is no Jupyter kernel python3")
        return [Finding(what, run(f"{in_shell(sys.executable)} -m ipykernel install --sys-prefix"))]
    program = Path(spec.argv[0])
    if not program.is_absolute() or program.parent == own_bin():
        return []
    what = Text(
        zh=f"Jupyter 内核 python3（{spec.resource_dir}）启动的是 {program}",
        en=f"the Jupyter kernel python3 ({spec.resource_dir}) starts {program}",
    )
    return [
        Finding(
            what, run(f"mv {in_shell(spec.resource_dir)} {in_shell(spec.resource_dir + '.old')}")
        )
    ]
