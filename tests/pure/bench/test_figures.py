"""Percentiles and ratios, on values that can be checked by eye."""

import pytest

from coalition.bench.figures import percentile, ratio_of_rounds


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100), (0.0, 1)])
def test_percentile_is_the_nearest_rank(share: float, expected: int) -> None:
    """No value is invented between two that were measured, whatever their order."""
    assert percentile(list(range(100, 0, -1)), share) == expected


def test_percentile_of_one_value_is_that_value() -> None:
    assert percentile([7.0], 0.99) == 7.0


def test_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no value"):
        percentile([], 0.5)


def test_a_slow_round_leaves_the_ratio_alone() -> None:
    """A machine at half its speed halves both parts of the round; the ratio of the medians would move."""
    ratio = ratio_of_rounds([10, 5, 10, 12], reference=[100, 50, 100, 60])
    assert (ratio.measured, ratio.reference, ratio.ratio) == (10, 80, 0.1)
    assert (ratio.ratio_min, ratio.ratio_max) == (0.1, 0.2)


def test_rounds_without_their_other_half_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratio_of_rounds([1.0, 2.0], reference=[1.0])
