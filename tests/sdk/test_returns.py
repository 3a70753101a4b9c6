"""Returns of a sale in any pieces take back exactly its points."""

from decimal import Decimal

import pytest

from partner_sdk import returned_points

POINTS_MAX = 1_000_000_000


def returns_of(points: int, amount: str, *returned: str) -> list[int]:
    before, undone = Decimal(0), []
    for now in map(Decimal, returned):
        undone.append(returned_points(points, amount=Decimal(amount), returned_before=before, returned_now=now))
        before += now
    return undone


def test_three_thirds_of_a_hundred_points() -> None:
    """33 + 34 + 33 by half-up running totals: 33.3, 66.7 and 100."""
    assert returns_of(100, "90.00", "30.00", "30.00", "30.00") == [33, 34, 33]


@pytest.mark.parametrize(
    ("points", "amount", "returned", "undone"),
    [
        (100, "10", ["10"], [100]),
        (1, "10", ["5", "5"], [1, 0]),
        (1, "10", ["4.99", "5.01"], [0, 1]),
        (5, "10.00", ["3", "3", "4"], [2, 1, 2]),
        (3, "0.07", ["0.01"] * 7, [0, 1, 0, 1, 0, 1, 0]),
        (POINTS_MAX, "3", ["1", "1", "1"], [333_333_333, 333_333_334, 333_333_333]),
    ],
)
def test_returns_of_a_whole_sale_undo_exactly_its_points(
    points: int, amount: str, returned: list[str], undone: list[int]
) -> None:
    assert returns_of(points, amount, *returned) == undone
    assert sum(undone) == points
