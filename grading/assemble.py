"""A lesson's notebooks: the instructor's in one language, and the learner's made from it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_lib.language import Language, Text
from grading.cells import STUB, cell_id, check_source, in_language, nbgrader_cell
from grading.forms import read_quiz, read_rubric
from grading.lesson import BEGIN, END, HEADING, Cell, Exercise, Lesson
from grading.prove import Tests

_LABELS = {
    "level": Text("关卡", "Level"),
    "points": Text("分值", "Points"),
    "minutes": Text("用时（分钟）", "Minutes"),
    "prerequisites": Text("先修", "Before this"),
}
_OTHER: dict[Language, tuple[Language, str]] = {
    "zh": ("en", "English version"),
    "en": ("zh", "中文版"),
}
KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class _Notebook:
    """Collects cells with fixed ids."""

    def __init__(
        self,
        lesson: Lesson,
        tests: Mapping[str, Tests],
        seeds: Mapping[str, int],
        language: Language,
    ) -> None:
        self.lesson = lesson
        self.tests = tests
        self.seeds = seeds
        self.language = language
        self.cells: list[NotebookNode] = []
        self.exercises = {exercise.name: exercise for exercise in lesson.exercises}
        self.numbers = {name: number for number, name in enumerate(self.exercises, 1)}

    def say(self, text: Text) -> str:
        return text.in_language(self.language)

    def markdown(self, identity: str, source: str, **metadata: Any) -> None:
        self.cells.append(new_markdown_cell(source, id=cell_id(identity), metadata=metadata))

    def code(self, identity: str, source: str, **metadata: Any) -> None:
        source = in_language(source, self.language)
        self.cells.append(new_code_cell(source, id=cell_id(identity), metadata=metadata))

    def last(self, identity: str) -> NotebookNode | None:
        """Return the last cell if its id begins with ``identity``."""
        last = self.cells[-1] if self.cells else None
        return last if last is not None and last.id.startswith(f"{identity}-") else None

    def header(self, prose: str) -> None:
        """Add the first prose with a table of facts under its title, and the first code."""
        course = self.lesson.course
        other, label = _OTHER[self.language]
        links = [f"[{name}]({name}.ipynb)" for name in course.prerequisites]
        values = {
            "level": course.level,
            "points": str(course.points),
            "minutes": str(course.minutes),
            "prerequisites": ", ".join(links) or self.say(Text("无", "none")),
        }
        title, _, rest = prose.partition("\n")
        lines = [
            title,
            "",
            "| " + " | ".join(self.say(_LABELS[key]) for key in values) + " |",
            "|" + "---|" * len(values),
            "| " + " | ".join(values.values()) + " |",
            "",
            f"[{label}](../{other}/{self.lesson.name}.ipynb)",
            "",
            rest.lstrip("\n"),
        ]
        self.markdown("header", "\n".join(lines).rstrip("\n"))
        start = f'start("{self.lesson.name}", "{self.language}")'
        self.code("start", f"from course_lib.start import start\n\n{start}")

    def heading(self, cell: Cell) -> str:
        """Return the heading above an exercise."""
        number = self.numbers[cell.name]
        stars = "★" * int(cell.meta["level"])
        minutes, points = f"{cell.meta['minutes']:g}", f"{cell.points:g}"
        return self.say(
            Text(
                f"### ✏️ 练习 {number}：`{cell.name}` {stars} · {minutes} 分钟 · {points} 分",
                f"### ✏️ Exercise {number}: `{cell.name}` {stars} · {minutes} min · {points} points",
            )
        )

    def exercise(self, cell: Cell) -> None:
        last, heading = self.last("prose"), self.heading(cell)
        if last is None:
            self.markdown(f"task-{cell.name}", heading)
        else:
            last.source = _headed(last.source, heading)
        self.code(
            f"exercise-{cell.name}",
            cell.source,
            nbgrader=nbgrader_cell(cell.name, "code", solution=True),
        )

    def check(self, exercise: Exercise) -> None:
        tests = self.tests[exercise.name]
        self.code(
            f"check-{exercise.name}",
            check_source(exercise, tests.mistakes, tests.hidden),
            nbgrader=nbgrader_cell(
                f"check_{exercise.name}", "code", grade=True, points=exercise.answer.points
            ),
            tags=["raises-exception"],
        )

    def evidence(self, cell: Cell) -> None:
        title = Text(
            "# 批改时在这里检查你留下的证据", "# when graded, this checks the evidence you leave"
        )
        names = (node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name))
        drawn = any(node.id == "seed" for node in names)
        lines = [f"seed = {self.seeds[cell.name]}"] * drawn + [cell.source]
        hidden = ["### BEGIN HIDDEN TESTS", *lines, "### END HIDDEN TESTS"]
        source = "\n".join([self.say(title), *hidden])
        self.code(
            f"evidence-{cell.name}",
            source,
            nbgrader=nbgrader_cell(f"evidence_{cell.name}", "code", grade=True, points=cell.points),
            tags=["raises-exception"],
        )

    def quiz(self, cell: Cell) -> None:
        """Add an item to the quiz cell before, or to a new one, folded away where it can be."""
        found = read_quiz(cell.source)
        call = f'{found.comment(self.language)}\nquiz("{cell.name}", "{found.write()}")'
        if (last := self.last("quiz")) is not None:
            last.source += f"\n\n{call}"
        else:
            head = Text(
                "# 小题：运行这一格，再选答案", "# quiz: run this cell, then pick an answer"
            )
            source = f"{self.say(head)}\nfrom course_lib.quiz import quiz\n\n{call}"
            self.code(f"quiz-{cell.name}", source, jupyter={"source_hidden": True})

    def note(self, cell: Cell) -> None:
        rubric = next(c for c in self.lesson.of_kind("rubric") if c.name == cell.name)
        rows = [
            f"| {self.say(criterion.text)} | {criterion.points:g} |"
            for criterion in read_rubric(rubric.source)
        ]
        head = Text("| 助教按这张表给分 | 分 |", "| A TA marks by this rubric | points |")
        table = "\n".join([self.say(head), "|---|---|", *rows])
        if (last := self.last("prose")) is not None:
            last.source += f"\n\n{table}"
        else:
            self.markdown(f"rubric-{cell.name}", table)
        self.markdown(
            f"note-{cell.name}",
            f"{cell.source}\n\n{BEGIN}\n{END}",  # nbgrader keeps what is outside the region
            nbgrader=nbgrader_cell(
                f"note_{cell.name}", "markdown", grade=True, solution=True, points=cell.points
            ),
        )

    def footer(self) -> None:
        """Add the way to hand in, which nobody runs but the learner."""
        name = self.lesson.name
        text = Text(
            "## 📮 交作业\n\n先按 Ctrl+S 保存，再运行下面这一格：它先看一遍缺什么，再打包，"
            "也可以直接交到课程说的地方。改了还可以再交，每次一个新编号，什么都不会被覆盖。"
            f"在终端里是 `camp submit {name}`。",
            "## 📮 Hand in\n\nSave with Ctrl+S, then run the cell below: it says what is missing, "
            "packs your work, and takes it where your course collects. Hand in again as often as "
            "you like: each time gets a new number and nothing is overwritten. "
            f"In a terminal it is `camp submit {name}`.",
        )
        self.markdown("hand-in-text", self.say(text))
        call = f'from course_lib.submit import form\n\nform("{name}")'
        self.code("hand-in", call, tags=["skip-execution"])

    def add(self, cell: Cell, number: int) -> None:
        match cell.kind:
            case "prose":
                if cell.meta["lang"] != self.language:
                    pass
                elif not self.cells:
                    self.header(cell.source)
                else:
                    self.markdown(f"prose-{number}", cell.source)
            case "given":
                self.code(
                    f"given-{cell.name}",
                    cell.source,
                    nbgrader=nbgrader_cell(f"given_{cell.name}", "code", locked=True),
                )
            case "exercise":
                self.exercise(cell)
            case "check":
                self.check(self.exercises[cell.name])
            case "quiz":
                self.quiz(cell)
            case "note":
                self.note(cell)
            case "evidence":
                self.evidence(cell)
            case "tool":
                self.code(f"tool-{cell.name}", cell.source, tags=["skip-execution"])
            case "code":
                self.code(f"code-{number}", cell.source)
            case "cases" | "wrong" | "rubric":
                pass


def instructor_notebook(
    lesson: Lesson, tests: Mapping[str, Tests], seeds: Mapping[str, int], language: Language
) -> NotebookNode:
    """Return the notebook with solutions and hidden tests: nbgrader's ``source``.

    Args:
        lesson: the lesson.
        tests: the hidden tests, by exercise.
        seeds: what a check of evidence gets that reads ``seed``, by its name.
        language: the language of the notebook.
    """
    book = _Notebook(lesson, tests, seeds, language)
    for number, cell in enumerate(lesson.cells, 1):
        book.add(cell, number)
    book.footer()
    course = {
        "language": language,
        "lesson": lesson.name,
        "level": lesson.course.level,
        "points": lesson.course.points,
    }
    notebook: NotebookNode = new_notebook(cells=book.cells, metadata={**KERNEL, "course": course})
    notebook.nbformat_minor = 5
    return notebook


def learner_notebook(instructor: NotebookNode) -> NotebookNode:
    """Return the released notebook, by nbgrader's own preprocessors, without its database."""
    from nbgrader import preprocessors as steps
    from traitlets.config import Config

    config = Config({"ClearSolutions": {"code_stub": {"python": STUB}, "text_stub": ""}})
    notebook: NotebookNode = nbformat.from_dict(instructor)
    for step in (
        steps.LockCells,
        steps.ClearSolutions,
        steps.ClearOutput,
        steps.CheckCellMetadata,
        steps.ClearHiddenTests,
        steps.ClearMarkScheme,
        steps.ComputeChecksums,
        steps.CheckCellMetadata,
    ):
        notebook, _ = step(config=config).preprocess(notebook, {})
    return notebook


def _headed(prose: str, heading: str) -> str:
    """Return ``prose`` with an exercise's heading: where it asks for it, else below the section."""
    lines = prose.split("\n")
    if HEADING in lines:
        return "\n".join(heading if line == HEADING else line for line in lines)
    section = max((at for at, line in enumerate(lines) if line.startswith("## ")), default=None)
    if section is None:
        return f"{heading}\n\n{prose}"
    return "\n".join([*lines[: section + 1], "", heading, *lines[section + 1 :]])
