"""Two accounts become one and two again, with burns and returns in between; points are given from card to card."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from coalition.errors import StateConflictError
from coalition.lanes.move_points import move_on
from coalition.operations.check_sums import check_sums
from coalition.operations.manage_card import close_account, leave_household, permit_burns, replace_card
from coalition.operations.merge_accounts import Moved, merge_accounts, unmerge_account
from coalition.operations.transfer_points import transfer_points
from coalition.stores.cards import Place
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
    assert returned["verdict"] == "booked", returned
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


async def test_a_card_replaced_after_a_merge_goes_back_with_its_member(hub: RunningHub) -> None:
    shop, first, second = await two_cards(hub, OTHER_LANE)
    await shop.earn(first, 100)
    await shop.earn(second, 500)
    await merge(hub, first, into=second)
    new = (await replace_card(hub.pool, first, now=hub.clock(), actor="test")).card
    with pytest.raises(StateConflictError, match="undo that instead"):
        await leave_household(hub.pool, new, now=hub.clock(), actor="test")

    assert await unmerge(hub, new) == 100

    assert (await balance(shop, new), await balance(shop, second)) == (100, 500)
    assert (await shop.burn(new, 101))["code"] == "insufficient_points"
    await assert_sums_hold(hub)


async def test_of_two_merges_at_once_that_would_make_a_chain_one_is_refused(hub: RunningHub) -> None:
    cards = await hub.cards(3)
    calendar = hub.clearing.registry.calendar

    def merging(card: str, into: str) -> Any:
        return merge_accounts(hub.pool, card, into=into, calendar=calendar, clock=hub.clock, actor="test")

    for _ in range(3):
        outcomes = await asyncio.gather(
            merging(cards[0], cards[1]), merging(cards[1], cards[2]), return_exceptions=True
        )
        # The other order is no chain: the first then merges into the account that stays.
        merged = await hub.pool.fetch("SELECT from_account, into_account FROM account_merge WHERE undone_at IS NULL")
        assert not {row["from_account"] for row in merged} & {row["into_account"] for row in merged}
        assert all(outcome is None or isinstance(outcome, Moved | StateConflictError) for outcome in outcomes)
        for card in cards[:2]:
            with suppress(StateConflictError):
                await unmerge(hub, card)


async def test_what_returns_left_goes_back_as_well(hub: RunningHub) -> None:
    """Burned before the merge, returned after it: those points were never the other's."""
    shop, first, second = await two_cards(hub, OTHER_LANE)
    await shop.earn(first, 200)
    burned = await shop.burn(first, 150)
    await merge(hub, first, into=second)
    await shop.reverse(first, burned["id"])
    assert await balance(shop, second) == 200

    assert await unmerge(hub, first) == 200
    assert (await balance(shop, first), await balance(shop, second)) == (200, 0)
    await assert_sums_hold(hub)


async def test_moving_on_and_undoing_at_once_end_where_the_cards_lead(hub: RunningHub) -> None:
    shop, first, second = await two_cards(hub, OTHER_LANE)
    await shop.earn(first, 1_000)
    calendar = hub.clearing.registry.calendar
    place = Place(*await hub.pool.fetchrow("SELECT lane, account FROM card WHERE card = $1", first))
    for _ in range(5):
        await merge(hub, first, into=second)
        await asyncio.gather(
            unmerge(hub, first), *(move_on(hub.pool, place, calendar=calendar, clock=hub.clock) for _ in range(4))
        )
        assert (await balance(shop, first), await balance(shop, second)) == (1_000, 0)
    await assert_sums_hold(hub)


async def test_a_return_after_a_merge_takes_the_households_points_whoever_bears_losses(hub: RunningHub) -> None:
    shop, first, second = await two_cards(hub, OTHER_LANE)
    await hub.pool.execute("UPDATE terms SET return_loss = 'issuer'")
    await hub.clearing.registry.load()
    earned = await shop.earn(first, 100)
    await shop.earn(second, 500)
    await merge(hub, first, into=second)

    assert (await shop.reverse(first, earned["id"]))["verdict"] == "booked"
    assert await balance(shop, second) == 500
    await assert_sums_hold(hub)


async def test_a_sale_of_a_household_that_was_left_is_returned_from_the_next(hub: RunningHub) -> None:
    """Bought while merged into one account, returned while merged into another: by those who had the points."""
    shop, (first, second, third) = await hub.shop(), await hub.cards(3)
    await merge(hub, first, into=second)
    earned, burned = await shop.earn(first, 100), await shop.burn(first, 30)
    await unmerge(hub, first)
    await merge(hub, first, into=third)

    assert (await shop.reverse(first, burned["id"]))["balance"] == 100
    assert (await shop.reverse(first, earned["id"], points=40))["balance"] == 60
    assert (await balance(shop, second), await balance(shop, third)) == (60, 0)
    await assert_sums_hold(hub)


async def test_who_may_not_spend_gives_nothing_away(hub: RunningHub) -> None:
    shop, first, second = await two_cards(hub, OTHER_LANE)
    await shop.earn(first, 100)
    async with hub.pool.acquire() as connection:
        await set_transfer_max(connection, 1_000)
    await permit_burns(hub.pool, first, may_burn=False, now=hub.clock(), actor="test")
    calendar = hub.clearing.registry.calendar
    with pytest.raises(StateConflictError, match="not spend"):
        await transfer_points(hub.pool, first, to=second, points=10, calendar=calendar, clock=hub.clock, actor="test")
    await close_account(hub.pool, second, calendar=calendar, clock=hub.clock, actor="test")
    with pytest.raises(StateConflictError, match="is closed"):
        await merge(hub, first, into=second)
