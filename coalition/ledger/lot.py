"""Points of one origin, and what burns took of them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

NEVER = date.max


@dataclass(slots=True)
class Lot:
    """Points of one origin. `leaf` is the earn that made it, `part` counts its shares by payer and VAT rate;
    `expires_on` is the first day on which they can't be spent any more, None: never."""

    leaf: int
    part: int
    issuer: int
    payer: int
    month_of_sale: date
    vat_rate: Decimal | None
    expires_on: date | None
    points: int
    remaining: int
    is_changed: bool = False

    def age(self) -> tuple[date, int, int]:
        """Order by it to spend the oldest expiry first."""
        return (self.expires_on or NEVER, self.leaf, self.part)

    def change(self, points: int) -> None:
        self.remaining += points
        self.is_changed = True


@dataclass(slots=True)
class LotUse:
    """What a record (`leaf`: a burn, a reversal of an earn, a repayment) took of a lot; `restored` counts what a burn's
    reversals brought back."""

    leaf: int
    lot_leaf: int
    lot_part: int
    points: int
    restored: int = 0


class LotRestoration(NamedTuple):
    """What a burn's reversal (`leaf`) brought back to a lot: its part of what the burn's uses count as restored."""

    lane: int
    leaf: int
    lot_leaf: int
    lot_part: int
    points: int


@lru_cache(maxsize=1024)
def parse_rate(stated: str) -> Decimal:
    """Read a VAT rate, per cent, as a message states it."""
    return Decimal(stated)


@lru_cache(maxsize=1024)
def rate_text(rate: Decimal | None) -> str:
    """Return the one way in which a VAT rate is written as a key: "19" for 19.00, empty where none is stated."""
    return "" if rate is None else format(rate.normalize(), "f")
