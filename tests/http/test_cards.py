"""Cards that are blocked, replaced, shared or closed, while shops use them."""

import asyncio
from typing import Any

import pytest

from coalition.errors import StateConflictError
from coalition.operations.add_members import NewMember, join_household
from coalition.operations.check_sums import check_sums
from coalition.operations.manage_card import (
    block_card,
    close_account,
    leave_household,
    permit_burns,
    replace_card,
    unblock_card,
)
from tests.http.conftest import RunningHub
from tests.shop import Shop


async def assert_sums_hold(hub: RunningHub) -> None:
    report = await check_sums(hub.pool)
    assert [finding for finding in report.findings if finding.broken] == []


async def until_told(hub: RunningHub, shop: Shop, card: str, code: str | None) -> dict[str, Any]:
    """Earn until the hub has heard of a change of the card; it is told when the change is committed."""
    for _ in range(200):
        result = await shop.earn(card, 1)
        if result.get("code") == code:
            return result
        await asyncio.sleep(0.01)
    raise AssertionError(f"the hub still answers {result}")


async def change(hub: RunningHub, operation: Any, card: str, **fields: Any) -> Any:
    return await operation(hub.pool, card, now=hub.clock(), actor="test", **fields)


async def test_a_blocked_card_finishes_what_it_began(hub: RunningHub) -> None:
    shop, card = await hub.shop(), await hub.card()
    earned = await shop.earn(card, 1_000)
    reserved = await shop.operate("reserve", card, points=300)
    await change(hub, block_card, card)

    refused = await until_told(hub, shop, card, "card_blocked")
    codes = [(await shop.operate(kind, card, points=5)).get("code") for kind in ("burn", "reserve")]
    captured = await shop.operate("capture", card, reserve_id=reserved["id"])
    returned = await shop.reverse(card, earned["id"], points=10)

    assert refused["verdict"] == "refused"
    assert "leaf" in refused
    assert codes == ["card_blocked", "card_blocked"]
    assert (captured["verdict"], returned["verdict"]) == ("booked", "booked")
    await change(hub, unblock_card, card)
    await until_told(hub, shop, card, None)
    await assert_sums_hold(hub)


async def test_a_change_of_a_card_counts_from_the_moment_it_is_committed(hub: RunningHub) -> None:
    """The hub remembers what cards may do, and hears of changes only later; the lane knows at once."""
    shop, card = await hub.shop(), await hub.card()
    for _ in range(10):
        assert (await shop.earn(card, 1))["verdict"] == "booked"
        await change(hub, block_card, card)
        assert (await shop.earn(card, 1))["code"] == "card_blocked"
        await change(hub, unblock_card, card)
    await assert_sums_hold(hub)


async def test_a_replaced_card_keeps_the_account(hub: RunningHub) -> None:
    """The old number is refused; returns of what was bought with it are booked; replaced twice is replaced once."""
    shop, card = await hub.shop(), await hub.card()
    earned = await shop.earn(card, 1_000)
    new = (await change(hub, replace_card, card)).card
    again = (await change(hub, replace_card, card)).card
    await until_told(hub, shop, card, "card_replaced")

    assert again == new != card
    assert (await shop.burn(new, 400))["balance"] == 600
    assert (await shop.reverse(new, earned["id"], points=100))["balance"] == 500
    assert (await shop.reverse(card, earned["id"], points=100))["balance"] == 400
    await assert_sums_hold(hub)


async def test_a_household_shares_an_account_and_one_may_only_collect(hub: RunningHub) -> None:
    shop, card = await hub.shop(), await hub.card()
    await shop.earn(card, 100)
    child = await join_household(
        hub.pool, card, NewMember("child@shop.example", "A child"), may_burn=False, now=hub.clock(), actor="test"
    )

    earned = await shop.earn(child.card, 50)
    refused = await shop.burn(child.card, 10)
    burned = await shop.burn(card, 120)

    assert (earned["balance"], burned["balance"]) == (150, 30)
    assert (refused["code"], refused["available"]) == ("burn_not_permitted", 150)
    await change(hub, permit_burns, child.card, may_burn=True)
    for _ in range(200):
        if (await shop.burn(child.card, 1))["verdict"] == "booked":
            break
        await asyncio.sleep(0.01)
    else:
        raise AssertionError("the hub was not told of the new right")
    await assert_sums_hold(hub)


async def test_who_leaves_a_household_leaves_its_points(hub: RunningHub) -> None:
    shop, card = await hub.shop(), await hub.card()
    member = NewMember("second@shop.example", "A second")
    second = await join_household(hub.pool, card, member, may_burn=True, now=hub.clock(), actor="test")
    await shop.earn(second.card, 100)

    own = await change(hub, leave_household, second.card)

    await until_told(hub, shop, second.card, "card_replaced")
    assert (await shop.earn(own.card, 7))["balance"] == 7
    assert (await shop.get(f"/v1/cards/{card}")).document["balance"] == 100
    with pytest.raises(StateConflictError, match="nobody else"):
        await change(hub, leave_household, own.card)
    await assert_sums_hold(hub)


async def test_a_closed_account_has_no_points_and_takes_no_more(hub: RunningHub) -> None:
    """What was left expires for its payers; while a shop has been promised points it can't be closed."""
    shop, card = await hub.shop(), await hub.card()
    await shop.earn(card, 100)
    reserved = await shop.operate("reserve", card, points=30)
    calendar = hub.clearing.registry.calendar
    with pytest.raises(StateConflictError, match="30 points on hold"):
        await close_account(hub.pool, card, calendar=calendar, clock=hub.clock, actor="test")
    await shop.operate("release", card, reserve_id=reserved["id"])

    closed = await close_account(hub.pool, card, calendar=calendar, clock=hub.clock, actor="test")
    again = await close_account(hub.pool, card, calendar=calendar, clock=hub.clock, actor="test")

    assert (closed.points_expired, again.points_expired) == (100, 0)
    await until_told(hub, shop, card, "account_closed")
    assert await hub.pool.fetchval("SELECT sum(points) FROM window_total WHERE kind = 'expired'") == 100
    await assert_sums_hold(hub)
