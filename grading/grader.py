"""Grades one submission with nbgrader's own autograder.

The gradebook fails closed: a submission's scores are withheld before it is graded, so that what
breaks in between leaves 0 and "needs review", never an older score. A TA's marks stay.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde

from course_lib.files import write_atomic
from course_lib.language import Text
from grading.course import Course, quiet
from grading.execute import read_remarks, review_reason
from grading.intake import Refused, accept

ENGINE = 2  # raised when the same submission may get another score


@dataclass(frozen=True)
class Result:
    """Where one submission stands.

    Attributes:
        lesson: name of the lesson.
        learner: the learner's id.
        fresh: graded in this run; false when nothing had changed since an earlier one.
        review: a TA must look at it, for a reason among the remarks.
        score: points in the gradebook, a TA's marks included.
        max_score: points to be had.
        auto_score: what the checks gave.
        pending: cells that wait for a TA's mark.
        remarks: one line each on repairs and on what went wrong.
    """

    lesson: str
    learner: str
    fresh: bool
    review: bool
    score: float
    max_score: float
    auto_score: float
    pending: int
    remarks: tuple[Text, ...]


class _Converter(Autograde):  # type: ignore[misc]
    """nbgrader's autograder; it remembers why a notebook failed (nbgrader only logs it)."""

    failure: Exception | None = None

    def convert_single_notebook(self, notebook_filename: str) -> None:
        try:
            super().convert_single_notebook(notebook_filename)
        except Exception as error:
            self.failure = error
            raise


class Grader:
    """Grades one submission."""

    def __init__(self, course: Course, lesson: str, learner: str, key: dict[str, Any]) -> None:
        self.course = course
        self.lesson = lesson
        self.learner = learner
        self.key = key
        self.record = course.state / lesson / f"{learner}.json"

    def grade(self, *, force: bool) -> Result:
        """Grade the submission, unless it and the lesson are as they were the last time."""
        if not self.course.is_learner_id(self.learner):
            remark = Text("学员编号里有不能用的字符", "the learner's id has characters not allowed")
            return Result(self.lesson, self.learner, True, True, 0, 0, 0, 0, (remark,))
        try:
            accepted = accept(self.course.submitted(self.learner, self.lesson), self.key)
        except Refused as refusal:
            return self._refuse(refusal.remark)
        except OSError as error:
            cause = error.strerror or type(error).__name__
            return self._refuse(Text(f"提交读不出来：{cause}", f"it cannot be read: {cause}"))
        stamp = json.dumps([ENGINE, accepted, self.key], sort_keys=True)
        fingerprint = hashlib.sha256(stamp.encode()).hexdigest()
        known = self._read_record()
        if not force and known.get("fingerprint") == fingerprint and self._notebooks_exist():
            return self._result(known, fresh=False)
        self.record.unlink(missing_ok=True)
        self._withhold()
        failure = self._convert()
        record = self._look_at_notebooks() if failure is None else _review(failure)
        if failure is None:
            record["fingerprint"] = fingerprint
        return self._save(record)

    def _refuse(self, remark: Text) -> Result:
        """Enter a submission that cannot be read; what an earlier one had is withheld."""
        record = _review(remark)
        if self._read_record() == record:
            return self._result(record, fresh=False)
        self._withhold()
        return self._save(record)

    def _withhold(self) -> None:
        """Set all scores of the submission to 0 and in need of a TA; marks by a TA stay."""
        with self.course.gradebook() as gradebook:
            name_learner(gradebook, self.learner)
            submission = gradebook.update_or_create_submission(self.lesson, self.learner)
            for notebook in submission.notebooks:
                for mark in notebook.grades:
                    mark.auto_score = 0
                    mark.needs_manual_grade = True
            gradebook.db.commit()

    def _convert(self) -> Text | None:
        """Run nbgrader's autograder and return why it failed, if it did."""
        converter = _Converter(
            coursedir=self.course.coursedir(self.lesson, self.learner),
            config=self.course.config,
            log=self.course.log(),
            force=True,
        )
        try:
            with quiet():
                converter.start()
        except Exception as error:
            cause = " ".join(str(converter.failure or error).split())[:200]
            log = self.course.state / "nbgrader.log"
            return Text(f"无法评分：{cause}（见 {log}）", f"not graded: {cause} (see {log})")
        return None

    def _notebooks(self) -> list[Path]:
        folder = self.course.autograded(self.learner, self.lesson)
        return [folder / f"{name}.ipynb" for name in self.key]

    def _notebooks_exist(self) -> bool:
        return all(path.exists() for path in self._notebooks())

    def _look_at_notebooks(self) -> dict[str, Any]:
        """Return what the graded notebooks say beside scores."""
        remarks: list[Text] = []
        review = False
        for path in self._notebooks():
            notebook = nbformat.read(path, as_version=4)
            remarks += read_remarks(notebook)
            review = review or any(review_reason(cell) for cell in notebook.cells)
        return {"review": review, "remarks": [[text.zh, text.en] for text in remarks]}

    def _read_record(self) -> dict[str, Any]:
        try:
            data = json.loads(self.record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}

    def _save(self, record: dict[str, Any]) -> Result:
        write_atomic(self.record, json.dumps(record, ensure_ascii=False, indent=1) + "\n")
        return self._result(record, fresh=True)

    def _result(self, record: dict[str, Any], *, fresh: bool) -> Result:
        with self.course.gradebook() as gradebook:
            submission = gradebook.find_submission(self.lesson, self.learner)
            marks = [mark for notebook in submission.notebooks for mark in notebook.grades]
            return Result(
                lesson=self.lesson,
                learner=self.learner,
                fresh=fresh,
                review=record["review"],
                score=submission.score,
                max_score=submission.max_score,
                auto_score=sum(mark.auto_score or 0 for mark in marks),
                pending=sum(mark.needs_manual_grade for mark in marks),
                remarks=tuple(Text(zh, en) for zh, en in record["remarks"]),
            )


def _review(remark: Text) -> dict[str, Any]:
    return {"review": True, "remarks": [[remark.zh, remark.en]]}


def name_learner(gradebook: Gradebook, learner: str) -> None:
    """Enter a learner, with the id as name when there is none (formgrader shows "None")."""
    try:
        found = gradebook.find_student(learner)
        named = found.first_name or found.last_name
    except MissingEntry:
        named = None
    if not named:
        gradebook.update_or_create_student(learner, last_name=learner, first_name="")
