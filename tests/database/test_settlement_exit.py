"""A partner leaves: no more earns at once, burns for a tail, exact also if nobody marks its end; then its last bill."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from coalition.database.pool import Pool
from coalition.http.app import build_app
from coalition.http.hub_key import load_signer
from coalition.lanes.clearing import Clearing
from coalition.operations.add_members import NewMember, add_members
from coalition.operations.check_sums import check_sums
from coalition.operations.manage_partner import FirstTerms, add_partner
from coalition.signatures.keys import public_key_pem
from settlement.errors import InvalidRulesError, UnknownPartnerError
from settlement.http import routes
from settlement.operations.follow_calendar import follow_calendar
from settlement.operations.leave_programme import leave_programme, report_exit
from tests.database.settlement_books import Books, now
from tests.database.test_settlement_payments import invoiced, pay
from tests.http.conftest import Clock
from tests.shop import Shop


class Journey:
    """Two shops at a running hub with settlement mounted, and a member with 1,000 points of the first."""

    def __init__(self, books: Books, clearing: Clearing, clock: Clock, leaver: Shop, other: Shop, card: str) -> None:
        self.books, self.clearing, self.clock = books, clearing, clock
        self.leaver, self.other, self.card = leaver, other, card

    async def leave(self, tail_months: int) -> datetime:
        report = await leave_programme(self.books.pool, 1, tail_months=tail_months, now=now(), actor="test")
        await self.clearing.registry.load()
        return report.leaving.burns_until


@pytest.fixture
async def journey(pool: Pool, tmp_path: Path) -> AsyncIterator[Journey]:
    clock = Clock()
    clearing = Clearing(pool, clock=clock)
    app = build_app(clearing, load_signer(tmp_path / "hub-key.pem"), more_routes=routes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    async with ClientSession() as session:
        shops = [Shop(session, f"{host}:{port}", name, clock=clock) for name in ("Leaver", "Other")]
        for shop in shops:
            pem = public_key_pem(shop.private_key.public_key())
            await add_partner(pool, name=shop.name, key_pem=pem, terms=FirstTerms(), now=now(), actor="test")
        await clearing.registry.load()
        (member,) = await add_members(pool, [NewMember("m@shop.example", "A member")], now=now())
        await shops[0].earn(member.card, 1_000)
        yield Journey(Books(pool), clearing, clock, *shops, member.card)
    await runner.cleanup()


async def test_earns_stop_at_once_and_burns_with_the_tail(journey: Journey) -> None:
    """Exact to the moment, though nobody has marked the end; the points are the members', and spent elsewhere."""
    burns_until = await journey.leave(3)
    assert (await journey.leaver.earn(journey.card, 1))["code"] == "earn_not_allowed"
    assert (await journey.leaver.burn(journey.card, 100))["verdict"] == "booked"
    journey.clock.ahead = burns_until - now() - timedelta(seconds=30)
    assert (await journey.leaver.burn(journey.card, 100))["verdict"] == "booked"
    journey.clock.ahead = burns_until - now()
    assert (await journey.leaver.burn(journey.card, 100))["code"] == "burn_not_allowed"
    assert (await journey.other.burn(journey.card, 300))["verdict"] == "booked"
    report = await report_exit(journey.books.pool, 1)
    assert [(cohort.issued, cohort.outstanding) for cohort in report.cohorts] == [(1_000, 500)]
    assert (report.points, report.value) == (500, Decimal("5.00"))


async def test_the_last_statement_is_that_of_the_window_in_which_the_tail_ends(journey: Journey) -> None:
    """With or without anything in it; who has left still reads its bill, and nothing else."""
    burns_until = await journey.leave(1)
    await journey.books.close()
    for _ in range(2):
        done = await follow_calendar(journey.books.pool, clock=lambda: burns_until)
    assert done.left == ()
    assert (await report_exit(journey.books.pool, 1)).leaving.final_window == 2
    await journey.books.close()
    await invoiced(journey.books, 1)
    await invoiced(journey.books, 2)
    await journey.clearing.registry.load()
    statement = await journey.leaver.get("/v1/windows/2/statement")
    assert (statement.status, json.loads(statement.body)["lines"]) == (200, [])
    assert (await journey.leaver.get("/v1/windows/2/statement.pdf")).body.startswith(b"%PDF")
    assert (await journey.leaver.get("/v1/disputes")).status == 200
    for refused in (
        await journey.leaver.get(f"/v1/cards/{journey.card}"),
        await journey.leaver.send(journey.leaver.operation("burn", journey.card, points=1)),
    ):
        assert (refused.status, refused.document["code"]) == (403, "partner_left")
    await pay(journey.books, 1, "10.00", "bank 1", window_no=1)
    assert [finding for finding in (await check_sums(journey.books.pool)).findings if finding.broken] == []


async def test_a_tail_is_announced_once(journey: Journey) -> None:
    assert await journey.leave(3) == await journey.leave(3)
    with pytest.raises(InvalidRulesError, match=r"tail_months: expected 3 months, as was announced on .*, got 4"):
        await journey.leave(4)
    with pytest.raises(InvalidRulesError, match="expected 0 to 60 months, got 61"):
        await leave_programme(journey.books.pool, 2, tail_months=61, now=now(), actor="test")
    with pytest.raises(UnknownPartnerError):
        await report_exit(journey.books.pool, 2)


async def test_without_a_tail_all_ends_at_once(journey: Journey) -> None:
    await journey.leave(0)
    assert (await journey.leaver.burn(journey.card, 1))["code"] == "burn_not_allowed"
    assert (await follow_calendar(journey.books.pool, clock=now)).left == (1,)
