"""Where a webhook may lead."""

import socket
from ipaddress import ip_address

import pytest

from coalition.errors import WebhookRefusedError
from coalition.webhooks.addresses import AddressNotPublicError, is_public, public_socket, refuse_target, url_fault

PUBLIC = ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111"]
NOT_PUBLIC = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "168.63.129.16",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_called(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_no_socket_is_made_for_others(address: str) -> None:
    assert not is_public(ip_address(address))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with pytest.raises(AddressNotPublicError):
        public_socket((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 443)))


def test_a_zone_does_not_hide_an_address() -> None:
    with pytest.raises(AddressNotPublicError):
        public_socket((socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("fe80::1%lo", 443, 0, 1)))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example/hooks",
        "http://shop.example/hooks",
        "ftp://shop.example/",
        "file:///etc/passwd",
        "gopher://shop.example/",
        "https://",
        "https:///hooks",
        "https://shop.example:0/",
        "https://shop.example:99999/",
        "https://user:password@shop.example/",
        "https://user@shop.example/",
        "https://shop.example/#part",
        "https://shop.example/a b",
        "https://shop.example/\r\nX: 1",
        "https://shop.example/" + "a" * 2_000,
        "https://[::1/",
    ],
)
def test_a_url_that_is_no_plain_https_is_refused(url: str) -> None:
    assert url_fault(url, is_http_allowed=False) is not None


def test_https_is_taken_and_http_where_it_is_allowed() -> None:
    assert url_fault("https://shop.example:8443/hooks?of=coalition", is_http_allowed=False) is None
    assert url_fault("http://127.0.0.1:8000/", is_http_allowed=True) is None


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://[::1]/", "https://localhost/", "https://10.1.2.3/", "https://2130706433/"]
)
async def test_a_name_that_leads_inside_is_refused_when_it_is_added(url: str) -> None:
    with pytest.raises(WebhookRefusedError, match="not public"):
        await refuse_target(url, is_http_allowed=False)
