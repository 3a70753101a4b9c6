"""The strict verifier of the profile of PROTOCOL.md section 2.

    parse_signature(request)  ->  the caller looks up parsed.keyid and its validity  ->  verify_head(...)
                              ->  the caller reads the body  ->  verify_body(...)

Stricter than RFC 9421 on purpose; each of these is refused although the RFC leaves room for it:
components outside the profile's five and every component parameter ("sf", "key", "bs", "tr", "req"); signature
parameters outside RFC 9421 section 2.3; a parameter or label given twice; a missing `alg`; signatures that are not
exactly 64 bytes in canonical base64; parameters on a member of Signature. The order of components and of parameters is
free. Signatures with another tag may stand beside ours and are ignored, whatever they are worth.
Not checked here: the key's validity, and whether a nonce was used before.
"""

import re
from binascii import a2b_base64
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from coalition.signatures import profile
from coalition.signatures.errors import (
    ContentDigestMalformedError,
    ContentDigestMissingError,
    ContentDigestWrongError,
    SignatureAlgorithmUnsupportedError,
    SignatureAmbiguousError,
    SignatureComponentsMissingError,
    SignatureComponentUnsupportedError,
    SignatureExpiredError,
    SignatureFromFutureError,
    SignatureMalformedError,
    SignatureMissingError,
    SignatureParameterMissingError,
    SignatureStaleError,
    SignatureWrongError,
)
from coalition.signatures.request import SignedRequest
from coalition.signatures.structured_fields import ListMember, byte_sequences, inner_lists

AGE_MAX_S = 300
AHEAD_MAX_S = 60
TEXT_PARAMETER_CHARS_MAX = 256

_OUR_TAG = ("tag", f'"{profile.MESSAGE_TAG}"')
_NAME_OF_ITEM = {f'"{name}"': name for name in profile.COMPONENTS_WITH_BODY}
_INTEGER_PARAMETERS = frozenset({"created", "expires"})
_TEXT_PARAMETERS = frozenset({"keyid", "nonce", "alg", "tag"})
_INTEGER = re.compile(r"-?[0-9]{1,15}")
# The last character before the padding carries 4 (64 bytes) or 2 (32 bytes) unused bits, which must be zero: one
# signature has one spelling.
_SIGNATURE_BASE64 = re.compile(r"[A-Za-z0-9+/]{85}[AQgw]==")
_SHA256_BASE64 = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")


@dataclass(frozen=True, slots=True)
class ParsedSignature:
    """The signature of a request, read but not yet verified.

    `created` and `expires` are seconds since 1970. `params_text` is the canonical value of "@signature-params".
    """

    label: str
    keyid: str
    created: int
    expires: int | None
    nonce: str | None
    tag: str
    covered: tuple[str, ...]
    params_text: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """A request that the owner of `parsed.keyid` has signed; `body_sha256` is None for a request without a body."""

    request: SignedRequest
    parsed: ParsedSignature
    body_sha256: bytes | None


def parse_signature(request: SignedRequest) -> ParsedSignature:
    """Read the one signature whose tag is "coalition-message-v1" (RFC 9421 sections 2.3, 4.1, 4.2).

    Checks all that needs neither body, key nor clock. Raises a SignatureRefusedError for everything it does not accept.
    """
    signature_input = _present(request.signature_input, field="Signature-Input")
    signature_header = _present(request.signature, field="Signature")
    label, member = _our_member(inner_lists(signature_input, field="Signature-Input"))
    covered = _covered_components(member.items_text)
    values = _parameter_values(member.parameters)
    _require_algorithm(values.get("alg"))
    return ParsedSignature(
        label=label,
        keyid=_text(_required(values, "keyid"), name="keyid"),
        created=int(_required(values, "created")),
        expires=int(values["expires"]) if "expires" in values else None,
        nonce=_text(values["nonce"], name="nonce") if "nonce" in values else None,
        tag=profile.MESSAGE_TAG,
        covered=covered,
        params_text=profile.component_list(covered) + "".join([f";{key}={value}" for key, value in values.items()]),
        signature=_signature_bytes(signature_header, label=label),
    )


def verify_digest(content_digest_header: str | None, body: bytes) -> bytes:
    """Check that Content-Digest holds the SHA-256 of the body, and return it: 32 bytes (RFC 9530 section 2).

    Other algorithms may be listed and are not checked. Raises a ContentDigest...Error.
    """
    digest = sha256(body).digest()
    # What nearly every request carries needs no parsing.
    if content_digest_header == f"sha-256={profile.byte_sequence(digest)}":
        return digest
    header = _require_digest(content_digest_header)
    members = byte_sequences(header, field="Content-Digest", malformed=ContentDigestMalformedError)
    if "sha-256" not in members:
        raise ContentDigestMissingError(field="Content-Digest", expected="sha-256=:...:", got=", ".join(members))
    if not _SHA256_BASE64.fullmatch(members["sha-256"]):
        raise ContentDigestMalformedError(
            field="Content-Digest", expected="32 bytes in base64 as sha-256", got=members["sha-256"]
        )
    if a2b_base64(members["sha-256"]) != digest:
        raise ContentDigestWrongError(
            field="Content-Digest",
            expected=f"sha-256={profile.byte_sequence(digest)}, the digest of the {len(body):,} bytes that came",
            got=header,
        )
    return digest


def verify_request(
    request: SignedRequest,
    body: bytes,
    public_key: Ed25519PublicKey,
    parsed: ParsedSignature,
    *,
    now_s: int,
    age_max_s: int = AGE_MAX_S,
    ahead_max_s: int = AHEAD_MAX_S,
) -> VerifiedRequest:
    """Verify what `parse_signature(request)` has read, where the body is there already. Raises as its two parts do."""
    verify_head(request, public_key, parsed, now_s=now_s, age_max_s=age_max_s, ahead_max_s=ahead_max_s)
    return verify_body(request, body, parsed)


def verify_head(
    request: SignedRequest,
    public_key: Ed25519PublicKey,
    parsed: ParsedSignature,
    *,
    now_s: int,
    age_max_s: int = AGE_MAX_S,
    ahead_max_s: int = AHEAD_MAX_S,
) -> None:
    """Verify with the key of `parsed.keyid` all that the signature speaks of; of the body that is its digest.

    `now_s` is in seconds since 1970. Cheap checks come first, Ed25519 last. Raises a SignatureRefusedError.
    """
    _check_times(parsed, now_s=now_s, age_max_s=age_max_s, ahead_max_s=ahead_max_s)
    if profile.COMPONENT_OF_BODY in parsed.covered:
        _require_digest(request.content_digest)
    base = profile.request_base(request, covered=parsed.covered, params_text=parsed.params_text)
    try:
        public_key.verify(parsed.signature, base)
    except InvalidSignature:
        raise SignatureWrongError(
            field="Signature",
            expected=f"a signature by key {parsed.keyid} over this request; the hub's signature base is {base!r}",
            got=f"{parsed.label}={profile.byte_sequence(parsed.signature)}",
        ) from None


def verify_body(request: SignedRequest, body: bytes, parsed: ParsedSignature) -> VerifiedRequest:
    """Verify that the body is the one of which `verify_head` has verified the digest.

    An empty body counts as none; if Content-Digest is covered it is checked all the same. Raises a
    SignatureRefusedError.
    """
    digest = _check_body(request, body, covered=parsed.covered)
    return VerifiedRequest(request=request, parsed=parsed, body_sha256=digest if body else None)


def _present(value: str | None, *, field: str) -> str:
    if not value:
        raise SignatureMissingError(
            field=field, expected=f'a signature with tag="{profile.MESSAGE_TAG}"', got="no header"
        )
    return value


def _our_member(members: dict[str, ListMember]) -> tuple[str, ListMember]:
    ours = [label for label, member in members.items() if _OUR_TAG in member.parameters]
    if not ours:
        raise SignatureMissingError(
            field="Signature-Input",
            expected=f'a signature with tag="{profile.MESSAGE_TAG}"',
            got=f"none with this tag; labels: {', '.join(members)}",
        )
    if len(ours) > 1:
        raise SignatureAmbiguousError(
            field="Signature-Input",
            expected=f'one signature with tag="{profile.MESSAGE_TAG}"',
            got=f"{len(ours)}; labels: {', '.join(ours)}",
        )
    return ours[0], members[ours[0]]


# Partners send the same few lists for ever; refusals are not cached and the header's length is bounded.
@lru_cache(maxsize=64)
def _covered_components(items_text: str) -> tuple[str, ...]:
    items = items_text.split()
    for item in items:
        if item not in _NAME_OF_ITEM:
            raise SignatureComponentUnsupportedError(
                field="Signature-Input", expected=f"only components of {' '.join(_NAME_OF_ITEM)}", got=item
            )
    if len(set(items)) != len(items):
        raise SignatureMalformedError(field="Signature-Input", expected="each component once", got=items_text)
    missing = [name for name in profile.COMPONENTS_REQUIRED if f'"{name}"' not in items]
    if missing:
        raise SignatureComponentsMissingError(
            field="Signature-Input",
            expected=f"{profile.component_list(profile.COMPONENTS_REQUIRED)} covered",
            got=f"({items_text}), without {', '.join(missing)}",
        )
    return tuple([_NAME_OF_ITEM[item] for item in items])


def _parameter_values(parameters: list[tuple[str, str]]) -> dict[str, str]:
    """Return the parameters in their order, each value in canonical form, strings still in quotes."""
    values: dict[str, str] = {}
    for key, raw in parameters:
        if key in values:
            raise SignatureMalformedError(field=f"Signature-Input;{key}", expected="the parameter once", got="twice")
        if key in _TEXT_PARAMETERS:
            if not raw.startswith('"'):
                raise SignatureMalformedError(field=f"Signature-Input;{key}", expected="a quoted string", got=raw)
            values[key] = raw
        elif key in _INTEGER_PARAMETERS:
            if not _INTEGER.fullmatch(raw):
                raise SignatureMalformedError(
                    field=f"Signature-Input;{key}", expected="whole seconds since 1970", got=raw
                )
            values[key] = str(int(raw))
        else:
            raise SignatureMalformedError(
                field=f"Signature-Input;{key}",
                expected=f"only parameters of {', '.join(sorted(_TEXT_PARAMETERS | _INTEGER_PARAMETERS))}",
                got=f"{key}={raw}",
            )
    return values


def _required(values: dict[str, str], name: str) -> str:
    if name not in values:
        raise SignatureParameterMissingError(
            field=f"Signature-Input;{name}", expected=f"the parameter {name}", got=", ".join(values)
        )
    return values[name]


def _require_algorithm(quoted: str | None) -> None:
    if quoted != f'"{profile.ALGORITHM}"':
        raise SignatureAlgorithmUnsupportedError(
            field="Signature-Input;alg", expected=f'"{profile.ALGORITHM}"', got=quoted or "no alg"
        )


def _text(quoted: str, *, name: str) -> str:
    # Undoing the escapes in this order is enough: no other escape passes the grammar (RFC 8941 section 3.3.3).
    text = re.sub(r"\\(.)", r"\1", quoted[1:-1]) if "\\" in quoted else quoted[1:-1]
    if not 0 < len(text) <= TEXT_PARAMETER_CHARS_MAX:
        raise SignatureMalformedError(
            field=f"Signature-Input;{name}", expected=f"1 to {TEXT_PARAMETER_CHARS_MAX} characters", got=quoted
        )
    return text


def _signature_bytes(header: str, *, label: str) -> bytes:
    signatures = byte_sequences(header, field="Signature", malformed=SignatureMalformedError)
    if label not in signatures:
        raise SignatureMissingError(
            field="Signature", expected=f'label "{label}", as in Signature-Input', got=", ".join(signatures)
        )
    if not _SIGNATURE_BASE64.fullmatch(signatures[label]):
        raise SignatureMalformedError(
            field="Signature", expected="64 bytes in canonical base64", got=f"{label}=:{signatures[label]}:"
        )
    return a2b_base64(signatures[label])


def _check_times(parsed: ParsedSignature, *, now_s: int, age_max_s: int, ahead_max_s: int) -> None:
    age_s = now_s - parsed.created
    if age_s > age_max_s:
        raise SignatureStaleError(
            field="Signature-Input;created",
            expected=f"at most {age_max_s} s before the hub's clock ({now_s})",
            got=f"{parsed.created}, {age_s} s before",
        )
    if -age_s > ahead_max_s:
        raise SignatureFromFutureError(
            field="Signature-Input;created",
            expected=f"at most {ahead_max_s} s ahead of the hub's clock ({now_s})",
            got=f"{parsed.created}, {-age_s} s ahead",
        )
    if parsed.expires is not None and now_s > parsed.expires:
        raise SignatureExpiredError(
            field="Signature-Input;expires", expected=f"not before the hub's clock ({now_s})", got=str(parsed.expires)
        )


def _check_body(request: SignedRequest, body: bytes, *, covered: tuple[str, ...]) -> bytes | None:
    if profile.COMPONENT_OF_BODY in covered:
        return verify_digest(request.content_digest, body)
    if not body:
        return None
    _require_digest(request.content_digest)
    raise SignatureComponentsMissingError(
        field="Signature-Input",
        expected=f"{profile.component_list(profile.COMPONENTS_WITH_BODY)} covered, since there is a body",
        got=f"{profile.component_list(covered)}, without {profile.COMPONENT_OF_BODY}",
    )


def _require_digest(content_digest_header: str | None) -> str:
    if content_digest_header is None:
        raise ContentDigestMissingError(field="Content-Digest", expected="sha-256=:...: of the body", got="no header")
    return content_digest_header
