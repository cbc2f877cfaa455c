"""A request's body, streamed to a file of its own: never in memory, never too much."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from grading.inbox.refusals import Refusal

_PIECE = 1 << 20  # bytes gathered before the disk is asked
IDLE_SECONDS = 60  # without a byte
TOTAL_SECONDS = 900
_DRAIN_SECONDS = 20


@dataclass(frozen=True)
class Arrived:
    """A body that is on the disk, whole."""

    path: Path
    sha256: str
    size: int


@contextlib.asynccontextmanager
async def arrival(request: Request, folder: Path, limit: int) -> AsyncIterator[Arrived]:
    """Write a request's body to a new file in ``folder`` and wait until the disk has it.

    The file is gone after the block, unless it was moved away.

    Raises:
        Refusal: the body is larger than ``limit`` bytes, too slow, or ended early.
        OSError: it cannot be written.
    """
    _check_length(request, limit)
    path = folder / secrets.token_hex(16)
    try:
        yield await _write(request, path, limit)
    finally:
        path.unlink(missing_ok=True)


class Drain:
    """ASGI middleware that takes in the rest of a body before an error is answered.

    Else a caller that is still sending sees a broken connection and not the answer.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; see the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        waits = (b"expect", b"100-continue") in scope["headers"]  # sends nothing before we ask
        more = True

        async def taken() -> Message:
            nonlocal more, waits
            waits = False
            message = await receive()
            more = message["type"] == "http.request" and message.get("more_body", False)
            return message

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= 400:
                left = self._limit
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_DRAIN_SECONDS):
                        while more and not waits and left > 0:
                            left -= len((await taken()).get("body", b""))
            await send(message)

        await self._app(scope, taken, answered)


def _check_length(request: Request, limit: int) -> None:
    told = request.headers.get("content-length", "0")
    if told.isascii() and told.isdigit() and int(told) > limit:
        raise _too_large(limit)


async def _write(request: Request, path: Path, limit: int) -> Arrived:
    digest, size, piece = hashlib.sha256(), 0, bytearray()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with FileIO(descriptor, "w") as file:
        async for chunk in _timely(request):
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            digest.update(chunk)
            piece += chunk
            if len(piece) >= _PIECE:
                await run_in_threadpool(_write_all, file, bytes(piece))
                piece.clear()
        await run_in_threadpool(_finish, file, bytes(piece))
    return Arrived(path, digest.hexdigest(), size)


async def _timely(request: Request) -> AsyncIterator[bytes]:
    """Yield the body's chunks as long as they come in time."""
    chunks = request.stream()
    end = time.monotonic() + TOTAL_SECONDS
    while True:
        try:
            async with asyncio.timeout(min(IDLE_SECONDS, end - time.monotonic())):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise Refusal(
                408, "上传太慢，已停止：请再交一次", "the upload was too slow: send it again"
            ) from None
        except ClientDisconnect:
            raise Refusal(400, "上传没有完成", "the upload ended early") from None
        if chunk is None:
            return
        yield chunk


def _write_all(file: FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _finish(file: FileIO, data: bytes) -> None:
    _write_all(file, data)
    os.fsync(file.fileno())


def _too_large(limit: int) -> Refusal:
    size = f"{limit / 1e6:g}"
    return Refusal(
        413,
        f"超过 {size} MB 的上限：请清除笔记本的输出，只留要交的证据",
        f"larger than the limit of {size} MB: clear the notebook's outputs and keep only the "
        "evidence that is asked for",
    )
