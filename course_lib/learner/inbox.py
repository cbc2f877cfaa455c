"""A client of the course's inbox: hands a bundle in, fetches what came of it."""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

import httpx
from pydantic import ValidationError

from course_lib.errors import CampError, printable
from course_lib.files import write_new
from course_lib.language import Text, current_language
from course_lib.learner.home import Home
from course_lib.learner.sent import Receipt
from course_lib.ports import LOOPBACK

VARIABLE = "CAMP_TOKEN"
_CHUNK = 1 << 18
_TRIES = 3
_AWAY = (
    httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT,
)  # fmt: skip
_TIMEOUT = httpx.Timeout(60, connect=10, read=300)
_NO_HTTP = Text(
    f"http 不加密，不会往那里发保存的令牌：用 https，确实要用 http 就设置 {VARIABLE}",
    f"http is not encrypted, so no kept token goes there: use https, or set {VARIABLE} if you "
    "mean it",
)
_NO_TOKEN = Text(
    f"没有收件箱的令牌：设置 {VARIABLE}，或在终端里运行一次 camp submit，会问你要",
    f"no token for the inbox: set {VARIABLE}, or run camp submit in a terminal once, which asks",
)

PLAIN_HTTP = Text(
    "⚠️ http 不加密：令牌会被路上的人看到", "⚠️ http is not encrypted: others can read the token"
)


class NotThere(CampError):
    """The inbox has nothing of that kind, or not yet."""


class Busy(CampError):
    """The inbox was asked too often; in ``seconds`` it can be asked again."""

    def __init__(self, text: str, seconds: int) -> None:
        super().__init__(text)
        self.seconds = seconds


def open_inbox(home: Home, address: str) -> Inbox:
    """Return an inbox with the learner's token: ``CAMP_TOKEN``, else one kept, else asked for.

    What was asked for is kept for that address alone, until the inbox there does not know it.

    Raises:
        CampError: the address or the token cannot be one, it would go over plain http, or there is
            none and nobody to ask.
    """
    if found := os.environ.get(VARIABLE, "").strip():
        return Inbox(address, found)
    parts = _split(address)
    if _is_open(parts):
        raise CampError(str(_NO_HTTP), 2)
    origin = f"{parts.scheme}://{parts.netloc.lower()}"
    path = home.state / "tokens" / quote(origin, safe="")
    return Inbox(address, _kept_token(path, origin), kept=path)


def _split(address: str) -> SplitResult:
    parts = urlsplit(address)
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        what = Text(f"{address} 不是收件箱的地址", f"{address} is no address of an inbox")
        raise CampError(f"{what} (https://...)", 2)
    return parts


def _is_local(parts: SplitResult) -> bool:
    return parts.hostname in (LOOPBACK, "localhost", "::1")


def _is_open(parts: SplitResult) -> bool:
    """Tell whether others on the way can read what is sent."""
    return parts.scheme == "http" and not _is_local(parts)


def _kept_token(path: Path, origin: str) -> str:
    if path.is_file():
        return path.read_text(encoding="utf-8").strip()
    if not (sys.stdin and sys.stdin.isatty()):
        raise CampError(str(_NO_TOKEN), 2)
    ask = Text(
        f"收件箱 {origin} 的令牌（讲师发给你的，以 camp_ 开头）",
        f"your inbox token for {origin} (camp_...)",
    )
    if not (found := getpass.getpass(f"{ask}: ").strip()):
        raise CampError(str(_NO_TOKEN), 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_new(path, found + "\n")  # for its owner only
    (path.parents[1] / "token").unlink(missing_ok=True)  # of an earlier version
    return found


class Inbox:
    """One inbox and one learner's token.

    Args:
        address: such as ``https://inbox.example.org``.
        token: the learner's.
        kept: the file that the token came from; it goes when the inbox does not know the token.

    Raises:
        CampError: the address or the token cannot be one.
    """

    def __init__(self, address: str, token: str, *, kept: Path | None = None) -> None:
        self._kept = kept
        parts = _split(address)
        if not (token.isascii() and token.isprintable() and " " not in token):
            what = Text("令牌里有不能用的字符", "the token holds characters that cannot be")
            raise CampError(str(what), 2)
        self.address = address.rstrip("/")
        self.open = _is_open(parts)
        self._client = httpx.Client(
            timeout=_TIMEOUT,
            trust_env=not _is_local(parts),  # a proxy cannot reach this machine
            headers={"Authorization": f"Bearer {token}", "Accept-Language": current_language()},
        )

    def send(self, lesson: str, bundle: Path) -> tuple[Receipt, bytes]:
        """Hand a bundle in; the same bytes again are no second submission.

        Returns:
            The receipt, and its bytes as the inbox gave them.

        Raises:
            CampError: the inbox cannot be reached, or refused it; the text says why.
        """
        data = bundle.stat().st_size
        with bundle.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        headers = {
            "Content-Type": "application/zip",
            "Content-Length": str(data),
            "X-Content-SHA256": sha256,
        }
        answer = self.ask(
            "POST", f"/v1/submissions/{quote(lesson)}", headers, lambda: _chunks(bundle)
        )
        try:
            receipt = Receipt.model_validate_json(answer.content)
        except ValidationError:
            raise self._stranger(answer) from None
        if (receipt.sha256, receipt.lesson) != (sha256, lesson):
            what = Text(
                f"{self.address} 的回执对不上（{receipt.sha256[:12]}）：没有交成，请再交一次",
                f"the receipt of {self.address} is for something else ({receipt.sha256[:12]}): "
                "hand it in again",
            )
            raise CampError(str(what))
        return receipt, answer.content

    def feedback(self, lesson: str) -> bytes:
        """Return the newest feedback page that was released, HTML.

        Raises:
            NotThere: none was.
            CampError: the inbox cannot be reached, or refused.
        """
        answer = self.ask("GET", f"/v1/feedback/{quote(lesson)}")
        if "html" not in answer.headers.get("content-type", ""):
            raise self._stranger(answer)
        return answer.content

    def points(self) -> Any:
        """Return the learner's own points, as the inbox's JSON has them.

        Raises:
            NotThere: there are none.
            CampError: the inbox cannot be reached, or refused.
        """
        answer = self.ask("GET", "/v1/points")
        try:
            return answer.json()
        except ValueError:
            raise self._stranger(answer) from None

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: Callable[[], Iterator[bytes]] | bytes | None = None,
    ) -> httpx.Response:
        """Return the answer to a request, which is tried again when the connection breaks.

        Args:
            method: such as ``GET``.
            path: below the address, with ``/``.
            headers: besides the token's.
            body: what is sent; a function gives it anew for each try.

        Raises:
            NotThere: what was asked for or sent to is not there.
            Busy: asked too often.
            CampError: the inbox cannot be reached, or refused; the text says why.
        """
        url = f"{self.address}{path}"
        for attempt in range(1, _TRIES + 1):
            try:
                content = body() if callable(body) else body
                answer = self._client.request(method, url, headers=headers, content=content)
                break
            except httpx.TransportError as error:
                if attempt == _TRIES or isinstance(error, httpx.UnsupportedProtocol):
                    raise self._unreachable(error) from None
            except (httpx.InvalidURL, httpx.DecodingError) as error:
                raise self._unreachable(error) from None
        if answer.is_success:
            return answer
        said = _detail(answer)
        if said in (None, answer.reason_phrase):  # "Not Found": there is no such path
            raise self._stranger(answer)
        what = Text(f"收件箱没有收：{said}", f"the inbox refused: {said}")
        if method in ("GET", "PUT") and answer.status_code == httpx.codes.NOT_FOUND:
            raise NotThere(said)
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise Busy(str(what), _seconds(answer.headers.get("retry-after", "")))
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            what = Text(
                f"收件箱不认这个令牌：{said}（在 {VARIABLE} 或 .camp/tokens 里）",
                f"the inbox does not take this token: {said} (it is in {VARIABLE} or .camp/tokens)",
            )
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._kept:
            self._kept.unlink(missing_ok=True)
            what = Text(
                f"收件箱不认这个令牌：{said}（已从 .camp/tokens 删掉，再运行一次会问你要）",
                f"the inbox does not take this token: {said} (it is no longer kept in .camp/tokens"
                ": run it again, which asks)",
            )
        raise CampError(str(what))

    def _unreachable(self, error: Exception) -> CampError:
        reason = printable(" ".join(str(error).split()))[:120] or type(error).__name__
        what = Text(
            f"连不上 {self.address}（{reason}）：检查地址和网络，再运行一次；不会重复提交",
            f"cannot reach {self.address} ({reason}): check the address and the network and run "
            "it again; nothing is handed in twice",
        )
        return CampError(str(what))

    def _stranger(self, answer: httpx.Response) -> CampError:
        if answer.status_code in _AWAY:
            away = Text(
                f"{self.address} 现在不在（HTTP {answer.status_code}）：过几分钟再运行一次；"
                "不会重复提交",
                f"{self.address} is away (HTTP {answer.status_code}): run it again in some "
                "minutes; nothing is handed in twice",
            )
            return CampError(str(away))
        what = Text(
            f"{self.address} 不像课程的收件箱（HTTP {answer.status_code}）：检查地址",
            f"{self.address} does not answer like an inbox (HTTP {answer.status_code}): check the "
            "address",
        )
        return CampError(str(what))


def _chunks(bundle: Path) -> Iterator[bytes]:
    with bundle.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _seconds(told: str) -> int:
    """Return how long to wait, as a server tells it; a minute when it does not."""
    return int(told) if re.fullmatch("[0-9]{1,6}", told) else 60


def _detail(answer: httpx.Response) -> str | None:
    """Return the one line that an inbox says when it refuses."""
    try:
        said = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return None
    return printable(" ".join(said.split()))[:300] if isinstance(said, str) else None
