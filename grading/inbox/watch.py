"""What the inbox tells its keepers: a log of JSON lines and Prometheus metrics.

Neither holds a name, an id, a token, an address of a caller, or a path that holds one.
"""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOG = logging.getLogger("camp.inbox")
_FIELDS = ("request", "method", "route", "status", "ms")
_METHODS = ("GET", "HEAD", "POST", "PUT")  # callers make others up
_FRAMES = 8


class _Free(Collector):
    """The free room of the disk that holds a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "inbox_disk_free_bytes", "Free room for bundles", shutil.disk_usage(self._folder).free
        )


class Metrics:
    """The inbox's numbers."""

    def __init__(self, folder: Path) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Free(folder))
        self.requests = Counter(
            "inbox_requests", "Answered requests", ("method", "route", "status"),
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "inbox_request_seconds", "From a request's head to the end of its answer", ("route",),
            registry=self.registry,
        )  # fmt: skip
        self.running = Gauge("inbox_requests_running", "Requests under way", registry=self.registry)
        self.submissions = Counter(
            "inbox_submissions", "Bundles: new, or the same as before", ("result",),
            registry=self.registry,
        )  # fmt: skip
        self.bytes = Counter("inbox_bundle_bytes", "Bytes of new bundles", registry=self.registry)


class Watch:
    """ASGI middleware that numbers, counts, times and logs each request, and answers for faults.

    Args:
        app: what is watched.
        metrics: where it is counted.
        on_fault: makes the answer to a request that failed by a fault of ours.
    """

    def __init__(
        self, app: ASGIApp, metrics: Metrics, on_fault: Callable[[Request], ASGIApp]
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._on_fault = on_fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number, status, started = secrets.token_hex(4), 0, time.perf_counter()
        scope.setdefault("state", {})["number"] = number

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", number.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"cache-control", b"no-store"),
                ]
            await send(message)

        with self._metrics.running.track_inprogress():
            try:
                await self._app(scope, receive, answered)
            except Exception as error:
                LOG.error("fault", extra={"request": number}, exc_info=error)
                if status:  # half an answer is out: the server breaks the connection off
                    raise
                await self._on_fault(Request(scope))(scope, receive, answered)
            finally:
                self._note(scope, number, status or 500, time.perf_counter() - started)

    def _note(self, scope: Scope, number: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(method, route, status).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        LOG.info(
            "request",
            extra={
                "request": number, "method": method, "route": route, "status": status,
                "ms": round(seconds * 1000, 1),
            },
        )  # fmt: skip


class _Lines(logging.Formatter):
    """One JSON object a line; of an exception its kind and places, for its text may tell names."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= {name: vars(record)[name] for name in _FIELDS if name in vars(record)}
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
            line["error"] = type(error).__name__
            line["at"] = [f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in frames]
        return json.dumps(line, ensure_ascii=False)


def log_lines() -> None:
    """Let all loggers write JSON lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in ("camp.inbox", "uvicorn"):
        logging.getLogger(name).setLevel(logging.INFO)
