"""The signer of the profile of PROTOCOL.md section 2: the hub's receipts, and requests of the project's own tools."""

from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.signatures import profile
from coalition.signatures.request import SignedRequest, authority_without_default_port
from coalition.signatures.verify import VerifiedRequest


def sign_response(
    *,
    private_key: Ed25519PrivateKey,
    keyid: str,
    status: int,
    body: bytes,
    verified: VerifiedRequest,
    created_s: int,
) -> dict[str, str]:
    """Return the headers that bind this answer to that very request: Content-Digest, Signature-Input, Signature.

    `created_s` is in seconds since 1970. `keyid` is one of ours: plain ASCII without quotes (see keys.keyid_of).
    The answer's components are those of PROTOCOL.md section 2, in its order (RFC 9421 section 2.4 for "req").
    """
    content_digest = content_digest_of(body)
    covered = _receipt_components(status=status, content_digest=content_digest, verified=verified)
    params_text = (
        f"({' '.join([identifier for identifier, _ in covered])})"
        f';created={created_s};keyid="{keyid}";alg="ed25519";tag="{profile.RECEIPT_TAG}"'
    )
    lines = [f"{identifier}: {value}\n" for identifier, value in covered]
    base = profile.as_base(f'{"".join(lines)}"@signature-params": {params_text}', lines=len(covered) + 1)
    return {
        "Content-Digest": content_digest,
        "Signature-Input": f"{profile.LABEL}={params_text}",
        "Signature": f"{profile.LABEL}={profile.byte_sequence(private_key.sign(base))}",
    }


def sign_request(
    *,
    private_key: Ed25519PrivateKey,
    keyid: str,
    method: str,
    authority: str,
    path: str,
    query: str = "?",
    body: bytes = b"",
    created_s: int,
    expires_s: int | None = None,
    nonce: str | None = None,
    label: str = profile.LABEL,
) -> dict[str, str]:
    """Return the headers of a signed request; Content-Digest only with a body. For the benchmark, the demo and tests.

    `path`, `query` and `authority` as in SignedRequest; times in seconds since 1970. `keyid`, `nonce` and `label` must
    need no escapes. Partners use the SDK or any RFC 9421 library instead.
    """
    headers = {"Content-Digest": content_digest_of(body)} if body else {}
    request = SignedRequest(
        method=method,
        authority=authority,
        path=path,
        query=query,
        signature_input=None,
        signature=None,
        content_digest=headers.get("Content-Digest"),
    )
    covered = profile.COMPONENTS_WITH_BODY if body else profile.COMPONENTS_REQUIRED
    expires_text = "" if expires_s is None else f";expires={expires_s}"
    nonce_text = "" if nonce is None else f';nonce="{nonce}"'
    params_text = (
        f'{profile.component_list(covered)};created={created_s};keyid="{keyid}";alg="ed25519"'
        f'{expires_text}{nonce_text};tag="{profile.MESSAGE_TAG}"'
    )
    signature = private_key.sign(profile.request_base(request, covered=covered, params_text=params_text))
    headers["Signature-Input"] = f"{label}={params_text}"
    headers["Signature"] = f"{label}={profile.byte_sequence(signature)}"
    return headers


def content_digest_of(body: bytes) -> str:
    """Return the value of Content-Digest for this body (RFC 9530 section 2)."""
    return f"sha-256={profile.byte_sequence(sha256(body).digest())}"


def _receipt_components(*, status: int, content_digest: str, verified: VerifiedRequest) -> list[tuple[str, str]]:
    request, parsed = verified.request, verified.parsed
    request_digest = []
    if verified.body_sha256 is not None:
        request_digest = [('"content-digest";req', profile.field_value(request.content_digest))]
    return [
        ('"@status"', str(status)),
        ('"content-digest"', content_digest),
        ('"@method";req', request.method),
        ('"@authority";req', authority_without_default_port(request.authority)),
        ('"@path";req', request.path or "/"),
        ('"@query";req', request.query or "?"),
        *request_digest,
        # A dictionary member's value is its own serialisation, here the byte sequence alone (RFC 9421 section 2.1.2).
        (f'"signature";req;key="{parsed.label}"', profile.byte_sequence(parsed.signature)),
    ]
