"""The inbox keeps to its own OpenAPI description, whatever is sent: by schemathesis."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.inbox_server import Server, bundle

NOT_BY_SCHEMA = [positive_data_acceptance]  # no schema can say what a bundle is
FEW = settings(
    max_examples=25, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@schemathesis.serializer("application/zip")
def _raw(context: Any, value: Any) -> bytes:
    """Send bytes as they are."""
    return bytes(getattr(value, "data", value))


def examine(operation: Any, headers: dict[str, str]) -> set[int]:
    """Send a few requests, good and bad, of one operation; return the statuses."""
    statuses = set()

    @FEW
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        statuses.add(
            case.call_and_validate(headers=headers, excluded_checks=NOT_BY_SCHEMA).status_code
        )

    check()
    return statuses


@pytest.mark.parametrize("who", ["amy", "tara", None])
def test_every_answer_is_as_described(inbox: Server, who: str | None) -> None:
    lesson = f"05_{who}"
    assert inbox.send(bundle(lesson=lesson), lesson=lesson).status_code == 201
    schema = schemathesis.openapi.from_url(inbox.url + "/openapi.json")
    schema.config.generation.update(modes=list(GenerationMode))
    tried = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        tried[operation.label] = examine(operation, inbox.head(who))
    assert len(tried) == 8
    assert all(tried.values())
    if who is None:
        let_in = {label for label, statuses in tried.items() if statuses & {200, 201}}
        assert let_in == {"GET /healthz", "GET /metrics"}
    assert not [one for one in inbox.lines() if int(one.get("status", 0)) >= 500]
