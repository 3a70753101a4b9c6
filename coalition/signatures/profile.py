"""The fixed words of the profile (PROTOCOL.md section 2) and its signature base (RFC 9421 section 2.5)."""

from binascii import b2a_base64

from coalition.signatures.errors import SignatureMalformedError
from coalition.signatures.request import SignedRequest, authority_without_default_port

ALGORITHM = "ed25519"
LABEL = "coalition"
MESSAGE_TAG = "coalition-message-v1"
RECEIPT_TAG = "coalition-receipt-v1"

COMPONENTS_REQUIRED = ("@method", "@authority", "@path", "@query")
COMPONENT_OF_BODY = "content-digest"
COMPONENTS_WITH_BODY = (*COMPONENTS_REQUIRED, COMPONENT_OF_BODY)


def byte_sequence(value: bytes) -> str:
    """Return the bytes as a Structured Field Byte Sequence, `:base64:` (RFC 8941 section 4.1.8)."""
    return f":{b2a_base64(value, newline=False).decode('ascii')}:"


def component_list(covered: tuple[str, ...]) -> str:
    """Return the components as a Structured Field Inner List; their names need no escapes."""
    return "(" + " ".join([f'"{name}"' for name in covered]) + ")"


def field_value(header: str | None) -> str:
    """Return a header's value as a signature base holds it (RFC 9421 section 2.1)."""
    return (header or "").strip(" \t")


def request_base(request: SignedRequest, *, covered: tuple[str, ...], params_text: str) -> bytes:
    """Return the bytes that the request's signature is made over.

    Raises SignatureMalformedError when a covered value holds a line break or is not ASCII, since a line break could
    forge another component's line (RFC 9421 section 2.5).
    """
    line_of = {
        "@method": f'"@method": {request.method}\n',
        "@authority": f'"@authority": {authority_without_default_port(request.authority)}\n',
        "@path": f'"@path": {request.path or "/"}\n',
        "@query": f'"@query": {request.query or "?"}\n',
        COMPONENT_OF_BODY: f'"content-digest": {field_value(request.content_digest)}\n',
    }
    return as_base(
        f'{"".join([line_of[name] for name in covered])}"@signature-params": {params_text}', lines=len(covered) + 1
    )


def as_base(text: str, *, lines: int) -> bytes:
    """Return the text as bytes, after the checks that hold for every signature base."""
    if text.count("\n") != lines - 1 or "\r" in text or not text.isascii():
        raise SignatureMalformedError(
            field="request", expected="ASCII values without line breaks in every covered component", got=repr(text)
        )
    return text.encode("ascii")
