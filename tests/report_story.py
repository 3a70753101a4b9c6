"""Two months of a small coalition with all that makes a report hard: returns, late and joint sales, burns undone,
points that move between accounts, and expiry. Window 1 is settled, window 2 calculated, window 3 open.

    March, window 1                             issued  reversed  redeemed  undone
    Bakery  1,000 (100 come back), 300 late,     1,351       100
            51 of a joint earn of 101
    Garage  50 of the joint earn                    50                 400     150
    300 points move from one account to another
    April, window 2: all 1,051 points expire, 1,001 of them paid by the Bakery
    Bakery                                         200
    Garage                                                              60
    window 3, open: Bakery 10
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from coalition.lanes.close_window import close_window
from coalition.lanes.settle_due import settle_due
from coalition.operations.manage_promotion import NewPromotion, add_promotion
from coalition.operations.merge_accounts import merge_accounts
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.settle_window import settle_window
from tests.http.conftest import RunningHub, now
from tests.shop import Shop

MARCH = datetime(2027, 3, 15, 12, tzinfo=UTC)
APRIL = datetime(2027, 4, 24, 12, tzinfo=UTC)
SALE_VAT = [{"rate": "19", "points": 600}, {"rate": "7", "points": 400}]


@dataclass(frozen=True)
class Story:
    """Who took part."""

    bakery: Shop
    garage: Shop
    card: str


async def two_months(hub: RunningHub) -> Story:
    """Book it all through the hub, and close its windows as finance does."""
    await hub.pool.execute("UPDATE programme SET expiry_rule = 'after_months', expiry_months = 1")
    await hub.pool.execute("UPDATE clearing_window SET opened_at = $1", MARCH - timedelta(days=1))
    await hub.clearing.registry.load()
    hub.clock.forward(MARCH - hub.clock())
    bakery = await hub.shop("Bakery", service_fee="0.001", platform_fee="5")
    garage = await hub.shop("Garage", commission="0.02")
    first, second, third = await hub.cards(3)
    await _promote(hub)
    sale = await bakery.earn(first, 1_000, shop="0042", reference="4711", vat=SALE_VAT)
    late = (MARCH - timedelta(days=3)).isoformat()
    assert (await bakery.earn(second, 300, occurred_at=late))["verdict"] == "booked"
    assert (await bakery.earn(third, 101, promotion="spring"))["verdict"] == "booked"
    await bakery.reverse(first, sale["id"], points=100, shop="0042")
    burned = await garage.burn(first, 400, shop="7")
    await garage.reverse(first, burned["id"], points=150)
    calendar = hub.clearing.registry.calendar
    await merge_accounts(hub.pool, second, into=first, calendar=calendar, clock=hub.clock, actor="test")
    await hub.clearing.registry.load()
    await settle(hub, await close_window(hub.pool, clock=hub.clock, actor="ada"))
    hub.clock.forward(APRIL - hub.clock())
    await settle_due(hub.pool, calendar=calendar, clock=hub.clock)
    await bakery.earn(first, 200, shop="0042")
    await garage.burn(first, 60)
    window = await close_window(hub.pool, clock=hub.clock, actor="ada")
    await calculate_window(hub.pool, window, now=hub.clock(), actor="operator:ada")
    await bakery.earn(first, 10)
    return Story(bakery, garage, first)


async def settle(hub: RunningHub, window: int) -> None:
    """Take a closed window to SETTLED."""
    await calculate_window(hub.pool, window, now=hub.clock(), actor="operator:ada")
    await approve_window(hub.pool, window, now=hub.clock(), actor="operator:berta")
    await settle_window(hub.pool, window, now=hub.clock(), actor="operator:berta")


async def _promote(hub: RunningHub) -> None:
    number = await add_promotion(
        hub.pool,
        NewPromotion(
            name="spring",
            payers=(("Bakery", 50), ("Garage", 50)),
            starts_at=MARCH - timedelta(days=30),
            ends_at=MARCH + timedelta(days=30),
            budget=1_000,
        ),
        now=now(),
        actor="test",
    )
    async with asyncio.timeout(20):
        while str(number) not in hub.clearing.registry.promotions:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
