"""The commands of instructors and TAs, added to ``camp``, and the two that build."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from course_lib.cli import Command
from course_lib.errors import CampError
from course_lib.language import LANGUAGES, parse_language

COMMANDS = (
    Command("regrade", "grading.regrade:regrade_command", "Grade again and list what changes."),
    Command("demo", "grading.demo:demo_command", "Build, grade the samples, feedback, points."),
    Command("build", "grading.cli:build", "Build lessons and an nbgrader course."),
    Command("new-lesson", "grading.new_lesson:new_lesson_command", "Start a lesson's source."),
    Command("kit", "grading.kit.command:kit_command", "Make a learner's kit: one zip."),
    Command("cohort", "grading.cli:cohort", "Start a cohort: make its secret seed."),
    Command("collect", "grading.collect.command:collect_command", "Take in submissions."),
    Command("grade", "grading.grade:grade_command", "Grade submissions."),
    Command("formgrader", "grading.formgrader:formgrader_command", "Mark notes in the browser."),
    Command("desk", "grading.desk.command:desk_command", "Share the marking; see how it goes."),
    Command("marks", "grading.marks:marks_command", "Enter a TA's marks from a file."),
    Command("feedback", "grading.feedback:feedback_command", "Write feedback pages."),
    Command("similar", "grading.similar.command:similar_command", "Show who wrote alike."),
    Command("points", "grading.points_report:points_command", "Pay points; show and export them."),
    Command("correct", "grading.corrections:correct_command", "Correct a learner's points."),
    Command("inbox", "grading.inbox.command:inbox_app", "Take submissions over HTTP."),
    Command("roster", "grading.inbox.roster:roster_app", "Who may use the inbox."),
    Command("archive", "grading.archive.command:archive_command", "Keep a cohort in one file."),
    Command("restore", "grading.archive.command:restore_command", "Make an archived course again."),
    Command("bonus", "grading.corrections:bonus_command", "Pay the bonus of a level."),
)


def build(
    lessons: Annotated[
        list[str] | None, typer.Argument(help="Such as 01_intro; all when none is named.")
    ] = None,
    cohort: Annotated[str, typer.Option(help="Whose secret seed makes hidden tests.")] = "public",
    course: Annotated[Path, typer.Option(help="The nbgrader course directory.")] = Path("course"),
    notebooks: Annotated[Path, typer.Option(help="The folder of lessons.")] = Path("notebooks"),
    language: Annotated[str, typer.Option(help="Of the course's release: zh or en.")] = "zh",
    force: Annotated[bool, typer.Option("--force", help="Build unchanged lessons too.")] = False,
) -> None:
    """Build lessons: learners' notebooks and an nbgrader course, every exercise proven."""
    from grading.build import Builder
    from grading.cohort import PUBLIC, find_cohort

    if language not in LANGUAGES:
        raise CampError(f"--language {language}: use one of {', '.join(LANGUAGES)}", 2)
    builder = Builder(notebooks, course, find_cohort(cohort), parse_language(language))
    for built in builder.build(lessons or (), force=force):
        typer.echo(f"{built.lesson}: {'built' if built.fresh else 'unchanged'}")
        for kept in built.kept:
            typer.echo(f"  {kept} holds edits and was kept; move it away to get the new one")
    if cohort == PUBLIC:
        typer.echo(
            f"camp: the hidden tests in {course} are from the seed that everybody knows; to grade "
            "for real: camp cohort NAME, then make build COHORT=NAME COURSE=FOLDER",
            err=True,
        )


def cohort(name: Annotated[str, typer.Argument(help="A new name, e.g. 2026a.")]) -> None:
    """Start a cohort: make the secret seed of its hidden tests."""
    from grading.cohort import create_cohort

    path = create_cohort(name)
    typer.echo(f"seed of cohort {name}: {path}")
    typer.echo("keep a backup: without it the cohort's tests cannot be built again")
    typer.echo(f"next: camp build --cohort {name} --course FOLDER")
