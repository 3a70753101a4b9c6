"""A partner with a third-party library and no code of ours, against the real hub over HTTP.

Every answer is verified by that library too, resolved from the very request that it answers.
"""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientSession
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    InvalidSignature,
    MappingKeyResolver,
    VerifyResult,
)
from http_message_signatures.algorithms import ED25519
from yarl import URL

from tests.http.conftest import RunningHub
from tests.shop import operation

COVERED = ("@method", "@authority", "@path", "@query")


@dataclass
class Request:
    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Response:
    """What the library wants of an answer; `request` is the one that it answers."""

    status_code: int
    headers: dict[str, str]
    request: Request
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass
class Partner:
    """Signs and verifies by the library alone; knows the hub's keys from GET /v1/keys."""

    session: ClientSession
    url: str
    key: Ed25519PrivateKey
    keyid: str
    hub_keys: dict[str, Ed25519PublicKey]

    async def send(self, method: str, path: str, body: bytes = b"") -> Response:
        request = Request(method, f"{self.url}{path}")
        HTTPMessageSigner(
            signature_algorithm=ED25519,
            key_resolver=MappingKeyResolver(public_keys={}, private_keys={self.keyid: self.key}),
        ).sign(
            request,
            key_id=self.keyid,
            created=datetime.now(UTC),
            label="theirs",
            tag="coalition-message-v1",
            covered_component_ids=COVERED,
            body=body or None,
        )
        headers = request.headers | ({"Content-Type": "application/json"} if body else {})
        async with self.session.request(
            method, URL(request.url, encoded=True), data=body or None, headers=headers
        ) as answer:
            return Response(answer.status, dict(answer.headers), request, await answer.read())

    def verified(self, response: Response) -> VerifyResult:
        verifier = HTTPMessageVerifier(
            signature_algorithm=ED25519,
            key_resolver=MappingKeyResolver(
                public_keys=self.hub_keys | {self.keyid: self.key.public_key()}, private_keys={}
            ),
        )
        (result,) = verifier.verify(response, max_age=None, expect_tag="coalition-receipt-v1", body=response.body)
        return result


async def partner_of(hub: RunningHub, name: str = "Theirs") -> Partner:
    """Take a partner in, and let it learn the hub's keys as anybody may."""
    shop = await hub.shop(name)
    url = f"http://{hub.authority}"
    async with hub.session.get(f"{url}/v1/keys") as answer:
        keys = (await answer.json())["keys"]
    raw = {key["kid"]: base64.urlsafe_b64decode(key["x"] + "=") for key in keys}
    hub_keys = {keyid: Ed25519PublicKey.from_public_bytes(public) for keyid, public in raw.items()}
    return Partner(hub.session, url, shop.private_key, shop.keyid, hub_keys)


def body_of(*operations: dict[str, Any]) -> bytes:
    return json.dumps({"operations": operations}).encode()


async def test_a_message_is_booked_and_its_receipt_verifies(whole_hub: RunningHub) -> None:
    partner, card = await partner_of(whole_hub), await whole_hub.card()

    response = await partner.send("POST", "/v1/messages", body_of(operation("earn", card, points=120)))

    assert (response.status_code, response.document["results"][0]["balance"]) == (200, 120)
    result = partner.verified(response)
    assert list(result.covered_components)[:-1] == [
        '"@status"',
        '"content-digest"',
        '"@method";req',
        '"@authority";req',
        '"@path";req',
        '"@query";req',
        '"content-digest";req',
        '"signature";req;key="theirs"',
    ]
    assert result.parameters["alg"] == "ed25519"
    assert result.parameters["keyid"] in partner.hub_keys


@pytest.mark.parametrize("query", ["", "?", "?limit=2", "?after=0&limit=1", "?x=a%20b%2Fc+d&y=%C3%A9"])
async def test_questions_with_and_without_a_query(whole_hub: RunningHub, query: str) -> None:
    """The query is covered as it was sent, to the byte; an empty one is "?"."""
    partner = await partner_of(whole_hub)
    response = await partner.send("GET", f"/v1/windows{query}")
    assert response.status_code == 200, response.body
    covered = partner.verified(response).covered_components
    assert covered['"@query";req'] == (query or "?")
    assert '"content-digest";req' not in covered


async def test_a_path_with_escapes(whole_hub: RunningHub) -> None:
    partner, card = await partner_of(whole_hub), await whole_hub.card()
    response = await partner.send("GET", f"/v1/cards/{card[:4]}%20{card[4:]}")
    assert (response.status_code, response.document["card"]) == (200, card)
    assert partner.verified(response)


async def test_a_receipt_fits_no_other_request_and_no_other_answer(whole_hub: RunningHub) -> None:
    """The receipt is proof of this answer to this message: neither can be exchanged."""
    partner, card = await partner_of(whole_hub), await whole_hub.card()
    first = await partner.send("POST", "/v1/messages", body_of(operation("earn", card, points=1)))
    second = await partner.send("POST", "/v1/messages", body_of(operation("earn", card, points=1)))

    exchanged = [
        Response(first.status_code, first.headers, second.request, first.body),
        Response(201, first.headers, first.request, first.body),
        Response(first.status_code, first.headers, first.request, second.body),
    ]

    for response in exchanged:
        with pytest.raises(InvalidSignature):
            partner.verified(response)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (body_of(operation("earn", "2760000000018", points=0)), 422, "message_invalid"),
        (b"no json", 400, "not_json"),
        (body_of(*(operation("earn", "2760000000018", points=1) for _ in range(1_001))), 413, "too_many_operations"),
    ],
)
async def test_refusals_are_signed(whole_hub: RunningHub, body: bytes, status: int, code: str) -> None:
    partner = await partner_of(whole_hub)
    response = await partner.send("POST", "/v1/messages", body)
    assert (response.status_code, response.document["code"]) == (status, code)
    assert response.headers["Content-Type"] == "application/problem+json"
    assert partner.verified(response).covered_components['"@status"'] == str(status)


async def test_a_suspended_partner_and_full_queues_are_answered_signed(whole_hub: RunningHub) -> None:
    partner, card = await partner_of(whole_hub), await whole_hub.card()
    message = body_of(operation("earn", card, points=1))
    # As full as it can be.
    whole_hub.clearing.backlog.operations = 10**9
    overloaded = await partner.send("POST", "/v1/messages", message)
    whole_hub.clearing.backlog.operations = 0
    await whole_hub.pool.execute("UPDATE partner SET status = 'suspended'")
    await whole_hub.clearing.registry.load()
    suspended = await partner.send("POST", "/v1/messages", message)

    assert (overloaded.status_code, suspended.status_code) == (503, 403)
    assert int(overloaded.headers["Retry-After"]) >= 1
    assert partner.verified(overloaded)
    assert partner.verified(suspended)
    missing = await partner.send("GET", "/v1/operations/none")
    assert missing.status_code == 403


async def test_404_is_signed_since_it_says_that_something_was_never_booked(whole_hub: RunningHub) -> None:
    partner = await partner_of(whole_hub)
    response = await partner.send("GET", "/v1/operations/never-sent")
    assert response.status_code == 404
    assert partner.verified(response)
