"""What the verifier accepts, and each refusal with its code, field and words."""

import itertools
from hashlib import sha256

import pytest

from coalition.signatures import errors
from coalition.signatures.verify import TEXT_PARAMETER_CHARS_MAX, parse_signature

CREATED_S = 1_795_000_000
BODY = b'{"operations": []}'
REQUIRED = ("@method", "@authority", "@path", "@query")
WITH_BODY = (*REQUIRED, "content-digest")
LIST = '("@method" "@authority" "@path" "@query" "content-digest")'


def test_a_valid_message_is_accepted_with_all_that_it_said(sign_by_hand):
    """Accepting gives back label, key, times, nonce and the digest of the body."""
    message = sign_by_hand(nonce='"n-1"', expires=str(CREATED_S + 30))
    verified = message.received()
    assert verified.request is message.request
    assert (verified.parsed.label, verified.parsed.keyid, verified.parsed.nonce) == ("till", "till-key", "n-1")
    assert (verified.parsed.created, verified.parsed.expires) == (CREATED_S, CREATED_S + 30)
    assert verified.parsed.tag == "coalition-message-v1"
    assert verified.parsed.covered == WITH_BODY
    assert verified.body_sha256 == sha256(BODY).digest()


def test_a_request_without_a_body_needs_no_digest(sign_by_hand):
    """GETs are signed the same way, without Content-Digest."""
    assert sign_by_hand(covered=REQUIRED, body=b"", content_digest=None).received().body_sha256 is None


def test_a_covered_digest_of_an_empty_body_is_checked(sign_by_hand):
    """An empty body counts as none, yet what is signed must be true."""
    assert sign_by_hand(body=b"").received().body_sha256 is None
    with pytest.raises(errors.ContentDigestWrongError):
        sign_by_hand(body=b"", content_digest="sha-256=:" + "A" * 43 + "=:").received()


@pytest.mark.parametrize("covered", list(itertools.permutations(WITH_BODY))[::17])
def test_the_order_of_components_is_free(sign_by_hand, covered):
    """RFC 9421 leaves the order to the signer."""
    assert sign_by_hand(covered=covered).received().parsed.covered == covered


def test_the_order_of_parameters_is_free(sign_by_hand):
    """Parameters are signed in the order in which they are sent."""
    text = f';tag="coalition-message-v1";alg="ed25519";nonce="1";created={CREATED_S};keyid="k"'
    assert sign_by_hand(parameters_text=text).received().parsed.params_text == LIST + text


def test_a_header_in_another_spelling_is_verified_over_its_canonical_form(sign_by_hand):
    """RFC 9421 section 2.3: the base holds the serialised parameters, not the bytes of the header."""
    canonical = f';created={CREATED_S};keyid="k";alg="ed25519";expires={CREATED_S};tag="coalition-message-v1"'
    spelled = f';  created={CREATED_S}; keyid="k";alg="ed25519";expires=0{CREATED_S}; tag="coalition-message-v1"'
    wide = '(  "@method" "@authority"   "@path" "@query" "content-digest" )'
    message = sign_by_hand(parameters_text=canonical, sent=wide + spelled)
    assert message.received().parsed.params_text == LIST + canonical


def test_escapes_in_text_parameters_are_undone_once(sign_by_hand):
    """The key is looked up by what the signer meant."""
    assert sign_by_hand(keyid=r'"a\"b\\c\\"').received().parsed.keyid == 'a"b\\c\\'


@pytest.mark.parametrize("authority", ["HUB.example", "hub.example:443", "hub.example:80", "Hub.Example:443"])
def test_case_and_default_port_of_the_authority_do_not_matter(message, authority):
    """RFC 9421 section 2.2.3."""
    assert message.with_request(authority=authority).received()


def test_surrounding_blanks_of_headers_do_not_matter(message):
    """RFC 9421 section 2.1: blanks around a field's value are no part of it."""
    request = message.request
    blank = message.with_request(
        signature_input=f" {request.signature_input}\t",
        signature=f"  {request.signature} ",
        content_digest=f" {request.content_digest} ",
    )
    assert blank.received()


@pytest.mark.parametrize("header", ["signature_input", "signature"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_header_is_named(message, header, value):
    """A request without a signature is told which header it lacks."""
    with pytest.raises(errors.SignatureMissingError, match="expected a signature with tag=") as refusal:
        message.with_request(**{header: value}).received()
    assert refusal.value.field == {"signature_input": "Signature-Input", "signature": "Signature"}[header]


def test_another_tag_is_no_signature_of_ours(sign_by_hand):
    """A signature made for another purpose is not taken for a message."""
    with pytest.raises(errors.SignatureMissingError, match="coalition-message-v1"):
        sign_by_hand(tag='"coalition-receipt-v1"').received()


@pytest.mark.parametrize("missing", REQUIRED)
def test_each_required_component_is_required(sign_by_hand, missing):
    """The profile's list and no less, even if the shorter list is signed correctly."""
    covered = tuple(name for name in WITH_BODY if name != missing)
    with pytest.raises(errors.SignatureComponentsMissingError, match=missing):
        sign_by_hand(covered=covered).received()


def test_a_signature_over_nothing_is_refused(sign_by_hand):
    """An empty list is valid in RFC 9421 and worthless here."""
    with pytest.raises(errors.SignatureComponentsMissingError, match="@method, @authority, @path, @query"):
        sign_by_hand(covered=()).received()


def test_a_body_must_be_covered(sign_by_hand):
    """Without its digest in the list the body could be exchanged."""
    with pytest.raises(errors.SignatureComponentsMissingError, match="since there is a body"):
        sign_by_hand(covered=REQUIRED).received()


@pytest.mark.parametrize("covered", [REQUIRED, WITH_BODY])
def test_a_body_without_content_digest_is_refused(sign_by_hand, covered):
    """The header itself is named as what is missing, covered or not."""
    with pytest.raises(errors.ContentDigestMissingError, match="no header"):
        sign_by_hand(covered=covered, content_digest=None).received()


@pytest.mark.parametrize(
    "item",
    [
        '"@target-uri"',
        '"date"',
        '"@status"',
        '"@signature-params"',
        '"@Method"',
        '"@method";req',
        "@method",
        '"content-digest";sf',
        '"content-digest";key="sha-256"',
        "7",
        ":YQ==:",
        '"a b"',
    ],
)
def test_a_component_outside_the_profile_is_refused(sign_by_hand, item):
    """Stricter than the RFC on purpose: a value that the hub does not resolve is never half checked."""
    with pytest.raises(errors.SignatureRefusedError) as refusal:
        sign_by_hand(items_text=f"{LIST[:-1]} {item})").received()
    bare_name = item == "@method"
    assert refusal.value.code == ("signature_malformed" if bare_name else "signature_component_unsupported")
    assert refusal.value.field == "Signature-Input"


def test_a_component_given_twice_is_refused(sign_by_hand):
    """RFC 9421 section 2: each component at most once."""
    with pytest.raises(errors.SignatureMalformedError, match="each component once"):
        sign_by_hand(covered=("@method", *WITH_BODY)).received()


@pytest.mark.parametrize("alg", [None, '"rsa-pss-sha512"', '"hmac-sha256"', '"Ed25519"', '"EdDSA"', '""'])
def test_any_other_algorithm_is_refused(sign_by_hand, alg):
    """`alg` is required, so that nobody can argue later which algorithm was meant."""
    with pytest.raises(errors.SignatureAlgorithmUnsupportedError, match='expected "ed25519"'):
        sign_by_hand(alg=alg).received()


@pytest.mark.parametrize("name", ["created", "keyid"])
def test_required_parameters_are_required(sign_by_hand, name):
    """A signature without time or key cannot be judged."""
    with pytest.raises(errors.SignatureParameterMissingError) as refusal:
        sign_by_hand(**{name: None}).received()
    assert refusal.value.field == f"Signature-Input;{name}"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("created", '"1795000000"'),
        ("created", "1795000000.0"),
        ("created", "?1"),
        ("expires", "@1795000000"),
        ("expires", "1" * 16),
        ("keyid", "token"),
        ("keyid", '""'),
        ("keyid", '"é"'),
        ("keyid", ":YQ==:"),
        ("nonce", "7"),
        ("nonce", '""'),
        ("alg", "ed25519"),
        ("context", '"x"'),
    ],
)
def test_a_parameter_of_the_wrong_type_is_refused(sign_by_hand, name, text):
    """Types are those of RFC 9421 section 2.3; a parameter that it does not know is refused."""
    with pytest.raises(errors.SignatureMalformedError):
        sign_by_hand(**{name: text}).received()


@pytest.mark.parametrize("name", ["keyid", "nonce"])
def test_text_parameters_have_a_length_limit(sign_by_hand, name):
    """Whoever stores them knows how long they can be."""
    assert sign_by_hand(**{name: f'"{"x" * TEXT_PARAMETER_CHARS_MAX}"'}).received()
    with pytest.raises(errors.SignatureMalformedError, match="1 to 256 characters"):
        sign_by_hand(**{name: f'"{"x" * (TEXT_PARAMETER_CHARS_MAX + 1)}"'}).received()


def test_a_parameter_given_twice_is_refused(sign_by_hand):
    """RFC 8941 lets the last one win; two readers could then see two keys."""
    text = f';created={CREATED_S};keyid="a";keyid="b";alg="ed25519";tag="coalition-message-v1"'
    with pytest.raises(errors.SignatureMalformedError, match="once, got twice"):
        sign_by_hand(parameters_text=text).received()


@pytest.mark.parametrize(
    ("now_s", "error"),
    [
        (CREATED_S + 300, None),
        (CREATED_S + 301, errors.SignatureStaleError),
        (CREATED_S - 60, None),
        (CREATED_S - 61, errors.SignatureFromFutureError),
    ],
)
def test_the_age_limits_are_300_s_back_and_60_s_ahead(message, now_s, error):
    """Both limits are inclusive."""
    if error is None:
        assert message.received(now_s=now_s)
        return
    with pytest.raises(error, match="hub's clock"):
        message.received(now_s=now_s)


def test_the_age_limits_are_settings(message):
    """A coalition may choose other limits."""
    assert message.received(now_s=CREATED_S + 900, age_max_s=900)
    assert message.received(now_s=CREATED_S - 900, ahead_max_s=900)
    with pytest.raises(errors.SignatureStaleError, match="at most 5 s"):
        message.received(now_s=CREATED_S + 6, age_max_s=5)


def test_expires_is_honoured(sign_by_hand):
    """A signer may allow itself less than the hub does."""
    message = sign_by_hand(expires=str(CREATED_S + 10))
    assert message.received(now_s=CREATED_S + 10)
    with pytest.raises(errors.SignatureExpiredError, match=str(CREATED_S + 10)):
        message.received(now_s=CREATED_S + 11)


@pytest.mark.parametrize(
    "signature",
    [
        "till=::",
        "till=:AAAA:",
        f"till=:{'A' * 85}A=:",
        f"till=:{'A' * 88}:",
        f"till=:{'A' * 85}B==:",
        f"till=:{'A' * 84}:",
    ],
)
def test_a_signature_is_exactly_64_bytes_in_canonical_base64(message, signature):
    """One signature has one spelling, so that evidence cannot be respelled."""
    with pytest.raises(errors.SignatureMalformedError, match="64 bytes") as refusal:
        message.with_request(signature=signature).received()
    assert refusal.value.field == "Signature"


def test_reading_needs_neither_body_nor_clock(message):
    """The key is looked up between reading and verifying."""
    assert parse_signature(message.with_request(content_digest=None, path="/other").request).keyid == "till-key"


def test_a_refused_list_is_refused_again(sign_by_hand):
    """Known lists are cached; refusals are not."""
    for _ in range(3):
        with pytest.raises(errors.SignatureComponentsMissingError):
            sign_by_hand(covered=("@method", "content-digest")).received()
