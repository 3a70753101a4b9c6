"""Where a webhook may lead: https, to public addresses alone, so that no one makes the hub call what only it can reach.

The name is judged when the webhook is added; the address at every connection, after the name was resolved and before
a byte is sent, since names may lead elsewhere a moment later.
"""

import asyncio
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohappyeyeballs import AddrInfoType
from yarl import URL

from coalition.errors import WebhookRefusedError

URL_CHARS_MAX = 2_000
RESOLVE_TIMEOUT_S = 10

# A public address by its range, and the metadata server of a large host all the same.
WIRE_SERVER = IPv4Address("168.63.129.16")
# For protocols, with a metadata server among them; older Pythons take most of the range for public.
PROTOCOL_ASSIGNMENTS = IPv4Network("192.0.0.0/24")
# They carry an IPv4 address within, which may be any.
SIX_TO_FOUR = IPv6Network("2002::/16")


class AddressNotPublicError(OSError):
    """A connection was about to leave for an address that is not public; an OSError, as the connector expects."""


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anyone could reach it: not private, loopback, link-local (metadata servers), shared, reserved, multicast.

    IPv6 addresses that stand for IPv4 ones are not: those mapped or translated are reserved, no name needs them."""
    if address == WIRE_SERVER or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv4Address) and address in PROTOCOL_ASSIGNMENTS:
        return False
    if isinstance(address, IPv6Address) and (address.is_site_local or address in SIX_TO_FOUR):
        return False
    return address.is_global


def public_socket(found: AddrInfoType) -> socket.socket:
    """Return a socket for a resolved address; raises AddressNotPublicError. For TCPConnector(socket_factory=...)."""
    family, kind, protocol, _, place = found
    host = str(place[0]).partition("%")[0]
    if not is_public(ip_address(host)):
        raise AddressNotPublicError(f"{host} is not a public address")
    return socket.socket(family=family, type=kind, proto=protocol)


def url_fault(url: str, *, is_http_allowed: bool) -> str | None:
    """Return why a URL can't be a webhook's, by its text alone; None: it can."""
    try:
        parsed = URL(url)
        port = parsed.port
    except ValueError as error:
        return f"not a URL: {error}"
    schemes = ("https", "http") if is_http_allowed else ("https",)
    if parsed.scheme not in schemes or not parsed.host or not port:
        return f"expected {' or '.join(f'{scheme}://host/...' for scheme in schemes)}"
    if len(url) > URL_CHARS_MAX or not url.isprintable() or " " in url:
        return f"expected at most {URL_CHARS_MAX} printable characters without spaces"
    if parsed.user is not None or parsed.password is not None or parsed.fragment:
        return "expected neither user, password nor fragment: the signature says who calls"
    return None


async def refuse_target(url: str, *, is_http_allowed: bool) -> None:
    """Raise WebhookRefusedError for a URL that may not be called, or whose name leads to no public address now."""
    fault = url_fault(url, is_http_allowed=is_http_allowed)
    if fault is not None:
        raise WebhookRefusedError(url=url, reason=fault)
    if is_http_allowed:
        return
    parsed = URL(url)
    assert parsed.host is not None
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_TIMEOUT_S):
            found = await loop.getaddrinfo(parsed.host, parsed.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise WebhookRefusedError(url=url, reason=f"{parsed.host} leads to no address: {error}") from error
    for *_, place in found:
        address = ip_address(str(place[0]).partition("%")[0])
        if not is_public(address):
            raise WebhookRefusedError(url=url, reason=f"{parsed.host} leads to {address}, which is not public")
