"""Points expire at midnight of the programme's zone, exactly, whether or not anybody looks at that moment."""

from datetime import UTC, datetime, timedelta
from typing import Any

from coalition.lanes.settle_due import settle_due
from coalition.operations.check_sums import check_sums
from coalition.operations.transfer_points import transfer_points
from coalition.stores.merges import set_transfer_max
from tests.http.conftest import RunningHub
from tests.shop import Shop


async def assert_sums_hold(hub: RunningHub) -> None:
    report = await check_sums(hub.pool)
    assert [finding for finding in report.findings if finding.broken] == []


async def expiring(hub: RunningHub, **rule: Any) -> tuple[Shop, str]:
    """Return a shop and a card of a programme with this rule, with the hub's clock at noon of 20 March 2027."""
    await hub.pool.execute(
        "UPDATE programme SET expiry_rule = $1, expiry_months = $2, grace_days = $3",
        rule.get("name", "after_months"),
        rule.get("months", 1),
        rule.get("grace_days", 30),
    )
    await hub.clearing.registry.load()
    hub.clock.forward(datetime(2027, 3, 20, 12, tzinfo=UTC) - hub.clock())
    return await hub.shop(), await hub.card()


async def move_to(hub: RunningHub, moment: datetime) -> None:
    hub.clock.forward(moment - hub.clock())


async def standing(shop: Shop, card: str) -> tuple[int, int]:
    document = (await shop.get(f"/v1/cards/{card}")).document
    return document["balance"], document["available"]


async def test_points_expire_at_midnight_also_on_the_day_after_the_clocks_change(hub: RunningHub) -> None:
    """Sold on 20 March, in winter time; gone from 21 April 00:00 summer time on, which is 22:00 UTC, not 23:00."""
    shop, card = await expiring(hub)
    await shop.earn(card, 100)

    await move_to(hub, datetime(2027, 4, 20, 21, 59, 0, tzinfo=UTC))
    assert await standing(shop, card) == (100, 100)
    await move_to(hub, datetime(2027, 4, 20, 22, 0, 1, tzinfo=UTC))
    assert await standing(shop, card) == (0, 0)
    refused = await shop.burn(card, 1)

    assert (refused["code"], refused["available"]) == ("insufficient_points", 0)
    record = await hub.pool.fetchrow("SELECT * FROM journal WHERE kind = 'expire'")
    assert (record["points"], record["occurred_at"]) == (100, datetime(2027, 4, 20, 22, tzinfo=UTC))
    await assert_sums_hold(hub)


async def test_accounts_that_nobody_touches_are_settled_once(hub: RunningHub) -> None:
    """The sweep books each payer's points by itself, may be repeated, and finds nothing the second time."""
    shop, card = await expiring(hub)
    other = await hub.shop("Other")
    await shop.earn(card, 100)
    await other.earn(card, 30)
    kept = await hub.card()
    await shop.operate("reserve", card, points=20, timeout_s=60)
    await move_to(hub, datetime(2027, 5, 1, tzinfo=UTC))
    await shop.earn(kept, 7)
    calendar = hub.clearing.registry.calendar

    first = await settle_due(hub.pool, calendar=calendar, clock=hub.clock)
    second = await settle_due(hub.pool, calendar=calendar, clock=hub.clock)

    assert (first.timed_out, first.expiries, first.points_expired) == (1, 2, 130)
    assert (second.timed_out, second.expiries, second.points_expired) == (0, 0, 0)
    rows = await hub.pool.fetch("SELECT partner, points FROM window_total WHERE kind = 'expired' ORDER BY partner")
    assert [row["points"] for row in rows] == [100, 30]
    assert await standing(shop, kept) == (7, 7)
    await assert_sums_hold(hub)


async def test_points_on_hold_expire_when_it_ends(hub: RunningHub) -> None:
    shop, card = await expiring(hub)
    await shop.earn(card, 100)
    await move_to(hub, datetime(2027, 4, 20, 12, tzinfo=UTC))
    reserved = await shop.operate("reserve", card, points=60, timeout_s=7 * 86_400)
    await move_to(hub, datetime(2027, 4, 22, 12, tzinfo=UTC))

    assert await standing(shop, card) == (60, 0)
    captured = await shop.operate("capture", card, reserve_id=reserved["id"], points=50)

    assert (captured["verdict"], captured["points"]) == ("booked", 50)
    assert await standing(shop, card) == (0, 0)
    assert (await shop.burn(card, 1))["code"] == "insufficient_points"
    assert await hub.pool.fetchval("SELECT sum(points) FROM journal WHERE kind = 'expire'") == 50
    await assert_sums_hold(hub)


async def test_a_burn_is_reversed_after_its_points_have_expired(hub: RunningHub) -> None:
    """They come back by grace, told in the result, and expire after it."""
    shop, card = await expiring(hub, grace_days=10)
    await shop.earn(card, 100)
    burned = await shop.burn(card, 80)
    await move_to(hub, datetime(2027, 5, 1, 12, tzinfo=UTC))

    returned = await shop.reverse(card, burned["id"])

    assert (returned["balance"], returned["grace_points"], returned["grace_until"]) == (80, 80, "2027-05-11")
    await move_to(hub, datetime(2027, 5, 11, 21, 59, tzinfo=UTC))
    assert await standing(shop, card) == (80, 80)
    await move_to(hub, datetime(2027, 5, 11, 22, 1, tzinfo=UTC))
    assert await standing(shop, card) == (0, 0)
    await assert_sums_hold(hub)


async def test_an_account_expires_when_nobody_has_used_it_for_long(hub: RunningHub) -> None:
    shop, card = await expiring(hub, name="inactivity", months=2)
    await shop.earn(card, 100)
    await move_to(hub, datetime(2027, 5, 19, 12, tzinfo=UTC))
    await shop.burn(card, 1)
    await move_to(hub, datetime(2027, 7, 19, 21, 59, tzinfo=UTC))
    assert await standing(shop, card) == (99, 99)
    await move_to(hub, datetime(2027, 7, 19, 22, 1, tzinfo=UTC))
    assert await standing(shop, card) == (0, 0)
    assert (await shop.earn(card, 5))["balance"] == 5
    await assert_sums_hold(hub)


async def test_the_schedule_ahead_is_told_in_full(hub: RunningHub) -> None:
    shop, card = await expiring(hub)
    for days in (3, 2, 2):
        await shop.earn(card, 10, occurred_at=(hub.clock() - timedelta(days=days)).isoformat())
    document = (await shop.get(f"/v1/cards/{card}")).document
    assert document["expiries"] == [{"on": "2027-04-17", "points": 10}, {"on": "2027-04-18", "points": 20}]


async def test_points_given_to_another_expire_with_his_activity(hub: RunningHub) -> None:
    """By the rule of inactivity a gift is a use of both accounts: what came expires as well, one day."""
    shop, first = await expiring(hub, name="inactivity", months=2)
    second = await hub.card()
    await shop.earn(first, 100)
    async with hub.pool.acquire() as connection:
        await set_transfer_max(connection, 100)
    calendar = hub.clearing.registry.calendar
    await transfer_points(hub.pool, first, to=second, points=60, calendar=calendar, clock=hub.clock, actor="test")

    assert (await shop.get(f"/v1/cards/{second}")).document["expiries"] == [{"on": "2027-05-20", "points": 60}]
    await move_to(hub, datetime(2027, 5, 20, 22, 1, tzinfo=UTC))
    assert await standing(shop, second) == (0, 0)
    await assert_sums_hold(hub)
