"""Who asks: the address of the browser, also behind proxies of ours."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

IPV6_PREFIX_BITS = 64


def parse_networks(text: str) -> tuple[Network, ...]:
    """Read addresses and networks with commas between; raises ValueError that names the one that is none."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def client_address(peer: str | None, forwarded_for: Sequence[str], *, trusted: Sequence[Network]) -> str:
    """Return the address nearest to us that is no trusted proxy.

    `forwarded_for` are the X-Forwarded-For headers, in order. Each proxy adds at their end whom it heard; what stands
    before the first address that we don't trust may be made up."""
    named = [part.strip() for header in forwarded_for for part in header.split(",")]
    nearest = peer or ""
    while named and _is_trusted(nearest, trusted):
        following = named.pop()
        if not _is_address(following):
            break
        nearest = following
    return nearest


def counted_as(address: str) -> str:
    """Return as whom an address is counted: who has one of IPv6 has the 2^64 of its network as well."""
    if not _is_address(address):
        return address
    parsed = ip_address(address.partition("%")[0])
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or ip_network((parsed, IPV6_PREFIX_BITS), strict=False))


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    if not _is_address(address):
        return False
    parsed = ip_address(address)
    # Who listens on :: sees an address of IPv4 as one of IPv6.
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(parsed in network for network in trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
