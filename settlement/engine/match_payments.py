"""Which share a movement on the operator's account pays, and what it does to it.

names no share, or several      unmatched
its window is not invoiced yet  early       tried again with every later import
goes the other way              returned    a debit that came back, a transfer that its bank sent back: owed again
  more than was paid            unmatched   as of a share that was carried into a later one
more than is left to pay        over        the share is paid, and the rest goes to the partner's next one
less                            partial     counted; the share stays as it is
exactly what is left            paid
is the bank's fee for a return  fee         booked by itself: the share has nothing of it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from settlement.engine.bank_statement import EntryPart
from settlement.engine.money import add_exactly
from settlement.engine.payment_parts import NOTHING, can_come_back
from settlement.engine.payment_reference import ShareReference, find_documents, find_shares, share_reference
from settlement.engine.states import ShareState
from settlement.worded import Worded

Outcome = Literal["paid", "partial", "over", "returned", "fee", "early", "unmatched"]
# The shares of tax documents, by number.
Documents = Mapping[str, ShareReference]

# So many payments of a batch are told by name.
LISTED_MAX: Final = 20
_BEFORE_INVOICE: tuple[ShareState, ...] = ("CALCULATED", "ACCEPTED", "DISPUTED")


@dataclass(frozen=True, slots=True)
class OpenShare:
    """What is payable of a share, and what is left of it as of the payment that is matched; > 0: the partner pays.

    `received` is all that was paid of it less what came back, also where that is more than is payable.
    """

    state: ShareState
    payable: Decimal
    unpaid: Decimal
    received: Decimal = NOTHING

    def less(self, amount: Decimal) -> OpenShare:
        """Return the share after a payment that is not more than what is left."""
        unpaid = self.unpaid - amount
        return OpenShare(self.state if unpaid else "PAID", self.payable, unpaid, self.received + amount)


ReasonCode = Literal[
    "no_money", "names_none", "unknown_share", "names_several", "other_way", "closed_share", "unlike_batch"
]
TOLD: Final[Mapping[ReasonCode, str]] = {
    "no_money": "it moves no money",
    "names_none": "it names no share like W00007-P00012, nor a document of ours",
    "unknown_share": "there is no share of {shares}",
    "names_several": "it names {count} shares, and can pay one only",
    "other_way": "it goes the other way, and {received} was paid of the share",
    "closed_share": "nothing is left to be paid of the share, which is {state}",
    "unlike_batch": "it is of batch {batch}, which comes to {total}, and does not say of which of its payments "
    "({payments}): ask the bank, and split the entry by them",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a payment is matched to nothing: a code and what its words name, so that everybody can word it."""

    code: ReasonCode
    values: Mapping[str, str]

    def __str__(self) -> str:
        return TOLD[self.code].format(**self.values)


@dataclass(frozen=True, slots=True)
class Match:
    """What one payment is taken for; `problem` says why it is no more than that, empty where all is well. `reason`:
    the same of what is unmatched."""

    amount: Decimal
    share: ShareReference | None
    outcome: Outcome
    problem: str = ""
    reason: Reason | None = None


def unmatched(amount: Decimal, share: ShareReference | None, code: ReasonCode, **values: object) -> Match:
    """Return what is matched to nothing, with the reason."""
    reason = Reason(code, {name: str(value) for name, value in values.items()})
    return Match(amount, share, "unmatched", str(reason), reason)


def named_shares(part: EntryPart, documents: Documents) -> set[ShareReference]:
    """Return the shares that a payment names: by its end-to-end id, or else in what the payer wrote, or else by the
    tax documents that it names."""
    return (
        find_shares(part.end_to_end_id or "")
        or find_shares(part.remittance)
        or {documents[number] for number in named_documents(part) if number in documents}
    )


def named_documents(part: EntryPart) -> set[str]:
    """Return what may be numbers of tax documents in a payment."""
    return find_documents(part.end_to_end_id or "") | find_documents(part.remittance)


def match_part(part: EntryPart, shares: Mapping[ShareReference, OpenShare], documents: Documents) -> Match:
    """Return what a payment does to the share that it names; `shares` and `documents` have all that it could."""
    if not part.amount:
        return unmatched(part.amount, None, "no_money")
    named = named_shares(part, documents)
    known = sorted(share for share in named if share in shares)
    if part.is_fee:
        return Match(part.amount, known[0] if len(known) == 1 else None, "fee", "the bank's fee for what came back")
    if not named:
        return unmatched(part.amount, None, "names_none")
    if not known:
        told = ", ".join(share_reference(window=share.window, partner=share.partner) for share in sorted(named))
        return unmatched(part.amount, None, "unknown_share", shares=told)
    if len(known) > 1:
        return unmatched(part.amount, None, "names_several", count=len(known))
    return match_share(part.amount, known[0], shares[known[0]], is_return=part.is_return)


def match_share(amount: Decimal, reference: ShareReference, share: OpenShare, *, is_return: bool = False) -> Match:
    """Return what money does to a share."""
    if share.state in _BEFORE_INVOICE:
        return Match(amount, reference, "early", Worded.of("early", state=share.state))
    # Of nothing payable, what goes against what came is what came back.
    side = share.payable or share.received
    if is_return or (side and (amount > 0) != (side > 0)):
        if can_come_back(amount, received=share.received):
            return Match(amount, reference, "returned", "it came back, and is owed again")
        return unmatched(amount, reference, "other_way", received=share.received)
    if share.state in ("DEFAULTED", "CARRIED_FORWARD"):
        return unmatched(amount, reference, "closed_share", state=share.state)
    if abs(amount) > abs(share.unpaid):
        rest = amount - share.unpaid
        told = f"{share.unpaid} was left to be paid, {rest} goes to the partner's next share"
        return Match(amount, reference, "over", told)
    if amount == share.unpaid:
        return Match(amount, reference, "paid")
    return Match(amount, reference, "partial", f"{share.unpaid} was left to be paid, {share.unpaid - amount} still is")


def split_batch(
    part: EntryPart, batches: Mapping[str, Mapping[ShareReference, Decimal]], documents: Documents
) -> list[EntryPart]:
    """Return the payments that an entry stands for, where the bank booked a whole batch of ours as one amount, or
    took all of it back."""

    # One that is no batch of ours, or not of the batch's amount, stays as it is.
    payments = batches.get(part.batch or "")
    if payments is None or named_shares(part, documents):
        return [part]
    total = add_exactly(payments.values())
    if part.amount not in (total, -total):
        return [part]
    is_return = part.amount != total
    return [
        EntryPart(
            amount=-amount if is_return else amount,
            end_to_end_id=share_reference(window=share.window, partner=share.partner),
            bank_reference=part.bank_reference,
            counterparty=part.counterparty,
            remittance=part.remittance,
            batch=part.batch,
            is_return=is_return,
        )
        for share, amount in sorted(payments.items())
    ]


def unlike_batch(part: EntryPart, payments: Mapping[ShareReference, Decimal]) -> Match:
    """Return an entry of a batch that is not of its amount as it pays nothing: which of its payments it is, only the
    bank can tell."""
    total = add_exactly(payments.values())
    listed = [
        f"{share_reference(window=share.window, partner=share.partner)} {amount}"
        for share, amount in sorted(payments.items())[:LISTED_MAX]
    ]
    more = f", and {len(payments) - LISTED_MAX} more" if len(payments) > LISTED_MAX else ""
    told = ", ".join(listed) + more
    return unmatched(part.amount, None, "unlike_batch", batch=part.batch, total=total, payments=told)
