"""What learners were given and what they handed in, as texts to compare; nothing is run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader import utils

from course_lib.bundle import NOTE
from course_lib.errors import CampError
from course_lib.language import LANGUAGES, Text
from course_lib.note.file import decode
from course_lib.note.prose import without_embedded_images
from grading.assignment import read_source
from grading.build import released
from grading.course import Course
from grading.intake import accept
from grading.sanitize import MAX_TEXT, plain
from grading.similar.tokens import Kind

OTHER = "(other)"
"""The part of a learner's own cells and changed demonstrations; no grade id has parentheses."""
_OTHER = Text("其他代码单元", "other code cells")


def part_title(part: str) -> Text:
    """Return what a part of a submission is called."""
    return _OTHER if part == OTHER else Text(part, part)


@dataclass(frozen=True)
class Handout:
    """A lesson as it was given out, with what learners never saw: the instructor's solution.

    Attributes:
        notebooks: the names of its notebooks.
        parts: what learners fill in, in order, and whether that is code or prose.
        locked: the instructor's other marked cells, named as parts are.
        given: the texts of all cells in every version there is: the source, the release, and the
            notebooks built in either language.
    """

    notebooks: tuple[str, ...]
    parts: Mapping[str, Kind]
    locked: frozenset[str]
    given: Mapping[Kind, frozenset[str]]

    @cached_property
    def note(self) -> str:
        """The part that a file ``note.md`` belongs to."""
        notes = (one for one in self.parts if one.rpartition("/")[2].startswith("note_"))
        return next(notes, NOTE)

    def kind(self, part: str) -> Kind:
        """Return how a part is read."""
        return self.parts.get(part, "prose" if part == NOTE else "code")


def read_handout(course: Course, lesson: str) -> Handout:
    """Read what the instructor wrote of a lesson.

    Raises:
        CampError: there is no notebook, or one that cannot be read.
    """
    folder = course.path / "source" / lesson
    sources = {path.stem: path for path in sorted(folder.glob("*.ipynb"))}
    if not sources:
        raise CampError(f"no notebook in {folder}: run 'camp build' first")
    cells = {name: _cells(path) for name, path in sources.items()}
    marked = [
        (_part(sources, name, _grade_id(cell)), cell)
        for name, found in cells.items()
        for cell in found
        if _grade_id(cell)
    ]
    theirs = {part: cell for part, cell in marked if utils.is_solution(cell) or utils.is_task(cell)}
    shipped = [course.path / "release" / lesson / path.name for path in sources.values()]
    shipped += [released(course.path, lesson, language) for language in LANGUAGES]
    every = [*cells.values(), *(_cells(path) for path in shipped if path.exists())]
    given: dict[Kind, frozenset[str]] = {
        kind: frozenset(cell.source for found in every for cell in found if _kind(cell) == kind)
        for kind in ("code", "prose")
    }
    return Handout(
        tuple(sources),
        {part: _kind(cell) for part, cell in theirs.items()},
        frozenset(part for part, _ in marked) - theirs.keys(),
        given,
    )


def _cells(path: Path) -> list[NotebookNode]:
    return list(nbformat.from_dict(read_source(path)).cells)


def _part(notebooks: Collection[str], notebook: str, grade_id: str) -> str:
    """Return the part of a cell: its grade id, after its notebook where there are several."""
    return f"{notebook}/{grade_id}" if len(notebooks) > 1 else grade_id


def _grade_id(cell: NotebookNode) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def _kind(cell: NotebookNode) -> Kind:
    return "code" if cell.cell_type == "code" else "prose"


@dataclass(frozen=True)
class HandedIn:
    """One submission.

    Attributes:
        texts: what was written, by part.
        remarks: what could not be read of it.
    """

    texts: dict[str, str]
    remarks: tuple[Text, ...] = ()


def read_handed_in(folder: Path, handout: Handout) -> HandedIn:
    """Return the texts of one submission; of a copied cell all copies count.

    Texts are shown as they are compared: cleaned of control characters, ``sanitize.MAX_TEXT``
    characters of each part at most.

    Args:
        folder: ``submitted/<learner>/<lesson>``.
        handout: what it is a submission of.

    Raises:
        Refused: it is not what a submission has to be.
        OSError: it cannot be read.
    """
    submission = accept(folder, handout.notebooks)
    texts: dict[str, list[str]] = {}
    for name, notebook in submission.notebooks.items():
        for part, source in _written(name, notebook, handout):
            texts.setdefault(part, []).append(source)
    remarks = [*submission.refused.values()]
    if raw := submission.files.get(NOTE):
        try:
            texts.setdefault(handout.note, []).append(decode(Path(NOTE), raw))
        except CampError as error:
            remarks.append(Text(str(error), str(error)))
    return HandedIn({part: _clean("\n\n".join(one)) for part, one in texts.items()}, tuple(remarks))


def _written(name: str, notebook: NotebookNode, handout: Handout) -> Iterator[tuple[str, str]]:
    """Yield the cells that a learner wrote or changed, with their parts."""
    for cell in notebook.cells:
        kind, grade_id = _kind(cell), _grade_id(cell)
        part = _part(handout.notebooks, name, grade_id) if grade_id else OTHER
        if part in handout.locked or cell.source in handout.given[kind]:
            continue
        if handout.parts.get(part) == kind:
            yield part, cell.source
        elif kind == "code":
            yield OTHER, cell.source


def _clean(text: str) -> str:
    return plain(without_embedded_images(text)[:MAX_TEXT])
