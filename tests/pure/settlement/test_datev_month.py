"""Corrections and payments of a month are booked on their own days, and come to what they change of a debt."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from settlement.engine.correction import owed_after
from settlement.engine.datev import DatevAccounts, account_sums
from settlement.engine.datev_month import BankPayment, book_month
from settlement.errors import DatevRefusedError
from tests.pure.settlement.invoice_examples import make_invoices
from tests.pure.settlement.test_correction import corrected

ACCOUNTS = DatevAccounts(input_vat={"S 7 DE": 1571, "S 19 DE": 1576})


def payment(amount: str, partner: int = 12) -> BankPayment:
    return BankPayment(window=7, partner=partner, name="Bakery", amount=Decimal(amount), paid_on=date(2026, 12, 4))


def test_credit_notes_are_booked_against_what_their_originals_were() -> None:
    """On both sides, with VAT, dated by their own day; corrected invoices change nothing."""
    charged, credited = make_invoices()
    note, other = corrected(charged, {1: "100.00", 4: "0.05"}), corrected(credited, {1: "100.00"})
    bookings = book_month([note, corrected(charged, {}), other], [], ACCOUNTS)
    sums = account_sums(bookings)
    assert sum(sums.values()) == 0
    assert (sums[10_012], sums[70_012]) == (owed_after(note), owed_after(other))
    assert (sums[1776], sums[1571]) == (note.vat, -other.vat)
    assert sums[1700] == 0
    assert {booking.document_number for booking in bookings} == {note.number, other.number}
    assert {booking.document_date for booking in bookings} == {date(2026, 12, 1)}


def test_money_is_booked_between_the_bank_and_the_partner() -> None:
    """What came is off the debtor, what went off the creditor; the row is named by the statement that it pays."""
    came, went = book_month([], [payment("119.00"), payment("-20.50")], ACCOUNTS)
    assert (came.account, came.contra_account, came.amount) == (10_012, 1200, Decimal("-119.00"))
    assert (went.account, went.contra_account, went.amount) == (70_012, 1200, Decimal("20.50"))
    assert (came.document_number, came.document_date, came.text) == (
        "ST-00007-00012",
        date(2026, 12, 4),
        "payment Bakery",
    )


def test_what_cannot_be_booked_is_refused_with_every_reason() -> None:
    charged, credited = make_invoices()
    notes = [corrected(charged, {1: "100.00"}), corrected(credited, {1: "100.00"})]
    with pytest.raises(DatevRefusedError) as refused:
        book_month(notes, [payment("1", partner=60_000)], replace(ACCOUNTS, output_vat={}, input_vat={}))
    assert refused.value.problems == (
        "no account for input VAT of S 7 DE",
        "no account for output VAT of S 19 DE",
        "partner 60000 has no creditor account up to 99999",
        "partner 60000 has no debtor account below 70000",
    )


def test_a_payment_that_came_back_is_taken_off_the_account_it_was_booked_on() -> None:
    """A returned debit is not money to a creditor, and a returned transfer none of a debtor."""
    returned = [replace(payment(each), is_return=True) for each in ("-1250.00", "40.00")]
    bookings = book_month([], [payment("1250.00"), payment("-40.00"), *returned], DatevAccounts())
    assert [(booking.account, booking.amount) for booking in bookings] == [
        (10_012, Decimal("-1250.00")),
        (70_012, Decimal("40.00")),
        (10_012, Decimal("1250.00")),
        (70_012, Decimal("-40.00")),
    ]
