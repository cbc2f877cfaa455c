"""The upstream tools: installed apart from the course, run from notebooks and terminals."""

from __future__ import annotations

from course_lib.toolbox.environments import has, need
from course_lib.toolbox.job import Run, ToolError, run

__all__ = ["Run", "ToolError", "has", "need", "run"]
