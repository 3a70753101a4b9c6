"""The byte-exact vectors that partners in other languages build on; Ed25519 is deterministic.

They were made with http-message-signatures, not with our code, and are never made anew to fit the code.
"""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from coalition.signatures import keys, profile
from coalition.signatures.request import SignedRequest, path_and_query
from coalition.signatures.sign import sign_request, sign_response
from coalition.signatures.verify import VerifiedRequest, parse_signature, verify_request

VECTORS = json.loads((Path(__file__).parent / "vectors" / "signatures.json").read_text(encoding="utf-8"))
PARTNER, HUB = VECTORS["keys"]["partner"], VECTORS["keys"]["hub"]
exchanges = pytest.mark.parametrize("exchange", VECTORS["exchanges"], ids=lambda exchange: exchange["name"])


def received(request: dict[str, Any]) -> SignedRequest:
    return SignedRequest(
        method=request["method"],
        authority=request["authority"],
        path=request["path"],
        query=request["query"],
        signature_input=request["headers"]["Signature-Input"],
        signature=request["headers"]["Signature"],
        content_digest=request["headers"].get("Content-Digest"),
    )


def verified(request: dict[str, Any]) -> VerifiedRequest:
    signed = received(request)
    public_key = keys.load_public_key(PARTNER["public_pem"].encode())
    return verify_request(
        signed, request["body"].encode(), public_key, parse_signature(signed), now_s=request["created"]
    )


@pytest.mark.parametrize("key", [PARTNER, HUB])
def test_keys_have_the_names_in_the_vectors(key):
    """PEM, key and thumbprint belong together."""
    private_key = keys.load_private_key(key["private_pem"].encode())
    assert keys.private_key_pem(private_key).decode() == key["private_pem"]
    assert keys.public_key_pem(private_key.public_key()).decode() == key["public_pem"]
    assert keys.keyid_of(keys.load_public_key(key["public_pem"].encode())) == key["keyid"]


@exchanges
def test_a_request_is_accepted_as_it_is(exchange):
    """The verifier builds the very signature base of the vector."""
    request = exchange["request"]
    parsed = verified(request).parsed
    base = profile.request_base(received(request), covered=parsed.covered, params_text=parsed.params_text)
    assert base.decode() == request["signature_base"]
    assert (parsed.label, parsed.keyid, parsed.created) == (request["label"], PARTNER["keyid"], request["created"])
    assert (parsed.nonce, parsed.expires) == (request["nonce"], request["expires"])


@exchanges
def test_a_request_is_signed_byte_for_byte(exchange):
    """Our signer writes the headers of the vector, and the split of its URL is the vector's."""
    request = exchange["request"]
    target = request["url"].partition("://")[2].partition("/")[2]
    assert path_and_query(f"/{target}") == (request["path"], request["query"])
    headers = sign_request(
        private_key=keys.load_private_key(PARTNER["private_pem"].encode()),
        keyid=PARTNER["keyid"],
        method=request["method"],
        authority=request["authority"],
        path=request["path"],
        query=request["query"],
        body=request["body"].encode(),
        created_s=request["created"],
        expires_s=request["expires"],
        nonce=request["nonce"],
        label=request["label"],
    )
    assert headers == request["headers"]


@exchanges
def test_an_answer_is_signed_byte_for_byte(exchange):
    """The receipt of the vector, bound to the vector's request."""
    response = exchange["response"]
    headers = sign_response(
        private_key=keys.load_private_key(HUB["private_pem"].encode()),
        keyid=HUB["keyid"],
        status=response["status"],
        body=response["body"].encode(),
        verified=verified(exchange["request"]),
        created_s=response["created"],
    )
    assert headers == response["headers"]


@exchanges
@pytest.mark.parametrize(("part", "key"), [("request", PARTNER), ("response", HUB)])
def test_the_signature_bases_are_what_was_signed(exchange, part, key):
    """Whoever builds the base by hand can compare it, without any HTTP library."""
    message = exchange[part]
    signature = b64decode(message["headers"]["Signature"].split(":")[1])
    keys.load_public_key(key["public_pem"].encode()).verify(signature, message["signature_base"].encode())
