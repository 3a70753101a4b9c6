"""Traps of the domain that have no file of their own. The others:

the same message 100 times, a refusal retried, an id reused, a reversal before its original   test_clearing_journey
two tills burn the last points, partial returns                                              test_clearing_journey
a return of what is spent, merged away, or expired; grace; midnight and the clocks            test_merges, test_expiry
2^53 + 1 points, a clock 10 minutes fast                                                       test_bad_input
a window closed while 1,000 operations are in flight                        tests/database/test_lanes_close_window
a connection lost during COMMIT                                                     tests/faults/test_lost_commit
"""

import asyncio
from datetime import timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.lanes.close_window import close_window
from coalition.operations.check_sums import check_sums
from coalition.operations.manage_partner import add_key, end_key, set_status
from coalition.signatures.keys import public_key_pem
from tests.http.conftest import RunningHub
from tests.shop import Shop


async def assert_sums_hold(hub: RunningHub) -> None:
    report = await check_sums(hub.pool)
    assert [finding for finding in report.findings if finding.broken] == []


async def test_an_operation_from_before_the_cut_off_belongs_to_the_window_that_books_it(hub: RunningHub) -> None:
    """An offline weekend: it occurred in window 1, came in window 2, and says both; its terms are those of its day."""
    shop, card = await hub.shop(), await hub.card()
    await shop.earn(card, 100)
    late = shop.operation("earn", card, points=40, occurred_at=(hub.clock() - timedelta(days=3)).isoformat())
    await close_window(hub.pool, clock=hub.clock, actor="test")

    result = (await shop.send(late)).result

    assert (result["verdict"], result["window"]) == ("booked", 2)
    row = await hub.pool.fetchrow(
        "SELECT occurred_at, booked_at, window_no FROM journal WHERE leaf = $1 AND lane = $2",
        result["leaf"],
        result["lane"],
    )
    assert row["booked_at"] - row["occurred_at"] > timedelta(days=2)
    received_at = await hub.pool.fetchval("SELECT max(received_at) FROM message")
    assert row["occurred_at"] < received_at <= row["booked_at"]
    await assert_sums_hold(hub)


async def test_a_key_is_rotated_with_messages_in_flight(hub: RunningHub) -> None:
    """Both keys are valid for a while: no message is lost; then the old one is refused, and its evidence stays."""
    shop, card = await hub.shop(), await hub.card()
    rotated = Shop(hub.session, hub.authority, shop.name, Ed25519PrivateKey.generate(), hub.clock)
    await add_key(
        hub.pool,
        name=shop.name,
        key_pem=public_key_pem(rotated.private_key.public_key()),
        valid_from=hub.clock() - timedelta(seconds=1),
        valid_until=None,
    )

    results = await asyncio.gather(*(till.earn(card, 1) for _ in range(20) for till in (shop, rotated)))
    await end_key(hub.pool, keyid=shop.keyid, valid_until=hub.clock(), hub_key=Path("none"))
    await hub.clearing.registry.load()
    refused = await shop.send(shop.operation("earn", card, points=1))

    assert [result["verdict"] for result in results] == ["booked"] * 40
    assert (refused.status, refused.document["code"]) == (401, "key_not_valid")
    assert (await rotated.earn(card, 1))["balance"] == 41
    await assert_sums_hold(hub)


async def test_a_partner_that_left_leaves_its_points_to_the_members(hub: RunningHub) -> None:
    """They are spent elsewhere; itself it can neither issue nor accept any more."""
    leaver, other, card = await hub.shop("Leaver"), await hub.shop("Other"), await hub.card()
    await leaver.earn(card, 100)
    await set_status(hub.pool, name="Leaver", status="left")
    await hub.clearing.registry.load()

    refused = await leaver.send(leaver.operation("earn", card, points=1))
    burned = await other.burn(card, 100)

    assert (refused.status, refused.document["code"]) == (403, "partner_left")
    assert (burned["verdict"], burned["balance"]) == ("booked", 0)
    lot = await hub.pool.fetchrow("SELECT issuer, payer, remaining FROM lot")
    assert lot["issuer"] == lot["payer"]
    assert lot["remaining"] == 0
    await assert_sums_hold(hub)
