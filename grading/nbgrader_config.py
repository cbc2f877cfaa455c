"""nbgrader's settings for a course, the same for ``camp``, plain nbgrader and formgrader.

A course's ``nbgrader_config.py`` calls :func:`configure`; an instructor adds settings below it.
A course that was not made by ``camp build`` calls :func:`make_safe`, or nothing: ``camp`` adds the
same settings by itself.
"""

from __future__ import annotations

from pathlib import Path

from traitlets.config import Config

COURSE_ID = "camp"


def configure(config: Config, root: Path) -> None:
    """Put the settings of a course of ours into ``config``.

    Args:
        config: the traitlets configuration, ``get_config()`` in a configuration file.
        root: the course directory.
    """
    from grading.cells import STUB

    make_safe(config, root)
    config.CourseDirectory.course_id = COURSE_ID
    config.Exchange.root = str(root.resolve() / "exchange")
    config.ClearSolutions.code_stub = {"python": STUB}
    config.ClearSolutions.text_stub = ""  # the template around the region is the stub


def make_safe(config: Config, root: Path) -> None:
    """Let nbgrader judge behind walls, and show learners' work safely, in any course.

    Args:
        config: the traitlets configuration.
        root: the course directory.
    """
    from nbgrader.server_extensions.formgrader.handlers import template_path

    from course_lib.cli import use_own_environment
    from grading import database
    from grading.autograde import Refuse, replace_nbgraders
    from grading.feedback_page import (
        CollectFeedback,
        HideTests,
        ReadGrades,
        SafeNotebook,
    )
    from grading.note_facts import NoteFacts
    from grading.rendering import TEMPLATES
    from grading.sanitize import clean_html, code_to_html, markdown_filter

    use_own_environment()
    root = root.resolve()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.db_url = database.address_of(root)

    replace_nbgraders()
    config.Autograde.sanitize_preprocessors = [Refuse]
    config.GenerateFeedback.preprocessors = [ReadGrades, HideTests, CollectFeedback]

    config.HTMLExporter.sanitize_html = True
    config.HTMLExporter.exclude_anchor_links = True
    config.HTMLExporter.preprocessors = [SafeNotebook, NoteFacts]
    config.HTMLExporter.extra_template_basedirs = [str(TEMPLATES), template_path]
    config.TemplateExporter.filters = {
        "markdown2html": markdown_filter,
        "clean_html": clean_html,
        "highlight_code": code_to_html,
    }
