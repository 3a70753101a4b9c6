"""HTTP message signatures of the one profile of the protocol (RFC 9421, RFC 9530, Ed25519); no IO.

The request:   tag "coalition-message-v1"  over  "@method" "@authority" "@path" "@query" ["content-digest"]
The answer:    tag "coalition-receipt-v1"  over  "@status" "content-digest" "@method";req "@authority";req "@path";req
                                                 "@query";req ["content-digest";req] "signature";req;key="partner"

The answer's signature covers the request's, so a receipt is bound to that very request. That is also why no age or
clock is checked here: an old answer cannot be replayed to a new request, and a receipt stays verifiable for years.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import (
    ContentDigest,
    HTTPMessageSignaturesException,
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    MappingKeyResolver,
)
from http_message_signatures.algorithms import ED25519

from partner_sdk.errors import ReceiptInvalidError

MESSAGE_TAG = "coalition-message-v1"
RECEIPT_TAG = "coalition-receipt-v1"
LABEL = "partner"
SIGNATURE_FIELDS = ("Content-Digest", "Signature-Input", "Signature")

KeyLookup = Callable[[str], Ed25519PublicKey | None]


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it was sent: `headers` holds the digest and the signature, nothing else."""

    method: str
    url: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signed an answer, and when by the hub's clock, in whole seconds."""

    keyid: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _AnswerView:
    """What the signature library reads of an answer."""

    status_code: int
    headers: Mapping[str, str]
    request: SignedRequest


class Signer:
    """Signs requests with one partner key."""

    def __init__(self, key: Ed25519PrivateKey, *, keyid: str) -> None:
        self.keyid = keyid
        keys = MappingKeyResolver(public_keys={}, private_keys={keyid: key})
        self._signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=keys)

    def sign(self, *, method: str, url: str, body: bytes, now: datetime) -> SignedRequest:
        """Return the signed request; `url` is absolute and percent-encoded exactly as it will be sent."""
        request = SignedRequest(method=method, url=url, body=body)
        self._signer.sign(
            request,
            key_id=self.keyid,
            created=now,
            label=LABEL,
            tag=MESSAGE_TAG,
            covered_component_ids=("@method", "@authority", "@path", "@query"),
            # The library adds the digest and its coverage.
            body=body or None,
        )
        return request


def verify_answer(
    request: SignedRequest, *, status: int, headers: Mapping[str, str], body: bytes, key_of: KeyLookup
) -> Signed:
    """Return which hub key signed this answer to this request, and when. Raises ReceiptInvalidError."""
    try:
        if request.body:
            ContentDigest.verify(request.headers.get("Content-Digest", ""), request.body)
        verifier = _ReceiptVerifier(signature_algorithm=ED25519, key_resolver=_Lookup(key_of))
        view = _AnswerView(status, headers, request)
        results = verifier.verify(view, max_age=None, expect_tag=RECEIPT_TAG, body=body)
    except HTTPMessageSignaturesException as fault:
        raise _receipt_invalid(fault) from fault
    if len(results) != 1:
        raise ReceiptInvalidError(f"expected one signature tagged {RECEIPT_TAG}, got {len(results)}")
    covered = [name for name in results[0].covered_components if name != '"@signature-params"']
    expected = receipt_components(has_body=bool(request.body))
    if covered != expected:
        raise ReceiptInvalidError(f"expected the signature to cover {' '.join(expected)}, got {' '.join(covered)}")
    parameters = results[0].parameters
    return Signed(str(parameters["keyid"]), datetime.fromtimestamp(int(parameters["created"]), UTC))


def receipt_components(*, has_body: bool, label: str = LABEL) -> list[str]:
    """Return what a receipt's signature covers, in the protocol's order; `label` is that of the request's signature."""
    digest = ['"content-digest";req'] if has_body else []
    request = ['"@method";req', '"@authority";req', '"@path";req', '"@query";req', *digest]
    return ['"@status"', '"content-digest"', *request, f'"signature";req;key="{label}"']


def _receipt_invalid(fault: HTTPMessageSignaturesException) -> ReceiptInvalidError:
    cause = fault.args[0] if fault.args else fault
    if isinstance(cause, ReceiptInvalidError):
        # The library wraps what a key lookup raises: an unknown key stays an error of its own.
        return cause
    # A bad signature reaches us as cryptography's own InvalidSignature, whose text is empty.
    return ReceiptInvalidError(f"the hub's signature is missing or wrong: {fault}".removesuffix(": "))


class _ReceiptVerifier(HTTPMessageVerifier):
    # See the module's docstring. The default of 5 s would also refuse true answers on a till whose clock is late.
    max_clock_skew = timedelta(days=365 * 100)


class _Lookup(HTTPSignatureKeyResolver):
    def __init__(self, key_of: KeyLookup) -> None:
        self._key_of = key_of

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey:
        key = self._key_of(key_id)
        if key is None:
            raise InvalidSignature(f"unknown key {key_id!r}")
        return key
