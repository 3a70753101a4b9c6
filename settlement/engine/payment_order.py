"""What a window's payments come to: who is paid by the operator, who is debited, who has to pay by itself.

Each payment has its place in one message to the bank, whenever that is made:

W00007-CT          transfers to those whose details were known when the window was invoiced
W00007-P00012-CT   the transfer to partner 12, whose details came later
W00007-DD          all debits

So who lacks something keeps nobody else from being paid, and is paid by a message of its own once that is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from settlement.engine.account_history import DatedAccount, counting_account
from settlement.engine.bank_account import MANDATE_SCHEMES, BankAccount, Mandate, is_in_sepa
from settlement.engine.money import Currency, add_exactly
from settlement.engine.payment_reference import message_reference, share_reference
from settlement.engine.target_days import target_day_from, target_days_after
from settlement.errors import PaymentFileRefusedError
from settlement.worded import WordCode, Worded

SEPA_CURRENCY: Final = "EUR"
# EPC rulebooks: an amount of a SEPA payment.
AMOUNT_MAX: Final = Decimal("999999999.99")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment of a window; `amount` is above 0 whichever way it goes."""

    partner: int
    name: str
    account: BankAccount
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMessage:
    """Payments that go to the bank in one file: out of or into `operator`, the account of the operator.

    `reference` is its id without what says the direction; `late_partner` the one whose details came late, if it is its.
    """

    reference: str
    made_at: datetime
    operator: BankAccount
    payments: tuple[Payment, ...]
    pay_on: date
    late_partner: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOrder:
    """A window's payments: transfers go from the operator to partners, debits are taken from them by mandate.

    `by_invoice` are the partners that owe and gave no mandate: they pay by themselves. `settled_otherwise` are
    those of whom nothing was left to pay by the time that their payment could be made. `left_out` says who is in no
    message yet, and what is missing for it.
    """

    window: int
    transfer_messages: tuple[PaymentMessage, ...]
    debit_messages: tuple[PaymentMessage, ...]
    by_invoice: tuple[int, ...]
    settled_otherwise: tuple[int, ...]
    left_out: tuple[Worded, ...]
    pay_on: date

    @property
    def transfers(self) -> tuple[Payment, ...]:
        return tuple(payment for message in self.transfer_messages for payment in message.payments)

    @property
    def debits(self) -> tuple[Payment, ...]:
        return tuple(payment for message in self.debit_messages for payment in message.payments)

    def batches(self) -> Iterator[tuple[str, tuple[Payment, ...]]]:
        """Yield what a bank may book as one amount, with its id; debits of each scheme are a batch of their own."""
        for message in self.transfer_messages:
            yield f"{message.reference}-CT", message.payments
        for scheme in MANDATE_SCHEMES:
            payments = payments_of_scheme(self.debits, scheme)
            if payments:
                yield f"{message_reference(self.window)}-{scheme}", payments


@dataclass(slots=True)
class _Places:
    """Where each payment goes, as they are looked at one by one."""

    on_time: list[Payment] = field(default_factory=list)
    late: list[tuple[datetime, Payment]] = field(default_factory=list)
    debits: list[Payment] = field(default_factory=list)
    by_invoice: list[int] = field(default_factory=list)
    settled_otherwise: list[int] = field(default_factory=list)
    left_out: list[Worded] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFacts:
    """All that a window's payments are made from; net > 0: the partner owes it.

    `approved_at` is a moment in the programme's zone, before `invoiced_at`. Versions of bank details come with the
    newest last; `paid` is what was recorded of each share, with the moment of recording, and `carried_at` when what
    was left of it went to other shares.
    """

    window: int
    approved_at: datetime
    invoiced_at: datetime
    due_on: date
    currency: Currency
    operator: Sequence[DatedAccount]
    nets: Mapping[int, Decimal]
    names: Mapping[int, str]
    accounts: Mapping[int, Sequence[DatedAccount]]
    paid: Mapping[int, Sequence[tuple[datetime, Decimal]]] = field(default_factory=dict)
    carried_at: Mapping[int, datetime] = field(default_factory=dict)

    def unpaid(self, partner: int, *, at: datetime | None = None) -> Decimal:
        """Return what was left to pay at a moment, or now; 0 also where more was paid than that."""
        carried_at = self.carried_at.get(partner)
        if carried_at is not None and (at is None or carried_at < at):
            return Decimal(0)
        recorded = self.paid.get(partner, ())
        left = self.nets[partner] - add_exactly(amount for moment, amount in recorded if at is None or moment < at)
        return left if left * self.nets[partner] > 0 else Decimal(0)

    def day_after(self, moment: datetime) -> date:
        """Return the day on which what was ready at a moment is paid."""
        return day_of_payment(due_on=self.due_on, approved_on=moment.astimezone(self.approved_at.tzinfo).date())


def order_payments(facts: PaymentFacts) -> PaymentOrder:
    """Return the payments that settle a window.

    All is paid on the day on which it is due, or the first settlement day after it, and not before the day after the
    approval: a debit on the same day comes too late. What was paid before its message could be made is not in it.

    Raises:
        PaymentFileRefusedError: no payment can be made by SEPA, with every reason: the currency is not the euro, the
            operator's account is missing or lies outside of SEPA.
    """
    if facts.currency.code != SEPA_CURRENCY or facts.currency.minor_units != 2:
        problem = Worded.of("sepa_currency", currency=facts.currency.code)
        raise PaymentFileRefusedError(window=facts.window, problems=[problem])
    operator = counting_account(facts.operator, facts.approved_at, is_usable=_is_reached)
    creditor = counting_account(facts.operator, facts.approved_at, is_usable=_may_collect)
    places = _places(facts, operator, creditor)
    if operator is None:
        problem = Worded.of("operator_sepa" if facts.operator else "operator_account")
        raise PaymentFileRefusedError(window=facts.window, problems=[problem, *places.left_out])
    return PaymentOrder(
        window=facts.window,
        transfer_messages=tuple(_transfer_messages(facts, operator, places)),
        debit_messages=(_message(facts, creditor, places.debits),) if creditor and places.debits else (),
        by_invoice=tuple(places.by_invoice),
        settled_otherwise=tuple(places.settled_otherwise),
        left_out=tuple(places.left_out),
        pay_on=facts.day_after(facts.approved_at),
    )


def day_of_payment(*, due_on: date, approved_on: date) -> date:
    """Return the day on which the operator's bank pays and collects what is due on a day."""
    return max(target_day_from(due_on), target_days_after(approved_on, 1))


def mandate_of(payment: Payment) -> Mandate:
    """Return the mandate of a debit; there is none without."""
    assert payment.account.mandate is not None, "who has no mandate is not debited"
    return payment.account.mandate


def payments_of_scheme(payments: Sequence[Payment], scheme: str) -> tuple[Payment, ...]:
    """Return the debits of one scheme: a bank takes each as a batch of its own."""
    return tuple(payment for payment in payments if mandate_of(payment).scheme == scheme)


def _is_reached(account: BankAccount) -> bool:
    return is_in_sepa(account.iban)


def _may_collect(account: BankAccount) -> bool:
    return is_in_sepa(account.iban) and account.creditor_id is not None


def _places(facts: PaymentFacts, operator: DatedAccount | None, creditor: DatedAccount | None) -> _Places:
    places = _Places()
    for partner, net in sorted(facts.nets.items()):
        at_approval = counting_account(facts.accounts.get(partner, ()), facts.approved_at)
        if net < 0:
            _place_transfer(places, facts, partner, operator)
        elif net > 0 and at_approval is not None and at_approval.account.mandate is not None:
            _place_debit(places, facts, partner, at_approval.account, creditor)
        elif net > 0:
            places.by_invoice.append(partner)
    return places


def _place_transfer(places: _Places, facts: PaymentFacts, partner: int, operator: DatedAccount | None) -> None:
    versions = facts.accounts.get(partner, ())
    known = counting_account(versions, facts.approved_at, is_usable=_is_reached)
    if known is None:
        _leave_out(places, facts, partner, _of("sepa" if versions else "account", facts, partner))
        return
    first_at = _ready_at(facts, operator)
    ready_at = max(first_at, known.set_at)
    payment = _payment(places, facts, partner, known.account, ready_at)
    if payment is None:
        return
    if ready_at > first_at:
        places.late.append((ready_at, payment))
    else:
        places.on_time.append(payment)


def _place_debit(
    places: _Places, facts: PaymentFacts, partner: int, account: BankAccount, creditor: DatedAccount | None
) -> None:
    if not _is_reached(account):
        _leave_out(places, facts, partner, _of("sepa", facts, partner))
    elif creditor is None:
        _leave_out(places, facts, partner, Worded.of("operator_creditor"))
    else:
        payment = _payment(places, facts, partner, account, _ready_at(facts, creditor))
        places.debits += [payment] if payment else []


def _payment(
    places: _Places, facts: PaymentFacts, partner: int, account: BankAccount, ready_at: datetime
) -> Payment | None:
    """Return a partner's payment; None: there is none, and it is placed where that is told."""
    amount = abs(facts.unpaid(partner, at=ready_at))
    if not amount:
        places.settled_otherwise.append(partner)
    elif amount > AMOUNT_MAX:
        _leave_out(places, facts, partner, _of("sepa_amount", facts, partner, amount=amount, most=AMOUNT_MAX))
    else:
        return Payment(partner=partner, name=facts.names[partner], account=account, amount=amount)
    return None


def _leave_out(places: _Places, facts: PaymentFacts, partner: int, problem: Worded) -> None:
    if not facts.unpaid(partner):
        places.settled_otherwise.append(partner)
    elif problem not in places.left_out:
        places.left_out.append(problem)


def _ready_at(facts: PaymentFacts, operator: DatedAccount | None) -> datetime:
    """Return from when on a message could be made; who has no account makes none."""
    return facts.invoiced_at if operator is None else max(facts.invoiced_at, operator.set_at)


def _transfer_messages(facts: PaymentFacts, operator: DatedAccount, places: _Places) -> Iterator[PaymentMessage]:
    if places.on_time:
        yield _message(facts, operator, places.on_time)
    for ready_at, payment in places.late:
        yield PaymentMessage(
            reference=share_reference(window=facts.window, partner=payment.partner),
            made_at=ready_at.astimezone(facts.approved_at.tzinfo),
            operator=operator.account,
            payments=(payment,),
            pay_on=facts.day_after(ready_at),
            late_partner=payment.partner,
        )


def _message(facts: PaymentFacts, operator: DatedAccount, payments: Sequence[Payment]) -> PaymentMessage:
    made_at = max(facts.approved_at, operator.set_at).astimezone(facts.approved_at.tzinfo)
    return PaymentMessage(
        reference=message_reference(facts.window),
        made_at=made_at,
        operator=operator.account,
        payments=tuple(payments),
        pay_on=facts.day_after(made_at),
    )


def _of(code: WordCode, facts: PaymentFacts, partner: int, **values: object) -> Worded:
    return Worded.of(code, name=facts.names[partner], partner=partner, **values)
