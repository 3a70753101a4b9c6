"""What becomes of a debt in default: collateral is drawn first, the rest is carried forward or shared by the others."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from settlement.engine.money import Currency, split_by_largest_remainder, to_minor


def share_loss(loss: Decimal, turnovers: Mapping[int, Decimal], currency: Currency) -> dict[int, Decimal]:
    """Split a loss among partners in the ratio of their turnovers; the parts add up to it to the last minor unit.

    Partners whose part is nothing are left out; where nobody has any turnover, nobody has a part.
    """
    partners = sorted(partner for partner, turnover in turnovers.items() if turnover > 0)
    if not partners:
        return {}
    weights = [to_minor(turnovers[partner], currency) for partner in partners]
    parts = split_by_largest_remainder(loss, weights, currency)
    return {partner: part for partner, part in zip(partners, parts, strict=True) if part}
