"""Debits that came back with the bank's fee, alone or several as one sum: what the file says is booked, the rest an
operator says; the cash ties out after each."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from coalition.database.pool import Pool
from settlement.engine.datev import DatevAccounts
from settlement.engine.datev_month import book_month
from settlement.engine.entry_split import parse_pieces
from settlement.engine.money import Currency
from settlement.errors import InvalidEntrySplitError, UnknownBankEntryError
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.change_rules import change_rules
from settlement.operations.import_bank_file import BankFileReport
from settlement.operations.invoice_window import invoice_window
from settlement.operations.manage_bank_account import BankDetails, set_bank_account
from settlement.operations.split_bank_entry import list_unmatched, split_bank_entry
from settlement.stores.datev import load_bank_fees
from tests.database.settlement_books import Books, now
from tests.database.test_settlement_returns import (
    A_PAYS,
    B_IS_PAID,
    A,
    B,
    C,
    adjustments,
    cash_ties_out,
    next_window,
    payable,
    take,
)
from tests.pure.settlement.bank_examples import IBANS, MANDATE, OPERATOR_IBAN
from tests.pure.settlement.bank_files import entry

BATCH = "<NtryDtls><Btch><PmtInfId>W00001-CORE</PmtInfId></Btch></NtryDtls>"
DEBITED = entry("9000.00", reference="E1", inner=BATCH)
RETURNED_IN_PART = entry("-1503.50", reference="R1", inner=BATCH)


def returned(amount: str, *, charges: str) -> str:
    """Return A's debit that came back, with what the bank tells of its charges."""
    return f"""<NtryDtls><TxDtls><Refs><EndToEndId>W00001-P00001</EndToEndId></Refs><Amt Ccy="EUR">{amount}</Amt>
        {charges}<RtrInf><Rsn><Cd>MS03</Cd></Rsn></RtrInf></TxDtls></NtryDtls>"""


LATER_TERMS = """
INSERT INTO terms (partner, version, valid_from, issue_price, service_fee, redemption_price, commission, platform_fee,
    charge_vat, fee_vat, redemption_vat, funding, return_fee, created_at, created_by)
SELECT partner, 2, '2126-01-01', issue_price, service_fee, redemption_price, commission, platform_fee, charge_vat,
    fee_vat, redemption_vat, funding, $2, created_at, created_by
FROM terms WHERE partner = $1
"""
FEE = '<Chrgs><Rcrd><Amt Ccy="EUR">4.00</Amt><CdtDbtInd>DBIT</CdtDbtInd></Rcrd></Chrgs>'


@pytest.fixture
async def books(pool: Pool) -> Books:
    """The first worked example, invoiced, with mandates of A, which owes 7,500.00, and C, which owes 1,500.00."""
    books = Books(pool)
    await books.worked_example_1()
    details = BankDetails(
        iban=OPERATOR_IBAN, holder="A GmbH", town="Bonn", country="DE", creditor_id="DE98ZZZ09999999999"
    )
    await set_bank_account(pool, None, details, now=now(), actor="anna")
    for partner, iban in ((A, IBANS[0]), (B, IBANS[1]), (C, IBANS[2])):
        account = replace(details, iban=iban, creditor_id=None, mandate=None if partner == B else MANDATE)
        await set_bank_account(pool, partner, account, now=now(), actor="anna")
    await calculate_window(pool, 1, now=now(), actor="anna")
    await approve_window(pool, 1, now=now(), actor="bert")
    await invoice_window(pool, 1, now=now(), actor="bert")
    return books


async def split(books: Books, *pieces: str, reference: str = "R1") -> list[tuple[int | None, Decimal, str]]:
    matches = await split_bank_entry(books.pool, "S2", reference, parse_pieces(pieces), now=now(), actor="carl")
    return [(match.share.partner if match.share else None, match.amount, match.outcome) for match in matches]


def outcomes(report: BankFileReport) -> list[tuple[int | None, Decimal, str]]:
    return [
        (payment.match.share.partner if payment.match.share else None, payment.amount, payment.match.outcome)
        for payment in report.payments
    ]


async def test_a_batch_that_came_back_in_part_as_one_sum_is_split_by_an_operator(books: Books) -> None:
    """The report says of which batch it is and what to do; wrong sums book nothing, the right ones once."""
    assert len((await take(books, DEBITED, statement_id="S1")).of("paid")) == 2
    (unmatched,) = (await take(books, RETURNED_IN_PART, statement_id="S2")).of("unmatched")
    assert unmatched.match.problem == (
        "it is of batch W00001-CORE, which comes to 9000.00, and does not say of which of its payments "
        "(W00001-P00001 7500.00, W00001-P00003 1500.00): ask the bank, and split the entry by them"
    )
    _, (waiting,) = await list_unmatched(books.pool)
    assert str(waiting.reason) == unmatched.match.problem
    assert (waiting.statement_id, waiting.entry_reference, waiting.amount) == ("S2", "R1", Decimal("-1503.50"))

    for pieces, told in (
        (("W00001-P00003",), "sum: expected -1503.50, which the entry is of, got -1500.00"),
        (("W00001-P00003=1503.50",), "W00001-P00003: it goes the other way, and 1500.00 was paid"),
        (("W00001-P00009=1503.50",), "W00001-P00009: there is no such share"),
        (("W00001-P00003", "W00001-P00003+3.50"), "part 2: names W00001-P00003 again"),
        (("W00001-P00003=1,500",), "part 1: expected one like W00007-P00012"),
    ):
        with pytest.raises(InvalidEntrySplitError, match=told):
            await split(books, *pieces)
    assert await books.share_states(1) == {A: "PAID", B: "INVOICED", C: "PAID"}

    assert await split(books, "w00001-p00003+3.50") == [
        (C, Decimal("-1500.00"), "returned"),
        (C, Decimal("-3.50"), "fee"),
    ]
    assert await books.share_states(1) == {A: "PAID", B: "INVOICED", C: "INVOICED"}
    with pytest.raises(UnknownBankEntryError):
        await split(books, "W00001-P00003+3.50")
    again = await take(books, RETURNED_IN_PART, statement_id="S2")
    assert (again.payments, again.known, (await list_unmatched(books.pool))[1]) == ((), 1, [])
    assert await adjustments(books) == []
    await cash_ties_out(books)


async def test_all_of_a_batch_that_came_back_is_each_of_it(books: Books) -> None:
    await take(books, DEBITED, B_IS_PAID, statement_id="S1")
    report = await take(books, entry("-9000.00", reference="R1", inner=BATCH), statement_id="S2")
    assert outcomes(report) == [(A, Decimal("-7500.00"), "returned"), (C, Decimal("-1500.00"), "returned")]
    await cash_ties_out(books)


@pytest.mark.parametrize(
    "told",
    [
        entry("-7504.00", reference="R1", inner=returned("7504.00", charges=FEE)),
        entry("-7504.00", reference="R1", inner=returned("7500.00", charges=FEE)),
        entry("-7504.00", reference="R1", inner=returned(
            "7504.00", charges='<AmtDtls><InstdAmt><Amt Ccy="EUR">7500.00</Amt></InstdAmt></AmtDtls>'
        )),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("rule", "terms", "is_charged"),
    [
        ("operator", "rule", False),
        ("partner", "rule", True),
        ("operator", "partner", True),
        ("partner", "operator", False),
    ],
)
async def test_the_banks_fee_is_booked_apart_and_borne_as_terms_and_rules_say(
    books: Books, told: str, rule: str, terms: str, is_charged: bool
) -> None:
    """By the operator, or by the partner with its next share; either way the return is the debit, and all ties out.
    Terms of the day on which the bank booked it come before the programme's rule, those of a later day do not."""
    await change_rules(books.pool, {"return_fee": rule})
    await books.pool.execute("UPDATE terms SET return_fee = $1 WHERE partner = $2", terms, A)
    await books.pool.execute(LATER_TERMS, A, "partner" if terms == "operator" else "operator")
    await take(books, A_PAYS, B_IS_PAID, statement_id="S1")
    report = await take(books, told, statement_id="S2")
    assert outcomes(report) == [(A, Decimal("-7500.00"), "returned"), (A, Decimal("-4.00"), "fee")]
    assert await adjustments(books) == ([(A, "return_fee", 400, 1, None)] if is_charged else [])
    await cash_ties_out(books)
    await next_window(books)
    assert await payable(books, 2) == {
        A: Decimal("104.00") if is_charged else Decimal("100.00"),
        B: Decimal("10.00"),
        C: Decimal("10.00"),
    }
    await cash_ties_out(books)
    async with books.pool.acquire() as connection:
        fees = await load_bank_fees(connection, Currency("EUR", 2), start=date(2026, 12, 1), end=date(2027, 1, 1))
    (booking,) = book_month([], [], DatevAccounts(), fees)
    assert (booking.account, booking.contra_account, booking.amount) == (
        10_001 if is_charged else 4970,
        1200,
        Decimal("4.00"),
    )
