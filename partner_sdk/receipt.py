"""A receipt: one request and the hub's signed answer to it, kept byte for byte as evidence."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from partner_sdk.errors import AnswerNotUnderstoodError, UnknownOperationError
from partner_sdk.keys import load_public_key
from partner_sdk.result import Result, parse_result
from partner_sdk.signing import KeyLookup, Signed, SignedRequest, verify_answer


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was asked, and what the hub answered. It proves nothing until `verify` has passed.

    `clock_offset_s` was measured when it came: how far the hub's clock was ahead of this machine's.
    """

    request: SignedRequest
    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    clock_offset_s: float | None = None

    def verify(self, hub_key: Ed25519PublicKey | str | Path | bytes | KeyLookup) -> str:
        """Check the hub's signature over this answer to this request, offline; return its keyid.

        `hub_key` is the hub's public key (or PEM), or a function from keyid to key. Raises ReceiptInvalidError.
        """
        return self.signed(hub_key if callable(hub_key) else _always(load_public_key(hub_key))).keyid

    def signed(self, key_of: KeyLookup) -> Signed:
        """Check the signature as `verify` does; return who signed, and when. Raises ReceiptInvalidError."""
        return verify_answer(self.request, status=self.status, headers=self.headers, body=self.body, key_of=key_of)

    def content(self) -> Any:
        """Return the answer's JSON. Raises AnswerNotUnderstoodError."""
        try:
            return json.loads(self.body)
        except ValueError as fault:
            raise AnswerNotUnderstoodError("expected JSON", content=self.body[:200]) from fault

    def results(self) -> list[Result]:
        """Return the results of an answered message, one per operation, in order. Raises AnswerNotUnderstoodError."""
        content = self.content()
        if not isinstance(content, dict) or not isinstance(content.get("results"), list):
            raise AnswerNotUnderstoodError("expected results", content=content)
        return [parse_result(raw) for raw in content["results"]]

    def result_of(self, operation_id: str) -> Result:
        """Return the result of one operation; `rejected` if the whole message was. Raises UnknownOperationError."""
        if self.status != 200:
            return rejected_result(operation_id, self.content())
        for result in self.results():
            if result.id == operation_id:
                return result
        raise UnknownOperationError(f"this receipt does not answer operation {operation_id}")


def rejected_result(operation_id: str, problem: Any) -> Result:
    """Return the result of an operation whose message was refused as a whole because of it."""
    raw = problem if isinstance(problem, dict) else {}
    return Result(id=operation_id, verdict="rejected", code=str(raw.get("code", "message_rejected")), raw=raw)


def _always(key: Ed25519PublicKey) -> Callable[[str], Ed25519PublicKey]:
    return lambda keyid: key
