"""A small hub over real HTTP: verifies and signs with a third-party library, books in a dict, fails on demand."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import ContentDigest, HTTPMessageSigner, HTTPMessageVerifier, MappingKeyResolver
from http_message_signatures.algorithms import ED25519

from partner_sdk import Backoff, Coalition, thumbprint
from partner_sdk.keys import _base64url, raw_bytes

CARD = "2760 0000 0001 8"


@dataclass
class Seen:
    method: str
    url: str
    headers: dict[str, str]


@dataclass
class Answer:
    status_code: int
    headers: dict[str, str]
    body: bytes
    request: Seen


Edit = Callable[[Answer], None]


class SigningHub:
    """Adapt it by its fields: `plain` and `edits` are used up, one a request; the rest holds until changed."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.retired_key: Ed25519PrivateKey | None = None
        self.partners: dict[str, Any] = {}
        self.bodies: list[bytes] = []
        self.faults: list[Exception] = []
        self.signature_inputs: list[str] = []
        self.booked: dict[str, dict[str, Any]] = {}
        self.balances: dict[str, int] = {}
        self.unknown_cards: set[str] = set()
        self.unknown_originals: set[str] = set()
        self.bad_ids: set[str] = set()
        # What the results of a kind of operation say besides, or instead.
        self.told: dict[str, dict[str, Any]] = {}
        # Unsigned answers, given before anything is looked at, as a proxy would.
        self.plain: deque[web.Response] = deque()
        # Changes to the answer after it was signed, as an attacker would make them.
        self.edits: deque[Edit] = deque()
        self.problems: deque[tuple[int, dict[str, Any]]] = deque()
        self.open = asyncio.Event()
        self.open.set()
        self._arrival = asyncio.Condition()

    async def answer(self, request: web.Request) -> web.Response:
        try:
            return await self._answer(request)
        except Exception as fault:
            # A 500 would only make the SDK ask again, and hide a wrong test or a wrong signature.
            self.faults.append(fault)
            raise

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        if request.path == "/v1/keys":
            return self._keys(request)
        self.bodies.append(body)
        self.signature_inputs.append(request.headers.get("Signature-Input", ""))
        async with self._arrival:
            self._arrival.notify_all()
        await self.open.wait()
        if self.plain:
            return self.plain.popleft()
        seen = Seen(request.method, str(request.url), dict(request.headers))
        self._verify(seen, body)
        status, content = self._content(request, body)
        return self._signed(seen, status, content, self.key, edit=self.edits.popleft() if self.edits else None)

    def _verify(self, seen: Seen, body: bytes) -> None:
        resolver = MappingKeyResolver(public_keys=self.partners, private_keys={})
        verifier = HTTPMessageVerifier(signature_algorithm=ED25519, key_resolver=resolver)
        components = ["@method", "@authority", "@path", "@query", *(["content-digest"] if body else [])]
        verifier.verify(seen, expect_tag="coalition-message-v1", require_components=components, body=body)

    def _keys(self, request: web.Request) -> web.Response:
        jwks = [
            {"kty": "OKP", "crv": "Ed25519", "x": _base64url(raw_bytes(key.public_key())), "alg": "EdDSA", "use": "sig"}
            | {"kid": thumbprint(key.public_key()), "valid_from": "2026-01-01T00:00:00Z", "valid_until": None}
            for key in (self.key, self.retired_key)
            if key is not None
        ]
        if self.retired_key is None or "Signature-Input" not in request.headers:
            return web.json_response({"keys": jwks})
        seen = Seen(request.method, str(request.url), dict(request.headers))
        return self._signed(seen, 200, {"keys": jwks}, self.retired_key)

    def _signed(
        self, seen: Seen, status: int, content: Any, key: Ed25519PrivateKey, *, edit: Edit | None = None
    ) -> web.Response:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        answer = Answer(status, {}, body, seen)
        self.sign(answer, key=key)
        if edit is not None:
            edit(answer)
        headers = answer.headers | {"Content-Type": "application/json"}
        return web.Response(status=answer.status_code, body=answer.body, headers=headers)

    def sign(
        self,
        answer: Answer,
        *,
        key: Ed25519PrivateKey | None = None,
        without: str | None = None,
        late: timedelta = timedelta(),
    ) -> None:
        """Sign as the protocol says; `without` one component, or `late` by the hub's clock."""
        key = key or self.key
        keyid = thumbprint(key.public_key())
        resolver = MappingKeyResolver(public_keys={}, private_keys={keyid: key})
        digest = ['"content-digest";req'] if "Content-Digest" in answer.request.headers else []
        label = answer.request.headers["Signature-Input"].split("=", 1)[0]
        request = ['"@method";req', '"@authority";req', '"@path";req', '"@query";req', *digest]
        components = ['"@status"', '"content-digest"', *request, f'"signature";req;key="{label}"']
        answer.headers["Content-Digest"] = ContentDigest.create(answer.body)
        HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=resolver).sign(
            answer,
            key_id=keyid,
            created=datetime.now(UTC) + late,
            label="hub",
            tag="coalition-receipt-v1",
            use_existing_digest=True,
            covered_component_ids=[component for component in components if component != without],
        )

    def _content(self, request: web.Request, body: bytes) -> tuple[int, Any]:
        if self.problems:
            return self.problems.popleft()
        if request.path == "/v1/messages":
            return self._message(json.loads(body)["operations"])
        if request.path.startswith("/v1/cards/"):
            card = request.path.removeprefix("/v1/cards/")
            points = self.balances.get(card, 0)
            expiries = [{"on": "2029-09-30", "points": points}]
            return 200, {"card": card, "balance": points, "available": points, "held": 0, "expiries": expiries}
        if request.path.startswith("/v1/operations/"):
            result = self.booked.get(request.path.removeprefix("/v1/operations/"))
            return (200, result) if result else (404, {"code": "unknown_operation", "title": "never booked"})
        if request.path == "/v1/windows":
            pages = {"": (1, "SETTLED", "1"), "1": (2, "OPEN", None)}
            number, state, following = pages[request.query.get("after", "")]
            told = {"sales_from": "2026-10-31", "sales_until": "2026-11-30", "net": "7.50"} if number == 1 else {}
            return 200, {"windows": [{"window": number, "state": state, **told}], "next": following}
        if request.path.endswith("/documents"):
            return 200, {"documents": [{"number": "INV-2026-000001", "kind": "invoice"}]}
        return 200, b"%PDF" if request.path.endswith(".pdf") else {"window": 1, "lines": []}

    def _message(self, operations: list[dict[str, Any]]) -> tuple[int, Any]:
        bad = [number for number, one in enumerate(operations) if one["id"] in self.bad_ids]
        if bad:
            told = {"code": "occurred_at_too_old", "expected": "at most 400 days back", "got": "2020-01-01"}
            errors = [{"field": f"operations.{number}.occurred_at"} | told for number in bad]
            return 422, {"code": "message_invalid", "title": "bad", "retryable": False, "errors": errors}
        return 200, {"message": "", "results": [self._result(one) for one in operations]}

    def _result(self, operation: dict[str, Any]) -> dict[str, Any]:
        if operation["id"] in self.booked:
            return self.booked[operation["id"]]
        if operation["card"] in self.unknown_cards:
            return {"id": operation["id"], "verdict": "refused", "code": "unknown_card", "retryable": True}
        if operation.get("operation_id") in self.unknown_originals:
            return {"id": operation["id"], "verdict": "refused", "code": "unknown_original", "retryable": True}
        result = self._verdict(operation) | self.told.get(operation["type"], {})
        place = {"lane": 0, "leaf": len(self.booked), "window": 1, "booked_at": "2026-11-21T18:04:12+00:00"}
        self.booked[operation["id"]] = result | place
        return self.booked[operation["id"]]

    def _verdict(self, operation: dict[str, Any]) -> dict[str, Any]:
        card, points = operation["card"], operation.get("points", 0)
        balance = self.balances.get(card, 0)
        if operation["type"] == "burn":
            points = -points
        if balance + points < 0:
            refusal = {"verdict": "refused", "code": "insufficient_points", "available": balance}
            return {"id": operation["id"]} | refusal
        self.balances[card] = balance + points
        figures = {"points": abs(points), "balance": balance + points, "available": balance + points}
        return {"id": operation["id"], "verdict": "booked"} | figures

    async def arrivals(self, count: int) -> None:
        """Return when this many requests have arrived, answered or not."""
        async with self._arrival:
            await self._arrival.wait_for(lambda: len(self.bodies) >= count)

    def operations(self) -> list[dict[str, Any]]:
        """Everything that arrived, in the order of arrival, repeats too."""
        return [operation for body in self.bodies if body for operation in json.loads(body)["operations"]]


@pytest.fixture
async def signing_hub() -> AsyncIterator[SigningHub]:
    hub = SigningHub()
    application = web.Application(client_max_size=2 << 20)
    application.router.add_route("*", "/{path:.*}", hub.answer)
    server = TestServer(application)
    await server.start_server()
    hub.url = str(server.make_url("")).rstrip("/")
    yield hub
    hub.open.set()
    await server.close()
    assert hub.faults == []


@pytest.fixture
def partner_key(signing_hub: SigningHub) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    signing_hub.partners[thumbprint(key.public_key())] = key.public_key()
    return key


@pytest.fixture
def outbox_path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def connect(signing_hub: SigningHub, partner_key: Ed25519PrivateKey, outbox_path: Path) -> Callable[..., Coalition]:
    """Makes a client of the test's hub that does not wait long for anything."""

    def make(**settings: Any) -> Coalition:
        quick = {"backoff": Backoff(first_s=0.001, pause_max_s=0.01), "give_up_after_s": 0.2, "timeout_s": 5.0}
        return Coalition(signing_hub.url, partner_key, **{"outbox": outbox_path} | quick | settings)

    return make
