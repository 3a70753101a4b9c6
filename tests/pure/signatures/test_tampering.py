"""Whatever is covered cannot be changed after signing."""

from dataclasses import replace
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.signatures import errors
from coalition.signatures.sign import content_digest_of
from coalition.signatures.verify import parse_signature, verify_request

CREATED_S = 1_795_000_000


@pytest.mark.parametrize(
    ("component", "value"),
    [
        ("method", "PUT"),
        ("method", "post"),
        ("authority", "hub.example:8443"),
        ("authority", "evil.example"),
        ("path", "/v1/messages/"),
        ("path", "/v1/%6Dessages"),
        ("query", "?dry_run=1"),
        ("query", "??"),
    ],
)
def test_a_changed_component_breaks_the_signature(message, component, value):
    """Each component is compared as sent; percent-encoding and case are not smoothed over."""
    with pytest.raises(errors.SignatureWrongError, match="till-key"):
        message.with_request(**{component: value}).received()


def test_a_changed_body_is_named_as_such(message):
    """The signature is over the digest that was sent and still right, so that the answer says what changed."""
    changed = message.with_body(b'{"operations": [1]}')
    with pytest.raises(errors.ContentDigestWrongError, match="Content-Digest"):
        changed.received()
    other = Ed25519PrivateKey.from_private_bytes(sha256(b"other").digest())
    with pytest.raises(errors.SignatureWrongError):
        replace(changed, private_key=other).received()


def test_a_changed_body_with_its_own_digest_breaks_the_signature(message):
    """The digest is itself signed."""
    body = b'{"operations": [1]}'
    with pytest.raises(errors.SignatureWrongError):
        message.with_body(body).with_request(content_digest=content_digest_of(body)).received()


def test_a_digest_in_another_spelling_breaks_the_signature(message):
    """The header is signed as sent: a second algorithm added on the way is a change, though both are right."""
    header = f"{message.request.content_digest}, sha-512=:AAAA:"
    with pytest.raises(errors.SignatureWrongError):
        message.with_request(content_digest=header).received()


def test_a_removed_body_is_noticed(message):
    """A covered digest is checked even if nothing came."""
    with pytest.raises(errors.ContentDigestWrongError):
        message.with_body(b"").received()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"created={CREATED_S}", f"created={CREATED_S + 1}"),
        ('keyid="till-key"', 'keyid="till-kez"'),
        (";tag=", ';nonce="1";tag='),
        (";tag=", f";expires={CREATED_S + 99};tag="),
        ('"@path" "@query"', '"@query" "@path"'),
        (' "content-digest"', ""),
    ],
)
def test_a_changed_parameter_breaks_the_signature(message, old, new):
    """Parameters and the list itself are the last line of what is signed."""
    changed = message.with_request(signature_input=message.request.signature_input.replace(old, new))
    assert changed.request.signature_input != message.request.signature_input
    with pytest.raises(errors.SignatureWrongError):
        changed.received()


def test_the_signature_of_another_key_is_refused(message):
    """The key that was looked up decides, not the one that was used."""
    other = Ed25519PrivateKey.from_private_bytes(sha256(b"other").digest()).public_key()
    with pytest.raises(errors.SignatureWrongError):
        verify_request(message.request, message.body, other, parse_signature(message.request), now_s=CREATED_S)


def test_a_changed_bit_of_the_signature_is_refused(message):
    """A signature is right as a whole or not at all."""
    signature = message.request.signature
    swapped = signature.replace(signature[10], "A" if signature[10] != "A" else "B", 1)
    with pytest.raises(errors.SignatureWrongError):
        message.with_request(signature=swapped).received()


@pytest.mark.parametrize("name", ["method", "authority", "path", "query"])
@pytest.mark.parametrize("value", ["/a\nb", '/a\n"@query": ?', "/a\rb", "/é", "/\ud800"])
def test_a_value_that_could_forge_a_line_is_refused(message, name, value):
    """RFC 9421 section 2.5: no line breaks, ASCII only; whatever the HTTP parser let through."""
    with pytest.raises(errors.SignatureMalformedError, match="line breaks"):
        message.with_request(**{name: value}).received()


def test_a_line_moved_from_one_component_into_another_is_refused(sign_by_hand):
    """The same bytes to sign, split differently, are not the same request."""
    message = sign_by_hand()
    forged = message.with_request(method='POST\n"@authority": hub.example', authority="hub.example")
    with pytest.raises(errors.SignatureMalformedError):
        forged.received()
