"""A month's bookings that are of no window: corrections issued in it, and what the bank paid and was paid.

    credit note                credit debtor 10000 + partner     debit   points liability, revenue of fees, output VAT
    self-billed credit note    debit  creditor 70000 + partner   credit  points liability, input VAT
    money that came            credit debtor                     debit   bank
    money that went            debit  creditor                   credit  bank
    payments that came back    where they were booked, with the other sign

A correction is dated by its own day, which is before the window that pays it is invoiced and may be of another fiscal
year. A corrected invoice changes no amount and is not booked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from settlement.engine.correction import owed_after
from settlement.engine.datev import (
    AMOUNT_MAX,
    DatevAccounts,
    DatevBooking,
    account_problems,
    account_sums,
    purpose_of,
    vat_problems,
)
from settlement.engine.invoice import Invoice
from settlement.engine.money import add_exactly
from settlement.engine.statement import statement_number
from settlement.errors import DatevRefusedError
from settlement.worded import Worded


@dataclass(frozen=True, slots=True, kw_only=True)
class BankPayment:
    """Money that came (> 0) or went (< 0) for a partner's share of a window; `is_return`: a payment that came back."""

    window: int
    partner: int
    name: str
    amount: Decimal
    paid_on: date
    is_return: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BankFee:
    """What the bank took for a payment that came back; `is_charged`: the partner bears it, and owes it from then on.
    `window` and `partner` None: for several at once."""

    window: int | None
    partner: int | None
    name: str
    amount: Decimal
    booked_on: date
    is_charged: bool


def book_month(
    corrections: Iterable[Invoice],
    payments: Sequence[BankPayment],
    accounts: DatevAccounts,
    fees: Sequence[BankFee] = (),
) -> tuple[DatevBooking, ...]:
    """Return the bookings: corrections in their order, lines before VAT, then payments in theirs, then the bank's fees.

    Raises:
        DatevRefusedError: names every reason: a partner's number beyond the personal accounts, VAT without an account,
            an amount beyond the format.
    """
    corrections = tuple(corrections)
    problems = month_problems(corrections, payments, accounts, fees)
    if problems:
        raise DatevRefusedError(problems=problems)
    notes = _notes(corrections)
    of_notes = [booking for note in notes for booking in _checked(note, tuple(_correction(note, accounts)), accounts)]
    return (
        *of_notes,
        *(_payment(payment, accounts) for payment in payments),
        *(_fee(fee, accounts) for fee in fees),
    )


def month_problems(
    corrections: Iterable[Invoice],
    payments: Iterable[BankPayment],
    accounts: DatevAccounts,
    fees: Iterable[BankFee] = (),
) -> list[Worded]:
    """Return every reason why a month cannot be booked, each once."""
    problems = {problem for note in _notes(corrections) for problem in _correction_problems(note, accounts)}
    problems |= {problem for payment in payments for problem in _payment_problems(payment, accounts)}
    problems |= {problem for fee in fees if fee.partner for problem in account_problems(fee.partner, accounts)}
    return sorted(problems)


def _notes(corrections: Iterable[Invoice]) -> list[Invoice]:
    """Return what changes amounts: a corrected invoice changes words alone."""
    return [document for document in corrections if document.kind != "corrected_invoice"]


def _correction(note: Invoice, accounts: DatevAccounts) -> Iterable[DatevBooking]:
    # What is taken back of a self-billed invoice is owed by the partner again: a debit of its account.
    sign = 1 if note.is_self_billed else -1
    vat_accounts = accounts.input_vat if note.is_self_billed else accounts.output_vat
    rows = [(line.amount, accounts.of(purpose_of(line.code)), str(line.code)) for line in note.lines]
    rows += [(group.vat, vat_accounts[str(group.treatment)], f"VAT {group.treatment}")
             for group in note.breakdown if group.vat]  # fmt: skip
    name = (note.seller if note.is_self_billed else note.buyer).party.legal_name
    for amount, contra_account, text in rows:
        if amount:
            yield DatevBooking(
                amount=sign * amount,
                account=_personal_account(note, accounts),
                contra_account=contra_account,
                document_number=note.number,
                document_date=note.issued_on,
                due_on=note.issued_on,
                text=f"{text} {name}",
            )


def _payment(payment: BankPayment, accounts: DatevAccounts) -> DatevBooking:
    base = accounts.debtor_base if (payment.amount > 0) != payment.is_return else accounts.creditor_base
    return DatevBooking(
        amount=-payment.amount,
        account=base + payment.partner,
        contra_account=accounts.bank,
        document_number=statement_number(window=payment.window, partner=payment.partner),
        document_date=payment.paid_on,
        due_on=payment.paid_on,
        text=f"{'returned' if payment.is_return else 'payment'} {payment.name}",
    )


def _fee(fee: BankFee, accounts: DatevAccounts) -> DatevBooking:
    number = "" if fee.window is None else statement_number(window=fee.window, partner=fee.partner or 0)
    return DatevBooking(
        amount=fee.amount,
        account=accounts.debtor_base + (fee.partner or 0) if fee.is_charged else accounts.bank_fees,
        contra_account=accounts.bank,
        document_number=number,
        document_date=fee.booked_on,
        due_on=fee.booked_on,
        text=f"return fee {fee.name}".strip(),
    )


def _personal_account(note: Invoice, accounts: DatevAccounts) -> int:
    return (accounts.creditor_base if note.is_self_billed else accounts.debtor_base) + note.partner


def _checked(note: Invoice, bookings: tuple[DatevBooking, ...], accounts: DatevAccounts) -> tuple[DatevBooking, ...]:
    """Hold what is booked of a correction against what it changes of the partner's debt."""
    actual, expected = account_sums(bookings).get(_personal_account(note, accounts), Decimal(0)), owed_after(note)
    if actual != expected:
        problem = Worded.of("document_sum", number=note.number, expected=expected, actual=actual)
        raise DatevRefusedError(problems=[problem])
    return bookings


def _correction_problems(note: Invoice, accounts: DatevAccounts) -> Iterable[Worded]:
    yield from account_problems(note.partner, accounts)
    yield from vat_problems(note.breakdown, accounts, document="credit_note" if note.is_self_billed else "invoice")
    if add_exactly(abs(line.amount) for line in note.lines) > AMOUNT_MAX:
        yield Worded.of("booking_document", number=note.number, most=AMOUNT_MAX)


def _payment_problems(payment: BankPayment, accounts: DatevAccounts) -> Iterable[Worded]:
    yield from account_problems(payment.partner, accounts)
    if abs(payment.amount) > AMOUNT_MAX:
        yield Worded.of("booking_payment", amount=payment.amount, most=AMOUNT_MAX)
