"""Points split by share: no remainder is lost, and what is undone bit by bit adds up for every payer."""

from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from coalition.ledger.split import parts_among_first, parts_between, split_points

shares = st.lists(st.integers(1, 1_000), min_size=1, max_size=8)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=8), shares)
def test_a_split_is_exact_and_within_a_point_of_its_due(amounts: list[int], shares: list[int]) -> None:
    """Each amount adds up; each part of it, and each payer's sum over all of them, is at most a point off."""
    rows = split_points(amounts, shares)
    total = sum(shares)
    for amount, row in zip(amounts, rows, strict=True):
        assert sum(row) == amount
        assert all(
            part >= 0 and abs(Fraction(amount * share, total) - part) <= 1
            for share, part in zip(shares, row, strict=True)
        )
    for place, share in enumerate(shares):
        assert abs(Fraction(sum(amounts) * share, total) - sum(row[place] for row in rows)) < 1


@given(st.integers(1, 10**9), shares)
def test_a_single_amount_is_split_by_largest_remainder(amount: int, shares: list[int]) -> None:
    """Whoever gets a point more than the whole ones of its due lost at least as much as whoever does not."""
    ((*row,),) = split_points([amount], shares)
    dues = [Fraction(amount * share, sum(shares)) for share in shares]
    more = [due - int(due) for due, part in zip(dues, row, strict=True) if part > int(due)]
    others = [due - int(due) for due, part in zip(dues, row, strict=True) if part == int(due)]
    assert len(more) + len(others) == len(row)
    assert min(more, default=Fraction(1)) >= max(others, default=Fraction(0))


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_the_first_points_are_those_of_a_naive_walk(parts: list[int]) -> None:
    """Point by point: the next is whose place comes first; a tie goes to the part stated first."""
    walked = [0] * len(parts)
    for points in range(sum(parts) + 1):
        assert parts_among_first(points, parts) == walked
        waiting = [part for part, size in enumerate(parts) if walked[part] < size]
        if waiting:
            walked[min(waiting, key=lambda part: (Fraction(2 * walked[part] + 1, 2 * parts[part]), part))] += 1


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=8), st.lists(st.integers(0, 8 * 10**9), max_size=12))
def test_partial_returns_add_up_for_every_payer(parts: list[int], cuts: list[int]) -> None:
    """Cut anywhere: no piece takes what another gave back, and together they are exactly what was billed."""
    total = sum(parts)
    undone = [0] * len(parts)
    for start, end in pairwise([0, *sorted(min(cut, total) for cut in cuts), total]):
        piece = parts_between(parts, start=start, end=end)
        assert sum(piece) == end - start
        assert min(piece) >= 0
        undone = [before + now for before, now in zip(undone, piece, strict=True)]
    assert undone == parts
