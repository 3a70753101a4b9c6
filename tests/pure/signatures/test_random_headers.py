"""No header, however broken, raises anything but a refusal."""

from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from coalition.signatures.errors import SignatureRefusedError
from coalition.signatures.request import SignedRequest
from coalition.signatures.sign import content_digest_of, sign_request
from coalition.signatures.verify import parse_signature, verify_digest, verify_request

CREATED_S = 1_795_000_000
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
BODY = b"{}"
VALID = sign_request(
    private_key=KEY, keyid="k", method="POST", authority="hub", path="/", body=BODY, created_s=CREATED_S, nonce="n"
)

any_text = st.text(st.characters(codec=None), max_size=80)
pieces = st.lists(
    st.sampled_from(
        [
            "coalition=",
            "(",
            ")",
            '"@method"',
            '"@authority"',
            '"@path"',
            '"@query"',
            '"content-digest"',
            " ",
            ";",
            ",",
            "created=",
            "1795000000",
            'keyid="k"',
            'alg="ed25519"',
            'tag="coalition-message-v1"',
            "expires=-1",
            "nonce=",
            '"',
            "\\",
            ":",
            "AAAA",
            "=",
            "A" * 86 + "==",
            "sha-256=",
            "\n",
            "\x00",
            "\ud800",
            "é",
        ]
    ),
    max_size=25,
).map("".join)


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """A valid header with one run of characters replaced."""
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 8)))
    return text[:start] + draw(st.one_of(pieces, any_text)) + text[end:]


def header(name: str) -> st.SearchStrategy[str | None]:
    return st.one_of(st.none(), st.just(VALID[name]), any_text, pieces, damaged(VALID[name]))


@settings(max_examples=400, deadline=None)
@given(
    signature_input=header("Signature-Input"),
    signature=header("Signature"),
    content_digest=header("Content-Digest"),
    path=st.one_of(st.just("/"), any_text),
)
def test_random_headers_are_accepted_or_refused(signature_input, signature, content_digest, path):
    """Accepted only if every covered value is the signed one; everything else is a SignatureRefusedError."""
    request = SignedRequest("POST", "hub", path, "?", signature_input, signature, content_digest)
    try:
        verify_request(request, BODY, KEY.public_key(), parse_signature(request), now_s=CREATED_S)
    except SignatureRefusedError:
        return
    assert (content_digest or "").strip(" \t") == VALID["Content-Digest"]
    assert path in ("/", "")


@settings(max_examples=200, deadline=None)
@given(content_digest=header("Content-Digest"), body=st.one_of(st.just(BODY), st.binary(max_size=20)))
def test_random_digests_are_accepted_or_refused(content_digest, body):
    """The same for the digest alone."""
    try:
        digest = verify_digest(content_digest, body)
    except SignatureRefusedError:
        return
    assert digest == sha256(body).digest()
    assert content_digest_of(body) in (content_digest or "")
