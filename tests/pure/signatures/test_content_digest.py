"""Content-Digest is the body's own SHA-256 (RFC 9530)."""

from base64 import b64encode
from hashlib import sha256

import pytest

from coalition.signatures import errors
from coalition.signatures.sign import content_digest_of
from coalition.signatures.verify import verify_digest

BODY = b"body"
RIGHT = f"sha-256=:{b64encode(sha256(BODY).digest()).decode()}:"


def test_the_digest_of_the_body_is_returned():
    """The 32 bytes name the message from here on."""
    assert content_digest_of(BODY) == RIGHT
    assert verify_digest(RIGHT, BODY) == sha256(BODY).digest()


@pytest.mark.parametrize(
    "header", [f" {RIGHT} ", f"{RIGHT}, sha-512=:AAAA:", f"md5=:AAAA: ,{RIGHT}", f"unixsum=:AA==:,{RIGHT},crc=::"]
)
def test_other_algorithms_may_stand_beside_it(header):
    """Only sha-256 is checked; RFC 9530 lets a recipient ignore the others."""
    assert verify_digest(header, BODY) == sha256(BODY).digest()


@pytest.mark.parametrize("header", [None, "sha-512=:AAAA:"])
def test_sha_256_is_required(header):
    """An older or unknown algorithm alone proves nothing here."""
    with pytest.raises(errors.ContentDigestMissingError, match="expected sha-256"):
        verify_digest(header, BODY)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "sha-256",
        "sha-256=abc",
        "SHA-256=:AAAA:",
        "sha-256=:AAAA:",
        f"{RIGHT};q=1",
        f"{RIGHT}, {RIGHT}",
        "sha-256=:" + "A" * 42 + "B=:",
        "\ud800",
        "sha-256=::",
    ],
)
def test_a_malformed_header_is_refused(header):
    """32 bytes in canonical base64, once."""
    with pytest.raises(errors.ContentDigestMalformedError) as refusal:
        verify_digest(header, BODY)
    assert refusal.value.field == "Content-Digest"


def test_another_digest_is_refused_with_the_right_one():
    """The partner's engineer sees what the hub computed."""
    with pytest.raises(errors.ContentDigestWrongError, match="the 4 bytes that came") as refusal:
        verify_digest(content_digest_of(b"other"), BODY)
    assert RIGHT in refusal.value.expected
