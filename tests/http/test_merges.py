"""Two accounts become one and two again, with burns and returns in between; points are given from card to card."""

import asyncio
from typing import Any

import pytest

from coalition.errors import StateConflictError
from coalition.operations.check_sums import check_sums
from coalition.operations.merge_accounts import merge_accounts, transfer_points, unmerge_account
from coalition.stores.merges import set_transfer_max
from tests.http.conftest import RunningHub
from tests.shop import Shop

# As dealt out in turn: the first two lie in two lanes, the first and the fifth in one.
OTHER_LANE, SAME_LANE = 1, 4


async def assert_sums_hold(hub: RunningHub) -> None:
    report = await check_sums(hub.pool)
    assert [finding for finding in report.findings if finding.broken] == []


async def two_cards(hub: RunningHub, apart: int) -> tuple[Shop, str, str]:
    cards = await hub.cards(5)
    lanes = dict(await hub.pool.fetch("SELECT card, lane FROM card"))
    assert (lanes[cards[0]] == lanes[cards[apart]]) == (apart == SAME_LANE)
    return await hub.shop(), cards[0], cards[apart]


async def merge(hub: RunningHub, card: str, into: str) -> int:
    calendar = hub.clearing.registry.calendar
    moved = await merge_accounts(hub.pool, card, into=into, calendar=calendar, clock=hub.clock, actor="test")
    await hub.clearing.registry.load()
    return moved.points


async def unmerge(hub: RunningHub, card: str) -> int:
    calendar = hub.clearing.registry.calendar
    moved = await unmerge_account(hub.pool, card, calendar=calendar, clock=hub.clock, actor="test")
    await hub.clearing.registry.load()
    return moved.points


async def balance(shop: Shop, card: str) -> int:
    document: dict[str, Any] = (await shop.get(f"/v1/cards/{card}")).document
    return int(document["balance"])


@pytest.mark.parametrize("apart", [OTHER_LANE, SAME_LANE])
async def test_merged_and_unmerged_with_burns_between(hub: RunningHub, apart: int) -> None:
    """What was spent together stays spent; of the points that came, the rest goes back."""
    shop, first, second = await two_cards(hub, apart)
    await shop.earn(first, 100)
    await shop.earn(second, 50)

    assert await merge(hub, first, into=second) == 100
    assert (await balance(shop, first), await balance(shop, second)) == (150, 150)
    assert (await shop.burn(first, 120))["balance"] == 30
    assert (await shop.earn(first, 7))["balance"] == 37
    left = await unmerge(hub, first)

    assert 0 <= left <= 30
    assert (await balance(shop, first), await balance(shop, second)) == (left, 37 - left)
    assert (await shop.earn(first, 5))["balance"] == left + 5
    await assert_sums_hold(hub)


@pytest.mark.parametrize("apart", [OTHER_LANE, SAME_LANE])
async def test_a_sale_from_before_the_merge_is_returned_after_it(hub: RunningHub, apart: int) -> None:
    """With either card: its points were merged away, so the household's others are taken."""
    shop, first, second = await two_cards(hub, apart)
    earned = await shop.earn(first, 100)
    burned = await shop.burn(first, 30)
    await shop.earn(second, 50)
    await merge(hub, first, into=second)

    returned = await shop.reverse(second, earned["id"], points=60)
    assert returned["verdict"] == "booked"
    assert await balance(shop, second) == 60
    undone = await shop.reverse(first, burned["id"])
    assert undone["verdict"] == "booked"
    assert await balance(shop, second) == 90
    assert (await shop.reverse(first, earned["id"], points=41))["left"] == 40
    await assert_sums_hold(hub)


@pytest.mark.parametrize("apart", [OTHER_LANE, SAME_LANE])
async def test_what_was_answered_before_a_merge_is_answered_again_after_it(hub: RunningHub, apart: int) -> None:
    """Byte for byte, from the account on which it was booked; also what came between merge and undoing."""
    shop, first, second = await two_cards(hub, apart)
    sent = shop.operation("earn", first, points=100)
    before = (await shop.send(sent)).results
    await merge(hub, first, into=second)
    between = shop.operation("burn", first, points=10)
    spent = (await shop.send(between)).results

    assert (await shop.send(sent)).results == before
    await unmerge(hub, first)
    assert (await shop.send(sent)).results == before
    assert (await shop.send(between)).results == spent
    await assert_sums_hold(hub)


async def test_a_return_that_nobody_can_cover_is_owed_and_repaid(hub: RunningHub) -> None:
    shop, first, second = await two_cards(hub, OTHER_LANE)
    earned = await shop.earn(first, 100)
    await merge(hub, first, into=second)
    await shop.burn(second, 100)
    assert (await shop.reverse(first, earned["id"]))["verdict"] == "booked"
    await shop.earn(second, 130)

    again = await shop.reverse(first, earned["id"])

    assert (again["code"], again["left"]) == ("more_than_left", 0)
    assert await balance(shop, second) == 30
    await assert_sums_hold(hub)


async def test_merges_under_load_lose_nothing(hub: RunningHub) -> None:
    """Tills earn and burn with both cards while their accounts are merged and unmerged, both ways at once."""
    shop, first, second = await two_cards(hub, OTHER_LANE)
    await shop.earn(first, 500)
    await shop.earn(second, 500)

    async def shopping(card: str) -> None:
        for _ in range(15):
            await shop.earn(card, 3)
            await shop.burn(card, 2)

    async def merging() -> None:
        for _ in range(4):
            await merge(hub, first, into=second)
            await unmerge(hub, first)

    await asyncio.gather(*(shopping(card) for card in (first, second, first)), merging())

    outstanding = await hub.pool.fetchval("SELECT sum(balance) FROM account")
    sums = await hub.pool.fetch("SELECT kind, sum(points)::int AS points FROM window_total GROUP BY kind")
    totals = {row["kind"]: row["points"] for row in sums}
    assert outstanding == totals["issued"] - totals["redeemed"]
    assert totals["moved_in"] == totals["moved_out"] > 0
    await assert_sums_hold(hub)


async def test_points_are_given_within_the_days_limit(hub: RunningHub) -> None:
    """They keep their origin and age; the programme says how many a card may give."""
    shop, first, second = await two_cards(hub, OTHER_LANE)
    await shop.earn(first, 100)
    calendar = hub.clearing.registry.calendar

    async def give(points: int) -> int:
        moved = await transfer_points(
            hub.pool, first, to=second, points=points, calendar=calendar, clock=hub.clock, actor="test"
        )
        return moved.points

    with pytest.raises(StateConflictError, match="switched off"):
        await give(10)
    async with hub.pool.acquire() as connection:
        await set_transfer_max(connection, 50)
    assert await give(40) == 40
    with pytest.raises(StateConflictError, match="has given 40 today"):
        await give(11)
    assert (await balance(shop, first), await balance(shop, second)) == (60, 40)
    lots = await hub.pool.fetch("SELECT issuer, payer, month_of_sale, expires_on FROM lot")
    assert len({tuple(lot) for lot in lots}) == 1
    await assert_sums_hold(hub)


async def test_what_can_not_be_merged_says_why(hub: RunningHub) -> None:
    shop, first, second = await two_cards(hub, OTHER_LANE)
    await shop.earn(first, 100)
    reserved = await shop.operate("reserve", first, points=10)
    with pytest.raises(StateConflictError, match="10 points on hold"):
        await merge(hub, first, into=second)
    await shop.operate("release", first, reserve_id=reserved["id"])
    await merge(hub, first, into=second)
    with pytest.raises(StateConflictError, match="one account already"):
        await merge(hub, first, into=second)
    with pytest.raises(StateConflictError, match="did not come"):
        await unmerge(hub, second)
