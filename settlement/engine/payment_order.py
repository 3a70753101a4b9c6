"""What a window's payments come to: who is paid by the operator, who is debited, who has to pay by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from settlement.engine.bank_account import BankAccount, Mandate, is_in_sepa
from settlement.engine.money import Currency
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
class PaymentOrder:
    """A window's payments: `transfers` go from the operator to partners, `debits` are taken from them by mandate.

    `by_invoice` are the partners that owe and gave no mandate: they pay by themselves.
    """

    window: int
    approved_at: datetime
    operator: BankAccount
    transfers: tuple[Payment, ...]
    debits: tuple[Payment, ...]
    by_invoice: tuple[int, ...]
    pay_on: date

    def debits_of(self, scheme: str) -> tuple[Payment, ...]:
        """Return the debits of one scheme: a bank takes each as a batch of its own."""
        return tuple(payment for payment in self.debits if mandate_of(payment).scheme == scheme)


def order_payments(
    *,
    window: int,
    approved_at: datetime,
    due_on: date,
    currency: Currency,
    operator: BankAccount | None,
    nets: Mapping[int, Decimal],
    names: Mapping[int, str],
    accounts: Mapping[int, BankAccount],
) -> PaymentOrder:
    """Return the payments that settle a window; net > 0: the partner owes it.

    `approved_at` is a moment in the programme's zone. All is paid on the day on which it is due, or the first
    settlement day after it, and not before the day after the approval: a debit on the same day comes too late.

    Raises:
        PaymentFileRefusedError: names every reason: the currency is not the euro, bank details are missing or lie
            outside of SEPA, an amount is too large. No partner that is to be paid is left out silently.
    """
    if currency.code != SEPA_CURRENCY or currency.minor_units != 2:
        problem = Worded.of("sepa_currency", currency=currency.code)
        raise PaymentFileRefusedError(window=window, problems=[problem])
    payees = [partner for partner, net in sorted(nets.items()) if net < 0]
    mandated = [partner for partner, net in sorted(nets.items()) if net > 0 and _may_debit(accounts.get(partner))]
    problems = [
        *_operator_problems(operator, debits=bool(mandated)),
        *(_of("account", names, partner) for partner in payees if partner not in accounts),
        *_payment_problems([*payees, *mandated], nets, names, accounts),
    ]
    if problems or operator is None:
        raise PaymentFileRefusedError(window=window, problems=problems)
    return PaymentOrder(
        window=window,
        approved_at=approved_at,
        operator=operator,
        transfers=tuple(_payment(partner, nets, names, accounts) for partner in payees),
        debits=tuple(_payment(partner, nets, names, accounts) for partner in mandated),
        by_invoice=tuple(partner for partner, net in sorted(nets.items()) if net > 0 and partner not in mandated),
        pay_on=day_of_payment(due_on=due_on, approved_on=approved_at.date()),
    )


def day_of_payment(*, due_on: date, approved_on: date) -> date:
    """Return the day on which the operator's bank pays and collects what is due on a day."""
    return max(target_day_from(due_on), target_days_after(approved_on, 1))


def mandate_of(payment: Payment) -> Mandate:
    """Return the mandate of a debit; there is none without."""
    assert payment.account.mandate is not None, "who has no mandate is not debited"
    return payment.account.mandate


def _may_debit(account: BankAccount | None) -> bool:
    return account is not None and account.mandate is not None


def _payment(
    partner: int, nets: Mapping[int, Decimal], names: Mapping[int, str], accounts: Mapping[int, BankAccount]
) -> Payment:
    return Payment(partner=partner, name=names[partner], account=accounts[partner], amount=abs(nets[partner]))


def _operator_problems(operator: BankAccount | None, *, debits: bool) -> list[Worded]:
    problems: list[Worded] = []
    if operator is None:
        problems.append(Worded.of("operator_account"))
    elif not is_in_sepa(operator.iban):
        problems.append(Worded.of("operator_sepa"))
    if debits and (operator is None or operator.creditor_id is None):
        problems.append(Worded.of("operator_creditor"))
    return problems


def _payment_problems(
    partners: Iterable[int],
    nets: Mapping[int, Decimal],
    names: Mapping[int, str],
    accounts: Mapping[int, BankAccount],
) -> list[Worded]:
    problems: list[Worded] = []
    for partner in partners:
        if partner in accounts and not is_in_sepa(accounts[partner].iban):
            problems.append(_of("sepa", names, partner))
        if abs(nets[partner]) > AMOUNT_MAX:
            problems.append(_of("sepa_amount", names, partner, amount=abs(nets[partner]), most=AMOUNT_MAX))
    return problems


def _of(code: WordCode, names: Mapping[int, str], partner: int, **values: object) -> Worded:
    return Worded.of(code, name=names[partner], partner=partner, **values)
