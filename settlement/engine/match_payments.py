"""Which share a movement on the operator's account pays, and what it does to it.

names no share, or several      unmatched
goes the other way              returned    a debit that came back, a transfer that its bank sent back
its window is not invoiced yet  early       tried again with every later import
more than is left to pay        over        reported, and the share stays as it is
less                            partial     counted; the share stays as it is
exactly what is left            paid
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from settlement.engine.bank_statement import EntryPart
from settlement.engine.money import add_exactly
from settlement.engine.payment_reference import ShareReference, find_shares
from settlement.engine.states import ShareState

Outcome = Literal["paid", "partial", "over", "returned", "early", "unmatched"]

_BEFORE_INVOICE: tuple[ShareState, ...] = ("CALCULATED", "ACCEPTED", "DISPUTED")


@dataclass(frozen=True, slots=True)
class OpenShare:
    """What is payable of a share, and what is left of it as of the payment that is matched; > 0: the partner pays."""

    state: ShareState
    payable: Decimal
    unpaid: Decimal

    def less(self, amount: Decimal) -> OpenShare:
        """Return the share after a payment that is not more than what is left."""
        unpaid = self.unpaid - amount
        return OpenShare(self.state if unpaid else "PAID", self.payable, unpaid)


@dataclass(frozen=True, slots=True)
class Match:
    """What one payment is taken for; `problem` says why it is no more than that, empty where all is well."""

    amount: Decimal
    share: ShareReference | None
    outcome: Outcome
    problem: str = ""


def named_shares(part: EntryPart) -> set[ShareReference]:
    """Return the shares that a payment names: by its end-to-end id, or else in what the payer wrote."""
    return find_shares(part.end_to_end_id or "") or find_shares(part.remittance)


def match_part(part: EntryPart, shares: Mapping[ShareReference, OpenShare]) -> Match:
    """Return what a payment does to the share that it names; `shares` has all that it could."""
    if not part.amount:
        return Match(part.amount, None, "unmatched", "it moves no money")
    named = named_shares(part)
    known = sorted(share for share in named if share in shares)
    if not named:
        return Match(part.amount, None, "unmatched", "it names no share like W00007-P00012")
    if not known:
        told = ", ".join(f"window {share.window}, partner {share.partner}" for share in sorted(named))
        return Match(part.amount, None, "unmatched", f"there is no share of {told}")
    if len(known) > 1:
        return Match(part.amount, None, "unmatched", f"it names {len(known)} shares, and can pay one only")
    return match_share(part.amount, known[0], shares[known[0]], is_return=part.is_return)


def match_share(amount: Decimal, reference: ShareReference, share: OpenShare, *, is_return: bool = False) -> Match:
    """Return what money does to a share."""
    if share.state in _BEFORE_INVOICE:
        return Match(amount, reference, "early", f"the share is {share.state}, and not invoiced yet")
    if is_return or (share.payable and (amount > 0) != (share.payable > 0)):
        return Match(amount, reference, "returned", "it goes the other way: a payment that came back")
    if share.state not in ("INVOICED", "OVERDUE"):
        return Match(amount, reference, "over", f"nothing is left to be paid of the share, which is {share.state}")
    if abs(amount) > abs(share.unpaid):
        return Match(amount, reference, "over", f"{share.unpaid} was left to be paid")
    if amount == share.unpaid:
        return Match(amount, reference, "paid")
    return Match(amount, reference, "partial", f"{share.unpaid} was left to be paid, {share.unpaid - amount} still is")


def split_batch(part: EntryPart, batches: Mapping[str, Mapping[ShareReference, Decimal]]) -> list[EntryPart]:
    """Return the payments that an entry stands for, where the bank booked a whole batch of ours as one amount.

    One that is no batch of ours, or not of the batch's amount, stays as it is.
    """
    payments = batches.get(part.batch or "")
    if payments is None or named_shares(part) or add_exactly(payments.values()) != part.amount:
        return [part]
    return [
        EntryPart(
            amount=amount,
            end_to_end_id=f"W{share.window:05d}-P{share.partner:05d}",
            bank_reference=part.bank_reference,
            counterparty=part.counterparty,
            remittance=part.remittance,
            batch=part.batch,
        )
        for share, amount in sorted(payments.items())
    ]
