"""A transcript: what was asked of which model, with which settings, and what it said.

It is the evidence of a lesson that lets a model talk: a JSON file that grows by one exchange at a
time and is never half written.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from IPython import get_ipython
from IPython.display import display
from pydantic import AwareDatetime, Field, ValidationError

from course_lib import __version__, models
from course_lib.errors import CampError
from course_lib.files import read_at_most, write_atomic
from course_lib.hand_in import Record
from course_lib.language import Text
from course_lib.template import Message, parse_message

if TYPE_CHECKING:
    from course_lib.chat import ChatModel, Delta
    from course_lib.decoding import Sampling

MAX_BYTES = 4_000_000
REDRAW_SECONDS = 0.1
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Settings(Record):
    """How the tokens were drawn, as in ``decoding.Sampling``."""

    temperature: float
    top_k: int
    top_p: float
    repetition_penalty: float
    max_new_tokens: int
    seed: int | None


class Exchange(Record):
    """One request and its reply; times in seconds since the request.

    ``finish`` is ``stop`` at an end marker, ``length`` at the limit, ``cut`` when a person
    stopped it.
    """

    at: AwareDatetime
    model: str
    settings: Settings
    messages: tuple[Message, ...]
    reply: str
    finish: Literal["stop", "length", "cut"]
    prompt_tokens: Count
    new_tokens: Count
    first_token_seconds: Seconds
    seconds: Seconds

    @property
    def question(self) -> str:
        """Return what the user said last."""
        return next((one.content for one in reversed(self.messages) if one.role == "user"), "")


class Transcript(Record):
    """All exchanges of one file, the oldest first."""

    format: Literal[1] = 1
    kit: str = __version__
    exchanges: tuple[Exchange, ...] = ()

    def write(self) -> str:
        """Return the file's text."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=1) + "\n"


def read_transcript(path: Path) -> Transcript:
    """Read a transcript.

    Raises:
        CampError: there is none, or it is damaged; the text says what to do.
    """
    try:
        return Transcript.model_validate_json(read_at_most(path, MAX_BYTES))
    except FileNotFoundError:
        text = Text(
            f"还没有 {path}：先运行写它的单元", f"no {path} yet: run the cell that writes it"
        )
        raise CampError(str(text)) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "JSON"
        raise CampError(_damaged(path, f"{where}: {first['msg']}")) from None
    except ValueError as error:
        raise CampError(_damaged(path, str(error))) from None
    except OSError as error:
        raise CampError(_damaged(path, error.strerror or type(error).__name__)) from None


def _damaged(path: Path, why: str) -> str:
    zh = f"{path} 读不出来（{why}）：把它改名留着，再重新运行写它的单元"
    en = f"{path} cannot be read ({why}): rename it to keep it, then run its cell again"
    return str(Text(zh, en))


def add_to(path: Path, exchange: Exchange) -> Transcript:
    """Append an exchange to a transcript and return all of it; the file need not exist.

    Raises:
        CampError: what lies there is no transcript; it is left as it is.
    """
    before = read_transcript(path).exchanges if path.exists() else ()
    found = Transcript(exchanges=(*before, exchange))
    write_atomic(path, found.write())
    return found


class Recorder:
    """Streams replies and remembers them as exchanges; ``path`` also gets each."""

    def __init__(self, bot: ChatModel, path: Path | str | None = None) -> None:
        self.bot = bot
        self.path = Path(path) if path is not None else None
        self.exchanges: list[Exchange] = []

    def stream(
        self, messages: Sequence[Message | dict[str, Any]] | str, sampling: Sampling
    ) -> Generator[Delta, None, None]:
        """Yield the reply's deltas; record the exchange at the end, also when it is stopped."""
        turns = [Message("user", messages)] if isinstance(messages, str) else messages
        sent = tuple(parse_message(turn) for turn in turns)
        at, began = datetime.now(UTC), time.perf_counter()
        deltas: list[Delta] = []
        finish: Literal["stop", "length", "cut"] = "cut"
        prompt_tokens = self.bot.count(self.bot.prompt(sent))
        try:
            for delta in self.bot.stream(sent, sampling):
                deltas.append(delta)
                yield delta
            limit = min(sampling.max_new_tokens, self.bot.context - prompt_tokens)
            finish = "length" if _tokens(deltas) >= limit else "stop"
        finally:
            exchange = Exchange(
                at=at,
                model=model_name(self.bot.folder),
                settings=Settings(**asdict(sampling)),
                messages=sent,
                reply="".join(delta.text for delta in deltas),
                finish=finish,
                prompt_tokens=prompt_tokens,
                new_tokens=_tokens(deltas),
                first_token_seconds=deltas[0].seconds if deltas else 0.0,
                seconds=time.perf_counter() - began,
            )
            self.exchanges.append(exchange)
            if self.path is not None:
                add_to(self.path, exchange)

    def ask(
        self, messages: Sequence[Message | dict[str, Any]] | str, sampling: Sampling
    ) -> Exchange:
        """Show the reply as it comes and return the exchange."""
        show_stream(delta.text for delta in self.stream(messages, sampling))
        return self.exchanges[-1]


class _Growing:
    """A text that grows in one place of a notebook."""

    text = ""

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f'<div style="white-space:pre-wrap">{escape(self.text)}</div>'


def show_stream(texts: Iterable[str]) -> None:
    """Show deltas as they come: in a notebook in one growing output, else printed."""
    if get_ipython() is None:
        for text in texts:
            print(text, end="", flush=True)
        print()
        return
    grown, drawn = _Growing(), 0.0
    handle = display(grown, display_id=True)
    try:
        for text in texts:
            grown.text += text
            if time.monotonic() - drawn > REDRAW_SECONDS:
                handle.update(grown)
                drawn = time.monotonic()
    finally:
        handle.update(grown)


def _tokens(deltas: Sequence[Delta]) -> int:
    return sum(delta.token >= 0 for delta in deltas)


def model_name(folder: Path) -> str:
    """Return the name of a model for people: a built-in one's own, else its folder's."""
    names = {path: name for name, path in models.BUILT_IN.items()}
    return names.get(folder, folder.resolve().name)
