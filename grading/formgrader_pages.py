"""nbgrader's marking pages as ``camp formgrader`` serves them: an extension of Jupyter's server.

nbgrader's own extension takes its settings from the course's ``nbgrader_config.py`` alone, where an
existing course says nothing of walls and of learners' scripts, and knows nothing of ``--db``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from nbgrader.api import MissingEntry
from nbgrader.server_extensions.formgrader.base import (
    BaseHandler,
    check_notebook_dir,
    check_xsrf,
)
from nbgrader.server_extensions.formgrader.formgrader import FormgradeExtension
from tornado import web
from traitlets.config import Config

from course_lib.bundle import MAX_BUNDLE
from grading.beside import File, list_beside
from grading.course import Course
from grading.intake import Refused, read_plain
from grading.sanitize import BESIDE

_PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}


def kind_of(name: str, raw: bytes) -> str:
    """Return as what a browser is given a learner's file: a picture, plain text, or a download."""
    if picture := _PICTURES.get(Path(name).suffix.lower()):
        return picture
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain; charset=utf-8"


class FileBeside(BaseHandler):  # type: ignore[misc]
    """Serves a file that was handed in beside a notebook: to look at, never as a page."""

    @property
    def content_security_policy(self) -> str:
        """The rules for what is served here: nothing runs, nothing is loaded."""
        return "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; sandbox"

    @web.authenticated
    @check_xsrf  # type: ignore[untyped-decorator]
    @check_notebook_dir  # type: ignore[untyped-decorator]
    def get(self, submission_id: str, name: str) -> None:
        """Answer with the file ``name`` of a submission (tornado's interface)."""
        found = self._find(submission_id, name)
        if found is None:
            raise web.HTTPError(404, "no such file was handed in")
        if found.size > MAX_BUNDLE:
            raise web.HTTPError(413, f"too large for a browser: it is {found.path}")
        try:
            raw = read_plain(found.path, MAX_BUNDLE)
        except (Refused, OSError):
            raise web.HTTPError(404, "it cannot be read any more") from None
        self.set_header("Content-Type", kind_of(name, raw))
        self.set_header("X-Content-Type-Options", "nosniff")
        self.finish(raw)

    def _find(self, submission_id: str, name: str) -> File | None:
        try:
            submission = self.gradebook.find_submission_notebook_by_id(submission_id)
        except MissingEntry:
            return None
        course = Course(Path(self.coursedir.root))
        lesson = submission.assignment.assignment.name
        beside = list_beside(course, submission.student.id, lesson)
        return next((one for one in beside.files if one.name == name), None)


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

    def init_handlers(self, webapp: web.Application) -> None:
        """Add the pages; nbgrader would serve any file below a submission's address as it is."""
        place = url_path_join(
            webapp.settings["base_url"], rf"/formgrader/submissions/([^/]+)/{BESIDE}/(.+)"
        )
        webapp.add_handlers(".*$", [(place, FileBeside)])
        super().init_handlers(webapp)


def _load_jupyter_server_extension(server: ServerApp) -> None:
    pages = MarkingPages(parent=server)
    pages.root_dir = server.root_dir
    pages.log = server.log
    pages.initialize([])
    pages.init_tornado_settings(server.web_app)
    pages.init_handlers(server.web_app)
