"""How points are paid for, from the till to the bill: at burn by their payers, or before, as blocks."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from coalition.errors import SettingError
from coalition.lanes.close_window import close_window
from coalition.operations.check_sums import check_sums
from coalition.operations.manage_cap import set_cap
from settlement.documents.statement_json import read_json
from settlement.engine.statement import Statement
from settlement.errors import InvalidBlockError
from settlement.operations.calculate_window import calculate_window
from settlement.operations.find_statement import find_statement
from settlement.operations.manage_prepaid import buy_block, report_prepaid, set_prepaid_rule
from settlement.operations.report_window import WindowReport, report_window
from settlement.stores.prepaid import PrepaidRule
from tests.http.conftest import RunningHub, now
from tests.http.test_promotions import promote


async def calculated(hub: RunningHub) -> WindowReport:
    """Close and calculate the open window; its sums hold, and its nets and the operator's share are zero."""
    window = await close_window(hub.pool, clock=now, actor="test")
    await calculate_window(hub.pool, window, now=now(), actor="test")
    report = await check_sums(hub.pool)
    assert [finding for finding in report.findings if finding.broken] == []
    closed = await report_window(hub.pool, window)
    assert sum(partner.net for partner in closed.partners) == closed.netting.operator.total
    return closed


async def statement(hub: RunningHub, report: WindowReport, name: str) -> Statement:
    partner = next(partner.partner for partner in report.partners if partner.name == name)
    return read_json(await find_statement(hub.pool, report.window.window_no, partner))


def lines_of(told: Statement) -> list[tuple[str, str, str]]:
    return [(line.code, told.counterparty_of(line), str(line.amount)) for line in told.lines]


async def partner_no(hub: RunningHub, name: str) -> int:
    return await hub.pool.fetchval("SELECT partner FROM partner WHERE name = $1", name)  # type: ignore[no-any-return]


async def test_a_joint_promotion_is_billed_to_each_payer_at_issue_or_at_burn(hub: RunningHub) -> None:
    """300 points of the bakery's, a third of them the garage's, are redeemed at the cinema, but for 30."""
    bakery = await hub.shop("Bakery", funding="issuer_pays")
    await hub.shop("Garage")
    cinema = await hub.shop("Cinema", redemption_price="0.009", commission="0.1")
    name = await promote(hub, ("Bakery", 2), ("Garage", 1), issuers=("Bakery",))
    card = await hub.card()
    await bakery.earn(card, 300, promotion=name, vat=[{"rate": "19", "points": 300}])
    burned = await cinema.burn(card, 300)
    await cinema.reverse(card, burned["id"], points=30)

    report = await calculated(hub)

    told = await statement(hub, report, "Bakery")
    burn_charges = [line for line in lines_of(told) if line[0].startswith("burn")]
    points = {(row.partner, row.name): row.points for row in told.points_elsewhere}
    assert burn_charges[0][:2] == ("burn_charge", "Cinema")
    assert lines_of(told)[0] == ("issue_deferred", "", "0.00")
    garage = await statement(hub, report, "Garage")
    assert lines_of(garage) == [("issue_charge", "", "1.00")]
    assert sum(row.points for row in (*told.points_elsewhere, *garage.points_elsewhere)) == 270
    here = (await statement(hub, report, "Cinema")).points_here
    assert sum((row.amount for row in here), Decimal(0)) == Decimal("2.43")
    assert told.position.charge == sum((row.amount for row in here if row.name == "Bakery"), Decimal(0))
    assert sum(points.values()) == next(row.points for row in here if row.name == "Bakery")
    assert [(str(rate.rate), rate.points) for rate in told.burned_vat] == [("19", sum(points.values()))]
    # The cinema's fee alone, and what the garage has paid for points that are not redeemed yet.
    operator = report.netting.operator
    assert operator.commissions == Decimal("0.24")
    assert operator.fund_growth == Decimal("1.00") - sum(
        (row.amount for row in here if row.name == "Garage"), Decimal(0)
    )


async def test_tills_in_all_lanes_issue_what_is_prepaid_and_no_point_more(hub: RunningHub) -> None:
    """1,000 points in blocks, asked for by 200 tills at once, of 7 each: 142 are booked; more after another block."""
    shop, cards = await hub.shop(funding="prepaid"), await hub.cards(8)
    partner = await partner_no(hub, "Shop")
    await buy_block(hub.pool, partner, 600, now=now(), actor="test")
    await set_prepaid_rule(hub.pool, partner, PrepaidRule("refused", 100), now=now(), actor="test")
    await buy_block(hub.pool, partner, 400, price=Decimal("0.0095"), now=now(), actor="test")
    await hub.clearing.registry.load()

    results = await asyncio.gather(*(shop.earn(card, 7) for _ in range(25) for card in cards))

    booked = [result for result in results if result["verdict"] == "booked"]
    assert len(booked) == 142
    assert {result["code"] for result in results if result["verdict"] == "refused"} == {"cap_reached"}
    account = (await report_prepaid(hub.pool, partner)).account
    assert (account.closing, account.is_low, [use.left for use in account.blocks]) == (6, True, [0, 6])
    # Points that come back may be issued again.
    await shop.reverse(cards[0], next(result["id"] for result in results[:: len(cards)] if result in booked))
    assert (await shop.earn(cards[0], 13))["verdict"] == "booked"
    assert (await shop.earn(cards[0], 1))["verdict"] == "refused"
    report = await calculated(hub)
    told = await statement(hub, report, "Shop")
    assert [line for line in lines_of(told) if line[2] != "0.00"] == [
        ("block_purchase", "", "6.00"),
        ("block_purchase", "", "3.80"),
    ]
    assert report.netting.operator.prepaid_blocks == Decimal("9.80")

    await buy_block(hub.pool, partner, 50, now=now(), actor="test")
    await hub.clearing.registry.load()
    assert (await shop.earn(cards[1], 50))["verdict"] == "booked"
    assert [line[0] for line in lines_of(await statement(hub, await calculated(hub), "Shop"))] == [
        "issue_prepaid",
        "block_purchase",
    ]


async def test_beyond_its_blocks_a_partner_is_billed_until_it_is_refused(hub: RunningHub) -> None:
    shop, card = await hub.shop(funding="prepaid", service_fee="0.001"), await hub.card()
    partner = await partner_no(hub, "Shop")
    await buy_block(hub.pool, partner, 100, now=now(), actor="test")
    await shop.earn(card, 250)
    report = await calculated(hub)
    told = await statement(hub, report, "Shop")
    assert lines_of(told)[1:] == [
        ("issue_overdraft", "", "1.50"),
        ("block_purchase", "", "1.00"),
        ("service_fee", "", "0.25"),
    ]
    # What was billed is paid for: the next block is there for what comes.
    await buy_block(hub.pool, partner, 30, now=now(), actor="test")
    await set_prepaid_rule(hub.pool, partner, PrepaidRule("refused"), now=now(), actor="test")
    await hub.clearing.registry.load()
    assert [(await shop.earn(card, points))["verdict"] for points in (31, 30, 1)] == ["refused", "booked", "refused"]
    await set_prepaid_rule(hub.pool, partner, PrepaidRule("billed"), now=now(), actor="test")
    await hub.clearing.registry.load()
    assert (await shop.earn(card, 1))["verdict"] == "booked"
    assert ("issue_overdraft", "", "0.01") in lines_of(await statement(hub, await calculated(hub), "Shop"))


async def test_what_cannot_be_prepaid_is_told(hub: RunningHub) -> None:
    await hub.shop("Pool")
    await hub.shop("Before", funding="prepaid")
    pool, before = await partner_no(hub, "Pool"), await partner_no(hub, "Before")

    async def refused(*fields: str, work: Any) -> None:
        with pytest.raises(InvalidBlockError) as found:
            await work
        assert tuple(problem.field for problem in found.value.problems) == fields

    actor: dict[str, Any] = {"now": now(), "actor": "test"}
    await refused("partner", work=buy_block(hub.pool, pool, 100, **actor))
    await refused("points", "price", work=buy_block(hub.pool, before, 0, price=Decimal(-1), **actor))
    await refused("warn_below", work=set_prepaid_rule(hub.pool, before, PrepaidRule("billed", -1), **actor))
    await set_cap(hub.pool, "Before", 1000, now=now(), actor="test")
    await refused("overdraft", work=set_prepaid_rule(hub.pool, before, PrepaidRule("refused"), **actor))
    await set_cap(hub.pool, "Before", None, now=now(), actor="test")
    await set_prepaid_rule(hub.pool, before, PrepaidRule("refused"), **actor)
    with pytest.raises(SettingError, match="its cap"):
        await set_cap(hub.pool, "Before", 1000, now=now(), actor="test")
