"""A submission as one file: a zip with the notebook, the evidence, the note, ``submission.json``.

:func:`pack` writes it for the learner; :func:`verify` and :func:`unpack` read what anybody may
have sent. Both sides use the same limits. The same content gives the same bytes: names in order,
no times and no owners in the zip; number and time of a submission stand in ``submission.json``.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tempfile
import unicodedata
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from course_lib import zips
from course_lib.zips import BadZip

MANIFEST = "submission.json"
NOTE = "note.md"
EVIDENCE = "evidence"
TIMESTAMP = "timestamp.txt"
"""nbgrader's note of the time; the grader's own clock counts."""
SECRET = "submission_secret.txt"  # noqa: S105 - a file's name
"""nbgrader's: what only learner and grader know, and names the feedback page in an exchange."""

MAX_BUNDLE = 64_000_000
"""Bytes of a bundle, and of all files in it: what a grader's work folder holds."""
MAX_NOTEBOOK = 20_000_000
MAX_FILES = 500
MAX_DEPTH = 8
MAX_MANIFEST = 1_000_000
_MAX_DIRECTORY = 500_000  # of the zip's list of files: MAX_FILES long names
_LEARNER = re.compile(r"\w[\w.@+ -]*\Z")
_MAX_LEARNER = 200  # bytes: a file is named after a learner, and 255 is the end
_LESSON = re.compile(r"\w[\w.-]{0,99}\Z")


class BadBundle(BadZip):
    """A file that is no submission; ``text`` says why in both languages."""


def is_learner_id(name: str) -> bool:
    """Tell whether ``name`` may be a learner's id: it becomes a path and part of pages."""
    return bool(_LEARNER.match(name)) and len(os.fsencode(name)) <= _MAX_LEARNER


def id_key(name: str) -> str:
    """Return what all spellings of an id share: one person's differ by case or Unicode form."""
    return unicodedata.normalize("NFKC", name).casefold()


def _learner(name: str) -> str:
    if not is_learner_id(name):
        raise ValueError("letters, digits and . _ @ + - only")
    return name


def _plain(name: str) -> str:
    if not name.isprintable():
        raise ValueError("one line of printable text only")
    return name


def _lesson(name: str) -> str:
    if not _LESSON.match(name):
        raise ValueError("letters, digits and . _ - only")
    return name


def _moment(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("no such time") from None


LearnerId = Annotated[str, AfterValidator(_learner)]
LessonName = Annotated[str, AfterValidator(_lesson)]
Begun = Literal["tried", "passed"]
"""How far a lesson was begun: something was done, or all checks passed."""
Moment = Annotated[AwareDatetime, AfterValidator(_moment)]
"""A time; whatever its zone was, it becomes UTC."""


class File(BaseModel):
    """One file of a submission.

    Attributes:
        path: its place in the bundle, with ``/``.
        size: bytes.
        sha256: of its bytes, in hexadecimal digits.
    """

    model_config = ConfigDict(frozen=True)
    path: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Submission(BaseModel):
    """What ``submission.json`` says.

    Attributes:
        learner: the learner's id.
        nickname: what the learner likes to be called.
        lesson: name of the lesson, e.g. ``01_intro``.
        cohort: the learner's cohort; "" when not told.
        kit: version of the course.
        number: 1 for the first submission of this lesson, 2 for the next, and so on.
        time: when it was packed, by the learner's clock.
        hints: how many hints of an exercise were opened, by its name, as far as that is known.
        elsewhere: how far the learner was in other lessons, as the learner's own folder has it.
        files: all files but this one, by path.
    """

    model_config = ConfigDict(frozen=True)
    format: Literal[1] = 1
    learner: LearnerId
    nickname: Annotated[str, AfterValidator(_plain)] = Field(max_length=80)
    lesson: LessonName
    cohort: Annotated[str, AfterValidator(_plain)] = Field(default="", max_length=64)
    kit: str = Field(max_length=40)
    number: int = Field(ge=1, le=9999)
    time: Moment
    hints: dict[str, int] = Field(default_factory=dict)
    elsewhere: dict[LessonName, Begun] = Field(default_factory=dict, max_length=100)
    files: tuple[File, ...] = Field(max_length=MAX_FILES)

    @property
    def notebook(self) -> str:
        """The name that the notebook must have."""
        return f"{self.lesson}.ipynb"


def describe(files: Mapping[str, bytes]) -> tuple[File, ...]:
    """Return path, size and SHA-256 of each file, by path."""
    return tuple(
        File(path=name, size=len(raw), sha256=hashlib.sha256(raw).hexdigest())
        for name, raw in sorted(files.items())
    )


def pack(
    files: Mapping[str, bytes],
    *,
    learner: str,
    nickname: str,
    lesson: str,
    number: int,
    kit: str,
    cohort: str = "",
    time: datetime | None = None,
    hints: Mapping[str, int] | None = None,
    elsewhere: Mapping[str, Begun] | None = None,
) -> bytes:
    """Return a bundle.

    Args:
        files: contents by path: ``LESSON.ipynb``, ``note.md``, and what lies in ``evidence/``.
        learner: the learner's id.
        nickname: what the learner likes to be called.
        lesson: name of the lesson.
        number: of the submission.
        kit: version of the course.
        cohort: the learner's cohort.
        time: when it is packed; now by default.
        hints: how many hints of an exercise were opened, by its name.
        elsewhere: how far the learner was in other lessons.

    Raises:
        BadBundle: it would be refused by whoever reads it: too large, or a name that may not be.
    """
    moment = (time or datetime.now(UTC)).replace(microsecond=0)
    submission = Submission(
        learner=learner, nickname=nickname, lesson=lesson, cohort=cohort, kit=kit,
        number=number, time=moment, hints=dict(hints or {}), elsewhere=dict(elsewhere or {}),
        files=describe(files) if len(files) <= MAX_FILES else (),
    )  # fmt: skip
    _check_sizes({name: len(raw) for name, raw in files.items()}, submission.notebook)
    _check_names(list(files), submission)
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as bundle:
        text = submission.model_dump_json(indent=1) + "\n"
        for name, raw in [(MANIFEST, text.encode()), *sorted(files.items())]:
            bundle.writestr(zips.entry_of(name), raw, compresslevel=6)
    found = data.getvalue()
    if len(found) > MAX_BUNDLE:
        _refuse_size(len(found))
    return found


def verify(path: Path) -> Submission:
    """Read a bundle to its end, write nothing, and return what it says of itself.

    Raises:
        BadBundle: it is no bundle, too large, damaged, or not what its manifest says.
        OSError: the file cannot be read.
    """
    with _opened(path) as file:
        return _walk(file, None)


def unpack(path: Path, folder: Path) -> Submission:
    """Unpack a bundle to a new folder: whole, or not at all.

    Args:
        path: the bundle.
        folder: does not exist yet; ``submission.json`` goes there too.

    Raises:
        BadBundle: as :func:`verify`.
        FileExistsError: ``folder`` is there.
        OSError: a file cannot be read or written.
    """
    if os.path.lexists(folder):
        raise FileExistsError(17, "is there already", str(folder))
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unpack-"))
    try:
        with _opened(path) as file:
            submission = _walk(file, fresh)
        fresh.chmod(0o755)
        fresh.rename(folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return submission


def _opened(path: Path) -> IO[bytes]:
    """Open a bundle, and nothing that would keep its reader waiting, as a pipe does."""
    if path.exists() and not path.is_file():
        raise BadBundle("不是普通文件", "is no plain file")
    return path.open("rb")


def _walk(file: IO[bytes], folder: Path | None) -> Submission:
    size = file.seek(0, os.SEEK_END)
    if size > MAX_BUNDLE:
        _refuse_size(size)
    try:
        if zips.size_of_list(file) > _MAX_DIRECTORY:
            _refuse_count()
        with zips.opened(file) as bundle:
            return _read(bundle, folder)
    except BadBundle:
        raise
    except BadZip as error:
        raise BadBundle(
            f"这不是 camp submit 生成的压缩包（{error.text.zh}）",
            f"this is no bundle of camp submit ({error.text.en})",
        ) from None


def _read(bundle: zipfile.ZipFile, folder: Path | None) -> Submission:
    entries = zips.plain_files(bundle)
    if MANIFEST not in entries:
        raise BadBundle(
            f"压缩包里没有 {MANIFEST}：请交 camp submit 生成的文件，不要自己打包",
            f"there is no {MANIFEST}: hand in the file that camp submit makes, do not zip by hand",
        )
    submission = _manifest(bundle, entries.pop(MANIFEST), folder)
    _check_sizes({name: one.file_size for name, one in entries.items()}, submission.notebook)
    _check_names(list(entries), submission)
    said = {one.path: one for one in submission.files}
    if said.keys() != entries.keys() or len(said) != len(submission.files):
        odd = min(said.keys() ^ entries.keys(), default="?")
        raise BadBundle(
            f"{odd} 与 {MANIFEST} 的清单对不上", f"{odd}: {MANIFEST} and the bundle disagree on it"
        )
    for name, entry in entries.items():
        size, digest = 0, hashlib.sha256()
        for chunk in zips.copied(bundle, entry, folder and folder / name):
            size += len(chunk)
            digest.update(chunk)
        if (size, digest.hexdigest()) != (said[name].size, said[name].sha256):
            raise BadBundle(
                f"{name} 在打包后被改过（SHA-256 不符）",
                f"{name} was changed after packing (its SHA-256 differs)",
            )
    return submission


def _manifest(bundle: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path | None) -> Submission:
    if entry.file_size > MAX_MANIFEST:
        raise BadBundle(f"{MANIFEST} 太大", f"{MANIFEST} is too large")
    raw = b"".join(zips.copied(bundle, entry, folder and folder / MANIFEST))
    try:
        return Submission.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "JSON"
        raise BadBundle(
            f"{MANIFEST} 的 {where} 不对：{first['msg']}",
            f"{MANIFEST}: {where} is wrong: {first['msg']}",
        ) from None


def _check_sizes(sizes: Mapping[str, int], notebook: str) -> None:
    if len(sizes) > MAX_FILES:
        _refuse_count()
    if (size := sizes.get(notebook, 0)) > MAX_NOTEBOOK:
        raise BadBundle(
            f"{notebook} 有 {_mb(size)} MB，上限 {_mb(MAX_NOTEBOOK)} MB：请清除输出后再交",
            f"{notebook} has {_mb(size)} MB, the limit is {_mb(MAX_NOTEBOOK)} MB: clear its "
            "outputs and hand it in again",
        )
    if (size := sum(sizes.values())) > MAX_BUNDLE:
        _refuse_size(size)


def _check_names(names: list[str], submission: Submission) -> None:
    """Refuse names that could leave the folder, meet on some system, or do not belong."""
    if submission.notebook not in names:
        raise BadBundle(
            f"没有笔记本 {submission.notebook}", f"there is no notebook {submission.notebook}"
        )
    seen: set[str] = set()
    for name in names:
        parts = name.split("/")
        plain = name.isprintable() and not set(name) & set('\\:*?"<>|')
        if not plain or not zips.stays_inside(name) or len(parts) > MAX_DEPTH:
            raise BadBundle(
                f"文件名不能用：{name}（请改名）", f"a file may not be called {name}: rename it"
            )
        if name not in (submission.notebook, NOTE) and (parts[0] != EVIDENCE or len(parts) < 2):
            raise BadBundle(
                f"{name} 不该在压缩包里：只有笔记本、{NOTE} 和 {EVIDENCE}/",
                f"{name} does not belong here: only the notebook, {NOTE} and {EVIDENCE}/ do",
            )
        seen.add(_folded(name))
    parents = {_folded(str(one)) for name in names for one in PurePosixPath(name).parents}
    if len(seen) < len(names) or seen & parents:
        raise BadBundle("有两个文件名只差大小写", "two names differ only in capitals")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _refuse_size(size: int) -> None:
    raise BadBundle(
        f"一共 {_mb(size)} MB，上限 {_mb(MAX_BUNDLE)} MB：请清除笔记本的输出，只留要交的证据",
        f"{_mb(size)} MB in all, the limit is {_mb(MAX_BUNDLE)} MB: clear the notebook's outputs "
        "and keep only the evidence that is asked for",
    )


def _refuse_count() -> None:
    raise BadBundle(f"文件超过 {MAX_FILES} 个", f"more than {MAX_FILES} files")


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f}"
