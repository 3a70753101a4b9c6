"""How far the till's clock is off: measured by signed answers, kept beside each operation."""

import sqlite3
from datetime import UTC, datetime, timedelta

from partner_sdk import Burn, Earn, Outbox
from partner_sdk.exchange import clock_offset_s

CARD = "2760 0000 0001 8"
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR_S = 3600


def is_about(offset_s, expected_s):
    """Half a minute leaves room for a slow machine, and is far from the hours that these tests move the clock by."""
    return offset_s is not None and abs(offset_s - expected_s) < 30


def test_the_offset_counts_from_the_middle_of_the_round_trip():
    """Signed at 12:00:00 and something, received at 12:00:10 after 4 s: at 12:00:08 here it was 12:00:00.5 there."""
    assert clock_offset_s(NOON, received_at=NOON + timedelta(seconds=10), round_trip_s=4.0) == -7.5


async def test_the_newest_verified_answer_tells_the_offset(connect, signing_hub):
    signing_hub.edits += [
        lambda answer: signing_hub.sign(answer, late=timedelta(hours=1)),
        lambda answer: signing_hub.sign(answer, late=timedelta(hours=-1)),
    ]
    async with connect() as hub:
        assert hub.clock_offset_s is None
        await hub.earn(card=CARD, points=5)
        assert is_about(hub.clock_offset_s, HOUR_S)
        await hub.balance(CARD)
        assert is_about(hub.clock_offset_s, -HOUR_S)


async def test_each_operation_keeps_the_offset_known_when_it_was_saved_or_else_first_answered(
    connect, signing_hub, outbox_path
):
    signing_hub.edits += [
        lambda answer: signing_hub.sign(answer, late=timedelta(hours=1)),
        lambda answer: signing_hub.sign(answer, late=timedelta(hours=2)),
    ]
    async with connect() as hub:
        await hub.earn(card=CARD, points=5)
        await hub.burn(card=CARD, points=5)
        assert is_about(hub.clock_offset_s, 2 * HOUR_S)
    outbox = Outbox(outbox_path)
    offsets = [entry.clock_offset_s for entry in outbox.entries()]
    outbox.close()
    # The burn was made when the earn's answer was the newest.
    assert all(is_about(offset, HOUR_S) for offset in offsets)


async def test_a_till_that_starts_offline_still_knows_its_offset(connect, signing_hub):
    signing_hub.edits.append(lambda answer: signing_hub.sign(answer, late=timedelta(hours=1)))
    async with connect() as hub:
        await hub.earn(card=CARD, points=5)
    async with connect() as hub:
        assert is_about(hub.clock_offset_s, HOUR_S)
        hub.put(Burn(card=CARD, points=5))


def test_an_outbox_from_before_clocks_were_measured_goes_on(outbox_path):
    outbox = Outbox(outbox_path)
    [operation_id] = outbox.put([Earn(card=CARD, points=5)], now=NOON)
    outbox.close()
    with sqlite3.connect(outbox_path) as connection:
        for table in ("operation", "receipt"):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN clock_offset_s")
        connection.execute("ALTER TABLE operation DROP COLUMN keyid")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    for _ in range(2):
        outbox = Outbox(outbox_path)
        assert (outbox.entry(operation_id).clock_offset_s, outbox.clock_offset_s()) == (None, None)
        outbox.close()
