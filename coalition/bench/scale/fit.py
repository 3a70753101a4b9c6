"""What each part costs, from runs that mix the parts in different shares: least squares of the relative errors.

Relative, because a message of 500 operations and a message of one must both be told well. A part that would come out
negative costs nothing that these runs could tell, and is left out.
"""

from collections.abc import Sequence

Row = Sequence[float]


def fit_parts(rows: Sequence[Row], totals: Sequence[float]) -> list[float]:
    """Return the cost of one of each part, none negative: total = sum of counts times costs, for each row of counts.

    Raises ValueError where the rows can't tell the parts apart."""
    weighted = [[count / total for count in row] for row, total in zip(rows, totals, strict=True)]
    kept = list(range(len(weighted[0])))
    while True:
        costs = _solve(weighted, kept)
        lowest = min(range(len(kept)), key=costs.__getitem__)
        if costs[lowest] >= 0:
            found = dict(zip(kept, costs, strict=True))
            return [found.get(part, 0.0) for part in range(len(weighted[0]))]
        del kept[lowest]


def _solve(rows: Sequence[Row], kept: Sequence[int]) -> list[float]:
    """Solve the normal equations of rows * costs = 1 by elimination, for the parts kept."""
    system = [[sum(row[i] * row[j] for row in rows) for j in kept] + [sum(row[i] for row in rows)] for i in kept]
    for step, pivot in enumerate(system):
        # What is left of a part once those before it are taken out; nothing: it is a sum of them.
        if pivot[step] <= 1e-9 * sum(row[kept[step]] ** 2 for row in rows):
            raise ValueError(f"{len(rows)} runs can't tell {len(kept)} parts apart")
        for other in system:
            if other is not pivot:
                share = other[step] / pivot[step]
                other[:] = [theirs - share * ours for theirs, ours in zip(other, pivot, strict=True)]
    return [row[-1] / row[step] for step, row in enumerate(system)]
