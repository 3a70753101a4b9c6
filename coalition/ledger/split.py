"""Whole points split by share, to the last one, and the parts of a split undone in proportion."""

from collections.abc import Sequence
from fractions import Fraction


def split_points(amounts: Sequence[int], shares: Sequence[int]) -> list[list[int]]:
    """Split each amount by the shares, with largest remainder; each row adds up to its amount.

    Every part is first cut down to whole points; those that are left go one each to the parts that lost most, in a tie
    to the one stated first. What a share lost of one amount counts with the next, so that many small amounts of one
    earn are not all rounded the same way."""
    total = sum(shares)
    lost = [0] * len(shares)
    rows = []
    for amount in amounts:
        row = [amount * share // total for share in shares]
        lost = [before + amount * share % total for before, share in zip(lost, shares, strict=True)]
        by_loss = sorted(range(len(shares)), key=lambda part: (-lost[part], part))
        for part in by_loss[: amount - sum(row)]:
            row[part] += 1
            lost[part] -= total
        rows.append(row)
    return rows


def parts_among_first(points: int, parts: Sequence[int]) -> list[int]:
    """Return how many of the first `points` belong to each part, when the points of all parts lie evenly spread.

    The m-th point of a part of n lies at (2m - 1) / 2n, in a tie the part stated first comes first. So the parts of a
    growing number of points only ever grow, stay in proportion, and are whole when all points are counted."""
    total = sum(parts)
    counts = [(2 * points * part + total) // (2 * total) for part in parts]
    # At most half a point each too many or too few: put right one by one, from where the order of the points ends.
    while (excess := sum(counts) - points) != 0:
        if excess > 0:
            counted = [part for part, count in enumerate(counts) if count]
            counts[max(counted, key=lambda part: (Fraction(2 * counts[part] - 1, parts[part]), part))] -= 1
        else:
            waiting = [part for part, count in enumerate(counts) if count < parts[part]]
            counts[min(waiting, key=lambda part: (Fraction(2 * counts[part] + 1, parts[part]), part))] += 1
    return counts


def parts_between(parts: Sequence[int], *, start: int, end: int) -> list[int]:
    """Return how many of the points from `start` to `end` belong to each part; pieces that follow each other add up."""
    return [
        after - before
        for before, after in zip(parts_among_first(start, parts), parts_among_first(end, parts), strict=True)
    ]
