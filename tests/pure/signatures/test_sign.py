"""What the signer makes: the component list of the protocol, bound to one request."""

from base64 import b64decode

import pytest
from cryptography.exceptions import InvalidSignature

from coalition.signatures import errors
from coalition.signatures.request import SignedRequest
from coalition.signatures.sign import content_digest_of, sign_request, sign_response
from coalition.signatures.verify import parse_signature, verify_request

CREATED_S = 1_795_000_000


def signature_bytes(headers: dict[str, str]) -> bytes:
    return b64decode(headers["Signature"].removeprefix("coalition=:").removesuffix(":"))


def test_a_receipt_signs_status_body_and_the_whole_request(private_key, message):
    """The signature base, line by line, as PROTOCOL.md section 2 lists it."""
    verified = message.received()
    headers = sign_response(
        private_key=private_key, keyid="hub-key", status=200, body=b"{}", verified=verified, created_s=CREATED_S
    )
    params = (
        '("@status" "content-digest" "@method";req "@authority";req "@path";req "@query";req "content-digest";req '
        f'"signature";req;key="till");created={CREATED_S};keyid="hub-key";alg="ed25519";tag="coalition-receipt-v1"'
    )
    base = (
        '"@status": 200\n'
        f'"content-digest": {content_digest_of(b"{}")}\n'
        '"@method";req: POST\n'
        '"@authority";req: hub.example\n'
        '"@path";req: /v1/messages\n'
        '"@query";req: ?\n'
        f'"content-digest";req: {message.request.content_digest}\n'
        f'"signature";req;key="till": {message.request.signature.removeprefix("till=")}\n'
        f'"@signature-params": {params}'
    )
    assert headers["Content-Digest"] == content_digest_of(b"{}")
    assert headers["Signature-Input"] == f"coalition={params}"
    private_key.public_key().verify(signature_bytes(headers), base.encode())


def test_a_receipt_for_a_request_without_a_body_has_no_digest_of_it(private_key, sign_by_hand):
    """`content-digest;req` only where the request had a body."""
    get = sign_by_hand(covered=("@method", "@authority", "@path", "@query"), body=b"", content_digest=None)
    headers = sign_response(
        private_key=private_key, keyid="hub-key", status=404, body=b"", verified=get.received(), created_s=CREATED_S
    )
    assert '"content-digest";req' not in headers["Signature-Input"]
    assert headers["Signature-Input"].startswith('coalition=("@status" "content-digest" "@method";req ')


def test_receipts_of_two_requests_differ(private_key, sign_by_hand):
    """The same answer to another message is another receipt: the request's signature is in it."""
    signatures = {
        sign_response(
            private_key=private_key,
            keyid="hub-key",
            status=200,
            body=b"{}",
            verified=sign_by_hand(nonce=nonce).received(),
            created_s=CREATED_S,
        )["Signature"]
        for nonce in ('"1"', '"2"')
    }
    assert len(signatures) == 2


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_signed_request_is_accepted_by_our_own_verifier(private_key, body):
    """Signer and verifier agree on every optional part."""
    headers = sign_request(
        private_key=private_key,
        keyid="k",
        method="POST",
        authority="Hub.example:443",
        path="/a%20b",
        query="?x=1",
        body=body,
        created_s=CREATED_S,
        expires_s=CREATED_S + 5,
        nonce="n",
        label="bench",
    )
    assert ("Content-Digest" in headers) == bool(body)
    request = SignedRequest(
        "POST",
        "hub.example",
        "/a%20b",
        "?x=1",
        headers["Signature-Input"],
        headers["Signature"],
        headers.get("Content-Digest"),
    )
    parsed = parse_signature(request)
    assert (parsed.label, parsed.nonce, parsed.expires) == ("bench", "n", CREATED_S + 5)
    assert verify_request(request, body, private_key.public_key(), parsed, now_s=CREATED_S)


def test_a_receipt_is_not_a_message(private_key, message):
    """The hub's own signature over the same request cannot be sent back as a message."""
    headers = sign_response(
        private_key=private_key, keyid="k", status=200, body=b"{}", verified=message.received(), created_s=CREATED_S
    )
    with pytest.raises(errors.SignatureMissingError):
        message.with_request(signature_input=headers["Signature-Input"], signature=headers["Signature"]).received()


def test_another_status_is_another_receipt(private_key, message):
    """A refusal cannot be shown as a success."""
    headers = [
        sign_response(
            private_key=private_key, keyid="k", status=status, body=b"{}", verified=message.received(), created_s=1
        )
        for status in (200, 422)
    ]
    assert headers[0]["Signature-Input"] == headers[1]["Signature-Input"]
    assert signature_bytes(headers[0]) != signature_bytes(headers[1])
    with pytest.raises(InvalidSignature):
        private_key.public_key().verify(signature_bytes(headers[0]), b"")
