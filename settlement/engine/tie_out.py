"""The close's tie-out: what partners did with points is what became of members' points.

    sum over partners of (issued - issue_reversed - redeemed + redeem_reversed) = growth of outstanding points

in points per lane, and in value at the coalition's point value over all lanes. The right side comes from balances,
the left from window totals: two books that were written by different statements. Expiry is added back, since it
takes points from members and gives them to no partner. Prices and fees play no part: they differ between partners.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from settlement.engine.money import add_exactly, multiply_exactly
from settlement.engine.total import WindowTotal
from settlement.errors import Difference, TieOutError
from settlement.worded import Worded


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneGrowth:
    """What members of one lane held when a window opened there and when it closed, and what expired between; and by how
    much partners' totals of the lane say that it grew, `points_by_partners`."""

    lane: int
    points_before: int
    points_after: int
    points_expired: int = 0
    points_by_partners: int = 0

    @property
    def points(self) -> int:
        """The growth before expiry."""
        return self.points_after - self.points_before + self.points_expired


@dataclass(frozen=True, slots=True, kw_only=True)
class TieOut:
    """The control totals of a window that ties out."""

    points: int
    value: Decimal
    operations: int


def tie_out(
    window: int, totals: Iterable[WindowTotal], growths: Iterable[LaneGrowth], *, point_value: Decimal
) -> TieOut:
    """Return the control totals of a window, or refuse it with every difference. `totals` are those of all lanes.

    Raises:
        TieOutError: partners' points and members' differ in a lane, or in value over all lanes; names each.
    """
    totals, growths = tuple(totals), tuple(growths)
    differences = [
        Difference(
            where=Worded.of("lane_points", lane=growth.lane), expected=growth.points, actual=growth.points_by_partners
        )
        for growth in growths
        if growth.points_by_partners != growth.points
    ]
    points = sum(growth.points for growth in growths)
    value = multiply_exactly(points, point_value)
    value_of_partners = add_exactly(_values_by_partner(totals, point_value).values())
    if value_of_partners != value:
        differences.append(Difference(where=Worded.of("value"), expected=value, actual=value_of_partners))
    if differences:
        raise TieOutError(window=window, differences=differences)
    return TieOut(points=points, value=value, operations=sum(total.operations for total in totals))


def _values_by_partner(totals: Iterable[WindowTotal], point_value: Decimal) -> dict[int, Decimal]:
    points: defaultdict[int, int] = defaultdict(int)
    for total in totals:
        points[total.partner] += total.outstanding_growth
    return {partner: multiply_exactly(partner_points, point_value) for partner, partner_points in points.items()}
