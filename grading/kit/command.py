"""``camp kit``: one zip for learners, built from the lessons' sources and searched for secrets."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

import course_lib
from course_lib import __version__
from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import LANGUAGES
from grading.cohort import PUBLIC

_BUILD = Path("build/kit")


def make_kit(notebooks: Path, build: Path, cohort: str) -> dict[str, bytes]:
    """Build all lessons, and return the files of a kit, searched for what learners must not get.

    Args:
        notebooks: the folder of lessons.
        build: where lessons are built, a course directory of its own.
        cohort: whose kit it is.

    Raises:
        CampError: a lesson cannot be built, or the kit would hold a hidden test, a seed, a
            solution or a wrong answer.
    """
    from grading.build import Builder, released
    from grading.cohort import find_cohort
    from grading.kit.contents import contents
    from grading.kit.search import find, secrets_of
    from grading.reader import read_lesson

    whose = find_cohort(cohort)
    builder = Builder(notebooks, build, whose, "zh")
    sources = builder.sources()
    builder.build()
    lessons = {"README.md": (notebooks / "README.md").read_text(encoding="utf-8")}
    for source in sources:
        for language in LANGUAGES:
            notebook = released(builder.course, source.stem, language)
            lessons[f"{language}/{notebook.name}"] = notebook.read_text(encoding="utf-8")
    root = Path(course_lib.__file__).resolve().parent.parent
    files = contents(root, lessons, "" if cohort == PUBLIC else cohort)
    built = builder.course / "source"
    secrets = secrets_of(
        [
            (read_lesson(path), (built / path.stem / f"{path.stem}.ipynb").read_text("utf-8"))
            for path in sources
        ],
        whose,
    )
    for name, secret in find(files, secrets):
        raise CampError(f"no kit was written: its file {name} would hold {secret}")
    return files


def write_kit(target: Path, data: bytes) -> None:
    """Write a kit; another one is not overwritten.

    Raises:
        CampError: there is a file that holds something else.
    """
    if target.exists():
        if target.read_bytes() != data:
            raise CampError(f"{target} is there and is another kit: move it away, or name --output")
    else:
        write_atomic(target, data)


def kit_command(
    cohort: Annotated[str, typer.Option(help="Whose kit it is; submissions name it.")] = PUBLIC,
    output: Annotated[
        Path | None, typer.Option(help="The zip; intern-camp-kit-VERSION.zip in build.")
    ] = None,
    notebooks: Annotated[Path, typer.Option(help="The folder of lessons.")] = Path("notebooks"),
) -> None:
    """Make a learner's kit: lessons, library, model and set-up, no solution and no hidden test.

    The same sources give the same bytes. A file that is there and is another kit stays.
    """
    from grading.kit.contents import pack

    word = __version__ if cohort == PUBLIC else f"{__version__}-{cohort}"
    target = output or Path("build") / f"intern-camp-kit-{word}.zip"
    files = make_kit(notebooks, _BUILD / cohort, cohort)
    data = pack(files)
    write_kit(target, data)
    digest = hashlib.sha256(data).hexdigest()
    typer.echo(f"{target}: {len(files)} files, {len(data) / 1e6:.1f} MB, SHA-256 {digest}")
    typer.echo("searched: no hidden test, seed, solution or wrong answer is in it")
