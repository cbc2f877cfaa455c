"""What can be wrong with a machine for the course: ports, memory, disk, proxy, model, fonts."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from course_lib import machine, models
from course_lib.doctor.findings import Finding, in_shell, run
from course_lib.language import Text
from course_lib.ports import LOOPBACK, holder

NEEDED_MEMORY = 2 * machine.GIB
NEEDED_DISK = 1 * machine.GIB
LAB_PORT, DEMO_PORT = 8888, 6006
_CHINESE_FONTS = (
    *("CJK", "Hei", "WenQuanYi", "PingFang", "Source Han", "Song", "Noto Sans SC"),
    *("Noto Serif SC", "Microsoft YaHei"),
)


def held_ports(lab: int = LAB_PORT, demo: int = DEMO_PORT) -> list[Finding]:
    """Ports of the lessons that another process holds, or opens to the network."""
    findings = []
    for port in (lab, demo):
        by = holder(port)
        if by is None:
            continue
        pid = "?" if by.pid is None else by.pid
        command = shlex.join(_without_secrets(by.command)) or "?"
        fix = (
            Text(zh="无需处理：camp lab 会换一个端口", en="nothing: camp lab takes another port")
            if port == lab
            else Text(
                zh=f"若是上次留下的 Streamlit：kill {pid}；否则换一个端口",
                en=f"if it is the last Streamlit: kill {pid}; otherwise choose another port",
            )
        )
        what = Text(
            zh=f"端口 {port} 被进程 {pid} 占用（{command}）",
            en=f"port {port} is held by process {pid} ({command})",
        )
        findings.append(Finding(what, fix, wrong=port != lab))
        if by.address in ("0.0.0.0", "::"):  # noqa: S104 - we warn of it
            findings.append(
                Finding(
                    Text(
                        zh=f"端口 {port} 对整个网络开放（{by.address}）",
                        en=f"port {port} is open to the whole network ({by.address})",
                    ),
                    Text(
                        zh=f"让它只听 {LOOPBACK}；浏览器里写 {LOOPBACK}:{port}，不写 0.0.0.0",
                        en=f"bind it to {LOOPBACK}; open {LOOPBACK}:{port}, not 0.0.0.0",
                    ),
                )
            )
    return findings


def _without_secrets(command: str) -> list[str]:
    """Return the first words of a command, none of them a setting such as ``--token=...``."""
    return [word for word in command.split() if "=" not in word][:3]


def low_memory(needed: int = NEEDED_MEMORY) -> list[Finding]:
    """Too little memory for a notebook with a small model."""
    free = machine.free_memory()
    if free >= needed:
        return []
    what = Text(
        zh=f"可用内存只有 {gib(free)}，需要 {gib(needed)}",
        en=f"only {gib(free)} of memory are free, {gib(needed)} are needed",
    )
    fix = Text(
        zh="在 JupyterLab 里关掉不用的内核，或换大一点的机器（ulimit -v 也会限制内存）",
        en="shut down kernels you do not use, or take a larger machine (ulimit -v limits it too)",
    )
    return [Finding(what, fix)]


def low_disk(folder: Path | None = None, needed: int = NEEDED_DISK) -> list[Finding]:
    """Too little disk for notebooks and their results."""
    folder = folder or Path.cwd()
    free = machine.free_disk(folder)
    if free >= needed:
        return []
    what = Text(
        zh=f"{folder} 所在磁盘只剩 {gib(free)}，需要 {gib(needed)}",
        en=f"the disk of {folder} has {gib(free)} left, {gib(needed)} are needed",
    )
    fix = Text(
        zh="删掉缓存：rm -r ~/.cache/uv ~/.cache/pip，或不用的模型",
        en="delete caches: rm -r ~/.cache/uv ~/.cache/pip, or models you do not use",
    )
    return [Finding(what, fix)]


def proxied_loopback() -> list[Finding]:
    """A proxy that also catches requests to this machine."""
    lower = {key.lower(): value for key, value in os.environ.items() if value}
    proxies = [key for key in ("http_proxy", "all_proxy") if lower.get(key)]
    direct = {entry.strip() for entry in lower.get("no_proxy", "").split(",")}
    if not proxies or direct & {LOOPBACK, "*"}:
        return []
    what = Text(
        zh=f"{proxies[0]} 会把发给本机 {LOOPBACK} 的请求也送去代理",
        en=f"{proxies[0]} sends requests to this machine ({LOOPBACK}) to the proxy too",
    )
    fix = run(f"export no_proxy={LOOPBACK},localhost NO_PROXY={LOOPBACK},localhost")
    return [Finding(what, fix)]


def wrong_model() -> list[Finding]:
    """A ``CAMP_MODEL`` that names no model."""
    chosen = os.environ.get(models.VARIABLE)
    if not chosen:
        return []
    trouble = models.trouble(chosen)
    if trouble is None:
        return []
    what = Text(
        zh=f"{models.VARIABLE}={chosen}：{trouble.zh}",
        en=f"{models.VARIABLE}={chosen}: {trouble.en}",
    )
    fix = Text(
        zh=f"改成完整的模型目录，或 unset {models.VARIABLE}",
        en=f"name a complete model's folder, or unset {models.VARIABLE}",
    )
    return [Finding(what, fix)]


def no_chinese_font() -> list[Finding]:
    """No font with Chinese characters for plots, or one that matplotlib has not noticed."""
    import matplotlib
    from matplotlib.font_manager import findSystemFonts, fontManager

    if any(mark in font.name for font in fontManager.ttflist for mark in _CHINESE_FONTS):
        return []
    forget = f"rm {in_shell(matplotlib.get_cachedir())}/fontlist*"
    names = (Path(path).name for path in findSystemFonts())
    if any(mark.replace(" ", "") in name for name in names for mark in _CHINESE_FONTS):
        what = Text(
            zh="有中文字体，但 matplotlib 的字体清单是旧的",
            en="there is a Chinese font, but matplotlib's list of fonts is older",
        )
        return [Finding(what, run(forget), wrong=False)]
    what = Text(zh="没有中文字体，图里只用英文", en="no Chinese font: plots use English only")
    fix = Text(
        zh=f"可选：apt-get install fonts-noto-cjk，再 {forget}",
        en=f"optional: apt-get install fonts-noto-cjk, then {forget}",
    )
    return [Finding(what, fix, wrong=False)]


def gib(size: float) -> str:
    """Return bytes as GiB with one digit."""
    return f"{size / machine.GIB:.1f} GiB"
