"""What one window says about one partner, in points: the only figures that a bill is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, get_args

Kind = Literal["issued", "issue_reversed", "redeemed", "redeem_reversed"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Issuing makes points, redeeming takes them away; a reversal does the opposite of its original.
OUTSTANDING_SIGN: dict[Kind, int] = {"issued": 1, "issue_reversed": -1, "redeemed": -1, "redeem_reversed": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowTotal:
    """The points of one partner, kind, terms version and VAT rate of origin in one window.

    `points` is never negative: the kind says the direction. A reversal carries the terms version of its original,
    since it takes that one's prices. `vat_rate` is that of the sale the points came from, in percent; None is unknown.
    `operations` counts each operation once, at one of the rates that it touches. The first and last of them occurred
    at `first_occurred_at` and `last_occurred_at`, which may be long before the window was open.
    """

    partner: int
    kind: Kind
    terms_version: int
    points: int
    operations: int
    first_occurred_at: datetime
    last_occurred_at: datetime
    vat_rate: Decimal | None = None

    @property
    def outstanding_growth(self) -> int:
        """By how many points this total raised what members hold."""
        return OUTSTANDING_SIGN[self.kind] * self.points
