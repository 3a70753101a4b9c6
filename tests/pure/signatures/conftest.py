"""A signed message that is valid by default, and a signer by hand for those that must not be."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.signatures.request import SignedRequest
from coalition.signatures.verify import VerifiedRequest, parse_signature, verify_request

CREATED_S = 1_795_000_000
BODY = b'{"operations": []}'
COVERED = ("@method", "@authority", "@path", "@query", "content-digest")


def as_list(covered: tuple[str, ...]) -> str:
    return "(" + " ".join(f'"{name}"' for name in covered) + ")"


def parameters(**changes: str | None) -> str:
    """The five parameters of a valid signature as text; a change of None leaves one out."""
    texts: dict[str, str | None] = {
        "created": str(CREATED_S),
        "keyid": '"till-key"',
        "alg": '"ed25519"',
        "tag": '"coalition-message-v1"',
    }
    texts.update(changes)
    return "".join(f";{name}={text}" for name, text in texts.items() if text is not None)


@dataclass(frozen=True)
class SignedMessage:
    """A request, its body and the key that signed it; `received` is what the hub makes of it."""

    request: SignedRequest
    body: bytes
    private_key: Ed25519PrivateKey = field(repr=False)

    def with_request(self, **changes: Any) -> "SignedMessage":
        return replace(self, request=replace(self.request, **changes))

    def with_body(self, body: bytes) -> "SignedMessage":
        return replace(self, body=body)

    def received(self, *, now_s: int = CREATED_S, **limits: int) -> VerifiedRequest:
        parsed = parse_signature(self.request)
        return verify_request(self.request, self.body, self.private_key.public_key(), parsed, now_s=now_s, **limits)


@pytest.fixture(scope="session")
def private_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


SignByHand = Callable[..., SignedMessage]


@pytest.fixture(scope="session")
def sign_by_hand(private_key: Ed25519PrivateKey) -> SignByHand:
    """Sign whatever is asked for, sensible or not, with a signature base built here and not by the code under test.

    `sent` is put into Signature-Input in place of what was signed.
    """

    def sign(
        *,
        covered: tuple[str, ...] = COVERED,
        items_text: str | None = None,
        parameters_text: str | None = None,
        sent: str | None = None,
        label: str = "till",
        body: bytes = BODY,
        content_digest: str | None = "",
        **parameter_changes: str | None,
    ) -> SignedMessage:
        if content_digest == "":
            content_digest = f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"
        values = {
            "@method": "POST",
            "@authority": "hub.example",
            "@path": "/v1/messages",
            "@query": "?",
            "content-digest": content_digest,
            "@target-uri": "https://hub.example/v1/messages",
        }
        items = as_list(covered) if items_text is None else items_text
        params_text = items + (parameters_text or parameters(**parameter_changes))
        base = "".join(f'"{name}": {values.get(name)}\n' for name in covered) + f'"@signature-params": {params_text}'
        signature = b64encode(private_key.sign(base.encode())).decode()
        request = SignedRequest(
            method="POST",
            authority="hub.example",
            path="/v1/messages",
            query="?",
            signature_input=f"{label}={sent or params_text}",
            signature=f"{label}=:{signature}:",
            content_digest=content_digest,
        )
        return SignedMessage(request=request, body=body, private_key=private_key)

    return sign


@pytest.fixture
def message(sign_by_hand: SignByHand) -> SignedMessage:
    return sign_by_hand()
