"""``camp new-lesson``: a lesson's source to start from, and its places in the lists of lessons."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Annotated

import typer
import yaml

from course_lib.errors import CampError, printable
from course_lib.files import write_atomic
from course_lib.language import LANGUAGES, Language, Text
from grading.rules import FILE_NAME, Level, Rules, load_rules, parse_rules, read_rules

_SKELETON = Path(__file__).parent / "templates/lesson.txt"
_NAME = re.compile(r"(\d\d)_[a-z0-9_]+")
_LISTS: dict[Language, str] = {"zh": "README.zh.md", "en": "README.md"}
_ROW = re.compile(r"\| (\d\d) .*\(notebooks/zh/\d\d_\w+\.ipynb\)")
_TITLE = Text("新的一课", "A new lesson")
_LINKS = Text(
    "（[中文](notebooks/zh/{name}.ipynb)，[英文](notebooks/en/{name}.ipynb)）",
    " ([zh](notebooks/zh/{name}.ipynb), [en](notebooks/en/{name}.ipynb))",
)
_ABLE = Text("（写：学完你能做什么）", "(say what a learner can do afterwards)")


@dataclass(frozen=True)
class Made:
    """What was written: the source and then the lists; the level that it earns.

    Attributes:
        files: the files.
        level: as it was before.
        pays: whether the rules of points were among the lists.
    """

    files: tuple[Path, ...]
    level: Level
    pays: bool


def new_lesson(name: str, notebooks: Path, level: str | None = None) -> Made:
    """Write a lesson's source, and name the lesson wherever lessons are listed by hand.

    Those are the tables of ``README.md`` and ``README.zh.md`` and the rules of points, where the
    repository has them; ``notebooks/README.md`` is the builder's.

    Args:
        name: of the lesson, e.g. ``08_quant``.
        notebooks: the folder of lessons.
        level: the level that it earns; the first that no lesson earns by default.

    Raises:
        CampError: the name cannot be or is taken, or the level is; or a list cannot be read or
            changed. Nothing was written then.
    """
    number = _number(name, notebooks)
    root = notebooks.resolve().parent
    place = root / "grading" / FILE_NAME
    rules = read_rules(place) if place.is_file() else load_rules()
    chosen = _level(rules, level)
    note = f"lesson_{number}"
    skeleton = Template(_SKELETON.read_text(encoding="utf-8"))
    texts = {notebooks / "source" / f"{name}.py": skeleton.substitute(level=chosen.id, note=note)}
    for language in LANGUAGES:
        table = root / _LISTS[language]
        if table.is_file() and (text := _with_row(table, name, chosen.id, language)):
            texts[table] = text
    if place.is_file():
        texts[place] = with_lesson(_text(place), chosen.id, name, note, place)
    for path, text in texts.items():
        write_atomic(path.resolve(), text)
    return Made(tuple(texts), chosen, place in texts)


def _number(name: str, notebooks: Path) -> str:
    """Return the number of a new lesson.

    Raises:
        CampError: the name cannot be, or it or its number is taken.
    """
    match = _NAME.fullmatch(name)
    if not match:
        raise CampError(
            f"{printable(name)!r} cannot be a lesson's name: two digits, '_', then lower-case "
            "letters, digits and '_', such as 08_quant",
            2,
        )
    source = notebooks / "source"
    if not source.is_dir():
        raise CampError(
            f"no lessons in {source}: run camp in the kit's folder, or name another with "
            "--notebooks"
        )
    taken = {path.stem for path in source.glob("*.py")}
    taken |= {path.stem for one in LANGUAGES for path in (notebooks / one).glob("*.ipynb")}
    numbers = {stem[:2]: stem for stem in taken}
    if match[1] in numbers:
        free = next(f"{one:02d}" for one in range(1, 100) if f"{one:02d}" not in numbers)
        raise CampError(
            f"{numbers[match[1]]} is there already: each lesson has a number of its own, "
            f"{free} is free",
            2,
        )
    return match[1]


def _level(rules: Rules, wanted: str | None) -> Level:
    """Return the level that a new lesson earns."""
    free = [level for level in rules.levels if level.lesson is None]
    if wanted is None and not free:
        raise CampError(f"each level of {FILE_NAME} has a lesson: add a level there first")
    level = rules.level(wanted) if wanted is not None else free[0]
    if level.lesson is not None:
        ids = ", ".join(one.id for one in free) or "none"
        raise CampError(f"level {level.id} is earned by {level.lesson}; free: {ids}", 2)
    return level


def _text(path: Path) -> str:
    """Return a file's text with its own line ends.

    Raises:
        CampError: it is no UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise CampError(f"{path} is not UTF-8 ({error.reason}): save it as UTF-8") from None


def _with_row(table: Path, name: str, level: str, language: Language) -> str | None:
    """Return a README with a row for the lesson, in order; None when it has no such table."""
    lines = _text(table).split("\n")
    rows = [number for number, line in enumerate(lines) if _ROW.match(line)]
    if not rows:
        return None
    title, links, able = (one.in_language(language) for one in (_TITLE, _LINKS, _ABLE))
    row = f"| {name[:2]} {title}{links.format(name=name)} | {level} | 20 | 100 | {able} |"
    before = [number for number in rows if lines[number][2:4] < name[:2]]
    place = before[-1] + 1 if before else rows[0]
    end = "\r" if lines[rows[0]].endswith("\r") else ""
    return "\n".join([*lines[:place], row + end, *lines[place:]])


def with_lesson(text: str, level: str, lesson: str, note: str, path: Path) -> str:
    """Return the rules of points with a level earned by ``lesson``, nothing else changed.

    Args:
        text: of ``points.yml``.
        level: a level of it that has no lesson.
        lesson: the lesson.
        note: the note that a learner must have marks for.
        path: the file.

    Raises:
        CampError: the level is written in a way that needs a person.
    """
    must = f"note_{note}"
    rules = parse_rules(text, path)
    wanted = rules.level(level).model_copy(update={"lesson": lesson, "must": (must,)})
    levels = tuple(wanted if one.id == level else one for one in rules.levels)
    entry = _entry(text, level)
    if entry and "pays" in entry and not entry.keys() & {"lesson", "must"}:
        start, end, in_line = entry["pays"]
        line = "\r\n" if "\r\n" in text else "\n"
        gap = ", " if in_line else line + " " * start
        changed = f"{text[:end]}{gap}lesson: {lesson}{gap}must: [{must}]{text[end:]}"
        try:
            if parse_rules(changed, path) == rules.model_copy(update={"levels": levels}):
                return changed
        except CampError:  # it has a form that nobody thought of
            pass
    raise CampError(
        f"{path}: nothing was written, for lesson: {lesson}, must: [{must}] cannot be added to "
        f"level {level} as it stands: write out its pays and take its lesson and must away, then "
        "run again; or name another --level"
    )


def _entry(text: str, level: str) -> dict[str, tuple[int, int, bool]]:
    """Return column, end of the value, and whether it is in one line, of each key of a level."""
    rules = yaml.compose(text, Loader=yaml.SafeLoader)
    listed = _value(rules, "levels")
    for one in listed.value if isinstance(listed, yaml.SequenceNode) else ():
        name = _value(one, "id")
        if isinstance(name, yaml.ScalarNode) and name.value == level:
            return {
                str(key.value): (key.start_mark.column, value.end_mark.index, bool(one.flow_style))
                for key, value in one.value
            }
    return {}


def _value(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """Return what stands under a key of a mapping; None where there is none."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in pairs if key.value == name), None)


def new_lesson_command(
    name: Annotated[str, typer.Argument(help="Such as 08_quant: a free number and a word.")],
    level: Annotated[
        str | None, typer.Option(help="That it earns; by default the first that no lesson does.")
    ] = None,
    notebooks: Annotated[Path, typer.Option(help="The folder of lessons.")] = Path("notebooks"),
) -> None:
    """Write a new lesson to start from: one cell of each kind, all working, to be replaced."""
    made = new_lesson(name, notebooks, level)
    source, *lists = (os.path.relpath(path) for path in made.files)
    typer.echo(f"wrote {source}, which earns {made.level.id} ({made.level.en})")
    for path in lists:
        typer.echo(f"  listed in {path}: look at its line there, too")
    if not made.pays:
        typer.echo(f"  in your {FILE_NAME}, level {made.level.id}: lesson: {name}, must: [...]")
    typer.echo(f"next: camp build {name}; how to write one: notebooks/source/README.md")
