"""Repairs honest slips in a submission, before nbgrader reads it.

What is graded follows the instructor's notebook: its cells, their order, metadata and locked
text. From the submission come the answers, by grade id, and the learner's own cells. The file
handed in is never changed; each repair is said in one line.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader import utils

from course_lib.language import LANGUAGES, Text
from grading.plan import Planned, same_text
from grading.unneeded import unneeded

_MAX_COPIES = 50  # of one cell: each is compared with the instructor's
_CELL_ID = re.compile(r"[a-zA-Z0-9-_]{1,64}\Z")


@dataclass
class _Repairer:
    """Rebuilds one submission's cells."""

    plan: list[Planned]
    instructor: NotebookNode
    remarks: list[Text] = field(default_factory=list)
    _ids: set[str] = field(default_factory=set)
    _number: int = 0  # of the last id that was made up

    def rebuild(self, cells: list[NotebookNode]) -> list[NotebookNode]:
        planned = {item.name: item for item in self.plan}
        found: dict[str, list[NotebookNode]] = defaultdict(list)
        following: dict[str | None, list[NotebookNode]] = defaultdict(list)
        order: list[str] = []
        place: str | None = None
        for cell in cells:
            name = _grade_id(cell)
            if name not in planned:
                following[place].append(self._own(cell))
                continue
            if len(found[name]) == _MAX_COPIES:  # no learner has so many
                following[place].append(self._own(cell))
                continue
            found[name].append(cell)
            if len(found[name]) == 1:
                place = name
                order.append(name)
            elif planned[name].locked and not planned[name].like(cell.source):
                following[place].append(self._own(cell))
        if order != [item.name for item in self.plan if item.name in found]:
            self._say("单元的顺序变了，已按老师的顺序评分", "cells were moved; graded in order")
        result = following[None]
        for item in self.plan:
            cell, copies = self._pick(item, found[item.name])
            if item.name in found or not utils.is_grade(item.cell):
                result += [*copies, cell, *following[item.name]]
            else:  # a lost check comes after the learner's own cells, which it may need
                result.append(cell)
        return result

    def _pick(
        self, item: Planned, found: list[NotebookNode]
    ) -> tuple[NotebookNode, list[NotebookNode]]:
        """Return the cell that counts, and other answers, which run before it."""
        if item.locked:
            if not found:
                self._say_of(item, "不见了，已放回", "was missing and is back")
            elif not item.like(found[0].source):
                if _is_as_released(found[0]):
                    self._say_of(
                        item, "来自旧版，按新版评", "is of an older release; the new counts"
                    )
                else:
                    self._say_of(item, "被改过，已恢复", "was edited and is restored")
            if len(found) > 1:
                self._say_of(item, "有多个副本，只算一次", "was copied; it counts once")
            return self._planned(item, item.text), []
        if not found:
            self._say_of(item, "不见了，按空白处理", "is missing; taken as blank")
            return self._planned(item, item.text), []
        answers = [cell for cell in found if not item.like(cell.source)]
        chosen = (answers or found)[-1]
        copies = []
        if len(found) > 1:
            number = max(at for at, cell in enumerate(found, 1) if cell is chosen)
            self._say_of(
                item,
                f"有 {len(found)} 个副本，按第 {number} 个评分",
                f"has {len(found)} copies; number {number} is graded",
            )
            copies = [self._own(cell) for cell in answers if cell is not chosen]
        return self._planned(item, chosen.source, chosen.get("attachments")), copies

    def _planned(self, item: Planned, source: str, attachments: Any = None) -> NotebookNode:
        cell = self._new(item.cell.cell_type, source, item.cell.get("id", item.name))
        cell.metadata = NotebookNode(item.cell.metadata)
        if item.checksum:
            cell.metadata.nbgrader["checksum"] = item.checksum
        if attachments and cell.cell_type == "markdown":
            cell["attachments"] = attachments
        return cell

    def _own(self, cell: NotebookNode) -> NotebookNode:
        """Return a learner's own cell, or one of the lesson's text, without its metadata."""
        own = self._new(cell.cell_type, cell.source, cell.get("id", ""))
        if cell.cell_type == "markdown" and cell.get("attachments"):
            own["attachments"] = cell.attachments
        tags = self._lesson_tags.get(cell.get("id", ""))
        if tags:
            own.metadata["tags"] = tags
        return own

    @cached_property
    def _lesson_tags(self) -> dict[str, list[str]]:
        return {
            cell.id: list(cell.metadata["tags"])
            for cell in self.instructor.cells
            if "id" in cell and cell.metadata.get("tags") and "nbgrader" not in cell.metadata
        }

    def _new(self, cell_type: str, source: str, wanted: str) -> NotebookNode:
        name = wanted if _CELL_ID.match(str(wanted)) and wanted not in self._ids else ""
        while not name or name in self._ids:
            name, self._number = f"cell-{self._number}", self._number + 1
        self._ids.add(name)
        kind = cell_type if cell_type in ("code", "markdown") else "raw"
        cell = NotebookNode(cell_type=kind, id=name, metadata=NotebookNode(), source=source)
        if kind == "code":  # nbformat's own makers validate cell by cell: most of repair's time
            cell.update(outputs=[], execution_count=None)
        return cell

    def _say(self, zh: str, en: str) -> None:
        self.remarks.append(Text(zh, en))

    def _say_of(self, item: Planned, zh: str, en: str) -> None:
        self._say(f"{item.label.zh} {zh}", f"{item.label.en} {en}")


def _grade_id(cell: NotebookNode) -> str | None:
    marks = cell.metadata.get("nbgrader")
    name = marks.get("grade_id") if isinstance(marks, dict) else None
    return name if isinstance(name, str) else None


def _is_as_released(cell: NotebookNode) -> bool:
    """Tell whether a locked cell has the text with which nbgrader released it, in any release."""
    marks = cell.metadata["nbgrader"]
    try:
        return bool(marks.get("checksum") == utils.compute_checksum(cell))
    except (KeyError, TypeError, ValueError):  # what the checksum is of has been edited, too
        return False


def repair(
    submission: NotebookNode, instructor: NotebookNode, plan: list[Planned]
) -> tuple[NotebookNode, list[Text]]:
    """Return the submission as it is graded, and a remark on each repair.

    Args:
        submission: what the learner handed in; left as it is.
        instructor: the notebook in ``source/``.
        plan: the cells that grading needs, in the instructor's order.
    """
    repairer = _Repairer(plan, instructor)
    cells = repairer.rebuild(submission.cells)
    course = dict(instructor.metadata.get("course", {}))
    if "lesson" in course:  # made by the builder, which proves that checks need no demonstration
        _skip_unneeded(cells, instructor)
    marks = submission.metadata.get("course")
    language = marks.get("language") if isinstance(marks, dict) else None
    if language in LANGUAGES:
        course["language"] = language
    repaired: NotebookNode = nbformat.v4.new_notebook(cells=cells)
    repaired.metadata = nbformat.from_dict(
        {
            "kernelspec": dict(instructor.metadata.get("kernelspec", {})),
            "course": course,
            "camp": {"remarks": [[text.zh, text.en] for text in repairer.remarks]},
        }
    )
    return repaired, repairer.remarks


def _skip_unneeded(cells: list[NotebookNode], instructor: NotebookNode) -> None:
    """Keep demonstrations from running that no answer and no cell of the learner's needs."""
    released = {
        cell.get("id"): cell.source
        for cell in instructor.cells
        if cell.cell_type == "code" and "nbgrader" not in cell.metadata
    }
    code = [cell for cell in cells if cell.cell_type == "code"]
    shown = {
        index
        for index, cell in enumerate(code)
        if cell.id in released and same_text(released[cell.id], cell.source, code=True)
    }
    for index in unneeded([cell.source for cell in code], shown):
        code[index].metadata["tags"] = ["skip-execution"]
