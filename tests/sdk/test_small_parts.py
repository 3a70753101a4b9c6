"""Ids, keys, pauses and message bodies: values in, values out."""

import re
import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from partner_sdk import Backoff, KeyUnusableError, make_key_pair, new_operation_id, thumbprint
from partner_sdk.backoff import retry_after_s
from partner_sdk.keys import load_private_key, load_public_key, public_key_of_jwk
from partner_sdk.message import fitting, message_body
from partner_sdk.operation_id import OperationIds, uuid7

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

# RFC 8037, appendices A.2 and A.3.
RFC_X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
RFC_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_uuid7_reproduces_the_vector_of_rfc_9562():
    """Appendix A.6: 2022-02-22 14:22:22 UTC-5."""
    text = uuid7(unix_ms=0x017F22E279B0, counter=0xCC3, tail=0x18C4DC0C0C07398F)
    assert text == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def test_ids_are_version_7_and_sort_as_they_were_made():
    ids = [new_operation_id() for _ in range(20_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", ids[0])


def test_ids_do_not_go_back_with_the_clock(monkeypatch):
    ids = OperationIds()
    before = ids.next()
    monkeypatch.setattr("partner_sdk.operation_id.time.time_ns", lambda: 0)
    after = [ids.next() for _ in range(10_000)]
    assert [before, *after] == sorted([before, *after])


def test_the_keyid_is_the_thumbprint_of_rfc_8037():
    assert thumbprint(public_key_of_jwk({"kty": "OKP", "crv": "Ed25519", "x": RFC_X})) == RFC_THUMBPRINT


def test_a_key_pair_is_private_and_never_overwritten(tmp_path):
    public_path, keyid = make_key_pair(tmp_path / "shop.pem")
    assert public_path.name == "shop.pub.pem"
    assert stat.S_IMODE((tmp_path / "shop.pem").stat().st_mode) == 0o600
    private = load_private_key(tmp_path / "shop.pem")
    assert keyid == thumbprint(private.public_key()) == thumbprint(load_public_key(public_path))
    with pytest.raises(KeyUnusableError):
        make_key_pair(tmp_path / "shop.pem")
    assert load_private_key(tmp_path / "shop.pem").private_bytes_raw() == private.private_bytes_raw()


def test_a_key_that_cannot_be_used_is_named(tmp_path):
    public_path, _ = make_key_pair(tmp_path / "shop.pem")
    for path in (tmp_path / "missing.pem", public_path):
        with pytest.raises(KeyUnusableError, match=re.escape(str(path))):
            load_private_key(path)
    for load in (load_private_key, load_public_key):
        with pytest.raises(KeyUnusableError, match=r"missing\.pem: No such file or directory$"):
            load(tmp_path / "missing.pem")
    with pytest.raises(KeyUnusableError):
        load_public_key(b"-----BEGIN NOTHING-----")
    private = Ed25519PrivateKey.generate()
    for load, wrong in ((load_private_key, None), (load_private_key, private.public_key()), (load_public_key, private)):
        with pytest.raises(KeyUnusableError, match=f"got {type(wrong).__name__}$"):
            load(wrong)
    assert isinstance(load_public_key(public_path.read_bytes()), Ed25519PublicKey)


def test_pauses_double_up_to_the_largest_and_are_shortened_by_at_most_a_half():
    backoff = Backoff(first_s=1.0, pause_max_s=10.0)
    assert [backoff.pause_s(attempt=attempt, chance=0.0) for attempt in (1, 2, 3, 4, 5, 9999)] == [1, 2, 4, 8, 10, 10]
    assert backoff.pause_s(attempt=3, chance=0.5) == 3.0


def test_a_pause_never_undercuts_retry_after():
    backoff = Backoff(first_s=1.0, pause_max_s=10.0)
    assert backoff.pause_s(attempt=1, chance=0.9, retry_after_s=25.0) == 25.0
    assert backoff.pause_s(attempt=4, chance=0.0, retry_after_s=2.0) == 8.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("120", 120.0),
        ((NOW + timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT"), 90.0),
        ((NOW - timedelta(seconds=90)).strftime("%a, %d %b %Y %H:%M:%S GMT"), 0.0),
        ("soon", None),
        ("-5", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, expected):
    assert retry_after_s(text, now=NOW) == expected


def test_a_message_carries_its_operations_byte_for_byte():
    assert message_body([b'{"a": 1}', b"{}"]) == b'{"operations":[{"a": 1},{}]}'


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([10] * 3, 3), ([10] * 1500, 1000), ([400_000] * 3, 2), ([2_000_000, 10], 1), ([(1 << 20) - 18], 1), ([], 0)],
)
def test_how_many_operations_fit_into_a_message(sizes, expected):
    assert fitting([b"x" * size for size in sizes]) == expected


def test_a_message_that_fits_is_at_most_a_mebibyte():
    """One byte more in the last operation, and it would not fit."""
    head, tail = len(message_body([])), 1
    exact = [b"x" * 500_000, b"x" * ((1 << 20) - 500_000 - head - 2 * tail)]
    assert fitting(exact) == 2
    assert len(message_body(exact)) <= 1 << 20
    assert fitting([exact[0], exact[1] + b"x"]) == 1
