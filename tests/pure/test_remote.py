"""The address of who asks: proxies of ours are believed, and nobody else."""

import pytest

from coalition.config import load_settings
from coalition.errors import SettingError
from coalition.http.remote import client_address, counted_as, parse_networks

TRUSTED = parse_networks("10.0.0.0/8, ::1")


@pytest.mark.parametrize(
    ("peer", "named", "expected"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.1, 198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.1", "198.51.100.1"], "198.51.100.1"),
        ("::1", ["2001:db8::5"], "2001:db8::5"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("::ffff:203.0.113.9", ["198.51.100.1"], "::ffff:203.0.113.9"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, "], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        (None, ["198.51.100.1"], ""),
    ],
)
def test_the_nearest_address_that_is_no_proxy_of_ours(peer: str | None, named: list[str], expected: str) -> None:
    assert client_address(peer, named, trusted=TRUSTED) == expected


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("2001:db8:0:7::1", "2001:db8:0:7::/64"),
        ("2001:db8:0:7:ffff::9", "2001:db8:0:7::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("", ""),
    ],
)
def test_who_has_one_address_of_ipv6_has_all_of_its_network(address: str, counted: str) -> None:
    assert counted_as(address) == counted


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.1/8", "10.0.0.0/33"])
def test_what_is_no_network_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingError, match="COALITION_TRUSTED_PROXIES"):
        load_settings(trusted_proxies=f"127.0.0.1,{text}")
