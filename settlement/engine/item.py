"""One operation of a statement, with the line that counts it and what it adds to that line, not rounded.

The items of a statement add up to its control totals, and their amounts, line by line, to its lines before rounding.
Fees are prices of the same points, on lines of their own: they are not among the items.
Nor are burn charges, cover and overdraft, which come of other partners' operations or of a window's totals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from settlement.engine.line import Line, LineCode
from settlement.engine.money import multiply_exactly
from settlement.engine.total import Kind

# What the journal calls each kind of operation that moves points of partners.
KIND_OF: Final[Mapping[str, Kind]] = {
    "earn": "issued",
    "reverse_earn": "issue_reversed",
    "burn": "redeemed",
    "capture": "redeemed",
    "reverse_burn": "redeem_reversed",
}
# The lines that count operations; which of them an issue is on says how its points are paid for.
COUNTED_BY: Final[Mapping[LineCode, Kind]] = {
    "issue_charge": "issued",
    "issue_charge_reversed": "issue_reversed",
    "issue_deferred": "issued",
    "issue_deferred_reversed": "issue_reversed",
    "issue_prepaid": "issued",
    "issue_prepaid_reversed": "issue_reversed",
    "redemption_credit": "redeemed",
    "redemption_credit_reversed": "redeem_reversed",
}
_SIGN_OF: Final[Mapping[Kind, int]] = {"issued": 1, "issue_reversed": -1, "redeemed": -1, "redeem_reversed": 1}


class ItemPlace(NamedTuple):
    """Where an item stands, and so where to go on after it: lane, leaf in its journal, part of a joint promotion."""

    lane: int
    leaf: int
    part: int

    def __str__(self) -> str:
        return f"{self.lane}.{self.leaf}.{self.part}"


class BookedItem(NamedTuple):
    """A booked operation as far as a partner is billed for it; `sender` sent it, and is another one where a joint
    promotion bills the partner for a share. `operations` is 0 where another payer's statement counts the operation."""

    place: ItemPlace
    operation_id: str
    sender: int
    kind: Kind
    points: int
    operations: int
    terms_version: int
    shop: str | None
    till: str | None
    reference: str | None
    occurred_at: datetime
    booked_at: datetime


class Item(NamedTuple):
    """An item with the statement's line that counts it; `amount` > 0 is owed by the partner."""

    booked: BookedItem
    line: LineCode
    price: Decimal
    amount: Decimal


class ItemPrices:
    """The prices of a statement's own lines, by kind and terms version: items cost what was billed, whatever the terms
    say by now."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = {(COUNTED_BY[line.code], line.terms_version): line for line in lines if line.code in COUNTED_BY}

    def price(self, booked: BookedItem) -> Item:
        """Return the item with its line and what it adds to it."""
        line = self._lines[booked.kind, booked.terms_version]
        amount = multiply_exactly(_SIGN_OF[booked.kind] * booked.points, line.price)
        return Item(booked, line.code, line.price, amount)
