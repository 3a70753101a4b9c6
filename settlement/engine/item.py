"""Items: what each operation adds to each line of a statement, not rounded.

    row   line                                      points
    0     of issues and redemptions, with its fee   of the operation, or of the partner's share of a joint promotion
    1     overdraft                                 of the issue that lie beyond the blocks, in the order of the items
    2     burn charge                               of its lots that a burn took, or its reversal brought back
    3     cover                                     issued by its own book and not by that of lots, or vice versa

The rows of a line add up to its points, and their amounts to its amount before rounding. Rows of reversals are negative
like their lines; rows of cover and overdraft may be: a line is the net of them. Only what no operation makes has no
rows: platform fees and blocks bought.
The first rows add up to the statement's control totals, which count reversals without their sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from settlement.engine.line import Line, LineCode, exact_amount
from settlement.engine.prepaid import BlockAccount
from settlement.engine.total import Kind

# Kinds of record that bill nobody by themselves, but may repay what a member owes with a partner's points.
RepayingKind = Literal["reserve", "release", "time_out", "move_in"]
ItemKind = Kind | RepayingKind

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
# The lines that price the same points once more.
FEE_OF: Final[Mapping[LineCode, Kind]] = {
    "service_fee": "issued",
    "service_fee_reversed": "issue_reversed",
    "commission": "redeemed",
    "commission_reversed": "redeem_reversed",
}
BURN_CODES: Final[Mapping[LineCode, Kind]] = {"burn_charge": "redeemed", "burn_charge_reversed": "redeem_reversed"}
COVER_CODES: Final[frozenset[LineCode]] = frozenset(("cover_charge", "cover_credit"))
PREPAID_CODES: Final[frozenset[LineCode]] = frozenset(("issue_prepaid", "issue_prepaid_reversed"))
DEFERRED_CODES: Final[frozenset[LineCode]] = frozenset(("issue_deferred", "issue_deferred_reversed"))
_REVERSED: Final[frozenset[ItemKind]] = frozenset(("issue_reversed", "redeem_reversed"))

OWN_ROW: Final = 0
OVERDRAFT_ROW: Final = 1
BURN_ROW: Final = 2
COVER_ROW: Final = 3


class ItemPlace(NamedTuple):
    """Where an item stands, and so where to go on after it: lane, leaf in its journal, part of a joint promotion, and
    which row of the operation it is."""

    lane: int
    leaf: int
    part: int
    row: int = OWN_ROW

    def __str__(self) -> str:
        place = f"{self.lane}.{self.leaf}.{self.part}"
        return f"{place}.{self.row}" if self.row else place


class BookedItem(NamedTuple):
    """A booked operation as far as a partner is billed for it; `sender` sent it, and may be another one. `points` are
    those of the operation, whatever its kind; of cover < 0 where the book of lots has more. `operations`
    is 0 where another row or another payer's statement counts it. The hub's own records have no operation's id."""

    place: ItemPlace
    operation_id: str | None
    sender: int
    kind: ItemKind
    points: int
    operations: int
    terms_version: int
    shop: str | None
    till: str | None
    reference: str | None
    occurred_at: datetime
    booked_at: datetime


class Item(NamedTuple):
    """An item with the statement's line that it is on, `points` and `amount` signed as there. `fee_line` prices the
    same points, None: none does; `fee` is what they add to it."""

    booked: BookedItem
    line: LineCode
    points: int
    price: Decimal
    amount: Decimal
    fee_line: LineCode | None = None
    fee: Decimal | None = None


class ItemPrices:
    """The prices of a statement's own lines: items cost what was billed, whatever the terms say by now."""

    def __init__(self, lines: Iterable[Line]) -> None:
        lines = tuple(lines)
        self._lines: dict[tuple[ItemKind, int], Line] = {
            (COUNTED_BY[line.code], line.terms_version): line for line in lines if line.code in COUNTED_BY
        }
        self._fees: dict[tuple[ItemKind, int], Line] = {
            (FEE_OF[line.code], line.terms_version): line for line in lines if line.code in FEE_OF
        }
        self._burns: dict[tuple[ItemKind, int | None, int], Line] = {
            (BURN_CODES[line.code], line.counterparty, line.terms_version): line
            for line in lines
            if line.code in BURN_CODES
        }
        self.cover = next((line for line in lines if line.code in COVER_CODES), None)
        self.overdraft = next((line for line in lines if line.code == "issue_overdraft"), None)
        self.prepaid_versions = _versions(lines, PREPAID_CODES)
        self.deferred_versions = _versions(lines, DEFERRED_CODES)

    @property
    def has_burns(self) -> bool:
        return bool(self._burns)

    def price(self, booked: BookedItem) -> Item:
        """Return the item with its line and what it adds to it."""
        kind = booked.kind
        if booked.place.row == COVER_ROW:
            return self._cover_item(booked)
        points = -booked.points if kind in _REVERSED else booked.points
        if booked.place.row == BURN_ROW:
            return _item(booked, self._burns[kind, booked.sender, booked.terms_version], points)
        item = _item(booked, self._lines[kind, booked.terms_version], points)
        fee_line = self._fees.get((kind, booked.terms_version))
        if fee_line is None:
            return item
        fee = exact_amount(fee_line.code, points, fee_line.price, fee_line.rate)
        return item._replace(fee_line=fee_line.code, fee=fee)

    def _cover_item(self, booked: BookedItem) -> Item:
        """Return what an operation adds to the cover, whose points are those that the partner has issued by its own
        book and not by the book of lots."""
        line = self.cover
        assert line is not None, "cover is looked for where there is a line of it"
        return _item(booked._replace(terms_version=line.terms_version), line, booked.points)

    def overdraft_item(self, booked: BookedItem, points: int) -> Item:
        """Return what an issue adds to the overdraft, by its points beyond the blocks."""
        line = self.overdraft
        assert line is not None, "overdraft is looked for where there is a line of it"
        place = booked.place._replace(row=OVERDRAFT_ROW)
        return _item(booked._replace(place=place, operations=0, terms_version=line.terms_version), line, points)

    def is_prepaid(self, booked: BookedItem) -> bool:
        """Say whether an item draws on blocks."""
        is_issue = booked.place.row == OWN_ROW and booked.kind in ("issued", "issue_reversed")
        return is_issue and booked.terms_version in self.prepaid_versions


class Overdraft:
    """Which points lie beyond a partner's blocks: items draw on them in their order, and what comes back is first what
    was beyond. Together it is the window's overdraft, which is the net of all."""

    def __init__(self, blocks: BlockAccount, *, issued_before: int = 0) -> None:
        self._available = blocks.opening + blocks.bought
        self.issued = issued_before

    def draw(self, booked: BookedItem) -> int:
        """Return by how many points an item raises the overdraft, less than 0: lowers it."""
        before = self._beyond
        self.issued += booked.points if booked.kind == "issued" else -booked.points
        return self._beyond - before

    @property
    def _beyond(self) -> int:
        return max(self.issued - self._available, 0)


def _versions(lines: Iterable[Line], codes: frozenset[LineCode]) -> tuple[int, ...]:
    return tuple(sorted({line.terms_version for line in lines if line.code in codes}))


def _item(booked: BookedItem, line: Line, points: int) -> Item:
    return Item(booked, line.code, points, line.price, exact_amount(line.code, points, line.price))
