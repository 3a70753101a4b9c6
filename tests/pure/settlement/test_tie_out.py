"""A window whose partners and members disagree is refused, with every place and difference."""

from decimal import Decimal

import pytest

from settlement.engine.tie_out import LaneGrowth, tie_out
from settlement.errors import TieOutError
from tests.pure.settlement.examples import total

CENT = Decimal("0.01")
TOTALS = [
    total(1, "issued", 1000),
    total(1, "issue_reversed", 50),
    total(2, "redeemed", 300),
    total(2, "redeem_reversed", 20),
]


def growth(lane: int, before: int, after: int, **changes: int) -> LaneGrowth:
    return LaneGrowth(lane=lane, points_before=before, points_after=after, **changes)


def test_growth_by_partners_is_growth_by_members() -> None:
    growths = [growth(0, 500, 1200, points_by_partners=700), growth(1, 90, 60, points_by_partners=-30)]
    control = tie_out(7, TOTALS, growths, point_value=CENT)
    assert (control.points, control.value, control.operations) == (670, Decimal("6.70"), 13)


def test_expired_points_are_added_back() -> None:
    growths = [growth(0, 500, 1070, points_expired=100, points_by_partners=670)]
    assert tie_out(7, TOTALS, growths, point_value=CENT).points == 670


def test_every_difference_is_told_with_its_place() -> None:
    """Lanes that are wrong by +1 and -1 hide nothing from each other."""
    growths = [growth(0, 500, 1201, points_by_partners=700), growth(1, 90, 59, points_by_partners=-30)]
    with pytest.raises(TieOutError) as refused:
        tie_out(7, TOTALS, growths, point_value=CENT)
    assert [(difference.where, difference.amount) for difference in refused.value.differences] == [
        ("points of lane 0", -1),
        ("points of lane 1", 1),
    ]
    assert str(refused.value).startswith("window 7 does not tie out: points of lane 0: expected 701, got 700")


def test_what_partners_are_billed_for_is_what_the_lanes_have() -> None:
    """Each lane agrees with itself, and still the totals that the bill is made of are of something else."""
    with pytest.raises(TieOutError, match=r"value of all lanes: expected 7\.00, got 6\.70 \(difference -0\.30\)"):
        tie_out(7, TOTALS, [growth(0, 500, 1200, points_by_partners=700)], point_value=CENT)


def test_totals_of_a_lane_that_did_not_end_are_a_difference() -> None:
    with pytest.raises(TieOutError, match="value of all lanes"):
        tie_out(7, TOTALS, [], point_value=CENT)


def test_an_empty_window_ties_out() -> None:
    control = tie_out(1, [], [growth(0, 5, 5)], point_value=CENT)
    assert (control.points, control.operations) == (0, 0)
