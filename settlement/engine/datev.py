"""A window's documents as bookings: debtors and creditors against points, fees and VAT.

    invoice       debit  debtor 10000 + partner     credit  points liability, revenue of fees, output VAT
    credit note   credit creditor 70000 + partner   debit   points liability, input VAT

Each line is a booking of its own, without VAT; VAT is one for each document and treatment, as the documents state it.
So accounts must be such that DATEV adds no VAT to by itself (no "Automatikkonten").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final, Literal, assert_never

from settlement.engine.document import Document, VatGroup, document_of
from settlement.engine.line import LineCode
from settlement.engine.money import add_exactly
from settlement.engine.statement import Statement
from settlement.errors import DatevRefusedError
from settlement.worded import Worded

Purpose = Literal["points", "service_fee", "commission", "platform_fee"]

# The format's limits: numbers of adviser and client, digits of an account, an amount.
CONSULTANT_MIN, CONSULTANT_MAX = 1001, 9_999_999
CLIENT_MIN, CLIENT_MAX = 1, 99_999
ACCOUNT_DIGITS_MIN, ACCOUNT_DIGITS_MAX = 4, 8
AMOUNT_MAX: Final = Decimal("9999999999.99")

_FEES: Final[Mapping[LineCode, Purpose]] = {
    "service_fee": "service_fee",
    "service_fee_reversed": "service_fee",
    "commission": "commission",
    "commission_reversed": "commission",
    "platform_fee": "platform_fee",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatevAccounts:
    """Account numbers, those of SKR03 unless set otherwise; VAT accounts by treatment, like `S 19 DE`.

    Personal accounts have a digit more than the others: a partner's is the base and its number.
    """

    account_digits: int = 4
    debtor_base: int = 10_000
    creditor_base: int = 70_000
    points: int = 1700
    service_fee: int = 8200
    commission: int = 8510
    platform_fee: int = 8200
    bank: int = 1200
    bank_fees: int = 4970
    output_vat: Mapping[str, int] = field(default_factory=lambda: {"S 19 DE": 1776, "S 7 DE": 1771})
    input_vat: Mapping[str, int] = field(default_factory=lambda: {"S 19 DE": 1576, "S 7 DE": 1571})

    def of(self, purpose: Purpose) -> int:
        match purpose:
            case "points":
                return self.points
            case "service_fee":
                return self.service_fee
            case "commission":
                return self.commission
            case "platform_fee":
                return self.platform_fee
            case _:
                assert_never(purpose)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatevBooking:
    """One row: `amount` > 0 debits `account`, < 0 credits it, and `contra_account` the other way round."""

    amount: Decimal
    account: int
    contra_account: int
    document_number: str
    document_date: date
    due_on: date
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedStatement:
    """A statement as it is booked: the numbers of its documents, their day, and when they are due."""

    statement: Statement
    numbers: Mapping[Document, str]
    issued_on: date
    due_on: date


def purpose_of(code: LineCode) -> Purpose:
    """Return what a line is booked against: fees are revenue, all else is the money that points stand for."""
    return _FEES.get(code, "points")


def book_statements(
    window: int, booked: Sequence[BookedStatement], accounts: DatevAccounts
) -> tuple[DatevBooking, ...]:
    """Return the bookings of a window's statements, by partner, invoice before credit note, lines before VAT.

    Raises:
        DatevRefusedError: names every reason: a partner's number beyond the personal accounts, VAT without an account,
            an amount beyond the format.
    """
    problems = booking_problems(booked, accounts)
    if problems:
        raise DatevRefusedError(problems=problems)
    bookings = tuple(booking for one in booked for booking in _bookings(one, accounts))
    _refuse_other_sums(window, booked, bookings, accounts)
    return bookings


def booking_problems(booked: Iterable[BookedStatement], accounts: DatevAccounts) -> list[Worded]:
    """Return every reason why statements cannot be booked, each once."""
    return sorted({problem for one in booked for problem in _problems(one.statement, accounts)})


def account_sums(bookings: Iterable[DatevBooking]) -> dict[int, Decimal]:
    """Return the balance of each account, debits less credits; together they are zero."""
    sums: defaultdict[int, Decimal] = defaultdict(Decimal)
    for booking in bookings:
        sums[booking.account] = add_exactly((sums[booking.account], booking.amount))
        sums[booking.contra_account] = add_exactly((sums[booking.contra_account], -booking.amount))
    return dict(sums)


def _bookings(booked: BookedStatement, accounts: DatevAccounts) -> Iterable[DatevBooking]:
    statement = booked.statement
    for total in statement.documents:
        is_invoice = total.document == "invoice"
        account = (accounts.debtor_base if is_invoice else accounts.creditor_base) + statement.partner
        vat_accounts = accounts.output_vat if is_invoice else accounts.input_vat
        rows: list[tuple[Decimal, int, str]] = [
            # A line's amount is what the partner owes: a debit of its account, whichever of the two it is.
            (line.amount, accounts.of(purpose_of(line.code)), line.code)
            for line in statement.lines
            if document_of(line.code) == total.document
        ]
        sign = 1 if is_invoice else -1
        rows += [
            (sign * group.vat, vat_accounts[str(group.treatment)], f"VAT {group.treatment}")
            for group in total.breakdown
            if group.vat
        ]
        for amount, contra_account, text in rows:
            if amount:
                yield DatevBooking(
                    amount=amount,
                    account=account,
                    contra_account=contra_account,
                    document_number=booked.numbers.get(total.document, statement.number),
                    document_date=booked.issued_on,
                    due_on=booked.due_on,
                    text=f"{text} {statement.addressee.name}",
                )


def account_problems(partner: int, accounts: DatevAccounts) -> Iterable[Worded]:
    """Yield why a partner's number has no personal accounts."""
    last = 10 ** (accounts.account_digits + 1) - 1
    if accounts.debtor_base + partner >= accounts.creditor_base:
        yield Worded.of("debtor", partner=partner, base=accounts.creditor_base)
    if accounts.creditor_base + partner > last:
        yield Worded.of("creditor", partner=partner, last=last)


def vat_problems(breakdown: Iterable[VatGroup], accounts: DatevAccounts, *, document: Document) -> Iterable[Worded]:
    """Yield why a document's VAT cannot be booked."""
    known = accounts.output_vat if document == "invoice" else accounts.input_vat
    for group in breakdown:
        if group.vat and str(group.treatment) not in known:
            yield Worded.of("output_vat" if document == "invoice" else "input_vat", vat=group.treatment)
        if abs(group.vat) > AMOUNT_MAX:
            yield Worded.of("booking_vat", amount=group.vat, most=AMOUNT_MAX)


def _problems(statement: Statement, accounts: DatevAccounts) -> Iterable[Worded]:
    yield from account_problems(statement.partner, accounts)
    for total in statement.documents:
        yield from vat_problems(total.breakdown, accounts, document=total.document)
    for line in statement.lines:
        if abs(line.amount) > AMOUNT_MAX:
            yield Worded.of("booking_amount", amount=line.amount, most=AMOUNT_MAX)


def _refuse_other_sums(
    window: int, booked: Sequence[BookedStatement], bookings: Sequence[DatevBooking], accounts: DatevAccounts
) -> None:
    """Hold what is booked for each partner against what its statement says that it owes."""
    sums = account_sums(bookings)
    for one in booked:
        partner = one.statement.partner
        owed = (sums.get(base + partner, Decimal(0)) for base in (accounts.debtor_base, accounts.creditor_base))
        actual, expected = add_exactly(owed), one.statement.position.net
        if actual != expected:
            problem = Worded.of("booking_sum", window=window, partner=partner, expected=expected, actual=actual)
            raise DatevRefusedError(problems=[problem])
