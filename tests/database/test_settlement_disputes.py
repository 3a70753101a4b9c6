"""A partner disputes its share with a signed message; what it owes by it waits for the answer, to the cent."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

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
from partner_sdk import Coalition, MessageRejectedError
from settlement.errors import DisputeResolvedError, InvalidDisputeError, UnknownDisputeError
from settlement.http import routes
from settlement.http.answers import DisputeAnswer, DisputesAnswer
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.correct_document import approve_correction, draft_correction
from settlement.operations.invoice_window import invoice_window
from settlement.operations.list_disputes import show_dispute
from settlement.operations.recalculate_window import recalculate_window
from settlement.operations.report_window import report_window
from settlement.operations.resolve_dispute import accept_dispute, reject_dispute
from settlement.stores.shares import Share
from tests.database.settlement_books import Books, now
from tests.database.test_tax_documents import know
from tests.shop import Shop

CHARGE = {"code": "issue_charge", "terms_version": 1}
FEES = "UPDATE terms SET service_fee = 0.001"


class Journey:
    """A shop at a running hub with settlement mounted: 1,000 points at 0.01 issued in window 1, which is calculated."""

    def __init__(self, books: Books, shop: Shop, card: str, earned: dict[str, Any], clearing: Clearing) -> None:
        self.books, self.shop, self.card, self.earned, self.clearing = books, shop, card, earned, clearing

    async def post(self, **changes: Any) -> Any:
        asked = {"window": 1, "line": CHARGE, "amount": "4.00", "reason": "Not ours."} | changes
        return await self.shop.request("POST", "/v1/disputes", json.dumps(asked).encode())

    async def opened(self, **changes: Any) -> DisputeAnswer:
        answered = await self.post(**changes)
        assert answered.status == 201, answered.body
        return DisputeAnswer.model_validate_json(answered.body)

    async def refused(self, **changes: Any) -> tuple[int, str]:
        answered = await self.post(**changes)
        return answered.status, answered.document["code"]

    async def approve(self) -> None:
        await approve_window(self.books.pool, 1, now=now(), actor="bert")

    async def invoice(self) -> None:
        await self.approve()
        await invoice_window(self.books.pool, 1, now=now(), actor="bert")

    async def share(self, window_no: int = 1) -> Share:
        report = await report_window(self.books.pool, window_no)
        return report.partners[0].share

    async def credit(self, amount: str) -> None:
        """Issue a credit note of the invoice's first line, by two persons."""
        pool, number = self.books.pool, f"INV-{now().year}-000001"
        draft = await draft_correction(
            pool, number, reason="Dispute", taken_back={1: Decimal(amount)}, now=now(), actor="anna"
        )
        await approve_correction(pool, draft.correction, now=now(), actor="bert")

    async def reject(self, number: int) -> Any:
        return await reject_dispute(self.books.pool, number, answer="It is yours.", now=now(), actor="dora")

    async def accept(self, number: int, amount: str | None = None) -> Any:
        money = None if amount is None else Decimal(amount)
        pool = self.books.pool
        return await accept_dispute(pool, number, answer="You are right.", amount=money, now=now(), actor="dora")


@pytest.fixture
async def journey(pool: Pool, tmp_path: Path) -> AsyncIterator[Journey]:
    clearing = Clearing(pool, clock=now)
    app = build_app(clearing, load_signer(tmp_path / "hub-key.pem"), more_routes=routes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    async with ClientSession() as session:
        shop = Shop(session, f"{host}:{port}", "Shop")
        pem = public_key_pem(shop.private_key.public_key())
        await add_partner(pool, name=shop.name, key_pem=pem, terms=FirstTerms(), now=now(), actor="test")
        await clearing.registry.load()
        (member,) = await add_members(pool, [NewMember("m@shop.example", "A member")], now=now())
        earned = await shop.earn(member.card, 1_000)
        for party in (None, 1):
            await know(Books(pool), party)
        books = Books(pool)
        await books.close()
        await calculate_window(pool, 1, now=now(), actor="anna")
        yield Journey(books, shop, member.card, earned, clearing)
    await runner.cleanup()


async def test_what_is_disputed_is_held_out_and_rejected_it_is_payable_with_the_window(journey: Journey) -> None:
    """The same message again is the same dispute; its signature is checked with all other evidence."""
    body = json.dumps({"window": 1, "line": CHARGE, "amount": "4.00", "reason": "Not ours."}).encode()
    first, again = [await journey.shop.request("POST", "/v1/disputes", body) for _ in range(2)]
    assert (first.status, again.status) == (201, 200)
    assert first.document == again.document
    share = await journey.share()
    assert (share.state, share.held, share.payable) == ("DISPUTED", Decimal("4.00"), Decimal("6.00"))
    _, message = await show_dispute(journey.books.pool, first.document["dispute"])
    assert message.body == body
    for _ in range(2):
        assert (await journey.reject(first.document["dispute"])).state == "REJECTED"
    share = await journey.share()
    assert (share.state, share.held, share.payable) == ("CALCULATED", 0, Decimal("10.00"))
    listed = DisputesAnswer.model_validate_json((await journey.shop.get("/v1/disputes?limit=1")).body)
    assert [(each.state, each.answer) for each in listed.disputes] == [("REJECTED", "It is yours.")]
    assert [finding for finding in (await check_sums(journey.books.pool)).findings if finding.broken] == []
    await journey.books.pool.execute("UPDATE dispute SET signature = 'sig1=:AAAA:'")
    assert [finding for finding in (await check_sums(journey.books.pool)).findings if finding.broken] != []


async def test_held_out_at_the_invoice_it_is_payable_with_the_next_share_once_rejected(journey: Journey) -> None:
    """An approval does not accept it; the invoice is of all, and what is payable is without it."""
    await journey.approve()
    opened = await journey.opened()
    await journey.invoice()
    share = await journey.share()
    assert (share.state, share.net, share.payable) == ("INVOICED", Decimal("10.00"), Decimal("6.00"))
    await journey.reject(opened.dispute)
    assert (await journey.share()).payable == Decimal("6.00"), "an invoiced window never changes"
    await journey.shop.earn(journey.card, 100)
    window_no = await journey.books.close()
    await calculate_window(journey.books.pool, window_no, now=now(), actor="anna")
    await approve_window(journey.books.pool, window_no, now=now(), actor="bert")
    await invoice_window(journey.books.pool, window_no, now=now(), actor="bert")
    share = await journey.share(window_no)
    assert (share.net, share.adjusted, share.payable) == (Decimal("1.00"), Decimal("4.00"), Decimal("5.00"))


async def test_what_is_accepted_stays_out_and_the_rest_comes_back(journey: Journey) -> None:
    opened = await journey.opened(amount="4.00")
    for _ in range(2):
        assert (await journey.accept(opened.dispute, "3.00")).accepted == Decimal("3.00")
    share = await journey.share()
    assert (share.state, share.held, share.payable) == ("CALCULATED", Decimal("3.00"), Decimal("7.00"))
    with pytest.raises(DisputeResolvedError, match=r"dispute 1 is ACCEPTED already, with 3\.00 accepted"):
        await journey.reject(opened.dispute)
    with pytest.raises(UnknownDisputeError):
        await journey.reject(99)


async def test_a_share_is_disputed_until_its_last_dispute_is_answered(journey: Journey) -> None:
    await journey.approve()
    opened = [await journey.opened(amount=amount) for amount in ("4.00", "6.00")]
    assert (await journey.refused(amount="0.01")) == (422, "invalid_dispute")
    assert (await journey.share()).payable == 0
    await journey.accept(opened[0].dispute)
    assert (await journey.share()).state == "DISPUTED"
    await journey.reject(opened[1].dispute)
    share = await journey.share()
    assert (share.state, share.payable) == ("ACCEPTED", Decimal("6.00"))


async def test_a_dispute_of_an_invoiced_window_is_corrected_in_a_later_one(journey: Journey) -> None:
    await journey.invoice()
    opened = await journey.opened(line=None, operation_ids=[journey.earned["id"]], amount="2.50")
    assert (opened.held, (await journey.share()).payable) == ("0.00", Decimal("10.00"))
    assert (await journey.accept(opened.dispute)).accepted == Decimal("2.50")
    assert await journey.books.fetch("SELECT 1 FROM share_adjustment") == [], "a credit note owes it"
    await journey.credit("2.50")
    rows = await journey.books.fetch("SELECT kind, amount_minor, from_window, into_window FROM share_adjustment")
    assert rows == [("correction", -250, 1, None)]


async def test_an_operation_has_one_open_dispute_at_a_time(journey: Journey) -> None:
    """Whatever else the second one is about; once the first is answered, it may be brought up again."""
    ids = [journey.earned["id"]]
    opened = await journey.opened(line=None, operation_ids=ids, amount="2.50")
    again = await journey.post(operation_ids=ids, amount="1.00", reason="And another thing.")
    assert (again.status, again.document["code"]) == (409, "already_disputed")
    assert f"{ids[0]} (dispute {opened.dispute})" in again.document["detail"]
    assert (await journey.share()).held == Decimal("2.50")
    await journey.opened(amount="1.00", reason="By its line alone.")
    await journey.reject(opened.dispute)
    assert (await journey.opened(line=None, operation_ids=ids, amount="2.50", reason="Look again.")).state == "OPEN"


async def test_a_credit_note_is_set_against_what_was_held_out_first(journey: Journey) -> None:
    """4.00 held out, 3.00 of it accepted, 5.00 credited in two notes: of the 10.00 billed, 5.00 are paid in the end."""
    opened = await journey.opened(amount="4.00")
    await journey.invoice()
    await journey.accept(opened.dispute, "3.00")
    await journey.credit("2.00")
    await journey.credit("3.00")
    assert await journey.books.fetch("SELECT kind, amount_minor FROM share_adjustment ORDER BY adjustment") == [
        ("dispute_rejected", 100),
        ("correction", -200),
        ("dispute_accepted", 200),
        ("correction", -300),
        ("dispute_accepted", 100),
    ]
    assert (await journey.share()).payable + sum((Decimal(1), -2, 2, -3, 1), Decimal(0)) == Decimal("5.00")


async def test_a_statement_that_is_replaced_lets_its_disputes_fall(journey: Journey) -> None:
    """The new one is payable in full, and may be disputed anew."""
    open_one, accepted = await journey.opened(amount="4.00"), await journey.opened(amount="1.00")
    await journey.accept(accepted.dispute)
    await journey.books.pool.execute(FEES)
    await recalculate_window(journey.books.pool, 1, now=now(), actor="anna")
    share = await journey.share()
    assert (share.state, share.held, share.payable) == ("CALCULATED", 0, Decimal("11.00"))
    assert await journey.books.fetch("SELECT DISTINCT state FROM dispute") == [("FALLEN",)]
    with pytest.raises(DisputeResolvedError, match="is FALLEN already"):
        await journey.reject(open_one.dispute)
    assert (await journey.opened(amount="10.00")).held == "10.00"


async def test_bad_disputes_are_refused_with_the_field(journey: Journey) -> None:
    """And nothing of them is kept."""
    assert await journey.refused(window=2) == (404, "unknown_statement")
    assert await journey.refused(window=99) == (404, "unknown_window")
    assert await journey.refused(amount="10.01") == (422, "invalid_dispute")
    assert await journey.refused(amount="0") == (422, "invalid_dispute")
    assert await journey.refused(amount="1.001") == (422, "invalid_dispute")
    assert await journey.refused(amount="-1") == (422, "request_invalid")
    assert await journey.refused(line=None) == (422, "invalid_dispute")
    assert await journey.refused(line=CHARGE | {"terms_version": 2}) == (422, "invalid_dispute")
    assert await journey.refused(line=CHARGE | {"code": "bribe"}) == (422, "request_invalid")
    assert await journey.refused(operation_ids=["never-sent"]) == (422, "invalid_dispute")
    assert await journey.refused(operation_ids=[f"o{number}" for number in range(101)]) == (422, "request_invalid")
    assert await journey.refused(reason="") == (422, "request_invalid")
    # What steers the terminal of the operator that reads it, or shows its words in another order.
    for steering in ("\0", "\x1b[2J", "\x07", "\x9b2J", "\u202e"):
        assert await journey.refused(reason=f"Not{steering}ours.") == (422, "request_invalid")
    assert await journey.refused(operation_ids=["x" * 64] * 300) == (413, "body_too_large")
    assert await journey.books.fetch("SELECT count(*) FROM dispute") == [(0,)]
    assert (await journey.share()).state == "CALCULATED"
    opened = await journey.opened()
    with pytest.raises(InvalidDisputeError, match=r"amount: expected more than 0 and at most 4\.00, as claimed"):
        await journey.accept(opened.dispute, "4.01")


async def test_after_its_days_a_share_is_disputed_no_more(journey: Journey) -> None:
    journey.clearing.clock = lambda: now() + timedelta(days=31)
    journey.shop.clock = journey.clearing.clock
    assert await journey.refused() == (409, "dispute_too_late")


async def test_the_sdk_disputes_and_reads_the_answer(journey: Journey, tmp_path: Path) -> None:
    shop = journey.shop
    async with Coalition(f"http://{shop.authority}", shop.private_key, outbox=tmp_path / "outbox.sqlite") as hub:
        opened = await hub.dispute(window=1, amount="4.00", reason="Not ours.", line=("issue_charge", 1))
        assert (opened.state, opened.held) == ("OPEN", "4.00")
        await journey.accept(opened.number, "1.00")
        (answered,) = await hub.disputes()
        assert (answered.state, answered.accepted, answered.answer) == ("ACCEPTED", "1.00", "You are right.")
        with pytest.raises(MessageRejectedError, match="invalid_dispute"):
            await hub.dispute(window=1, amount="400.00", reason="All of it.", line=("issue_charge", 1))
