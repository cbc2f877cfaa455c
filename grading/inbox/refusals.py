"""What the inbox says when it does not do what it was asked: a status and one line."""

from __future__ import annotations

import errno
import sqlite3

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.exceptions import HTTPException

from course_lib.errors import CampError
from course_lib.language import Language, Text, current_language
from grading.inbox.watch import LOG

_FULL = {errno.ENOSPC, errno.EDQUOT}
DISK_FULL = Text(
    "收件服务器的磁盘满了，这次没有收下任何东西：请告诉助教，腾出空间后再交",
    "the inbox's disk is full and nothing of this was kept: tell your TA, and send it again later",
)
BROKEN = Text(
    "收件服务器出错了，这次没有收下：请稍后再交，并把编号 {} 告诉助教",
    "something broke in the inbox: try again later, and tell your TA the number {}",
)
NO_DATABASE = Text(
    "收件服务器暂时连不上数据库：请过几分钟再试",
    "the inbox cannot reach its database now: try again in some minutes",
)


class Refusal(Exception):
    """An answer that is an error, with one line for the caller."""

    def __init__(self, status: int, zh: str, en: str, **headers: str) -> None:
        super().__init__(en)
        self.status = status
        self.text = Text(zh, en)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def language_of(request: Request) -> Language:
    """Return the language that the caller asks for, else the server's."""
    asked = request.headers.get("accept-language", "").lower()
    if asked.startswith(("zh", "en")):
        return "zh" if asked.startswith("zh") else "en"
    return current_language()


def answer(
    request: Request, status: int, text: Text, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return ``text`` as the answer to ``request``."""
    line = " ".join(text.in_language(language_of(request)).split())
    return JSONResponse({"detail": line}, status, headers)


def _note(request: Request, error: Exception) -> None:
    """Tell the log why a caller was turned away: the keepers are the ones to mend it."""
    number = getattr(request.state, "number", "?")
    LOG.warning("turned away", extra={"request": number}, exc_info=error)


def is_full(error: BaseException) -> bool:
    """Tell whether ``error`` says that a disk is full."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    if isinstance(error, DBAPIError):
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        return code == sqlite3.SQLITE_FULL or getattr(error.orig, "sqlstate", None) == "53100"
    return False


async def on_refusal(request: Request, error: Exception) -> JSONResponse:
    """Answer with a refusal's line."""
    assert isinstance(error, Refusal)
    return answer(request, error.status, error.text, error.headers)


async def on_disk_or_database(request: Request, error: Exception) -> JSONResponse:
    """Answer for a full disk or a database out of reach; anything else is a fault of ours."""
    if is_full(error):
        _note(request, error)
        return answer(request, 507, DISK_FULL)
    if isinstance(error, SQLAlchemyError):
        _note(request, error)
        return answer(request, 503, NO_DATABASE, {"Retry-After": "60"})
    raise error


async def on_camp_error(request: Request, error: Exception) -> JSONResponse:
    """Answer for a course that cannot be read; the reason is for the log alone."""
    assert isinstance(error, CampError)
    _note(request, error)
    return answer(
        request,
        503,
        Text("现在读不到：请告诉助教", "this cannot be read now: tell your TA"),
    )


async def on_malformed(request: Request, error: Exception) -> JSONResponse:
    """Answer for a request that is not as the API's page says."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return answer(
        request, 422, Text(f"{where} 不对：{first['msg']}", f"{where} is wrong: {first['msg']}")
    )


async def on_http(request: Request, error: Exception) -> JSONResponse:
    """Answer for an address or a method that there is none of."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    return JSONResponse({"detail": str(error.detail)}, error.status_code, headers)


def on_fault(request: Request) -> JSONResponse:
    """Answer for a fault of ours; the log has its place under the same number."""
    number = getattr(request.state, "number", "?")
    text = Text(BROKEN.zh.format(number), BROKEN.en.format(number))
    return answer(request, 500, text)
