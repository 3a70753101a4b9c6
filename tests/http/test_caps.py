"""Net debit caps over HTTP: never passed, whoever races, and reached in whichever lane there is room."""

import asyncio
from decimal import Decimal
from typing import Any, Literal

import pytest

from coalition.errors import NotFoundError, SettingError
from coalition.http.answers import RefusedResult
from coalition.lanes.close_window import close_window
from coalition.operations.check_sums import check_sums
from coalition.operations.manage_cap import set_cap
from settlement.errors import PaymentRefusedError
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.invoice_window import invoice_window
from settlement.operations.manage_collateral import change_collateral
from settlement.operations.record_payment import NewPayment, record_payment
from settlement.operations.settle_window import settle_window
from tests.http.conftest import RunningHub, now
from tests.http.test_promotions import promote

POSITION = """
SELECT sum(points * CASE kind WHEN 'issued' THEN issue_price + service_fee
    WHEN 'issue_reversed' THEN -issue_price - service_fee
    WHEN 'redeemed' THEN -redemption_price * (1 - commission) ELSE redemption_price * (1 - commission) END)
FROM window_total JOIN terms ON terms.partner = window_total.partner AND version = terms_version
WHERE window_total.partner = (SELECT partner FROM partner WHERE name = $1)
    AND NOT EXISTS (
        SELECT FROM window_share
        WHERE window_share.window_no = window_total.window_no AND window_share.partner = window_total.partner
            AND state = 'PAID')
"""


BROKEN_POSITION = "UPDATE net_debit_cap SET cap_minor = 99"
MENDED_POSITION = "UPDATE net_debit_cap SET cap_minor = 100"
BROKEN_GRANT = "UPDATE cap_allowance SET granted = granted + 0.01 WHERE granted > 0"
MENDED_GRANT = "UPDATE cap_allowance SET granted = granted - 0.01 WHERE granted > 0"


async def cap(hub: RunningHub, name: str, cap_minor: int | None) -> None:
    """Set a cap, and wait until the hub has heard of it."""
    await set_cap(hub.pool, name, cap_minor, now=now(), actor="test")
    await hub.clearing.registry.load()


async def invoice(hub: RunningHub) -> int:
    window_no = await close_window(hub.pool, clock=now, actor="test")
    await calculate_window(hub.pool, window_no, now=now(), actor="anna")
    await approve_window(hub.pool, window_no, now=now(), actor="ben")
    await invoice_window(hub.pool, window_no, now=now(), actor="ben")
    return window_no


async def pay(hub: RunningHub, window_no: int, partner: int, amount: str) -> None:
    payment = NewPayment(amount=Decimal(amount), reference=f"bank {amount}", paid_on=now().date())
    await record_payment(hub.pool, window_no, partner, payment, now=now(), actor="ben")


async def position(hub: RunningHub, name: str) -> Decimal:
    return await hub.pool.fetchval(POSITION, name) or Decimal(0)  # type: ignore[no-any-return]


async def assert_sums_hold(hub: RunningHub) -> None:
    report = await check_sums(hub.pool)
    assert [finding for finding in report.findings if finding.broken] == []


def told(result: dict[str, Any]) -> tuple[Any, ...]:
    if result["verdict"] == "refused":
        RefusedResult.model_validate(result)
    return result.get("code"), result.get("limit")


async def test_many_tills_over_all_lanes_never_pass_the_cap_and_reach_it(hub: RunningHub) -> None:
    """10.00 at 0.012 a point are 833 points. Earns of 7 leave no room for one more of them, in no lane."""
    shop, cards = await hub.shop(service_fee="0.002"), await hub.cards(8)
    await cap(hub, "Shop", 1_000)

    results = await asyncio.gather(*(shop.earn(card, 7) for _ in range(20) for card in cards))

    booked = [result for result in results if result["verdict"] == "booked"]
    assert sum(result["points"] for result in booked) == 833
    assert len({result["lane"] for result in booked}) == 4
    assert {told(result) for result in results if result["verdict"] == "refused"} == {("cap_reached", 1_000)}
    assert await position(hub, "Shop") == Decimal("9.996")
    assert {told(await shop.earn(card, 1)) for card in cards} == {("cap_reached", 1_000)}
    await assert_sums_hold(hub)


async def test_tills_that_earn_burn_and_return_at_once_stay_within_the_cap(hub: RunningHub) -> None:
    """What is redeemed or returned gives room back, in whichever lane; the position is never above the cap."""
    shop, cards = await hub.shop(commission="0.1"), await hub.cards(8)
    other = await hub.shop("Other")
    await asyncio.gather(*(other.earn(card, 1_000) for card in cards))
    await cap(hub, "Shop", 500)
    seen: list[Decimal] = []

    async def watch() -> None:
        while True:
            seen.append(await position(hub, "Shop"))
            await asyncio.sleep(0.005)

    watcher = asyncio.create_task(watch())
    for _ in range(5):
        earned = await asyncio.gather(*(shop.earn(card, 60) for card in cards for _ in range(3)))
        own = [result for result in earned if result["verdict"] == "booked"]
        first = own[:1]
        burns = [shop.burn(card, 50) for card in cards[::2]]
        card_of = {
            result["id"]: card for card, result in zip([c for c in cards for _ in range(3)], earned, strict=True)
        }
        await asyncio.gather(*burns, *(shop.reverse(card_of[result["id"]], result["id"]) for result in first))
    watcher.cancel()
    await asyncio.gather(watcher, return_exceptions=True)

    assert max(seen) <= Decimal(5)
    left = Decimal(5) - await position(hub, "Shop")
    points = int(left / Decimal("0.01"))
    assert (await shop.earn(cards[0], points))["verdict"] == "booked", "all that is left, wherever it was"
    assert Decimal(5) - await position(hub, "Shop") < Decimal("0.01")
    await assert_sums_hold(hub)


async def test_a_hold_gives_room_only_once_it_is_captured(hub: RunningHub) -> None:
    shop, other, card = await hub.shop(), await hub.shop("Other"), await hub.card()
    await other.earn(card, 500)
    await cap(hub, "Shop", 100)
    assert (await shop.earn(card, 100))["verdict"] == "booked"
    held = await shop.operate("reserve", card, points=50)
    assert told(await shop.earn(card, 1)) == ("cap_reached", 100)
    await shop.operate("capture", card, reserve_id=held["id"])
    assert (await shop.earn(card, 50))["verdict"] == "booked"
    assert told(await shop.earn(card, 1)) == ("cap_reached", 100)
    assert (await other.earn(card, 1_000))["verdict"] == "booked", "the other has no cap"


async def test_a_settled_window_gives_its_room_back(hub: RunningHub) -> None:
    shop, card = await hub.shop(), await hub.card()
    await cap(hub, "Shop", 100)
    assert (await shop.earn(card, 100))["verdict"] == "booked"
    window_no = await close_window(hub.pool, clock=now, actor="test")
    await calculate_window(hub.pool, window_no, now=now(), actor="anna")
    assert told(await shop.earn(card, 1)) == ("cap_reached", 100)
    await approve_window(hub.pool, window_no, now=now(), actor="ben")
    await settle_window(hub.pool, window_no, now=now(), actor="ben")
    assert (await shop.earn(card, 100))["verdict"] == "booked"
    assert told(await shop.earn(card, 1)) == ("cap_reached", 100)


async def test_a_partner_that_pays_has_its_room_again_while_others_have_not(hub: RunningHub) -> None:
    shop, other, cards = await hub.shop(), await hub.shop("Other"), await hub.cards(4)
    await cap(hub, "Shop", 100)
    await other.earn(cards[0], 300)
    assert (await shop.earn(cards[0], 100))["verdict"] == "booked"
    window_no = await invoice(hub)
    assert told(await shop.earn(cards[1], 1)) == ("cap_reached", 100)
    await pay(hub, window_no, 1, "0.60")
    assert told(await shop.earn(cards[1], 1)) == ("cap_reached", 100), "a part of it is none"
    await pay(hub, window_no, 1, "0.40")
    assert (await shop.earn(cards[1], 100))["verdict"] == "booked"
    assert told(await shop.earn(cards[2], 1)) == ("cap_reached", 100)
    await assert_sums_hold(hub)


async def test_what_is_paid_out_is_room_no_more_in_any_lane(hub: RunningHub) -> None:
    """The partner was owed 800.00 and earned on that; when it is paid, no lane books on what it was granted before."""
    shop, other, cards = await hub.shop(), await hub.shop("Other"), await hub.cards(4)
    await other.earn(cards[0], 80_000)
    await cap(hub, "Shop", 10_000)
    await shop.burn(cards[0], 80_000)
    window_no = await invoice(hub)
    assert (await shop.earn(cards[1], 9_500))["verdict"] == "booked"
    assert (await shop.earn(cards[2], 1_000))["verdict"] == "booked"
    assert await position(hub, "Shop") == Decimal(-695)
    await pay(hub, window_no, 1, "-800.00")
    assert await position(hub, "Shop") == Decimal(105)
    await assert_sums_hold(hub)
    assert {told(await shop.earn(card, 1)) for card in cards} == {("cap_reached", 10_000)}
    await change_collateral(hub.pool, 1, "deposit", Decimal("10.00"), reference="d1", now=now(), actor="test")
    await hub.clearing.registry.load()
    assert (await shop.earn(cards[3], 500))["verdict"] == "booked"
    assert told(await shop.earn(cards[3], 1)) == ("cap_reached", 11_000)
    await assert_sums_hold(hub)


async def test_collateral_raises_the_cap_and_goes_back_as_far_as_it_is_not_needed(hub: RunningHub) -> None:
    shop, card = await hub.shop(), await hub.card()
    await cap(hub, "Shop", 100)

    async def change(kind: Literal["deposit", "return"], amount: str, reference: str) -> Decimal:
        balance = await change_collateral(
            hub.pool, 1, kind, Decimal(amount), reference=reference, now=now(), actor="test"
        )
        await hub.clearing.registry.load()
        return balance

    assert [await change("deposit", "2.00", "d1") for _ in range(2)] == [Decimal("2.00")] * 2
    assert (await shop.earn(card, 250))["verdict"] == "booked"
    with pytest.raises(PaymentRefusedError, match=r"amount: expected at most 0\.50, what is there and not needed"):
        await change("return", "0.51", "r1")
    assert await change("return", "0.50", "r1") == Decimal("1.50")
    assert told(await shop.earn(card, 1)) == ("cap_reached", 250)
    with pytest.raises(PaymentRefusedError, match="the deposit of 200 minor units that it is recorded for"):
        await change("return", "0.50", "d1")
    with pytest.raises(PaymentRefusedError, match=r"amount: expected more than 0"):
        await change("deposit", "-1", "d2")
    await assert_sums_hold(hub)


async def test_the_check_finds_a_position_above_its_cap(hub: RunningHub) -> None:
    """And a lane that could raise it there without asking."""
    shop, card = await hub.shop(), await hub.card()
    await cap(hub, "Shop", 100)
    await shop.earn(card, 100)
    await assert_sums_hold(hub)
    rule = "position within its net debit cap, and no lane may raise it further"
    for broken, mended in ((BROKEN_POSITION, MENDED_POSITION), (BROKEN_GRANT, MENDED_GRANT)):
        await hub.pool.execute(broken)
        report = await check_sums(hub.pool)
        assert rule in {finding.rule for finding in report.findings if finding.broken}
        await hub.pool.execute(mended)
        await assert_sums_hold(hub)


async def test_a_cap_may_be_lowered_raised_and_ended_with_points_issued_before(hub: RunningHub) -> None:
    shop, cards = await hub.shop(), await hub.cards(4)
    await asyncio.gather(*(shop.earn(card, 100) for card in cards))
    await cap(hub, "Shop", 450)
    assert (await shop.earn(cards[0], 20))["verdict"] == "booked"
    await cap(hub, "Shop", 300)
    assert told(await shop.earn(cards[0], 1)) == ("cap_reached", 300)
    await cap(hub, "Shop", 430)
    assert (await shop.earn(cards[1], 10))["verdict"] == "booked"
    assert told(await shop.earn(cards[2], 1)) == ("cap_reached", 430)
    await cap(hub, "Shop", None)
    assert (await shop.earn(cards[2], 1_000))["verdict"] == "booked"


async def test_a_burn_comes_back_whatever_the_cap_and_is_missing_then(hub: RunningHub) -> None:
    shop, cards = await hub.shop(), await hub.cards(2)
    await cap(hub, "Shop", 100)
    await shop.earn(cards[0], 100)
    burned = await shop.burn(cards[0], 60)
    assert (await shop.earn(cards[1], 60))["verdict"] == "booked"
    assert (await shop.reverse(cards[0], burned["id"]))["verdict"] == "booked"
    assert await position(hub, "Shop") == Decimal("1.6")
    assert told(await shop.earn(cards[1], 1)) == ("cap_reached", 100)
    await shop.burn(cards[1], 59)
    assert told(await shop.earn(cards[1], 1)) == ("cap_reached", 100)
    await shop.burn(cards[1], 1)
    await shop.burn(cards[0], 5)
    assert (await shop.earn(cards[1], 5))["verdict"] == "booked"


async def test_every_payer_of_a_promotion_needs_room(hub: RunningHub) -> None:
    """And a partner's cap is nobody else's business."""
    bakery, _, card = await hub.shop("Bakery"), await hub.shop("Garage"), await hub.card()
    promotion = await promote(hub, ("Bakery", 1), ("Garage", 1))
    await cap(hub, "Garage", 50)
    assert (await bakery.earn(card, 100, promotion=promotion))["verdict"] == "booked"
    assert told(await bakery.earn(card, 2, promotion=promotion)) == ("cap_reached", None)
    assert (await bakery.earn(card, 100))["verdict"] == "booked"
    assert await hub.pool.fetchval("SELECT sum(used) FROM promotion_allowance") == 100
    await assert_sums_hold(hub)


async def test_caps_that_can_not_be_are_refused(hub: RunningHub) -> None:
    await hub.shop()
    with pytest.raises(NotFoundError, match="Nobody"):
        await set_cap(hub.pool, "Nobody", 1, now=now(), actor="test")
    with pytest.raises(SettingError, match="expected 0 to"):
        await set_cap(hub.pool, "Shop", -1, now=now(), actor="test")
