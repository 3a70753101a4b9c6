"""What becomes of a debt in default: collateral is drawn first, the rest is carried forward or shared by the others."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from settlement.engine.money import Currency, split_by_largest_remainder, to_minor


def share_loss(loss: Decimal, turnovers: Mapping[int, Decimal], currency: Currency) -> dict[int, Decimal]:
    """Split a loss among partners in the ratio of their turnovers; the parts add up to it to the last minor unit.

    Partners whose part is nothing are left out; where nobody has any turnover, nobody has a part.
    """
    return _split(loss, turnovers, currency)


def share_recovered(amount: Decimal, losses: Mapping[int, Decimal], currency: Currency) -> dict[int, Decimal]:
    """Split money that came after all among those who bear a loss, in the ratio of what each still misses.

    The amount is at most all that is missing; so nobody is given more than it misses, and with the last of it each has
    all of it back, however many payments it took.
    """
    return _split(amount, losses, currency)


def _split(amount: Decimal, ratio: Mapping[int, Decimal], currency: Currency) -> dict[int, Decimal]:
    partners = sorted(partner for partner, part in ratio.items() if part > 0)
    if not partners:
        return {}
    weights = [to_minor(ratio[partner], currency) for partner in partners]
    parts = split_by_largest_remainder(amount, weights, currency)
    return {partner: part for partner, part in zip(partners, parts, strict=True) if part}
