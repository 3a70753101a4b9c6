"""Values of the request as RFC 9421 section 2.2 defines them."""

import pytest

from coalition.signatures.request import authority_without_default_port, path_and_query


@pytest.mark.parametrize(
    ("received", "signed"),
    [
        ("Hub.Example", "hub.example"),
        ("hub.example:443", "hub.example"),
        ("hub.example:80", "hub.example"),
        ("hub.example:8080", "hub.example:8080"),
        ("hub.example:1443", "hub.example:1443"),
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("[::80]", "[::80]"),
        ("[::1]:443", "[::1]"),
    ],
)
def test_the_authority_is_lower_case_without_default_port(received, signed):
    """RFC 9421 section 2.2.3."""
    assert authority_without_default_port(received) == signed


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/v1/windows", "/v1/windows", "?"),
        ("/v1/windows?", "/v1/windows", "?"),
        ("/v1/windows?after=7&x=?", "/v1/windows", "?after=7&x=?"),
        ("/a%2Fb/%C3%A9", "/a%2Fb/%C3%A9", "?"),
        ("", "/", "?"),
    ],
)
def test_a_target_is_split_as_sent(target, path, query):
    """RFC 9421 sections 2.2.6 and 2.2.7: an empty query is "?", percent-encoding stays."""
    assert path_and_query(target) == (path, query)
