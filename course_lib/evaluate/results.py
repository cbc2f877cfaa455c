"""What OpenCompass leaves behind, read as data: summary, results, and each prediction."""

from __future__ import annotations

import csv
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from course_lib.errors import CampError
from course_lib.evaluate import exam
from course_lib.evaluate.exam import Question
from course_lib.files import read_at_most
from course_lib.language import Text
from course_lib.mini.choice import LETTERS

MAX_BYTES = 8 << 20


class Damaged(CampError):
    """A result that cannot be read; the text says which and what to do."""

    def __init__(self, path: Path, why: Text) -> None:
        place = f"{path.parent.name}/{path.name}"
        super().__init__(str(Text(f"{place}：{why.zh}", f"{place}: {why.en}")))


class _Label(BaseModel):
    model_config = ConfigDict(frozen=True)

    ppl: Annotated[float, Field(alias="PPL", allow_inf_nan=False)]


class _Item(BaseModel):
    """One entry of a file of predictions; prompts are not read."""

    model_config = ConfigDict(frozen=True)

    prediction: Annotated[str, Field(max_length=4000)]
    gold: Annotated[str, Field(max_length=8)] = ""
    A: Annotated[_Label | None, Field(alias="label: A")] = None
    B: Annotated[_Label | None, Field(alias="label: B")] = None
    C: Annotated[_Label | None, Field(alias="label: C")] = None
    D: Annotated[_Label | None, Field(alias="label: D")] = None


class _File(RootModel[dict[str, _Item]]):
    pass


class _Result(BaseModel):
    """A file of results; what OpenCompass tells of each question is not read."""

    accuracy: Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True)
class Prediction:
    """What a model did with a question of the exam.

    Attributes:
        question: the question.
        text: what the model wrote, or in the PPL mode the letter chosen.
        gold: the right letter, as the file has it.
        ppl: mean NLL in nats a token, by letter; empty in the GEN mode.
    """

    question: Question
    text: str
    gold: str
    ppl: Mapping[str, float]

    @property
    def letter(self) -> str:
        """Return the letter that OpenCompass scores: the first capital, or the lowest PPL."""
        if self.ppl:
            return min(self.ppl, key=lambda letter: self.ppl[letter])
        return next((sign for sign in self.text if sign.isupper()), "")

    @property
    def right(self) -> bool:
        """Whether OpenCompass scores it as right."""
        return self.letter == self.gold

    @property
    def content(self) -> str:
        """Return the letter of the option that the reply names by content, or ""."""
        found = [one for one in self.question.options if self.text.startswith(one)]
        if not found:
            return ""
        return LETTERS[self.question.options.index(max(found, key=len))]


class Table:
    """The summary of a run; shows itself in a notebook, prints as text."""

    def __init__(self, rows: Sequence[Sequence[str]]) -> None:
        self.rows = rows

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            for row in self.rows
        )

    def _repr_html_(self) -> str:
        def line(row: Sequence[str], tag: str) -> str:
            cells = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
            return f"<tr>{cells}</tr>"

        body = "".join(line(row, "td") for row in self.rows[1:])
        return f"<table>{line(self.rows[0], 'th')}{body}</table>"


@dataclass(frozen=True)
class Run:
    """A run of OpenCompass: its ``summary`` or ``summary.csv``, ``results``, ``predictions``."""

    folder: Path

    @cached_property
    def rows(self) -> list[list[str]]:
        """Return the rows of the summary, the heading (dataset, version, metric, mode, …) first."""
        path = self.summary
        try:
            rows = list(csv.reader(_read(path).decode("utf-8").splitlines()))
        except UnicodeDecodeError:
            raise Damaged(path, _UNREADABLE) from None
        if not rows or rows[0][:4] != ["dataset", "version", "metric", "mode"]:
            raise Damaged(path, Text("不是 OpenCompass 的汇总", "is no summary of OpenCompass"))
        return [row for row in rows if len(row) == len(rows[0])]

    @property
    def summary(self) -> Path:
        """Return the path of the summary."""
        found = sorted(self.folder.glob("summary/summary_*.csv"))
        return found[-1] if found else self.folder / "summary.csv"

    def table(self) -> Table:
        """Return the summary as a table."""
        return Table(self.rows)

    def score(self, model: str, dataset: str) -> float | None:
        """Return a score of the summary in percent, or None where it has none."""
        if model not in self.rows[0]:
            return None
        column = self.rows[0].index(model)
        for row in self.rows[1:]:
            if row[0] == dataset:
                try:
                    return float(row[column])
                except ValueError:
                    return None
        return None

    def models(self) -> list[str]:
        """Return the models of the summary, each once."""
        return list(dict.fromkeys(self.rows[0][4:]))

    def path(self, model: str, dataset: str) -> Path:
        """Return where the predictions of a model on a data set lie."""
        return self.folder / "predictions" / model / f"{dataset}.json"

    def result_path(self, model: str, dataset: str) -> Path:
        """Return where the result of a model on a data set lies."""
        return self.folder / "results" / model / f"{dataset}.json"

    def result(self, model: str, dataset: str) -> float:
        """Return the accuracy that OpenCompass found, in percent, before it was summed up.

        Raises:
            Damaged: the file is missing or damaged.
        """
        path = self.result_path(model, dataset)
        try:
            return _Result.model_validate_json(_read(path)).accuracy
        except (ValidationError, RecursionError):
            what = Text("不是 OpenCompass 的结果文件", "is no file of OpenCompass's results")
            raise Damaged(path, what) from None

    def predictions(self, model: str, dataset: str) -> list[Prediction]:
        """Return a model's predictions in the order of the exam.

        Args:
            model: its short name in the configuration.
            dataset: form and subject, such as ``gen-general``.

        Raises:
            Damaged: the file is missing, damaged, or not of this exam.
        """
        path = self.path(model, dataset)
        try:
            items = _File.model_validate_json(_read(path)).root
        except (ValidationError, RecursionError):
            what = Text("不是 OpenCompass 的预测文件", "is no file of OpenCompass's predictions")
            raise Damaged(path, what) from None
        questions = exam.val(dataset.partition("-")[2])
        if set(items) != {str(number) for number in range(len(questions))}:
            what = Text(
                f"应当正好有 {len(questions)} 题，编号从 0 起",
                f"it should have exactly {len(questions)} questions, numbered from 0",
            )
            raise Damaged(path, what)
        return [
            Prediction(question, items[str(number)].prediction, items[str(number)].gold,
                       _ppl(items[str(number)]))
            for number, question in enumerate(questions)
        ]  # fmt: skip


_UNREADABLE = Text("读不出来：先运行这次评测", "cannot be read: run this evaluation first")


def _read(path: Path) -> bytes:
    try:
        return read_at_most(path, MAX_BYTES)
    except OSError:
        raise Damaged(path, _UNREADABLE) from None
    except ValueError:
        raise Damaged(path, Text("太大", "is too large")) from None


def _ppl(item: _Item) -> dict[str, float]:
    labels = {letter: getattr(item, letter) for letter in LETTERS}
    return {letter: label.ppl for letter, label in labels.items() if label is not None}


def newest(output: Path) -> Run:
    """Return the newest run in a folder that OpenCompass got as ``-w``.

    Raises:
        CampError: there is none yet.
    """
    found = sorted(path.parent.parent for path in output.glob("*/summary/summary_*.csv"))
    if not found:
        what = Text(
            f"{output} 里还没有结果：先运行评测", f"no result in {output} yet: run it first"
        )
        raise CampError(str(what))
    return Run(found[-1])


def slim(path: Path) -> str:
    """Return a file of predictions without its prompts, which the exam knows."""
    items = json.loads(path.read_text(encoding="utf-8"))
    kept = {
        number: {
            "prediction": item["prediction"], "gold": item["gold"],
            **{key: {"PPL": value["PPL"]} for key, value in item.items()
               if key.startswith("label: ")},
        }
        for number, item in items.items()
    }  # fmt: skip
    return json.dumps(kept, ensure_ascii=False, indent=1) + "\n"
