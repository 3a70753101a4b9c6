"""Payments that came back are owed again, and what was paid too much is credited; the cash ties out after each."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from coalition.database.pool import Pool
from coalition.lanes.fit_allowances import load_position
from coalition.operations.manage_cap import set_cap
from coalition.stores.check import BROKEN_CAPS
from settlement.engine.money import Currency
from settlement.errors import PaymentRefusedError
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.default_share import mark_overdue
from settlement.operations.import_bank_file import BankFileReport, import_bank_file
from settlement.operations.invoice_window import invoice_window
from settlement.operations.manage_bank_account import BankDetails, set_bank_account
from settlement.operations.record_payment import NewPayment
from settlement.operations.report_window import report_window
from settlement.operations.reports.make_report import make_report
from settlement.operations.return_payment import return_payment
from settlement.stores.datev import load_bank_payments
from settlement.stores.shares import Share
from tests.database.settlement_books import Books, now
from tests.pure.settlement.bank_examples import OPERATOR_IBAN
from tests.pure.settlement.bank_files import bank_file, entry

A, B, C = 1, 2, 3
A_PAYS = entry("7500.00", reference="E1", end_to_end="W00001-P00001")
B_IS_PAID = entry("-5000.00", reference="E2", end_to_end="W00001-P00002")
C_PAYS = entry("1500.00", reference="E3", end_to_end="W00001-P00003")
A_RETURNS = entry("-7500.00", reference="R1", end_to_end="W00001-P00001", is_return=True)


@pytest.fixture
async def books(pool: Pool) -> Books:
    """The first worked example, invoiced: A owes 7,500.00, B is owed 5,000.00, C owes 1,500.00."""
    books = Books(pool)
    await books.worked_example_1()
    details = BankDetails(iban=OPERATOR_IBAN, holder="A GmbH", town="Bonn", country="DE")
    await set_bank_account(books.pool, None, details, now=now(), actor="anna")
    await invoiced(books, 1)
    return books


async def invoiced(books: Books, window_no: int) -> None:
    await calculate_window(books.pool, window_no, now=now(), actor="anna")
    await approve_window(books.pool, window_no, now=now(), actor="bert")
    await invoice_window(books.pool, window_no, now=now(), actor="bert")


async def next_window(books: Books) -> None:
    """A issues for 100.00, B and C for 10.00 each."""
    for partner, points in ((A, 10_000), (B, 1_000), (C, 1_000)):
        await books.book(partner, "issued", points)
    await books.close()
    await invoiced(books, 2)


async def take(books: Books, *entries: str, statement_id: str, days: int = 0) -> BankFileReport:
    content = bank_file(*entries, statement_id=statement_id)
    return await import_bank_file(books.pool, content, now=now() + timedelta(days=days), actor="carl")


async def unpay(books: Books, partner: int, amount: str, reference: str) -> Share:
    payment = NewPayment(amount=-Decimal(amount), reference=reference, paid_on=date(2026, 12, 9))
    return await return_payment(books.pool, 1, partner, payment, now=now(), actor="dora")


async def payable(books: Books, window_no: int) -> dict[int, Decimal]:
    report = await report_window(books.pool, window_no)
    return {each.partner: each.share.payable for each in report.partners}


async def adjustments(books: Books) -> list[tuple[Any, ...]]:
    return await books.fetch(
        "SELECT partner, kind, amount_minor, from_window, into_window FROM share_adjustment ORDER BY adjustment"
    )


async def position(books: Books, partner: int) -> Decimal:
    async with books.pool.acquire() as connection, connection.transaction():
        return await load_position(connection, partner)


async def cash_ties_out(books: Books) -> dict[str, Decimal]:
    """Hold that money and cash tie out, and return what explains the cash."""
    report = await make_report(books.pool, "control", now=now())
    cells = [row.cells for table in report.tables if table.key != "control_points" for row in table.rows]
    assert {cell[3] for cell in cells if cell[3]} == {"control.ties_out"}
    return {str(cell[0]): cell[2] for cell in cells if isinstance(cell[2], Decimal)}


async def test_a_debit_that_came_back_is_owed_again_until_it_is_paid_anew(books: Books) -> None:
    """Once, however often the file comes; payments are rows of their own, and the window waits."""
    await take(books, A_PAYS, B_IS_PAID, statement_id="S1")
    assert await position(books, A) == 0
    for count in (1, 0):
        report = await take(books, A_RETURNS, statement_id="S2")
        assert [payment.match.outcome for payment in report.payments] == ["returned"] * count
        assert await books.share_states(1) == {A: "INVOICED", B: "PAID", C: "INVOICED"}
        assert await position(books, A) == Decimal("7500.00")
    assert await books.fetch("SELECT reference, amount_minor FROM share_payment WHERE partner = $1 ORDER BY 1", A) == [
        ("S1/E1/1", 750_000),
        ("S2/R1/1", -750_000),
    ]
    assert (await cash_ties_out(books))["control.unpaid"] == Decimal("-9000.00")
    await take(books, C_PAYS, entry("7500.00", reference="E9", end_to_end="W00001-P00001"), statement_id="S3")
    assert await books.fetch("SELECT state FROM clearing_window WHERE window_no = 1") == [("SETTLED",)]
    assert (await position(books, A), await adjustments(books)) == (0, [])
    await cash_ties_out(books)


async def test_what_came_back_after_its_due_date_is_overdue(books: Books) -> None:
    """A part of it leaves that part open; a transfer of ours that came back is never overdue."""
    await take(books, A_PAYS, B_IS_PAID, statement_id="S1")
    part = entry("-2500.00", reference="R1", end_to_end="W00001-P00001", is_return=True)
    ours = entry("5000.00", reference="R2", end_to_end="W00001-P00002", is_return=True)
    await take(books, part, ours, statement_id="S2", days=15)
    assert await books.share_states(1) == {A: "OVERDUE", B: "INVOICED", C: "INVOICED"}
    assert await books.fetch("SELECT paid_minor FROM window_share ORDER BY partner") == [(500_000,), (0,), (0,)]
    assert (await cash_ties_out(books))["control.overdue"] == Decimal("-2500.00")
    async with books.pool.acquire() as connection:
        in_datev = await load_bank_payments(connection, Currency("EUR"), start=date(2026, 12, 1), end=date(2027, 1, 1))
    assert [(payment.partner, payment.amount, payment.is_return) for payment in in_datev] == [
        (A, Decimal("7500.00"), False),
        (A, Decimal("-2500.00"), True),
        (B, Decimal("-5000.00"), False),
        (B, Decimal("5000.00"), True),
    ]
    assert await mark_overdue(books.pool, now=now() + timedelta(days=15), actor="clock") == {1: [C]}


async def test_what_came_back_after_settlement_is_in_the_next_share(books: Books) -> None:
    """The settled share stays PAID, and off the fund and on the position until the next one is paid."""
    await take(books, A_PAYS, B_IS_PAID, C_PAYS, statement_id="S1")
    assert await books.fetch("SELECT state FROM clearing_window WHERE window_no = 1") == [("SETTLED",)]
    for _ in range(2):
        await take(books, A_RETURNS, statement_id="S2")
    assert (await books.share_states(1))[A] == "PAID"
    assert await adjustments(books) == [(A, "payment_returned", 750_000, 1, None)]
    assert await position(books, A) == Decimal("7500.00")
    explained = await cash_ties_out(books)
    assert (explained["control.returned"], explained["control.billed"]) == (Decimal("-7500.00"), Decimal("7500.00"))
    (leaving,) = (await report_window(books.pool, 1)).leaving
    assert (leaving.kind, leaving.amount, leaving.into_window) == ("payment_returned", Decimal("7500.00"), None)

    await next_window(books)
    assert (await payable(books, 2))[A] == Decimal("7600.00")
    await cash_ties_out(books)
    await take(books, entry("7600.00", reference="E5", end_to_end="W00002-P00001"), statement_id="S3")
    assert (await books.share_states(2))[A] == "PAID"
    assert await position(books, A) == 0
    await cash_ties_out(books)


async def test_what_was_paid_too_much_pays_the_share_and_is_credited_with_the_next(books: Books) -> None:
    """By a partner, and to one; the share is not overdue, and a second payment of it is all credit."""
    more = entry("1600.00", reference="E3", end_to_end="W00001-P00003")
    too_much_to_b = entry("-5020.00", reference="E2", end_to_end="W00001-P00002")
    report = await take(books, A_PAYS, more, too_much_to_b, statement_id="S1")
    assert [payment.match.outcome for payment in report.payments] == ["paid", "over", "over"]
    assert "100.00 goes to the partner's next share" in report.payments[1].match.problem
    assert (report.settled_windows, await mark_overdue(books.pool, now=now() + timedelta(days=15), actor="x")) == (
        (1,),
        {},
    )
    await take(books, entry("0.50", reference="E4", end_to_end="W00001-P00003"), statement_id="S2")
    assert await adjustments(books) == [
        (C, "overpaid", -10_000, 1, None),
        (B, "overpaid", 2_000, 1, None),
        (C, "overpaid", -50, 1, None),
    ]
    assert (await cash_ties_out(books))["control.overpaid"] == Decimal("80.50")
    await next_window(books)
    assert await payable(books, 2) == {A: Decimal("100.00"), B: Decimal("30.00"), C: Decimal("-90.50")}
    await cash_ties_out(books)


async def test_what_was_paid_too_much_goes_back_first(books: Books) -> None:
    await take(books, entry("1600.00", reference="E3", end_to_end="W00001-P00003"), statement_id="S1")
    assert (await unpay(books, C, "100.00", "letter 1")).state == "PAID"
    assert await adjustments(books) == [(C, "overpaid", -10_000, 1, None), (C, "payment_returned", 10_000, 1, None)]
    assert await position(books, C) == 0
    for _ in range(2):
        share = await unpay(books, C, "1500.00", "letter 2")
        assert (share.state, share.unpaid, share.is_cleared) == ("INVOICED", Decimal("1500.00"), False)
    await cash_ties_out(books)
    with pytest.raises(PaymentRefusedError, match=r"amount: expected at most 0.00, what was paid, .* got -1.00"):
        await unpay(books, C, "1.00", "letter 3")
    with pytest.raises(PaymentRefusedError, match="as payment 'letter 2' is recorded"):
        await unpay(books, C, "1.00", "letter 2")
    with pytest.raises(PaymentRefusedError, match="expected at most 0, what was paid"):
        await unpay(books, A, "1.00", "letter 1")


async def test_a_debit_of_which_nothing_was_paid_changes_nothing(books: Books) -> None:
    report = await take(books, A_RETURNS, statement_id="S1")
    ((match,),) = [[payment.match for payment in report.payments]]
    assert (match.outcome, match.problem) == ("unmatched", "it goes the other way, and 0 was paid of the share")
    assert await books.fetch("SELECT 1 FROM share_payment") == []


async def test_a_payment_that_names_a_tax_document_pays_its_share(books: Books) -> None:
    await books.pool.execute(
        """
        INSERT INTO tax_document (number, kind, series, year, series_number, window_no, partner, net_minor, vat_minor,
            content, xml, xml_digest, issued_at, issued_by)
        VALUES ('INV-2026-000038', 'invoice', 'INV', 2026, 38, 1, $1, 150000, 0, '{}', '<a/>', $2, now(), 'test')
        """,
        C,
        bytes(32),
    )
    report = await take(books, entry("1500.00", reference="E1", text=["Re. INV-2026-000038"]), statement_id="S1")
    assert [(payment.match.share, payment.match.outcome) for payment in report.payments] == [((1, C), "paid")]
    assert (await books.share_states(1))[C] == "PAID"
    await cash_ties_out(books)


async def test_a_position_that_a_return_puts_above_its_cap_takes_no_more_and_is_no_fault(books: Books) -> None:
    """Paid, A had its cap of 7,500.00 for window 2; what came back of window 1 fills it again."""
    await set_cap(books.pool, "A", 750_000, now=now(), actor="anna")
    await take(books, A_PAYS, statement_id="S1")
    await books.book(A, "issued", 100_000)
    await books.pool.execute("UPDATE net_debit_cap SET position_then = 0")
    await books.pool.execute("DELETE FROM cap_allowance")
    await books.pool.execute("INSERT INTO cap_allowance (lane, partner, granted) VALUES (0, $1, 5000)", A)
    await take(books, A_RETURNS, statement_id="S2")
    assert await position(books, A) == Decimal("8500.00")
    # Lane 0 has used what it was granted: 1,875.00 of window 1 and 1,000.00 of window 2.
    assert await books.fetch("SELECT granted FROM cap_allowance WHERE lane = 0") == [(Decimal("2875.00"),)]
    assert await books.fetch(BROKEN_CAPS) == []
    await books.pool.execute("UPDATE window_share SET came_back = false")
    assert len(await books.fetch(BROKEN_CAPS)) == 1
