"""What moved in lots of one origin: who pays for them, from sales of which month, at which VAT rate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from settlement.engine.cohort import LotKind

# Nobody is behind these points: they lay in lots before there was a book of them.
UNKNOWN_PAYER = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginTotal:
    """The points of one origin and kind in one window, from the book of lots; `points` is never negative.

    `counterparty` is the partner that issued, redeemed or took back, by its terms `terms_version`; 0 is nobody, none.
    `month_of_sale` is the first day of the month, `vat_rate` that of the sale in per cent; None is not stated.
    """

    payer: int
    kind: LotKind
    counterparty: int
    terms_version: int
    month_of_sale: date
    points: int
    vat_rate: Decimal | None = None
