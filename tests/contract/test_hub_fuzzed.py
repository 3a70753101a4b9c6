"""Whatever the description allows or forbids: no fault of the hub, and only answers that are described."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from coalition.signatures.sign import sign_request
from tests.http.conftest import RunningHub
from tests.shop import Shop

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = settings(
    max_examples=15,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Signed(requests.auth.AuthBase):
    """Signs whatever schemathesis made up, as a partner would."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        parts = urlsplit(request.url or "")
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        signature = sign_request(
            private_key=self._shop.private_key,
            keyid=self._shop.keyid,
            method=request.method or "",
            authority=parts.netloc,
            path=parts.path or "/",
            query=f"?{parts.query}",
            body=body,
            created_s=int(time.time()),
        )
        request.headers.update(signature)
        return request


def fuzz(url: str, auth: Signed) -> dict[str, set[int]]:
    """Call every operation with inputs that are valid, and messages that are not; return the statuses seen."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    seen: dict[str, set[int]] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        # Only a body can be invalid by the description: what stands in an address is text.
        for mode in list(GenerationMode) if operation.method == "post" else [GenerationMode.POSITIVE]:
            statuses = seen.setdefault(f"{operation.method.upper()} {operation.path}", set())
            cases = operation.as_strategy(generation_mode=mode)
            if operation.method == "post" and mode is GenerationMode.POSITIVE:
                cases = cases.map(with_todays_operations)
            call_all(cases, auth, statuses)
    return seen


def with_todays_operations(case: Any) -> Any:
    """Valid by the description is not yet valid today; with ids of their own and of now, operations are booked."""
    for number, operation in enumerate(case.body.get("operations", [])):
        operation["id"] = f"{operation['id'][:32]}-{number}"
        operation["occurred_at"] = datetime.now(UTC).isoformat()
    return case


def call_all(cases: SearchStrategy[Any], auth: Signed, statuses: set[int]) -> None:
    @EXAMPLES
    @given(case=cases)
    def call(case: Any) -> None:
        response = case.call(auth=auth)
        statuses.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    call()


async def test_fuzzed_requests_get_described_answers(whole_hub: RunningHub) -> None:
    """In a thread, since the hub runs in this one."""
    shop = await whole_hub.shop()
    seen = await asyncio.to_thread(fuzz, f"http://{whole_hub.authority}", Signed(shop))
    assert {200, 422} <= seen["POST /v1/messages"]
    assert seen["GET /v1/keys"] == {200}
    assert not any(status >= 500 for statuses in seen.values() for status in statuses)
