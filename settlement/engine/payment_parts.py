"""What of a payment counts towards its share, and what is payable with the partner's next one.

money came    counted: what was left to pay      beyond: the rest, owed to who paid it
money back    beyond: what was paid too much     counted: the rest, which is owed again

A share that is final (its window is SETTLED, or its debt was carried into a later one) does not change any more: what
comes back of it is all beyond. All amounts are signed like the share: > 0 came from the partner.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class PaymentParts:
    """Both parts have the sign of the payment, and come to it."""

    counted: Decimal
    beyond: Decimal


def parts_of_payment(amount: Decimal, *, unpaid: Decimal) -> PaymentParts:
    """Return the parts of money that came for a share of which `unpaid` is left to pay, on the same side of zero."""
    counted = unpaid if abs(amount) > abs(unpaid) else amount
    return PaymentParts(counted, amount - counted)


def parts_of_return(amount: Decimal, *, paid: Decimal, received: Decimal, is_final: bool) -> PaymentParts:
    """Return the parts of money that went back. `received` is all that came for the share less all that went back,
    `paid` what of it counts towards the share."""
    if is_final:
        return PaymentParts(NOTHING, amount)
    too_much = received - paid
    beyond = -too_much if abs(amount) > abs(too_much) else amount
    return PaymentParts(amount - beyond, beyond)


def can_come_back(amount: Decimal, *, received: Decimal) -> bool:
    """Say whether an amount is of what was received of a share: with the other sign, and not more."""
    return 0 < amount <= -received if received < 0 else -received <= amount < 0
