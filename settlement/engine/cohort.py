"""Points of one payer and one month of sale, and what became of them window by window."""

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
    """What the book of lots says of one cohort in one window: how many points went into its lots or out of them.

    `points` is never negative: the kind says the direction.
    """

    window: int
    payer: int
    month: date
    kind: LotKind
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One window of a cohort, in points, each net of what took it back."""

    window: int
    issued: int = 0
    redeemed: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """The points of one payer's sales of one month; `steps` are the windows in which anything happened, in order."""

    payer: int
    month: date
    steps: tuple[Step, ...]

    @property
    def issued(self) -> int:
        return sum(step.issued for step in self.steps)

    @property
    def redeemed(self) -> int:
        return sum(step.redeemed for step in self.steps)

    @property
    def expired(self) -> int:
        return sum(step.expired for step in self.steps)

    @property
    def outstanding(self) -> int:
        """What its lots still have."""
        return self.issued - self.redeemed - self.expired

    def until(self, window: int) -> Cohort:
        """Return the cohort as it stood at the end of a window."""
        return Cohort(
            payer=self.payer, month=self.month, steps=tuple(step for step in self.steps if step.window <= window)
        )


# A debt that lots repay undoes what made it: a return, mostly, whose points were gone. What moves between members stays
# what it was, and comes out of one lot and into another in different windows at most.
_ISSUED: dict[LotKind, int] = {"issued": 1, "issue_reversed": -1, "repaid": -1, "moved_in": 1, "moved_out": -1}
_REDEEMED: dict[LotKind, int] = {"redeemed": 1, "redeem_reversed": -1}
_EXPIRED: dict[LotKind, int] = {"expired": 1}


def cohorts_of(totals: Iterable[LotTotal]) -> tuple[Cohort, ...]:
    """Return the cohorts behind some totals, by month, then payer."""
    sums: defaultdict[tuple[date, int, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for total in totals:
        step = sums[total.month, total.payer, total.window]
        for place, signs in enumerate((_ISSUED, _REDEEMED, _EXPIRED)):
            step[place] += signs.get(total.kind, 0) * total.points
    return tuple(
        Cohort(
            payer=payer,
            month=month,
            steps=tuple(
                Step(window=window, issued=issued, redeemed=redeemed, expired=expired)
                for (_, _, window), (issued, redeemed, expired) in steps
            ),
        )
        for (month, payer), steps in groupby(sorted(sums.items()), key=lambda item: item[0][:2])
    )
