"""What a partner's receiver believes of a webhook, and what not."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from partner_sdk import KeyUnusableError, WebhookInvalidError, read_webhook
from partner_sdk.keys import raw_bytes

KEY = Ed25519PrivateKey.generate()
OTHER = Ed25519PrivateKey.generate()
TOLD = "whpk_" + base64.b64encode(raw_bytes(KEY.public_key())).decode()
NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
EVENT = {
    "lane": 3,
    "leaf": 7,
    "kind": "earn",
    "operation_id": "op-1",
    "occurred_at": "2026-11-21T17:59:00.000000Z",
    "window": 1,
    "booked_at": "2026-11-21T17:59:01.000000Z",
    "result": {"id": "op-1", "verdict": "booked", "points": 5},
}


def posted(*, partner="Shop", by=(KEY,), at=NOW, events=(EVENT,), body=None):
    body = json.dumps({"data": {"partner": partner, "events": list(events)}}).encode() if body is None else body
    content = f"events-1.{int(at.timestamp())}.".encode() + body
    signatures = [f"v1a,{base64.b64encode(key.sign(content)).decode()}" for key in by]
    names = ("Webhook-Id", "WEBHOOK-TIMESTAMP", "webhook-signature")
    return dict(zip(names, ("events-1", str(int(at.timestamp())), " ".join(signatures)), strict=True)), body


def read(headers, body, keys=(TOLD,), now=NOW):
    return read_webhook(headers, body, keys=keys, partner="Shop", now=now)


@pytest.mark.parametrize("by", [(KEY,), (OTHER, KEY)])
def test_what_one_of_the_hubs_keys_signed_is_believed(by):
    """While the hub's key is replaced there may be two signatures, and two keys."""
    told = read(*posted(by=by), keys=(OTHER.public_key(), TOLD) if by == (KEY,) else (TOLD,))
    assert (told.id, told.events[0].operation_id, told.events[0].result.points) == ("events-1", "op-1", 5)
    assert read(*posted(events=())).events == ()


@pytest.mark.parametrize("away", [timedelta(minutes=5), -timedelta(minutes=5)])
def test_five_minutes_either_way_are_now(away):
    assert read(*posted(at=NOW + away)).id == "events-1"
    with pytest.raises(WebhookInvalidError, match="expected at most 0:05:00 between"):
        read(*posted(at=NOW + away + away / 300))


def test_what_is_not_the_hubs_word_for_this_partner_is_refused():
    headers, body = posted()
    of_another_scheme = headers["webhook-signature"].replace("v1a", "v1")
    for came in (
        (headers, body + b" "),
        posted(by=(OTHER,)),
        (headers | {"Webhook-Id": "events-2"}, body),
        (headers | {"WEBHOOK-TIMESTAMP": "1"}, body),
        *((headers | {"webhook-signature": signature}, body) for signature in ("", "v1a,???", of_another_scheme)),
    ):
        with pytest.raises(WebhookInvalidError, match="no signature of"):
            read(*came)
    with pytest.raises(WebhookInvalidError, match="expected the header webhook-id, got none"):
        read({}, body)
    with pytest.raises(WebhookInvalidError, match="expected one for 'Shop', got one for 'Garage'"):
        read(*posted(partner="Garage"))
    for odd in (
        b"",
        b"7",
        b"{}",
        b'{"data":{"partner":"Shop","events":[{}]}}',
        b'{"data":{"partner":"Shop","events":7}}',
    ):
        with pytest.raises(WebhookInvalidError, match="expected events"):
            read(*posted(body=odd))
    with pytest.raises(KeyUnusableError, match="expected whpk_ and 32 bytes in base64"):
        read(headers, body, keys=("whpk_AAAA",))
