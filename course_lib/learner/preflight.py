"""What is looked at before packing: what stops a submission, and what the learner should know.

The slips are those of the camps' learners: a wrong name or place, ``.ipynb_checkpoints`` and other
extra files, the untouched template, the lecture's link in place of the own note's, a key in a cell.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.asked import missing
from course_lib.bundle import MAX_BUNDLE, MAX_FILES, NOTE, BadBundle, Begun
from course_lib.errors import CampError, printable
from course_lib.language import LANGUAGES, Text, current_language
from course_lib.learner import progress
from course_lib.learner.home import Home
from course_lib.learner.lessons import Row
from course_lib.learner.notebook import Notebook, read_notebook
from course_lib.learner.overview import MARKS, read_overview, written
from course_lib.learner.secrets import find_keys

_KINDS = {
    ".json", ".jsonl", ".csv", ".tsv", ".txt", ".md", ".log", ".yaml", ".yml", ".toml",
    ".safetensors", ".png", ".jpg", ".jpeg",
}  # fmt: skip
_TEXTS = _KINDS - {".safetensors", ".png", ".jpg", ".jpeg"}
_MAX_SCANNED = 2_000_000
_SHOWN = 5
_LINK = re.compile("链接|link:", re.IGNORECASE)
_ANYWAY = Text(
    "（其实不是密钥：加 --anyway，笔记本里 anyway=True）",
    " (if it is none: --anyway, in a notebook anyway=True)",
)


@dataclass
class Draft:
    """What would be handed in.

    Attributes:
        notebook: the learner's.
        files: contents by path in the bundle.
        stops: why nothing is packed.
        warnings: what a TA or the checks will miss.
        left_out: files beside that are not packed.
        elsewhere: how far the learner is in other lessons that were begun.
    """

    notebook: Notebook
    files: dict[str, bytes] = field(default_factory=dict)
    stops: list[Text] = field(default_factory=list)
    warnings: list[Text] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    elsewhere: dict[str, Begun] = field(default_factory=dict)


def look(home: Home, row: Row, notebook: Path | None = None) -> Draft:
    """Gather what a submission of a lesson would hold, and look it over.

    Args:
        home: the kit.
        row: the lesson.
        notebook: the notebook; by default the kit's own, in the language that holds more answers.

    Raises:
        CampError: there is no notebook to hand in, or it is called something else.
    """
    found = read_notebook(notebook) if notebook else _find(home, row.name)
    _check_name(found, row)
    draft = Draft(found)
    for other in read_overview(home):
        if other.begun and other.row.name != row.name:
            draft.elsewhere[other.row.name] = other.begun
    draft.files[f"{row.name}.ipynb"] = found.raw
    _check_answers(home, row.name, draft)
    _check_note(draft)
    _add_evidence(draft, row.name)
    _check_keys(draft)
    return draft


def _find(home: Home, lesson: str) -> Notebook:
    """Return the kit's notebook that holds the answers."""
    own_first = sorted(LANGUAGES, key=lambda one: one != current_language())
    paths = [home.notebook(lesson, one) for one in own_first]
    there = [read_notebook(path) for path in paths if path.is_file()]
    twins = list(_twins(home, lesson, [path for path in paths if path.is_file()]))
    if not there and not twins:
        what = Text(
            f"{home.notebooks} 里没有 {lesson}.ipynb：请到课程文件夹里运行，或用 --notebook 指明",
            f"no {lesson}.ipynb in {home.notebooks}: run it in the kit's folder, or name the file "
            "with --notebook",
        )
        raise CampError(str(what))
    if twins and not any(one.touched for one in there):
        twin = twins[0]
        what = Text(
            f"你的答案在 {twin.path}，文件名应当是 {lesson}.ipynb：先移走没写过的那个，再改名",
            f"your answers are in {twin.path}; it must be called {lesson}.ipynb: rename it (move "
            "the untouched one away first)",
        )
        raise CampError(str(what))
    most = max(map(written, there))
    best = [one for one in there if written(one) == most]
    if len(best) > 1 and most:
        names = ", ".join(str(one.path) for one in best)
        what = Text(
            f"两种语言的笔记本里都有答案：用 --notebook 指明一个（{names}）",
            f"both languages hold answers: name one with --notebook ({names})",
        )
        raise CampError(str(what), 2)
    return best[0]


def _twins(home: Home, lesson: str, known: list[Path]) -> Iterator[Notebook]:
    """Yield notebooks of the lesson under another name that hold answers."""
    for folder in (home.path, home.notebooks, *(home.notebooks / one for one in LANGUAGES)):
        for path in sorted(folder.glob("*.ipynb")):
            if path in known:
                continue
            try:
                found = read_notebook(path)
            except (CampError, OSError):
                continue
            if found.lesson == lesson and found.touched:
                yield found


def _check_name(notebook: Notebook, row: Row) -> None:
    name = f"{row.name}.ipynb"
    if notebook.lesson and notebook.lesson != row.name:
        what = Text(
            f"{notebook.path} 是 {notebook.lesson} 的笔记本，不是 {row.name} 的",
            f"{notebook.path} is the notebook of {notebook.lesson}, not of {row.name}",
        )
        raise CampError(str(what), 2)
    if notebook.path.name != name:
        what = Text(
            f"笔记本叫 {notebook.path.name}，应当叫 {name}：先改名",
            f"the notebook is called {notebook.path.name}; it must be called {name}: rename it",
        )
        raise CampError(str(what), 2)


def _check_answers(home: Home, lesson: str, draft: Draft) -> None:
    notebook = draft.notebook
    if not notebook.exercises and not notebook.note:
        draft.stops.append(
            Text(
                f"{notebook.path} 里没有练习的单元：它们被删掉了，请重新下载这一课",
                f"{notebook.path} has no cells of exercises: they were deleted; get the lesson "
                "again",
            )
        )
        return
    if not notebook.touched:
        draft.stops.append(
            Text(
                f"{notebook.path} 还是原来的模板：先做题并保存（Ctrl+S）",
                f"{notebook.path} is the untouched template: solve something and save it (Ctrl+S)",
            )
        )
        return
    folder = progress.folder_of(home, lesson)
    found = progress.standings(folder, notebook.exercises)
    for state, (mark, text) in MARKS.items():
        names = ", ".join(one.name for one in found if one.state == state)
        if names and state != "right":
            draft.warnings.append(Text(f"{mark} {text.zh}：{names}", f"{mark} {text.en}: {names}"))


def _check_note(draft: Draft) -> None:
    notebook, cell = draft.notebook, draft.notebook.note
    if cell is None:
        return
    from course_lib.note.check import check_note
    from course_lib.note.file import ESSAY, read_note
    from course_lib.note.link import is_video

    text, others = cell.source, ""
    if cell.name == ESSAY:
        source = read_note(notebook.path)
        text, others = source.text, source.others
        if source.path != notebook.path:
            draft.warnings.append(
                Text(
                    f"📝 笔记单元还是模板：助教读的是一起交的 {source.path.name}",
                    f"📝 the note's cell is the template: a TA reads {source.path.name}, which is "
                    "handed in with it",
                )
            )
    if text == cell.source and not cell.touched:
        draft.warnings.append(Text("📝 笔记还是模板", "📝 the note is the untouched template"))
        return
    draft.files[NOTE] = text.encode("utf-8", "replace")
    report = check_note(text, others)
    problem = report.link.problem
    if problem and problem.code == "link_credentials":
        draft.stops.append(problem.text)
    elif problem and (problem.code != "link_missing" or _LINK.search(text)):
        draft.warnings.append(Text(f"🔗 {problem.text.zh}", f"🔗 {problem.text.en}"))
    elif cell.name != ESSAY and is_video(report.link.url):  # its lecture is not known
        draft.warnings.append(
            Text(
                "🔗 链接是 B 站视频：如果是课程视频，请换成你自己的笔记",
                "🔗 the link is a bilibili video: if it is the lecture, give your own note's",
            )
        )
    if cell.name == ESSAY:
        draft.warnings += [Text(f"📝 {one.text.zh}", f"📝 {one.text.en}") for one in report.reasons]


def _add_evidence(draft: Draft, lesson: str) -> None:
    folder = draft.notebook.path.parent / "evidence" / lesson
    if folder.is_dir():
        for path in _walk(folder, draft):
            name = path.relative_to(draft.notebook.path.parent).as_posix()
            draft.files[name] = path.read_bytes()
    place = f"evidence/{lesson}/"
    there = {name.removeprefix(place) for name in draft.files if name.startswith(place)}
    if there:
        for cell in draft.notebook.evidence:
            if names := ", ".join(missing(cell, there)):
                zh, en = f"{cell}：{folder} 里缺 {names}", f"{cell}: {folder} lacks {names}"
                draft.warnings.append(Text(f"📎 {zh}", f"📎 {en}"))
    elif draft.notebook.evidence:
        draft.warnings.append(
            Text(
                f"📎 没有证据：{folder} 是空的，运行课程里收集证据的单元",
                f"📎 no evidence: there is nothing in {folder}; run the lesson's cell that "
                "collects it",
            )
        )
    if draft.left_out:
        names = ", ".join(draft.left_out[:_SHOWN])
        more = len(draft.left_out) - _SHOWN
        rest = Text(f" 等，还有 {more} 个", f" and {more} more") if more > 0 else Text("", "")
        draft.warnings.append(
            Text(f"🧹 不打包：{names}{rest.zh}", f"🧹 left out: {names}{rest.en}")
        )


def _walk(folder: Path, draft: Draft) -> Iterator[Path]:
    """Yield the files of an evidence folder that are handed in; note the others."""
    size = sum(map(len, draft.files.values()))
    for base, folders, names in os.walk(folder):
        folders.sort()
        links = {one for one in folders if (Path(base) / one).is_symlink()}
        for name in [one for one in folders if one in links or one.startswith((".", "__"))]:
            folders.remove(name)
            draft.left_out.append(printable(f"{name}/"))
        for name in sorted(names):
            path = Path(base) / name
            if name.startswith(".") or path.suffix.lower() not in _KINDS or path.is_symlink():
                draft.left_out.append(printable(name))
                continue
            size += path.stat().st_size
            if size > MAX_BUNDLE or len(draft.files) >= MAX_FILES:
                most = f"{MAX_BUNDLE / 1e6:.0f} MB"
                raise BadBundle(
                    f"{folder} 里的文件太多或太大（上限 {MAX_FILES} 个、{most}）：只留要交的",
                    f"too much in {folder} (the limits are {MAX_FILES} files and {most}): keep "
                    "only what is asked for",
                )
            yield path


def _check_keys(draft: Draft) -> None:
    told: set[str] = set()  # a note may be a cell of the notebook
    for cell in draft.notebook.cells:
        if key := next(find_keys(f"{cell.source}\n{cell.shown}"), None):
            told.add(key)
            draft.stops.append(
                Text(
                    f"第 {cell.number} 个单元里有密钥（{key}）：从代码和输出里删掉，并到原网站作废"
                    f"{_ANYWAY.zh}",
                    f"cell {cell.number} holds a key ({key}): remove it from code and output, "
                    f"and revoke it where you got it{_ANYWAY.en}",
                )
            )
    for name, raw in draft.files.items():
        if Path(name).suffix.lower() not in _TEXTS or len(raw) > _MAX_SCANNED:
            continue
        key = next(find_keys(raw.decode("utf-8", "replace")), None)
        if key and not (name == NOTE and key in told):
            draft.stops.append(
                Text(
                    f"{name} 里有密钥（{key}）：删掉并作废{_ANYWAY.zh}",
                    f"{name} holds a key ({key}): remove and revoke it{_ANYWAY.en}",
                )
            )
