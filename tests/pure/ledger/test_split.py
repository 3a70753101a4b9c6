"""Whole points split by share: the worked cases; tests/properties has any."""

from coalition.ledger.split import parts_among_first, parts_between, split_points


def test_the_point_left_goes_to_who_lost_most() -> None:
    assert split_points([100], [1, 1, 1]) == [[34, 33, 33]]
    assert split_points([101], [50, 30, 20]) == [[51, 30, 20]]
    # 3.5, 2.1 and 1.4: the first lost most.
    assert split_points([7], [50, 30, 20]) == [[4, 2, 1]]
    # 0.5, 0.3 and 0.2.
    assert split_points([1], [20, 30, 50]) == [[0, 0, 1]]


def test_what_was_lost_of_one_amount_counts_with_the_next() -> None:
    """Eight amounts of one point are not all the first one's."""
    rows = split_points([1] * 8, [1, 1])
    assert rows == [[1, 0], [0, 1]] * 4


def test_parts_are_undone_in_proportion() -> None:
    assert parts_among_first(50, [60, 40]) == [30, 20]
    assert [parts_among_first(points, [2, 1]) for points in range(4)] == [[0, 0], [1, 0], [1, 1], [2, 1]]
    assert parts_between([2, 1], start=1, end=3) == [1, 1]


def test_large_parts_cost_no_more_than_small_ones() -> None:
    assert parts_among_first(10**9 + 1, [10**9, 10**9, 1]) == [5 * 10**8, 5 * 10**8, 1]
