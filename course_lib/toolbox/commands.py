"""``camp tools`` and ``camp explain``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from course_lib.errors import CampError
from course_lib.language import Text
from course_lib.toolbox import catalogue, install, records
from course_lib.toolbox.environments import State, environment, root
from course_lib.toolbox.explain import explain as explain_log
from course_lib.toolbox.job import run as run_tool
from course_lib.toolbox.records import Outcome

tools_app = typer.Typer(no_args_is_help=True)
_Name = Annotated[str, typer.Argument(metavar="NAME", help="The tool, as `camp tools list` says.")]


@tools_app.command("install")
def install_command(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Tools, or all.")],
    again: Annotated[bool, typer.Option("--again", help="Make it anew even when whole.")] = False,
) -> None:
    """Install a tool in an environment of its own, from its lock; run again to go on."""
    every = list(catalogue.tools().values())
    chosen = every if names == ["all"] else [catalogue.find(name) for name in names]
    for tool in chosen:
        if environment(tool).state is State.READY and not again:
            typer.echo(str(Text(f"{tool.title} 已经装好", f"{tool.title} is installed already")))
            continue
        need, download = install.needed_mb(tool), install.download_mb(tool)
        typer.echo(
            str(
                Text(
                    f"{tool.title} {tool.version}：约需 {need} MB 磁盘，没有缓存时下载约 "
                    f"{download} MB，装到 {root() / tool.name}",
                    f"{tool.title} {tool.version}: about {need} MB of disk, about "
                    f"{download} MB to download if nothing is cached, "
                    f"to {root() / tool.name}",
                )
            )
        )
        with _progress(tool.title) as say:
            mark = install.install(tool, say, again=again).mark
        assert mark is not None
        typer.echo(
            str(
                Text(
                    f"{tool.title} {tool.version} 可以用了：{mark.seconds:.0f} 秒，"
                    f"{mark.size // 1_000_000} MB",
                    f"{tool.title} {tool.version} is ready: {mark.seconds:.0f} s, "
                    f"{mark.size // 1_000_000} MB",
                )
            )
        )


@contextlib.contextmanager
def _progress(title: str) -> Iterator[Callable[[str], None]]:
    """Show lines of progress: above a running clock in a terminal, else as they come."""
    if not sys.stdout.isatty():
        yield lambda line: typer.echo(f"  {line}")
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def say(line: str) -> None:
            bar.update(task, description=f"{title}: {line}")

        yield say


@tools_app.command("list")
def list_command() -> None:
    """Say which tools are installed, their versions and sizes."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    heads = (Text("工具", "tool"), Text("版本", "version"), Text("状态", "state"))
    for head in (*heads, Text("大小", "size"), Text("用于", "used in")):
        table.add_column(str(head), no_wrap=True)
    for tool in catalogue.tools().values():
        found = environment(tool)
        held = found.mark.size if found.mark else install.size(found.folder)
        size = f"{held // 1_000_000} MB" if held else f"~{install.needed_mb(tool)} MB"
        version = found.mark.version if found.mark else tool.version
        used = ", ".join(tool.uses) or "-"
        table.add_row(tool.name, version, str(found.state.text), size, used)
    Console(width=None if sys.stdout.isatty() else 100).print(table)
    typer.echo(str(Text(f"目录：{root()}", f"folder: {root()}")))


@tools_app.command("remove")
def remove_command(name: _Name) -> None:
    """Remove a tool's environment; what it made stays."""
    tool = catalogue.find(name)
    held = install.remove(tool)
    if held is None:
        typer.echo(str(Text(f"没有安装 {tool.title}", f"{tool.title} is not installed")))
        return
    megabytes = held // 1_000_000
    typer.echo(
        str(Text(f"已删除 {tool.title}，{megabytes} MB", f"removed {tool.title}, {megabytes} MB"))
    )


@tools_app.command(
    "run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
def run_command(
    name: _Name,
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="The tool's own words.")],
) -> None:
    """Run a tool's command as notebooks do: seen as it goes, proven at its end."""
    run_tool(name, *words, again="over")


def explain(
    log: Annotated[
        str | None,
        typer.Argument(metavar="[LOG]", help="A log, or - for what is piped in; else the last."),
    ] = None,
) -> None:
    """Say why a tool failed, and the fix, from its log."""
    outcome = None
    if log == "-":
        text = sys.stdin.read()
    else:
        path = Path(log) if log else records.last_log(Path.cwd())
        if path is None:
            what = Text(
                f"{Path.cwd()} 和它下面没有工具的日志：写出日志的路径，camp explain LOG",
                f"no tool's log in {Path.cwd()} or below: name one, camp explain LOG",
            )
            raise CampError(str(what), exit_code=2)
        if not log:
            typer.echo(f"{path}:")
        text = path.read_text(encoding="utf-8", errors="replace")
        record = records.read(path.with_suffix(".json"))
        outcome = record.outcome if record else None
        if outcome is Outcome.PASSED:
            typer.echo(str(Text("这一次运行成功了。", "This run succeeded.")))
            return
    found = explain_log(text.splitlines(), ended=outcome is Outcome.FAILED)
    if outcome is Outcome.INTERRUPTED and not found.name:
        said = Text(
            "这一次运行被中断了，日志里没有已知的问题：再运行一次。",
            "This run was interrupted, and its log tells no known problem: run it again.",
        )
        typer.echo(str(said))
    else:
        typer.echo(str(found))
