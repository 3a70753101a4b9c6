"""The parts of an HTTP request that its signature speaks of, free of any HTTP library."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """One request as it came over the wire.

    `method` in its own case. `authority` is the Host header or `:authority`; case and a default port do not matter.
    `path` as sent, percent-encoding kept. `query` is "?" and the raw query, "?" alone if there is none.
    The three headers as received, several lines of one header joined with ", "; None if absent.
    """

    method: str
    authority: str
    path: str
    query: str
    signature_input: str | None
    signature: str | None
    content_digest: str | None


def authority_without_default_port(authority: str) -> str:
    """Return the value of "@authority": lower case, no default port (RFC 9421 section 2.2.3).

    Behind a proxy that ends TLS the scheme that the partner used is not known here, so ports 80 and 443 both count as
    default. Not checked therefore: plain HTTP on port 443, or TLS on port 80, whose signer keeps the port.
    """
    return authority.lower().removesuffix(":443").removesuffix(":80")


def path_and_query(target: str) -> tuple[str, str]:
    """Split a raw request target in origin form ("/v1/windows?after=7") into the two values of SignedRequest."""
    path, _, query = target.partition("?")
    return path or "/", f"?{query}"
