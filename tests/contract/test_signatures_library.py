"""Our signer and verifier against the third-party library http-message-signatures, in both directions.

The library stands for any RFC 9421 implementation that a partner may use: it gets no code of ours.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    InvalidSignature,
    MappingKeyResolver,
    VerifyResult,
)
from http_message_signatures.algorithms import ED25519

from coalition.signatures import errors, keys
from coalition.signatures.request import SignedRequest, path_and_query
from coalition.signatures.sign import sign_request, sign_response
from coalition.signatures.verify import VerifiedRequest, parse_signature, verify_request

CREATED_S = 1_750_000_000
PARTNER_KEY = Ed25519PrivateKey.from_private_bytes(b"partner".ljust(32, b"."))
HUB_KEY = Ed25519PrivateKey.from_private_bytes(b"hub".ljust(32, b"."))
PARTNER_KEYID = keys.keyid_of(PARTNER_KEY.public_key())
HUB_KEYID = keys.keyid_of(HUB_KEY.public_key())
COMPONENTS = ("@method", "@authority", "@path", "@query")

requests = pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("POST", "https://hub.example/v1/messages", b'{"operations": []}'),
        ("POST", "https://Hub.Example:443/v1/messages?dry_run=1", b"\x00\xff"),
        ("GET", "http://127.0.0.1:8080/v1/events?after=a%3Ab&limit=2", b""),
        ("GET", "http://hub.example:80/v1/cards/2760%200000", b""),
        ("GET", "https://[::1]:8443/v1/windows?", b""),
    ],
)


@dataclass
class Request:
    """What the library wants of a request."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Response:
    """What the library wants of a response; `request` is the one that it answers."""

    status_code: int
    headers: dict[str, str]
    request: Request


def library_signed(
    method: str, url: str, body: bytes, *, label: str = "coalition", covered: tuple[str, ...] = COMPONENTS
) -> Request:
    request = Request(method, url)
    signer = HTTPMessageSigner(
        signature_algorithm=ED25519,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={PARTNER_KEYID: PARTNER_KEY}),
    )
    signer.sign(
        request,
        key_id=PARTNER_KEYID,
        created=datetime.fromtimestamp(CREATED_S, tz=UTC),
        label=label,
        tag="coalition-message-v1",
        covered_component_ids=covered,
        body=body or None,
    )
    return request


def library_verified(message: Request | Response, tag: str, body: bytes) -> VerifyResult:
    verifier = HTTPMessageVerifier(
        signature_algorithm=ED25519,
        key_resolver=MappingKeyResolver(
            public_keys={PARTNER_KEYID: PARTNER_KEY.public_key(), HUB_KEYID: HUB_KEY.public_key()}, private_keys={}
        ),
    )
    [result] = verifier.verify(message, max_age=None, expect_tag=tag, body=body)
    return result


def received(request: Request) -> SignedRequest:
    """The request as the hub reads it off the wire."""
    parts = urlsplit(request.url)
    path, query = path_and_query(request.url.partition(parts.netloc)[2])
    return SignedRequest(
        method=request.method,
        authority=parts.netloc,
        path=path,
        query=query,
        signature_input=request.headers.get("Signature-Input"),
        signature=request.headers.get("Signature"),
        content_digest=request.headers.get("Content-Digest"),
    )


def verified(request: Request, body: bytes) -> VerifiedRequest:
    signed = received(request)
    return verify_request(signed, body, PARTNER_KEY.public_key(), parse_signature(signed), now_s=CREATED_S)


def our_headers(method: str, url: str, body: bytes) -> dict[str, str]:
    unsigned = received(Request(method, url))
    return sign_request(
        private_key=PARTNER_KEY,
        keyid=PARTNER_KEYID,
        method=method,
        authority=unsigned.authority,
        path=unsigned.path,
        query=unsigned.query,
        body=body,
        created_s=CREATED_S,
    )


def our_answer(request: Request, body: bytes, *, status: int, answer: bytes) -> Response:
    headers = sign_response(
        private_key=HUB_KEY,
        keyid=HUB_KEYID,
        status=status,
        body=answer,
        verified=verified(request, body),
        created_s=CREATED_S,
    )
    return Response(status, headers, request)


@requests
def test_what_the_library_signs_we_accept(method, url, body):
    """A partner needs nothing of ours to send a message."""
    parsed = verified(library_signed(method, url, body), body).parsed
    assert (parsed.keyid, parsed.created) == (PARTNER_KEYID, CREATED_S)


@requests
def test_what_we_sign_the_library_accepts(method, url, body):
    """The other way round, over the same components."""
    result = library_verified(Request(method, url, our_headers(method, url, body)), "coalition-message-v1", body)
    digest = ['"content-digest"'] if body else []
    assert list(result.covered_components)[:-1] == [f'"{name}"' for name in COMPONENTS] + digest


@requests
def test_both_write_the_same_bytes(method, url, body):
    """Ed25519 is deterministic: two implementations, one result."""
    assert our_headers(method, url, body) == library_signed(method, url, body).headers


@requests
@pytest.mark.parametrize(("status", "answer"), [(200, b'{"results": []}'), (401, b"{}"), (404, b"")])
def test_our_receipts_are_accepted_by_the_library(method, url, body, status, answer):
    """The receipt covers the protocol's list in its order, resolved by the library from the request itself."""
    request = library_signed(method, url, body, label="till-3")
    response = our_answer(request, body, status=status, answer=answer)
    result = library_verified(response, "coalition-receipt-v1", answer)
    digest = ['"content-digest";req'] if body else []
    assert list(result.covered_components)[:-1] == [
        '"@status"',
        '"content-digest"',
        '"@method";req',
        '"@authority";req',
        '"@path";req',
        '"@query";req',
        *digest,
        '"signature";req;key="till-3"',
    ]
    assert result.covered_components['"signature";req;key="till-3"'] == (
        request.headers["Signature"].removeprefix("till-3=")
    )
    assert result.parameters == {
        "created": CREATED_S,
        "keyid": HUB_KEYID,
        "alg": "ed25519",
        "tag": "coalition-receipt-v1",
    }


@requests
def test_the_library_writes_the_same_receipt(method, url, body):
    """Signed by the library over the same list, the receipt has the same bytes as ours."""
    request = library_signed(method, url, body)
    ours = our_answer(request, body, status=200, answer=b"{}")
    covered = [
        identifier
        for identifier in library_verified(ours, "coalition-receipt-v1", b"{}").covered_components
        if identifier != '"@signature-params"'
    ]
    theirs = Response(200, {}, request)
    HTTPMessageSigner(
        signature_algorithm=ED25519,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={HUB_KEYID: HUB_KEY}),
    ).sign(
        theirs,
        key_id=HUB_KEYID,
        created=datetime.fromtimestamp(CREATED_S, tz=UTC),
        label="coalition",
        tag="coalition-receipt-v1",
        covered_component_ids=covered,
        body=b"{}",
    )
    assert theirs.headers == ours.headers


def test_a_receipt_does_not_fit_another_request():
    """The library refuses our receipt beside any request but the one that it answers."""
    body = b'{"operations": []}'
    url = "https://hub.example/v1/messages"
    response = our_answer(library_signed("POST", url, body), body, status=200, answer=b"{}")
    assert library_verified(response, "coalition-receipt-v1", b"{}")
    others = [
        library_signed("POST", f"{url}?again", body),
        library_signed("POST", url, b"{}"),
        library_signed("POST", url, body, covered=COMPONENTS[::-1]),
        library_signed("GET", url, b""),
    ]
    for other in others:
        with pytest.raises(InvalidSignature):
            library_verified(Response(200, response.headers, other), "coalition-receipt-v1", b"{}")


@pytest.mark.parametrize("covered", [(*COMPONENTS, "@target-uri"), COMPONENTS[1:], ("@target-uri",)])
def test_what_the_library_signs_outside_the_profile_we_refuse(covered):
    """A valid RFC 9421 signature is not enough: it must be the profile's."""
    request = library_signed("POST", "https://hub.example/v1/messages", b"{}", covered=covered)
    with pytest.raises((errors.SignatureComponentUnsupportedError, errors.SignatureComponentsMissingError)):
        verified(request, b"{}")


def test_a_second_signature_of_the_library_does_not_disturb():
    """A proxy of the partner may add a signature of its own."""
    request = library_signed("POST", "https://hub.example/v1/messages", b"{}")
    HTTPMessageSigner(
        signature_algorithm=ED25519,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={"proxy": HUB_KEY}),
    ).sign(
        request,
        key_id="proxy",
        created=datetime.fromtimestamp(CREATED_S, tz=UTC),
        label="proxy",
        tag="proxy",
        covered_component_ids=("@method", '"signature";key="coalition"', "@target-uri"),
        append_if_signature_exists=True,
        use_existing_digest=True,
    )
    assert verified(request, b"{}").parsed.label == "coalition"
    assert ", proxy=" in request.headers["Signature"]
