"""The test vectors of the standards themselves, at the level that our one profile can reach."""

from base64 import b64decode

import pytest

from coalition.signatures import errors, keys, profile
from coalition.signatures.request import SignedRequest, path_and_query
from coalition.signatures.sign import content_digest_of
from coalition.signatures.verify import parse_signature, verify_digest

# RFC 9421 appendix B.1.4, test-key-ed25519.
RFC_9421_PRIVATE_PEM = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
"""
RFC_9421_PUBLIC_PEM = b"""-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----
"""
# RFC 9421 appendix B.2.6.
B26_PARAMS = (
    '("date" "@method" "@path" "@authority" "content-type" "content-length")'
    ';created=1618884473;keyid="test-key-ed25519"'
)
B26_LINES = [
    '"date": Tue, 20 Apr 2021 02:07:55 GMT',
    '"@method": POST',
    '"@path": /foo',
    '"@authority": example.com',
    '"content-type": application/json',
    '"content-length": 18',
    f'"@signature-params": {B26_PARAMS}',
]
B26_SIGNATURE = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="


def rfc_request(**changes: str | None) -> SignedRequest:
    """The request of RFC 9421 appendix B.2."""
    path, query = path_and_query("/foo?param=Value&Pet=dog")
    values: dict[str, str | None] = {
        "signature_input": f"sig-b26={B26_PARAMS}",
        "signature": f"sig-b26=:{B26_SIGNATURE}:",
        "content_digest": None,
        **changes,
    }
    return SignedRequest(method="POST", authority="example.com", path=path, query=query, **values)


def test_the_key_of_rfc_9421_is_read_and_written():
    """Appendix B.1.4, from PEM to key and back; `x` is that of its JSON Web Key."""
    private_key = keys.load_private_key(RFC_9421_PRIVATE_PEM)
    assert keys.private_key_pem(private_key) == RFC_9421_PRIVATE_PEM
    assert keys.public_key_pem(private_key.public_key()) == RFC_9421_PUBLIC_PEM
    jwk = keys.jwk_of(keys.load_public_key(RFC_9421_PUBLIC_PEM))
    assert jwk["x"] == "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"


def test_the_signature_of_rfc_9421_is_made_and_verified():
    """Appendix B.2.6: signature base to signature bytes."""
    base = profile.as_base("\n".join(B26_LINES), lines=len(B26_LINES))
    private_key = keys.load_private_key(RFC_9421_PRIVATE_PEM)
    assert profile.byte_sequence(private_key.sign(base)) == f":{B26_SIGNATURE}:"
    keys.load_public_key(RFC_9421_PUBLIC_PEM).verify(b64decode(B26_SIGNATURE), base)


def test_the_lines_of_rfc_9421_are_those_of_our_base():
    """The lines of appendix B.2.6 and of section 2.2.7 that our profile has too, in an order of the RFC's."""
    base = profile.request_base(rfc_request(), covered=("@method", "@path", "@authority", "@query"), params_text="()")
    ours = base.decode().split("\n")
    assert ours[:3] == B26_LINES[1:4]
    assert ours[3] == '"@query": ?param=Value&Pet=dog'


def test_a_signature_of_another_profile_is_refused_with_the_reason():
    """The RFC's own request is valid, and not a message of ours: it has no tag of ours."""
    with pytest.raises(errors.SignatureMissingError, match="labels: sig-b26"):
        parse_signature(rfc_request())
    tagged = rfc_request(signature_input=f'sig-b26={B26_PARAMS};tag="coalition-message-v1"')
    with pytest.raises(errors.SignatureComponentUnsupportedError, match='got "date"'):
        parse_signature(tagged)


@pytest.mark.parametrize(
    ("body", "header"),
    [
        # RFC 9530 section 2 and appendix B.1: the object with a line feed.
        (b'{"hello": "world"}\n', "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"),
        # RFC 9530 appendix B.2: no content.
        (b"", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"),
        # RFC 9421: the same object without one, as in its examples of signed requests.
        (b'{"hello": "world"}', "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"),
    ],
)
def test_the_digests_of_rfc_9530(body, header):
    """Made and checked; a digest of another body is refused."""
    assert content_digest_of(body) == header
    assert profile.byte_sequence(verify_digest(header, body)) == header.removeprefix("sha-256=")
    with pytest.raises(errors.ContentDigestWrongError):
        verify_digest(header, body + b" ")


def test_several_algorithms_of_rfc_9530():
    """Section 2 lists sha-512 beside sha-256; appendix B.2 of RFC 9421 uses sha-512 alone, which is not enough here."""
    sha_512 = "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==:"
    body = b'{"hello": "world"}\n'
    assert verify_digest(f"{content_digest_of(body)}, {sha_512}", body)
    assert verify_digest(f"{sha_512}, {content_digest_of(body)}", body)
    with pytest.raises(errors.ContentDigestMissingError, match="got sha-512"):
        verify_digest(sha_512, body)


def test_the_thumbprint_of_rfc_8037():
    """Appendix A.2 and A.3: the name of the key of RFC 8032's test."""
    public_key = keys.public_key_of_raw(
        bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    )
    assert keys.jwk_of(public_key)["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert keys.keyid_of(public_key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
