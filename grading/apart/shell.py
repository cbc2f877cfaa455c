"""IPython as a notebook has it, without a kernel: learners' cells run in it.

Magics, ``display``, plots and top-level ``await`` work; what a cell shows is collected in the
form that notebooks store.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from traceback import format_exception_only
from typing import Any

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

from grading.apart.areas import Collector, hear_widgets


class Stream(io.TextIOBase):
    """Standard output or error of the collector in use."""

    def __init__(self, shell: Shell, name: str) -> None:
        self._shell = shell
        self._name = name

    def write(self, text: str) -> int:
        """Collect ``text``."""
        if not isinstance(text, str):
            raise TypeError("a str is expected")
        self._shell.collector.write(self._name, text)
        return len(text)

    def writable(self) -> bool:
        """Say yes."""
        return True

    encoding = "utf-8"


def _shell() -> Shell:
    found: Shell = Shell.instance()
    return found


class _Compiler(CachingCompiler):
    """Names the code of a cell after the cell."""

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        return f"<cell {Shell.cell}>"


class _DisplayHook(DisplayHook):
    """Collects the value of a cell's last expression."""

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        _shell().collector.show("execute_result", format_dict, md_dict)

    def log_output(self, format_dict: Any) -> None:
        pass


class _Publisher(DisplayPublisher):
    """Collects what ``display`` shows."""

    def publish(
        self,
        data: Any,
        metadata: Any = None,
        source: Any = None,
        *,
        transient: Any = None,
        update: bool = False,
        **_: Any,
    ) -> None:
        name = (transient or {}).get("display_id") or ""
        _shell().collector.show("display_data", data, metadata, name, update=update)

    def clear_output(self, wait: bool = False) -> None:
        _shell().collector.clear(wait=wait)


class Shell(InteractiveShell):
    """The one IPython of this process."""

    displayhook_class = Type(_DisplayHook)
    display_pub_class = Type(_Publisher)
    compiler_class = Type(_Compiler)
    cell = ""

    def __init__(self, **words: Any) -> None:
        self.collector = Collector()
        super().__init__(**words)  # type: ignore[no-untyped-call]

    def enable_gui(self, gui: Any = None) -> None:
        """Run no loop of windows: ``%matplotlib`` asks for it."""

    def ask_exit(self) -> None:
        """Go on: ``exit`` in a cell ends nothing."""

    def system(self, cmd: str) -> None:
        """Run a command of the system (``!command``); what it prints is collected."""
        command = self.var_expand(cmd, depth=1)  # type: ignore[no-untyped-call]
        done = subprocess.run(command, shell=True, capture_output=True)  # noqa: S602 - as asked
        self.collector.write("stdout", done.stdout.decode("utf-8", "replace"))
        self.collector.write("stderr", done.stderr.decode("utf-8", "replace"))
        self.user_ns["_exit_code"] = done.returncode

    def showtraceback(self, exc_tuple: Any = None, *_: Any, **__: Any) -> None:
        """Show an exception that a widget caught; another one is in the result."""
        if self.collector.in_widget:
            error = exc_tuple[1] if exc_tuple else sys.exception()
            self.collector.write("stderr", "".join(format_exception_only(error)))

    def showsyntaxerror(self, *_: Any, **__: Any) -> None:
        """Show nothing: the exception is in the result."""

    def run(self, source: str, name: str) -> tuple[list[dict[str, Any]], BaseException | None]:
        """Run a cell.

        Returns:
            What it showed, as notebooks store it, and the exception it ended with.
        """
        Shell.cell = name
        self.collector = Collector()
        result = self.run_cell(source, store_history=False)  # type: ignore[no-untyped-call]
        return self.collector.outputs, result.error_before_exec or result.error_in_exec


def make_shell() -> Shell:
    """Return IPython without history, configuration files or colours."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    config.InteractiveShell.ipython_dir = tempfile.mkdtemp(prefix="ipython-")
    config.StoreMagics.autorestore = False
    shell: Shell = Shell.instance(config=config)
    hear_widgets(lambda: shell.collector)
    return shell
