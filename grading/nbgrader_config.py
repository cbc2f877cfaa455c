"""nbgrader's settings for a course, the same for ``camp``, plain nbgrader and formgrader.

A course's ``nbgrader_config.py`` calls :func:`configure`; an instructor adds settings below it.
"""

from __future__ import annotations

from pathlib import Path

from traitlets.config import Config


def configure(config: Config, root: Path) -> None:
    """Put the kit's settings into ``config``.

    Args:
        config: the traitlets configuration, ``get_config()`` in a configuration file.
        root: the course directory.
    """
    from nbgrader import preprocessors as steps
    from nbgrader.server_extensions.formgrader.handlers import template_path

    from course_lib.cli import use_own_environment
    from grading.cells import STUB
    from grading.execute import RunCells, SaveGrades, SettleGrades
    from grading.feedback_page import (
        TEMPLATES,
        CollectFeedback,
        HideTests,
        ReadGrades,
        SafeNotebook,
    )
    from grading.repair import Repair
    from grading.sanitize import clean_html, markdown_filter

    use_own_environment()
    root = root.resolve()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.course_id = "camp"
    config.CourseDirectory.db_url = f"sqlite:///{root / 'gradebook.db'}"
    config.Exchange.root = str(root / "exchange")
    config.ClearSolutions.code_stub = {"python": STUB}
    config.ClearSolutions.text_stub = ""  # the template around the region is the stub

    config.Repair.source = str(root / "source")
    config.Autograde.sanitize_preprocessors = [
        Repair,
        steps.ClearOutput,
        steps.DeduplicateIds,
        steps.OverwriteKernelspec,
        steps.OverwriteCells,
        steps.CheckCellMetadata,
    ]
    config.Autograde.autograde_preprocessors = [
        RunCells,
        SettleGrades,
        steps.LimitOutput,
        SaveGrades,
        steps.AssignLatePenalties,
        steps.CheckCellMetadata,
    ]
    config.GenerateFeedback.preprocessors = [ReadGrades, HideTests, CollectFeedback]

    config.HTMLExporter.sanitize_html = True
    config.HTMLExporter.exclude_anchor_links = True
    config.HTMLExporter.preprocessors = [SafeNotebook]
    config.HTMLExporter.extra_template_basedirs = [str(TEMPLATES), template_path]
    config.TemplateExporter.filters = {
        "markdown2html": markdown_filter,
        "clean_html": clean_html,
    }
