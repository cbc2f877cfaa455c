"""A form's export (Feishu, Lark, any survey): columns found by name, rows turned into offers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Literal, get_args

from course_lib.errors import CampError, printable
from course_lib.language import Text
from grading.collect.links import Link
from grading.collect.sources import Offer, Trouble, find_bundles
from grading.tables import read_table

Field = Literal["learner", "nickname", "lesson", "link", "file", "time"]
FIELDS: tuple[Field, ...] = get_args(Field)
_WORDS: dict[Field, tuple[str, ...]] = {
    "learner": (
        "学员编号", "报名编号", "问卷编号", "学号", "编号", "uid", "id", "learner", "student",
    ),
    "nickname": ("微信昵称", "昵称", "姓名", "名字", "nickname", "name"),
    "lesson": ("关卡", "课程", "任务", "level", "lesson", "task"),
    "link": ("笔记链接", "链接", "网址", "笔记", "link", "url", "note"),
    "file": ("压缩包", "附件", "文件", "作业", "bundle", "attachment", "file", "upload"),
    "time": (
        "提交时间", "填写时间", "创建时间", "时间", "submittedat", "submitted", "time", "date",
    ),
}  # fmt: skip
_NUMBERS = re.compile(r"\d+")
_PARTS = re.compile(r"[\n,;，；]")
_URL = re.compile(r"https?://[^\s，。；]+")


class Export:
    """The table of a form.

    Args:
        path: the CSV or XLSX file.
        files: the folder that holds the attachments.
        named: columns by field, where their names do not tell.
        offset: hours that the form's times are ahead of UTC.

    Raises:
        CampError: it cannot be read, or the columns that are needed are not found.
    """

    def __init__(
        self, path: Path, files: Path, named: Mapping[Field, str], offset: float = 8
    ) -> None:
        self.path = path
        self._rows = read_table(path)
        self._zone = timezone(timedelta(hours=offset))
        if not self._rows:
            raise CampError(f"{path} is empty")
        self.heading = self._rows[0]
        self.columns = find_columns(self.heading, named)
        if "learner" not in self.columns or not {"file", "link"} & self.columns.keys():
            raise CampError(
                f"{path}: which columns hold the learner's id and the bundle or the link? Say e.g. "
                f"--column learner=学号 --column file=附件; there are: {', '.join(self.heading)}"
            )
        self._bundles: dict[str, list[Path]] = {}
        for found in find_bundles(files):
            self._bundles.setdefault(_plain(found.name), []).append(found)

    def preview(self) -> list[tuple[str, str, str]]:
        """Return for each column its name, the field it is read as, and its first value."""
        fields = {column: field for field, column in self.columns.items()}
        first = self._rows[1] if len(self._rows) > 1 else []
        return [
            (name, fields.get(number, ""), first[number][:40] if number < len(first) else "")
            for number, name in enumerate(self.heading)
        ]

    def offers(self) -> Iterator[Offer | Trouble | Link]:
        """Yield the bundle of each row, its note's link, and what is wrong with it."""
        for number, row in enumerate(self._rows[1:], start=2):
            if not any(row):
                continue
            label = f"{printable(self.path.name)} row {number}"
            value = {
                field: row[column] if column < len(row) else ""
                for field, column in self.columns.items()
            }
            yield from self._offers(label, value)

    def _offers(self, label: str, value: Mapping[Field, str]) -> Iterator[Offer | Trouble | Link]:
        learner = unicodedata.normalize("NFKC", value.get("learner", "")).strip()
        moment = self._moment(value.get("time", ""))
        if not learner:
            yield Trouble(label, Text("没有学员编号", "no learner's id"))
            return
        url = _URL.search(value.get("link", ""))
        if url:
            yield Link(
                learner, value.get("nickname", ""), value.get("lesson", ""), url[0], moment, label
            )
        names = [one.strip() for one in _PARTS.split(value.get("file", "")) if one.strip()]
        for name in names:
            found = self._bundle(name)
            if isinstance(found, Path):
                yield Offer(f"{label} ({name})", found, learner, received=moment)
            else:
                yield Trouble(label, found)
        if not names and not url:
            yield Trouble(label, Text("既没有附件也没有链接", "neither a file nor a link"))

    def _bundle(self, name: str) -> Path | Text:
        """Return the attachment that a row names, by its name's end: forms put words before it."""
        word = _plain(name.rsplit("/", 1)[-1])
        found = self._bundles.get(word) or [
            path
            for known, paths in self._bundles.items()
            if known.endswith(word) and word.endswith(".zip")
            for path in paths
        ]
        if not found:
            return Text(
                f"没有找到附件 {name}：把附件下载到表格旁边，或用 --files 指明文件夹",
                f"attachment {name} not found: download it beside the table, or name its folder "
                "with --files",
            )
        if len(found) > 1 and len({path.read_bytes() for path in found}) > 1:
            return Text(f"有几个不同的 {name}", f"there are several different {name}")
        return found[0]

    def _moment(self, text: str) -> datetime | None:
        """Return the time that a form writes: 2026-11-28 17:30, 2026/11/28, 2026年11月28日 ..."""
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            try:
                found = datetime(*map(int, _NUMBERS.findall(text)[:6]))  # type: ignore[arg-type]
            except (TypeError, ValueError, OverflowError):
                return None
        try:
            return (found if found.tzinfo else found.replace(tzinfo=self._zone)).astimezone(UTC)
        except OverflowError:
            return None


def find_columns(heading: Sequence[str], named: Mapping[Field, str]) -> dict[Field, int]:
    """Return the column of each field: as named, else where the name fits best.

    Raises:
        CampError: a column that was named is not there.
    """
    found: dict[Field, int] = {}
    for field, name in named.items():
        if name not in heading:
            raise CampError(f"no column {name!r}; there are: {', '.join(heading)}", 2)
        found[field] = heading.index(name)
    fits = [
        (len(word) + 100 * (plain == word), -number, -FIELDS.index(field))
        for number, plain in enumerate(map(_plain, heading))
        for field, words in _WORDS.items()
        for word in words
        if word in plain
    ]
    for _, column, place in sorted(fits, reverse=True):
        field = FIELDS[-place]
        if field not in found and -column not in found.values():
            found[field] = -column
    return found


def _plain(text: str) -> str:
    return re.sub(r"[\s_（）()*:：?？]", "", unicodedata.normalize("NFKC", text)).casefold()
