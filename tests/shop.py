"""A partner's shop for the tests: signs with the hub's own request signer, sends over real HTTP.

That the hub takes what third-party libraries sign is proved in tests/contract."""

import io
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import ClientSession
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.signatures.keys import keyid_of
from coalition.signatures.sign import sign_request

operation_numbers = itertools.count(1)


@dataclass(frozen=True)
class Answered:
    """What came back: status, headers, the raw body and the document in it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def results(self) -> list[dict[str, Any]]:
        assert self.status == 200, self.body
        results: list[dict[str, Any]] = self.document["results"]
        return results

    @property
    def result(self) -> dict[str, Any]:
        (only,) = self.results
        return only


def operation(kind: str, card: str, **fields: Any) -> dict[str, Any]:
    """Return a valid operation; a field given as None is left out."""
    document: dict[str, Any] = {
        "id": f"op-{next(operation_numbers)}",
        "type": kind,
        "card": card,
        "occurred_at": datetime.now(UTC).isoformat(),
        **fields,
    }
    return {name: value for name, value in document.items() if value is not None}


@dataclass
class Shop:
    """One partner with its key."""

    session: ClientSession
    authority: str
    name: str = "Shop"
    private_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def operation(self, kind: str, card: str, **fields: Any) -> dict[str, Any]:
        """Return a valid operation that occurs now, by this shop's clock."""
        return operation(kind, card, **{"occurred_at": self.clock().isoformat(), **fields})

    async def operate(self, kind: str, card: str, **fields: Any) -> dict[str, Any]:
        """Send one operation of any kind; return its result."""
        return (await self.send(self.operation(kind, card, **fields))).result

    @property
    def keyid(self) -> str:
        return keyid_of(self.private_key.public_key())

    async def send(self, *operations: dict[str, Any]) -> Answered:
        """Send operations as one message."""
        return await self.post(json.dumps({"operations": operations}).encode())

    async def earn(self, card: str, points: int, **fields: Any) -> dict[str, Any]:
        return await self.operate("earn", card, points=points, **fields)

    async def burn(self, card: str, points: int, **fields: Any) -> dict[str, Any]:
        return await self.operate("burn", card, points=points, **fields)

    async def reverse(self, card: str, operation_id: str, **fields: Any) -> dict[str, Any]:
        return await self.operate("reverse", card, operation_id=operation_id, **fields)

    async def post(self, body: bytes, **changes: Any) -> Answered:
        """Post raw bytes; `changes` go to `request`."""
        return await self.request("POST", "/v1/messages", body, **changes)

    async def get(self, path: str, **changes: Any) -> Answered:
        return await self.request("GET", path, **changes)

    async def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: dict[str, str | None] | None = None,
        created_s: int | None = None,
        signed_body: bytes | None = None,
        **signature: Any,
    ) -> Answered:
        """Send a signed request; `headers` replace, or with None remove, those that would be sent. `signed_body`: what
        is signed in the place of what is sent."""
        path_only, _, query = path.partition("?")
        signed = sign_request(
            private_key=self.private_key,
            keyid=self.keyid,
            method=method,
            authority=self.authority,
            path=path_only,
            query=f"?{query}",
            body=body if signed_body is None else signed_body,
            created_s=int(self.clock().timestamp()) if created_s is None else created_s,
            **signature,
        )
        sent: dict[str, str | None] = {**signed, **({"Content-Type": "application/json"} if body else {})}
        sent |= headers or {}
        async with self.session.request(
            method,
            f"http://{self.authority}{path}",
            data=io.BytesIO(body) if body else None,
            headers={name: value for name, value in sent.items() if value is not None},
            skip_auto_headers=["Content-Type"],
        ) as response:
            return Answered(response.status, response.headers, await response.read())
