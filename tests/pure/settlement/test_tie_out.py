"""A window whose partners and members disagree is refused, with every place and difference."""

from decimal import Decimal

import pytest

from settlement.engine.tie_out import LaneGrowth, tie_out
from settlement.errors import TieOutError
from tests.pure.settlement.examples import total

CENT = Decimal("0.01")
TOTALS = {
    0: [total(1, "issued", 1000), total(2, "redeemed", 300)],
    1: [total(1, "issue_reversed", 50), total(2, "redeem_reversed", 20)],
}


def test_growth_by_partners_is_growth_by_members() -> None:
    growths = [
        LaneGrowth(lane=0, points_before=500, points_after=1200),
        LaneGrowth(lane=1, points_before=90, points_after=60),
    ]
    control = tie_out(7, TOTALS, growths, point_value=CENT)
    assert (control.points, control.value, control.operations) == (670, Decimal("6.70"), 13)


def test_expired_points_are_added_back() -> None:
    growths = [LaneGrowth(lane=0, points_before=500, points_after=1100, points_expired=100)]
    assert tie_out(7, {0: TOTALS[0]}, growths, point_value=CENT).points == 700


def test_every_difference_is_told_with_its_place() -> None:
    """Lanes that are wrong by +1 and -1 hide nothing from each other."""
    growths = [
        LaneGrowth(lane=0, points_before=500, points_after=1201),
        LaneGrowth(lane=1, points_before=90, points_after=59),
    ]
    with pytest.raises(TieOutError) as refused:
        tie_out(7, TOTALS, growths, point_value=CENT)
    assert [(difference.where, difference.amount) for difference in refused.value.differences] == [
        ("points of lane 0", -1),
        ("points of lane 1", 1),
    ]
    assert str(refused.value).startswith("window 7 does not tie out: points of lane 0: expected 701, got 700")


def test_a_difference_is_told_in_value_too() -> None:
    growths = [LaneGrowth(lane=0, points_before=0, points_after=650)]
    with pytest.raises(TieOutError, match=r"value of all lanes: expected 6\.50, got 7\.00 \(difference \+0\.50\)"):
        tie_out(7, {0: TOTALS[0]}, growths, point_value=CENT)


@pytest.mark.parametrize("lane", [0, 1])
def test_a_lane_that_only_one_side_knows_is_a_difference(lane: int) -> None:
    growths = [LaneGrowth(lane=1, points_before=0, points_after=700)] if lane else []
    with pytest.raises(TieOutError, match="points of lane 0"):
        tie_out(7, {0: TOTALS[0]}, growths, point_value=CENT)


def test_an_empty_window_ties_out() -> None:
    control = tie_out(1, {}, [LaneGrowth(lane=0, points_before=5, points_after=5)], point_value=CENT)
    assert (control.points, control.operations) == (0, 0)
