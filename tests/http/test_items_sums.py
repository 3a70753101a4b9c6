"""Random windows of a coalition that pays in every way: each line of each statement is the sum of its items."""

import json
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from coalition.database import migrations
from coalition.errors import StateConflictError
from coalition.lanes.close_window import close_window
from coalition.operations.check_sums import check_sums
from coalition.operations.merge_accounts import merge_accounts, unmerge_account
from coalition.operations.transfer_points import transfer_points
from coalition.stores.merges import set_transfer_max
from settlement.engine.item import BURN_CODES, Item
from settlement.engine.line import LineCode
from settlement.engine.money import round_half_up
from settlement.engine.statement import Statement
from settlement.engine.total import KINDS
from settlement.operations import list_items
from settlement.operations.add_terms import TermsChange, add_terms
from settlement.operations.calculate_window import calculate_window
from settlement.operations.list_items import load_months_at_burn, open_items, page_items
from settlement.operations.manage_prepaid import buy_block
from settlement.pages.behind import KINDS as KINDS_BEHIND
from settlement.stores.behind import OperationsWanted, load_operations_behind
from settlement.stores.hub import load_partner_names, load_programme
from tests.http.conftest import RunningHub
from tests.http.test_certificates import ask, offline
from tests.http.test_promotions import promote
from tests.shop import Shop

SHOPS: dict[str, dict[str, Any]] = {
    "Pool": {"issue_price": "0.0105", "service_fee": "0.0007"},
    "At burn": {"funding": "issuer_pays", "redemption_price": "0.0091", "commission": "0.03"},
    "Until April": {"funding": "issuer_pays", "service_fee": "0.0013", "issue_price": "0.0111"},
    "Blocks": {"funding": "prepaid", "issue_price": "0.0099", "service_fee": "0.0003", "commission": "0.01"},
}
MOVES = [*["earn"] * 6, *["joint"] * 2, *["burn"] * 6, *["reverse"] * 7, "hold", "hold", "offline", "merge", "gift"]
# Nothing that one operation makes.
WITHOUT_ITEMS: set[LineCode] = {"platform_fee", "block_purchase"}
MIGRATION = Path(migrations.__path__[0]) / "versions" / "0037_restored_lots.sql"


@dataclass
class Coalition:
    hub: RunningHub
    shops: dict[str, Shop]
    cards: list[str]
    promotion: str
    random: Random
    booked: list[tuple[Shop, str, str]] = field(default_factory=list)
    held: list[tuple[Shop, str, str]] = field(default_factory=list)

    async def act(self) -> None:
        self.hub.clock.forward(timedelta(minutes=self.random.randint(1, 20)))
        shop, card = self.random.choice(list(self.shops.values())), self.random.choice(self.cards)
        await getattr(self, self.random.choice(MOVES))(shop, card)

    async def earn(self, shop: Shop, card: str, **fields: Any) -> None:
        points = self.random.randint(1, 40)
        low = self.random.randint(0, points - 1)
        rates = [("19", points - low), ("7", low)][: 2 if low else 1]
        vat = [{"rate": rate, "points": share} for rate, share in rates]
        late = timedelta(days=self.random.choice([0, 0, 0, 20]))
        occurred_at = (self.hub.clock() - late).isoformat()
        await self.send(shop, "earn", card, points=points, vat=vat, occurred_at=occurred_at, **fields)

    async def joint(self, shop: Shop, card: str) -> None:
        await self.earn(shop, card, promotion=self.promotion)

    async def burn(self, shop: Shop, card: str) -> None:
        await self.send(shop, "burn", card, points=self.random.randint(1, 60))

    async def reverse(self, _: Shop, __: str) -> None:
        if self.booked:
            shop, card, operation_id = self.random.choice(self.booked)
            await self.send(shop, "reverse", card, operation_id=operation_id, points=self.random.randint(1, 25))

    async def hold(self, shop: Shop, card: str) -> None:
        if self.held and self.random.random() < 0.7:
            shop, card, reserve_id = self.held.pop()
            kind = self.random.choice(["capture", "release"])
            await self.send(shop, kind, card, reserve_id=reserve_id)
        else:
            timeout_s = self.random.choice([60, 9_000])
            await self.send(shop, "reserve", card, points=self.random.randint(1, 30), timeout_s=timeout_s)

    async def offline(self, shop: Shop, card: str) -> None:
        """What is spent before the till is heard of again is lent."""
        answered = await ask(shop, card, 20)
        if answered.status == 201:
            certificate = json.loads(answered.document["certificate"])
            for points in (40, 20, 10, 5, 3):
                await self.send(shop, "burn", card, points=points)
            result = (await shop.send(offline(shop, certificate, 15, 1))).result
            self.keep(shop, "burn", card, result)

    async def merge(self, _: Shop, card: str) -> None:
        with suppress(StateConflictError):
            if self.random.random() < 0.5:
                await merge_accounts(self.hub.pool, card, into=self.random.choice(self.cards), **self.by())
            else:
                await unmerge_account(self.hub.pool, card, **self.by())

    async def gift(self, _: Shop, card: str) -> None:
        with suppress(StateConflictError):
            await transfer_points(self.hub.pool, card, to=self.random.choice(self.cards), points=7, **self.by())

    def by(self) -> dict[str, Any]:
        return {"calendar": self.hub.clearing.registry.calendar, "clock": self.hub.clock, "actor": "test"}

    async def send(self, shop: Shop, kind: str, card: str, **fields: Any) -> None:
        result = await shop.operate(kind, card, **fields)
        self.keep(shop, kind, card, result)

    def keep(self, shop: Shop, kind: str, card: str, result: dict[str, Any]) -> None:
        if result["verdict"] == "booked" and kind != "reverse":
            (self.held if kind == "reserve" else self.booked).append((shop, card, result["id"]))


@pytest.fixture
async def coalition(hub: RunningHub) -> Coalition:
    """Of points that live for a month, and come back by grace; one partner changes its funding in April."""
    await hub.pool.execute("UPDATE programme SET expiry_rule = 'after_months', expiry_months = 1, grace_days = 10")
    hub.clock.stop()
    hub.clock.forward(datetime(2027, 3, 24, 12, tzinfo=UTC) - hub.clock())
    shops = {name: await hub.shop(name, offline_loss="member", **terms) for name, terms in SHOPS.items()}
    async with hub.pool.acquire() as connection:
        await set_transfer_max(connection, 100)
        partners = {name: partner for partner, name in (await load_partner_names(connection)).items()}
    await buy_block(hub.pool, partners["Blocks"], 300, now=hub.clock(), actor="test")
    april = datetime(2027, 4, 1)  # noqa: DTZ001
    change = TermsChange(funding="pool")
    await add_terms(hub.pool, partners["Until April"], change, valid_from=april, now=hub.clock(), actor="shell:test")
    promotion = await promote(
        hub,
        *((name, weight) for weight, name in enumerate(SHOPS, 1)),
        budget=5_000,
        starts_at=hub.clock() - timedelta(days=100),
        ends_at=hub.clock() + timedelta(days=100),
    )
    await hub.clearing.registry.load()
    return Coalition(hub, shops, await hub.cards(5), promotion, Random(4))


def sums_of(statement: Statement, items: list[Item]) -> dict[tuple[Any, ...], tuple[int, Decimal]]:
    """Return points and rounded amount by line, partner (of burn charges) and terms."""
    sums: defaultdict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [0, Decimal(0)])

    def add(line: LineCode, counterparty: int | None, item: Item, amount: Decimal) -> None:
        key = (line, counterparty, item.booked.terms_version)
        sums[key] = [sums[key][0] + item.points, sums[key][1] + amount]

    for item in items:
        add(item.line, item.booked.sender if item.line.startswith("burn") else None, item, item.amount)
        if item.fee_line is not None:
            add(item.fee_line, None, item, item.fee or Decimal(0))
    return {key: (points, round_half_up(amount, statement.currency)) for key, (points, amount) in sums.items()}


async def test_the_items_of_a_line_sum_to_the_line(coalition: Coalition, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the point and the cent, for every line of every partner, also where burns were undone in parts, debts repaid,
    points lent, merged, expired and revived; in pages of any size; and each operation is counted once."""
    hub, met = coalition.hub, set()
    monkeypatch.setattr(list_items, "PAGE", 31)
    for window in (1, 2, 3):
        for _ in range(120):
            await coalition.act()
        await close_window(hub.pool, clock=hub.clock, actor="test", expected=window)
        await calculate_window(hub.pool, window, now=hub.clock(), actor="test")
        for partner in range(1, len(SHOPS) + 1):
            found = await open_items(hub.pool, window, partner)
            statement, items = found.statement, [item async for page in found.pages for item in page]
            lines = {
                (line.code, line.counterparty, line.terms_version): (line.points, line.amount)
                for line in statement.lines
                if line.code not in WITHOUT_ITEMS
            }
            assert sums_of(statement, items) == lines
            await assert_pages_behind(hub, statement)
            met |= {code for code, _, _ in lines}
            places = [item.booked.place for item in items]
            assert places == sorted(set(places))
            for kind in KINDS:
                counted = sum(item.booked.operations for item in items if item.booked.kind == kind)
                assert counted == statement.control.operations[kind]
            assert await paged(hub, window, partner, coalition.random.randint(2, 12)) == items
        hub.clock.forward(timedelta(days=12))
    assert {"burn_charge", "burn_charge_reversed", "cover_charge", "issue_overdraft"} <= met
    for told in ('"grace_points"', '"covered"', "move_in"):
        assert await hub.pool.fetchval("SELECT count(*) FROM journal WHERE strpos(kind || result, $1) > 0", told), told
    await assert_sums_hold(hub)
    await hub.pool.execute("DELETE FROM lot_restoration")
    await hub.pool.execute(
        "INSERT INTO lot_restoration" + MIGRATION.read_text().partition("INSERT INTO lot_restoration")[2]
    )
    await assert_sums_hold(hub)


async def assert_sums_hold(hub: RunningHub) -> None:
    report = await check_sums(hub.pool)
    assert [finding for finding in report.findings if finding.broken] == []


async def assert_pages_behind(hub: RunningHub, statement: Statement) -> None:
    """The page behind a burn charge, or behind those undone, lists the points of its line; operations have no sign."""
    window, payer = statement.period.window, statement.partner
    async with hub.pool.acquire() as connection:
        months = await load_months_at_burn(connection, window, payer, await load_programme(connection))
        for line in statement.lines:
            if line.code in BURN_CODES:
                wanted = OperationsWanted(
                    window_no=window,
                    kinds=KINDS_BEHIND[BURN_CODES[line.code]],
                    partner=line.counterparty,
                    lots_of=payer,
                    months=months,
                    terms_version=line.terms_version,
                )
                behind = await load_operations_behind(connection, wanted, after=(0, -1), count_max=1_000)
                assert sum(operation.billed for operation in behind) == abs(line.points or 0)


async def paged(hub: RunningHub, window: int, partner: int, count_max: int) -> list[Item]:
    items: list[Item] = []
    while True:
        after = items[-1].booked.place if items else None
        _, page = await page_items(hub.pool, window, partner, after=after, count_max=count_max)
        if not page:
            return items
        assert len(page) <= count_max
        items += page
