"""``camp lab``: JupyterLab on the list of lessons, bound to this machine only."""

from __future__ import annotations

import os
import secrets
import sys
from typing import Annotated

import typer

from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.learner.home import find_home
from course_lib.learner.page import write_page
from course_lib.ports import LOOPBACK, first_free

INTERNSTUDIO = "root@ssh.intern-ai.org.cn"
PORT_HINT = Text(
    f"（<port> 是 InternStudio 页面“SSH 连接”里的端口号；浏览器里写 {LOOPBACK}，不要写 0.0.0.0）",
    f'(<port>: the number under "SSH" on InternStudio\'s page; open {LOOPBACK}, never 0.0.0.0)',
)


def forward_command(port: int) -> str:
    """Return what an InternStudio learner runs on the own computer to reach ``port``."""
    return f"ssh -CNg -L {port}:{LOOPBACK}:{port} {INTERNSTUDIO} -p <port>"


def welcome(address: str, port: int, wanted: int) -> Text:
    """Return the lines shown before JupyterLab starts."""
    command = forward_command(port)
    zh = f"""\
JupyterLab：{address}
在 InternStudio 上？请在自己的电脑上（不是开发机里）运行下面这行，再打开上面的地址：
  {command}
  {PORT_HINT.zh}
约十秒后打开。按两次 Ctrl+C 退出。"""
    en = f"""\
JupyterLab: {address}
On InternStudio? Run this on your own computer (not inside the machine), then open the address:
  {command}
  {PORT_HINT.en}
It is ready in about ten seconds. Stop with Ctrl+C, twice."""
    if port != wanted:
        zh = f"端口 {wanted} 已被占用，改用 {port}。\n{zh}"
        en = f"Port {wanted} is taken, using {port}.\n{en}"
    return Text(zh=zh, en=en)


def has_display() -> bool:
    """Tell whether a browser window can open on this machine."""
    if os.environ.get("SSH_CONNECTION"):
        return False
    return sys.platform == "darwin" or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def lab(
    port: Annotated[
        int, typer.Option(min=1024, max=65535, help="First port to try on 127.0.0.1.")
    ] = 8888,
    browser: Annotated[
        bool, typer.Option(help="Open a browser window where there is a display.")
    ] = True,
) -> None:
    """Open JupyterLab on the list of lessons, for this machine only (127.0.0.1)."""
    home = find_home()
    folder = home.path
    free = first_free(port)
    if free is None:
        raise CampError(f"ports {port} to {port + 49} are all taken: choose another with --port")
    token = os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(16)
    page = f"tree/{write_page(home)}"
    typer.echo(str(welcome(f"http://{LOOPBACK}:{free}/lab/{page}?token={token}", free, port)))
    sys.stdout.flush()
    command = [
        *(sys.executable, "-m", "jupyterlab"),
        *(f"--ServerApp.ip={LOOPBACK}", f"--ServerApp.port={free}", "--ServerApp.port_retries=0"),
        *(f"--ServerApp.root_dir={folder}", f"--LabApp.default_url=/lab/{page}"),
        f"--ServerApp.open_browser={browser and has_display()}",
        "--Application.log_level=ERROR",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    config = os.pathsep.join(
        filter(None, [str(folder / "etc"), os.environ.get("JUPYTER_CONFIG_PATH")])
    )
    os.environ |= {"JUPYTER_CONFIG_PATH": config, "JUPYTER_TOKEN": token, "PYTHONNOUSERSITE": "1"}
    os.execv(command[0], command)  # noqa: S606 - our own interpreter and arguments
