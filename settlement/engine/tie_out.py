"""The close's tie-out: what partners did with points is what became of members' points.

    sum over partners of (issued - issue_reversed - redeemed + redeem_reversed) = growth of outstanding points

in points per lane, and in value at the coalition's point value over all lanes. The right side comes from balances,
the left from window totals: two books that were written by different statements. Expiry is added back, since it
takes points from members and gives them to no partner. Prices and fees play no part: they differ between partners.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from settlement.engine.money import add_exactly, multiply_exactly
from settlement.engine.total import WindowTotal
from settlement.errors import Difference, TieOutError


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneGrowth:
    """What members of one lane held when a window opened there and when it closed, and what expired between."""

    lane: int
    points_before: int
    points_after: int
    points_expired: int = 0

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
    window: int,
    totals_by_lane: Mapping[int, Iterable[WindowTotal]],
    growths: Iterable[LaneGrowth],
    *,
    point_value: Decimal,
) -> TieOut:
    """Return the control totals of a window, or refuse it with every difference.

    Raises:
        TieOutError: a lane's totals and its growth differ, or one side lacks a lane; names each.
    """
    totals = {lane: tuple(lane_totals) for lane, lane_totals in totals_by_lane.items()}
    growth_of = {growth.lane: growth for growth in growths}
    differences = [
        difference
        for lane in sorted(totals.keys() | growth_of.keys())
        for difference in _lane_differences(lane, totals.get(lane, ()), growth_of.get(lane))
    ]
    points = sum(growth.points for growth in growth_of.values())
    value = multiply_exactly(points, point_value)
    value_of_partners = add_exactly(_values_by_partner(totals, point_value).values())
    if value_of_partners != value:
        differences.append(Difference(where="value of all lanes", expected=value, actual=value_of_partners))
    if differences:
        raise TieOutError(window=window, differences=differences)
    operations = sum(total.operations for lane_totals in totals.values() for total in lane_totals)
    return TieOut(points=points, value=value, operations=operations)


def _lane_differences(lane: int, totals: tuple[WindowTotal, ...], growth: LaneGrowth | None) -> Iterator[Difference]:
    points = sum(total.outstanding_growth for total in totals)
    expected = growth.points if growth else 0
    if points != expected:
        yield Difference(where=f"points of lane {lane}", expected=expected, actual=points)


def _values_by_partner(totals: Mapping[int, Iterable[WindowTotal]], point_value: Decimal) -> dict[int, Decimal]:
    points: defaultdict[int, int] = defaultdict(int)
    for lane_totals in totals.values():
        for total in lane_totals:
            points[total.partner] += total.outstanding_growth
    return {partner: multiply_exactly(partner_points, point_value) for partner, partner_points in points.items()}
