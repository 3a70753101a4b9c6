"""A partner with the SDK compares its outbox with the real hub, before and after its bill."""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.lanes.close_window import close_window
from partner_sdk import BookLine, Books, Coalition, Earn, KindTotal, Reconciliation, RefusedError
from settlement.operations.calculate_window import calculate_window
from tests.contract.conftest import whole_hub as whole_hub
from tests.http.conftest import RunningHub, now


def classes(compared: Reconciliation) -> dict[str, str]:
    return {one.id: one.kind for one in compared.differences}


@dataclass
class Machine:
    """One of a partner's machines: a key that all of them share, an outbox of its own."""

    url: str
    key: Ed25519PrivateKey
    folder: Path

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.sqlite"

    def till(self, name: str) -> Coalition:
        return Coalition(self.url, self.key, outbox=self.path(name))


@pytest.fixture
async def machine(whole_hub: RunningHub, tmp_path: Path) -> Machine:
    shop = await whole_hub.shop()
    return Machine(f"http://{whole_hub.authority}", shop.private_key, tmp_path)


async def test_receipts_journal_and_statement_tie_out(whole_hub: RunningHub, machine: Machine) -> None:
    """What two machines sent, what came late and what the statement bills is one set of books; less of it is told."""
    cards = await whole_hub.cards(5)
    async with machine.till("first") as till:
        for number, card in enumerate(cards):
            await till.earn(card=card, points=100 + number, id=f"e{number}")
        await till.burn(card=cards[0], points=30, id="b")
        await till.reverse(card=cards[0], operation_id="b", points=10, id="rb")
        await till.reverse(card=cards[1], operation_id="e1", id="re")
        held = await till.reserve(card=cards[2], points=50, id="hold")
        await till.capture(card=cards[2], reserve_id=held.id, points=20, id="c")
        with pytest.raises(RefusedError):
            await till.burn(card=cards[3], points=999, id="refused")
        await close_window(whole_hub.pool, clock=now, actor="test")
        await till.earn(card=cards[4], points=7, id="late", occurred_at=now() - timedelta(days=1))
        await calculate_window(whole_hub.pool, 1, now=now(), actor="test")

        whole = await till.reconcile()
        assert (whole.agrees, len(whole.days), whole.time_zone) == (True, 2, "Europe/Berlin")
        assert [(check.window, check.agrees) for check in whole.statements] == [(1, True)]
        assert whole.statements[0].statement["issue_reversed"] == KindTotal(points=101, operations=1)
        assert [(await till.reconcile(window=window)).agrees for window in (1, 2)] == [True, True]
        till.put(Earn(id="waits", card=cards[0], points=1))
        assert (await till.reconcile()).waiting == 1

    async with machine.till("second") as till:
        await till.earn(card=cards[0], points=3, id="second")
        alone = await till.reconcile(window=1)
        booked_in_1 = {"e0", "e1", "e2", "e3", "e4", "b", "rb", "re", "c"}
        assert classes(alone) == dict.fromkeys(booked_in_1, "missing_at_partner")
        assert (await till.reconcile(more_outboxes=[machine.path("first")])).agrees


async def test_books_of_any_origin_are_compared(whole_hub: RunningHub, machine: Machine) -> None:
    """Books that know no windows are told what came late; books that are wrong are told so by the statement as well."""
    card = await whole_hub.card()
    async with machine.till("first") as till:
        occurred_at = now()
        await till.earn(card=card, points=5, id="in-time")
        await close_window(whole_hub.pool, clock=now, actor="test")
        await till.earn(card=card, points=7, id="late", occurred_at=occurred_at)
        await calculate_window(whole_hub.pool, 1, now=now(), actor="test")
        day = occurred_at.astimezone(ZoneInfo("Europe/Berlin")).date()
        lines = [BookLine("in-time", "earn", 5, day, 1), BookLine("late", "earn", 7, day, 1)]

        unnamed = [replace(line, window=None) for line in lines]
        by_day = await till.reconcile(Books({line.id: line for line in unnamed}, names_windows=False))
        assert (classes(by_day), by_day.statements) == ({"late": "late"}, ())

        named = await till.reconcile(Books({line.id: line for line in lines}, names_windows=True))
        assert classes(named) == {"late": "late"}
        (check,) = named.statements
        assert check.faults == (
            "issued: 12 points of 2 operations in the books, 5 points of 1 operations on the statement",
        )
