"""Cohorts: points of one payer and one month of sale, and what became of a month's points window by window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Literal

LotKind = Literal[
    "issued", "issue_reversed", "redeemed", "redeem_reversed", "expired", "moved_out", "moved_in", "repaid"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LotTotal:
    """How many points went into lots of one payer and month, or out of them, in one window or up to its end.

    `points` is never negative: the kind says the direction. `payer` 0: those of all.
    """

    window: int
    payer: int
    month: date
    kind: LotKind
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """A payer's points of one month of sale, as they stand; each figure is net of what took it back."""

    payer: int
    month: date
    issued: int = 0
    redeemed: int = 0
    expired: int = 0

    @property
    def outstanding(self) -> int:
        """What its lots still have."""
        return self.issued - self.redeemed - self.expired


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One window of a month's points, each figure net of what took it back."""

    window: int
    issued: int = 0
    redeemed: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What became of the points of one month of sale, of all payers: the windows in which anything did, in order."""

    month: date
    steps: tuple[Step, ...]

    def age_at(self, window: int) -> int:
        """Return how old the month's points are at the end of a window, in windows from their first one on."""
        return window - self.steps[0].window + 1


# A debt that lots repay undoes what made it: a return, mostly, whose points were gone. What moves between members stays
# what it was, though it may leave one lane in one window and arrive in another in the next.
_ISSUED: dict[LotKind, int] = {"issued": 1, "issue_reversed": -1, "repaid": -1, "moved_in": 1, "moved_out": -1}
_REDEEMED: dict[LotKind, int] = {"redeemed": 1, "redeem_reversed": -1}
_EXPIRED: dict[LotKind, int] = {"expired": 1}
_FIGURES = (_ISSUED, _REDEEMED, _EXPIRED)


def cohorts_of(totals: Iterable[LotTotal]) -> tuple[Cohort, ...]:
    """Return the cohorts behind some totals, by month, then payer."""
    sums = _added_up((total.month, total.payer, 0, total) for total in totals)
    return tuple(
        Cohort(payer=payer, month=month, issued=issued, redeemed=redeemed, expired=expired)
        for (month, payer, _), (issued, redeemed, expired) in sorted(sums.items())
    )


def histories_of(totals: Iterable[LotTotal]) -> tuple[History, ...]:
    """Return what became of each month's points, in order of the months."""
    sums = _added_up((total.month, 0, total.window, total) for total in totals)
    return tuple(
        History(
            month=month,
            steps=tuple(
                Step(window=window, issued=issued, redeemed=redeemed, expired=expired)
                for (_, _, window), (issued, redeemed, expired) in steps
            ),
        )
        for month, steps in groupby(sorted(sums.items()), key=lambda item: item[0][0])
    )


def _added_up(totals: Iterable[tuple[date, int, int, LotTotal]]) -> dict[tuple[date, int, int], list[int]]:
    sums: defaultdict[tuple[date, int, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for month, payer, window, total in totals:
        for place, signs in enumerate(_FIGURES):
            sums[month, payer, window][place] += signs.get(total.kind, 0) * total.points
    return dict(sums)
