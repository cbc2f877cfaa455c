"""nbgrader's marking pages as ``camp formgrader`` serves them: an extension of Jupyter's server.

nbgrader's own extension takes its settings from the course's ``nbgrader_config.py`` alone, where an
existing course says nothing of walls and of learners' scripts, and knows nothing of ``--db``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.serverapp import ServerApp
from nbgrader.server_extensions.formgrader.formgrader import FormgradeExtension
from traitlets.config import Config

from grading.course import Course


class MarkingPages(FormgradeExtension):  # type: ignore[misc]
    """nbgrader's pages on the course in the working folder, with the settings ``camp`` has."""

    def initialize(self, argv: list[str] | None = None, root: str = "") -> None:
        """Start; nbgrader's own search for settings does not have the last word."""
        super().initialize(argv, root)
        self.load_config_file()

    def load_config_file(self, **_: Any) -> None:
        """Read the settings, which nbgrader does again for each page."""
        self.update_config(self.load_config())

    def load_config(self) -> Config:
        """Return the course's settings."""
        return Course(Path.cwd()).config


def _load_jupyter_server_extension(server: ServerApp) -> None:
    pages = MarkingPages(parent=server)
    pages.root_dir = server.root_dir
    pages.log = server.log
    pages.initialize([])
    pages.init_tornado_settings(server.web_app)
    pages.init_handlers(server.web_app)
