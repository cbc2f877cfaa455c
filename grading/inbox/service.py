"""The inbox's routes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response, Security
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from course_lib import __version__
from course_lib.bundle import MAX_BUNDLE
from course_lib.errors import CampError
from grading.inbox import refusals
from grading.inbox.limits import Buckets
from grading.inbox.members import Member, Role, Roster
from grading.inbox.page import api_page
from grading.inbox.points import Points, points_of
from grading.inbox.receipts import Receipt
from grading.inbox.refusals import Refusal
from grading.inbox.store import Store
from grading.inbox.upload import Drain, arrival
from grading.inbox.watch import Metrics, Watch

MAX_PAGE = 20_000_000
_LOCKED_PAGE = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; sandbox"
)


@dataclass(frozen=True)
class Limits:
    """What one member may do.

    Attributes:
        bundle: bytes of a bundle.
        quota: bytes of all bundles of a learner.
        uploads: bundles in an hour; feedback pages count as requests alone.
        requests: requests in a minute.
    """

    bundle: int = MAX_BUNDLE
    quota: int = 1_000_000_000
    uploads: int = 60
    requests: int = 300


class Inbox:
    """What the routes share."""

    def __init__(self, store: Store, roster: Roster, course: Path | None, limits: Limits) -> None:
        self.store = store
        self.roster = roster
        self.course = course
        self.limits = limits
        self.metrics = Metrics(store.folders.data)
        self.requests = Buckets(limits.requests, 60)
        self.uploads = Buckets(limits.uploads, 3600)


class Detail(BaseModel):
    """An error: what is wrong and what to do, in one line."""

    detail: str


class Released(BaseModel):
    """A feedback page that its learner can read now."""

    learner: str
    lesson: str
    sha256: str


class Health(BaseModel):
    """The inbox takes submissions."""

    status: Literal["ok"] = "ok"


def _errors(**said: str) -> dict[int | str, dict[str, Any]]:
    """Return the description of error answers, ``e404="..."``."""
    common = {
        "e401": "The token is missing or not valid.",
        "e422": "The request or what it carries is not as it must be.",
        "e429": "Too many requests; Retry-After says how many seconds to wait.",
        "e503": "The database or the course cannot be reached now.",
    }
    return {int(key[1:]): {"model": Detail, "description": text}
            for key, text in sorted((common | said).items())}  # fmt: skip


_LESSON = r"^\w[\w.\-]{0,99}$"
LessonName = Annotated[str, InPath(pattern=_LESSON, description="Such as 01_intro.")]
router = APIRouter()
_bearer = HTTPBearer(auto_error=False, description="The token of the invitation.")


def inbox_of(request: Request) -> Inbox:
    """Return what the routes share."""
    found = request.app.state.inbox
    assert isinstance(found, Inbox)
    return found


TheInbox = Annotated[Inbox, Depends(inbox_of)]


def caller(
    inbox: TheInbox,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Member:
    """Return whose token the request carries."""
    member = inbox.roster.holder(credentials.credentials) if credentials else None
    if member is None:
        raise Refusal(
            401,
            "没有令牌或令牌无效：用邀请里的令牌；丢了请找助教要新的",
            "the token is missing or not valid: use the one of your invitation, or ask your TA for "
            "a new one",
            WWW_Authenticate="Bearer",
        )
    _take(inbox.requests, member)
    return member


def _take(buckets: Buckets, member: Member) -> None:
    if wait := buckets.take(member.id):
        seconds = int(wait) + 1
        raise Refusal(
            429,
            f"请求太多：请 {seconds} 秒后再试",
            f"too many requests: try again in {seconds} s",
            Retry_After=str(seconds),
        )


def _only(*roles: Role) -> Any:
    """Return the dependency that lets only these roles in."""

    def check(member: Annotated[Member, Depends(caller)]) -> Member:
        if member.role not in roles:
            raise Refusal(
                403,
                f"{member.role} 不能这样做（只有 {'、'.join(roles)} 可以）",
                f"not for a {member.role} (only for: {', '.join(roles)})",
            )
        return member

    return Depends(check)


Learner = Annotated[Member, _only(Role.LEARNER)]
Staff = Annotated[Member, _only(Role.TA, Role.INSTRUCTOR)]


@router.post(
    "/v1/submissions/{lesson}",
    status_code=201,
    response_model=Receipt,
    responses={
        200: {"model": Receipt, "description": "The same bytes came before: the same receipt."},
        **_errors(
            e403="Not for TAs and instructors.",
            e408="The upload was too slow.",
            e413="Too large, alone or with what was handed in before.",
            e507="The disk is full; nothing was kept.",
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def submit(
    lesson: LessonName,
    sha256: Annotated[
        str,
        Header(
            alias="X-Content-SHA256",
            pattern=r"^[0-9a-fA-F]{64}$",
            description="SHA-256 of the body in hexadecimal digits.",
        ),
    ],
    member: Learner,
    inbox: TheInbox,
    request: Request,
    response: Response,
) -> Receipt:
    """Hand in a bundle, made by camp submit, and get a receipt once it is on the disk."""
    _take(inbox.uploads, member)
    async with arrival(request, inbox.store.folders.incoming, inbox.limits.bundle) as arrived:
        if arrived.sha256 != sha256.lower():
            raise Refusal(
                422,
                "收到的与发出的不一样（SHA-256 不符）：请再交一次",
                "what arrived is not what was sent (its SHA-256 differs): send it again",
            )
        receipt, fresh = await run_in_threadpool(inbox.store.accept, member, lesson, arrived)
    inbox.metrics.submissions.labels("new" if fresh else "again").inc()
    if fresh:
        inbox.metrics.bytes.inc(arrived.size)
    else:
        response.status_code = 200
    return receipt


@router.get(
    "/v1/submissions",
    responses=_errors(e403="Not for learners."),
)
def submissions(
    member: Staff,
    inbox: TheInbox,
    lesson: Annotated[str | None, Query(pattern=_LESSON, description="Only this lesson.")] = None,
) -> list[Receipt]:
    """List submissions, oldest first; a TA with a cohort sees that cohort's."""
    return inbox.store.submissions(member, lesson)


@router.get(
    "/v1/submissions/{id}/bundle",
    response_class=FileResponse,
    responses={
        200: {"content": {"application/zip": {}}, "description": "The bundle."},
        **_errors(e403="Not for learners.", e404="There is no such submission."),
    },
)
def bundle(
    identity: Annotated[str, InPath(alias="id", pattern=r"^[0-9a-f]{32}$")],
    member: Staff,
    inbox: TheInbox,
) -> FileResponse:
    """Get the bundle of a submission, byte for byte as it came."""
    path = inbox.store.bundle(member, identity)
    return FileResponse(path, media_type="application/zip", filename=f"{identity}.zip")


@router.put(
    "/v1/feedback/{learner}/{lesson}",
    status_code=201,
    response_model=Released,
    responses={
        200: {"model": Released, "description": "This page is the newest already."},
        **_errors(
            e403="Not for learners.", e404="There is no such learner.", e408="Too slow.",
            e413="The page is too large.", e507="The disk is full; nothing was kept.",
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"text/html": {"schema": {"type": "string", "pattern": "<"}}},
        }
    },
)  # fmt: skip
async def release(
    learner: Annotated[str, InPath(max_length=200)],
    lesson: LessonName,
    member: Staff,
    inbox: TheInbox,
    request: Request,
    response: Response,
) -> Released:
    """Release a feedback page (HTML, UTF-8) to a learner; it takes the place of the one before."""
    whose = await run_in_threadpool(inbox.roster.find, learner)
    if whose is None or whose.role is not Role.LEARNER or not member.may_see(whose.cohort):
        raise Refusal(404, "名单里没有这个学员", "there is no such learner on the roster")
    folder = inbox.store.folders.incoming
    async with arrival(request, folder, MAX_PAGE) as arrived:
        if not await run_in_threadpool(_is_page, arrived.path):
            raise Refusal(422, "这不是 HTML 网页（UTF-8）", "this is no page of HTML in UTF-8")
        if not await run_in_threadpool(inbox.store.release, whose.id, lesson, arrived):
            response.status_code = 200
    return Released(learner=whose.id, lesson=lesson, sha256=arrived.sha256)


def _is_page(path: Path) -> bool:
    try:
        return "<" in path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return False


@router.get(
    "/v1/feedback/{lesson}",
    response_class=FileResponse,
    responses={
        200: {"content": {"text/html": {}}, "description": "The page."},
        **_errors(e403="Not for TAs and instructors.", e404="There is no feedback yet."),
    },
)
def feedback(lesson: LessonName, member: Learner, inbox: TheInbox) -> FileResponse:
    """Get the newest feedback page that was released to you."""
    return FileResponse(
        inbox.store.feedback(member, lesson),
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": _LOCKED_PAGE},
    )


@router.get(
    "/v1/points",
    responses=_errors(
        e403="Not for TAs and instructors.", e404="This inbox has no course, so no points."
    ),
)
def points(member: Learner, inbox: TheInbox) -> Points:
    """Get your own points, as they stand in the course's ledger."""
    if inbox.course is None:
        raise Refusal(
            404, "这个收件服务器不提供算力点：请问助教", "this inbox tells no points: ask your TA"
        )
    return points_of(inbox.course, member.id)


@router.get("/healthz", responses={503: {"model": Detail, "description": "Out of order."}})
def health(inbox: TheInbox) -> Health:
    """Tell whether the database answers and the disk has room for a bundle."""
    inbox.store.ping()
    if shutil.disk_usage(inbox.store.folders.data).free < inbox.limits.bundle:
        raise Refusal(503, refusals.DISK_FULL.zh, "the disk has no room for another bundle")
    return Health()


@router.get("/metrics", response_class=Response)
def metrics(inbox: TheInbox) -> Response:
    """Numbers for Prometheus, about nobody in particular."""
    return Response(generate_latest(inbox.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@router.get("/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """Show what this API can do."""
    return HTMLResponse(
        api_page(request.app.openapi()),
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


def create_app(inbox: Inbox) -> FastAPI:
    """Return the service."""
    app = FastAPI(
        title="camp inbox",
        description="Takes submissions, gives receipts, and serves each learner's own feedback.",
        version=__version__,
        docs_url=None,
        redoc_url=None,
    )
    app.state.inbox = inbox
    app.include_router(router)
    app.add_exception_handler(Refusal, refusals.on_refusal)
    app.add_exception_handler(CampError, refusals.on_camp_error)
    app.add_exception_handler(OSError, refusals.on_disk_or_database)
    app.add_exception_handler(SQLAlchemyError, refusals.on_disk_or_database)
    app.add_exception_handler(RequestValidationError, refusals.on_malformed)
    app.add_exception_handler(HTTPException, refusals.on_http)
    app.add_middleware(Drain, limit=MAX_BUNDLE)
    app.add_middleware(Watch, metrics=inbox.metrics, on_fault=refusals.on_fault)
    return app
