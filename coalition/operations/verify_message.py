"""Verify a kept message again, years after it came, from what is stored alone."""

from hashlib import sha256
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from coalition.signatures.errors import SignatureRefusedError
from coalition.signatures.request import SignedRequest, path_and_query
from coalition.signatures.verify import parse_signature, verify_request


class SignedEvidence(Protocol):
    """What is kept of a message, as far as its signature speaks of it."""

    @property
    def digest(self) -> bytes: ...
    @property
    def authority(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def signature_input(self) -> str: ...
    @property
    def signature(self) -> str: ...
    @property
    def content_digest(self) -> str: ...
    @property
    def body(self) -> bytes: ...
    @property
    def public_key(self) -> bytes | None: ...


def fault_of_message(message: SignedEvidence) -> str | None:
    """Return why a kept message is not as its partner signed it; None: it is.

    It is verified as on the day it came; its age is not judged, that was done then."""
    if sha256(message.body).digest() != message.digest:
        return "the body is not the one that the digest names"
    if message.public_key is None:
        return "the partner has no such key"
    path, query = path_and_query(message.target)
    request = SignedRequest(
        method="POST",
        authority=message.authority,
        path=path,
        query=query,
        signature_input=message.signature_input,
        signature=message.signature,
        content_digest=message.content_digest,
    )
    try:
        parsed = parse_signature(request)
        public_key = Ed25519PublicKey.from_public_bytes(message.public_key)
        verify_request(request, message.body, public_key, parsed, now_s=parsed.created)
    except SignatureRefusedError as error:
        return error.code
    return None
