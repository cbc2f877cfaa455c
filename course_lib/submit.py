"""Handing in: look it over, pack it, and take it where the course collects.

``camp submit LESSON`` in a terminal; in a notebook ``submit()`` or, with fields and a button,
``form()``.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from filelock import FileLock

from course_lib import __version__
from course_lib.bundle import Submission, describe, pack
from course_lib.errors import CampError
from course_lib.files import write_atomic
from course_lib.language import Text
from course_lib.learner.home import Home, find_home
from course_lib.learner.identity import Identity, read_identity, settle_identity
from course_lib.learner.inbox import PLAIN_HTTP, open_inbox
from course_lib.learner.lessons import find_lesson, read_lessons
from course_lib.learner.overview import STAGES
from course_lib.learner.places import is_address, put
from course_lib.learner.preflight import Draft, look
from course_lib.learner.progress import running_lesson
from course_lib.learner.sent import (
    Delivery,
    Receipt,
    Sent,
    bundle_path,
    last_sent,
    next_number,
    remember,
)

Say = Callable[[object], None]


def submit(
    lesson: str = "",
    *,
    id: str | None = None,
    nickname: str | None = None,
    cohort: str | None = None,
    to: str | None = None,
    notebook: Path | str | None = None,
    anyway: bool = False,
    only_check: bool = False,
    say: Say = print,
) -> Path | None:
    """Hand a lesson in and return the bundle.

    Looks the notebook over as it was saved, says what a TA or the checks will miss, and packs it
    with evidence and note. Nothing is overwritten: what changed since the last submission becomes
    a new one with the next number, and what did not change is not packed again.

    Args:
        lesson: name, number, level or notebook; by default the one that runs in this kernel.
        id: the learner's id; asked for once.
        nickname: what the learner likes to be called; asked for once.
        cohort: the learner's cohort, if the course has several.
        to: a shared folder, an nbgrader exchange, or the address of an inbox.
        notebook: the notebook, where the kit's own is not meant.
        anyway: hand in what looks like a key.
        only_check: look it over and pack nothing.
        say: where lines go.

    Raises:
        CampError: it cannot be handed in as it is; one line says why.
    """
    home = find_home()
    row = find_lesson(lesson or running_lesson(), read_lessons(home.notebooks))
    draft = look(home, row, Path(notebook) if notebook else None)
    _tell(draft, say)
    if draft.stops and not (anyway and draft.notebook.touched):
        raise CampError("; ".join(dict.fromkeys(map(str, draft.stops))))
    if only_check:
        return None
    identity = settle_identity(home, id, nickname, cohort)
    with FileLock(home.state / "submit.lock"):
        sent, fresh = _packed(home, row.name, draft, identity)
    path = bundle_path(home, row.name, sent.submission.learner, sent.submission.number)
    _tell_packed(path, sent.submission, say, fresh=fresh)
    if to is not None:
        _deliver(home, sent, path, to, say)
    elif not sent.deliveries:
        say(
            Text(
                "📤 还没交出：把这个文件上传到课程收作业的地方，或用 --to 指明交到哪里",
                "📤 not delivered yet: upload this file where your course collects, or name the "
                "place with --to",
            )
        )
    return path


def _tell(draft: Draft, say: Say) -> None:
    saved = time.strftime("%Y-%m-%d %H:%M", time.localtime(draft.notebook.path.stat().st_mtime))
    where = draft.notebook.path
    say(Text(f"笔记本：{where}（{saved} 保存）", f"notebook: {where} (saved {saved})"))
    for line in draft.warnings:
        say(line)
    if hints := ", ".join(f"{name} {count}" for name, count in draft.notebook.hints.items()):
        say(
            Text(
                f"💡 打开过的提示：{hints}（助教看到的是每题有多少人打开过，不影响分数）",
                f"💡 hints opened: {hints} (TAs see how many opened them; no points depend on it)",
            )
        )
    if draft.elsewhere:
        others = [(name, STAGES[begun][1]) for name, begun in draft.elsewhere.items()]
        zh = "、".join(f"{name} {text.zh}" for name, text in others)
        en = ", ".join(f"{name} {text.en}" for name, text in others)
        say(
            Text(
                f"🧭 一起写进去：其他课做到哪一步（{zh}；助教看到的是每课有多少人，不影响分数）",
                f"🧭 told with it: how far you are elsewhere ({en}; TAs see how many are; no "
                "points depend on it)",
            )
        )


def _packed(home: Home, lesson: str, draft: Draft, identity: Identity) -> tuple[Sent, bool]:
    """Return the submission of a draft; the last one if nothing changed since."""
    last = last_sent(home, lesson)
    who = (identity.learner, identity.nickname, identity.cohort, __version__)
    if last is not None:
        said = last.submission
        same = (said.learner, said.nickname, said.cohort, said.kit) == who
        if same and said.files == describe(draft.files):
            data = _pack(draft, said)
            path = bundle_path(home, lesson, said.learner, said.number)
            if not path.exists():
                write_atomic(path, data)
            if hashlib.sha256(path.read_bytes()).hexdigest() == last.sha256:
                return last, False
    submission = Submission(
        learner=identity.learner, nickname=identity.nickname, cohort=identity.cohort,
        lesson=lesson, kit=__version__, number=next_number(home, lesson),
        time=datetime.now(UTC).replace(microsecond=0), hints=draft.notebook.hints,
        elsewhere=draft.elsewhere,
        files=describe(draft.files),
    )  # fmt: skip
    data = _pack(draft, submission)
    write_atomic(bundle_path(home, lesson, submission.learner, submission.number), data)
    sent = Sent(submission=submission, sha256=hashlib.sha256(data).hexdigest())
    remember(home, sent)
    return sent, True


def _pack(draft: Draft, said: Submission) -> bytes:
    return pack(
        draft.files, learner=said.learner, nickname=said.nickname, lesson=said.lesson,
        number=said.number, kit=said.kit, cohort=said.cohort, time=said.time,
        hints=said.hints, elsewhere=said.elsewhere,
    )  # fmt: skip


def _tell_packed(path: Path, said: Submission, say: Say, *, fresh: bool) -> None:
    size = f"{path.stat().st_size / 1e6:.2f} MB"
    zh = f"第 {said.number} 次提交" + ("" if fresh else "（和上次一样，没有重新打包）")
    en = f"submission {said.number}" + ("" if fresh else " (nothing changed since)")
    files = len(said.files)
    say(
        Text(
            f"📦 {zh}：{path}（{files} 个文件，{size}）", f"📦 {en}: {path} ({files} files, {size})"
        )
    )


def _deliver(home: Home, sent: Sent, path: Path, to: str, say: Say) -> None:
    receipt: Receipt | None = None
    said = sent.submission
    if is_address(to):
        inbox = open_inbox(home, to)
        if inbox.open:
            say(PLAIN_HTTP)
        receipt, raw = inbox.send(said.lesson, path)
        kept = _keep_receipt(path, raw)
        to = inbox.address
        day = f"{receipt.received.astimezone():%Y-%m-%d %H:%M}"
        say(
            Text(
                f"📮 {to} 收下了（{day}，第 {receipt.number} 次，排第 {receipt.queue} 位）；"
                f"回执：{kept}",
                f"📮 {to} has it ({day}, number {receipt.number}, place {receipt.queue} in the "
                f"queue); receipt: {kept}",
            )
        )
        if receipt.learner != said.learner:
            say(
                Text(
                    f"⚠️ 收件箱按令牌记在 {receipt.learner} 名下，不是 {said.learner}",
                    f"⚠️ by your token the inbox has it as {receipt.learner}, not {said.learner}",
                )
            )
    else:
        place = put(path, said, Path(to).expanduser())
        to = str(place)
        say(Text(f"📮 已放到 {place}", f"📮 it is in {place}"))
    done = Delivery(to=to, time=datetime.now(UTC).replace(microsecond=0), receipt=receipt)
    earlier = [one for one in sent.deliveries if one.to != to]
    remember(home, sent.model_copy(update={"deliveries": (*earlier, done)}))


def _keep_receipt(bundle: Path, raw: bytes) -> Path:
    """Keep a receipt beside its bundle; one that another inbox gave stays."""
    kept = bundle.with_suffix(".receipt.json")
    if kept.exists() and kept.read_bytes() != raw:
        kept = bundle.with_suffix(f".{hashlib.sha256(raw).hexdigest()[:8]}.receipt.json")
    write_atomic(kept, raw)
    return kept


def form(lesson: str = "") -> None:
    """Show fields for id, nickname and place with a button that hands in.

    Without ipywidgets it says how to call :func:`submit`.
    """
    name = lesson or running_lesson()
    try:
        import ipywidgets
        from IPython.display import display
    except ImportError:
        call = f'submit("{name}", id="...", nickname="...")'
        print(Text(f"没有按钮？运行 {call}", f"no button? run {call}"))
        return
    known = read_identity(find_home())
    asked = {
        "id": Text("学员编号", "learner's id"),
        "nickname": Text("昵称", "nickname"),
        "to": Text("交到（可不填）", "hand in at (optional)"),
    }
    values = {"id": known.learner if known else "", "nickname": known.nickname if known else ""}
    fields = {
        key: ipywidgets.Text(value=values.get(key, ""), description=str(text))
        for key, text in asked.items()
    }
    for one in fields.values():
        one.style.description_width = "10em"
    anyway = ipywidgets.Checkbox(
        description=str(Text("说有密钥、其实不是：照样交", "what looks like a key is none")),
        indent=False,
    )
    button = ipywidgets.Button(description=str(Text("提交", "hand in")), button_style="primary")
    shown = ipywidgets.HTML()

    def clicked(_button: Any) -> None:
        values = {key: one.value or None for key, one in fields.items()}
        shown.value = _submitted(name, values, anyway=anyway.value)

    button.on_click(clicked)
    display(ipywidgets.VBox([*fields.values(), anyway, button, shown]))


def _submitted(lesson: str, values: dict[str, str | None], *, anyway: bool) -> str:
    """Hand in and return what was said, as HTML."""
    lines: list[str] = []
    try:
        submit(
            lesson, **values, anyway=anyway, say=lambda line: lines.append(str(line))  # type: ignore[arg-type]
        )  # fmt: skip
    except CampError as error:
        lines.append(f"❌ {error}")
    except OSError as error:
        lines.append(f"❌ {error.filename or ''} {error.strerror or error}")
    return "<br>".join(map(escape, lines))
