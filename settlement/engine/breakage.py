"""Breakage: points that expire unused, as a fact and as an estimate before.

How many points of a month of sale will be redeemed follows from those of older months. An age is a window, counted from
the month's first. For each age, over all months that have been that old,

    redeemed at this age                     expired at this age
    ----------------------------      and    ----------------------------
    alive when the age began                 alive when the age began

make a curve, along which the points that are alive now are carried on (the chain ladder of actuaries, on what is alive
instead of on what is redeemed, so that no cohort comes to more than it has). Where the curve ends, nobody knows: there
the stated rate of redemption counts, within what is alive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from settlement.engine.cohort import Cohort, History
from settlement.engine.money import Currency, multiply_exactly, round_half_up

_SHARES = Context(prec=50)
_POINTS = Context(prec=50, rounding=ROUND_HALF_UP)
_ONE = Decimal(1)
_NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What becomes of a point that is alive at some age, as far as older cohorts tell: the shares sum to 1."""

    redeemed: Decimal = _NONE
    alive: Decimal = _ONE


@dataclass(frozen=True, slots=True)
class Curve:
    """The outlook at each age, from age 0 (before the first window); older than the oldest nobody knows anything."""

    outlooks: tuple[Outlook, ...] = (Outlook(),)

    def at(self, age: int) -> Outlook:
        return self.outlooks[age] if age < len(self.outlooks) else Outlook()


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A cohort, and how many of all its points are expected to be redeemed in the end."""

    cohort: Cohort
    redeemed_in_the_end: int

    @property
    def breakage(self) -> int:
        """Points expected to expire in the end, those that have expired among them."""
        return self.cohort.issued - self.redeemed_in_the_end

    @property
    def breakage_to_come(self) -> int:
        return self.breakage - self.cohort.expired


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakageShare:
    """The money that broken points leave behind, and who gets it by contract; the parts add up to the whole."""

    value: Decimal
    issuer: Decimal

    @property
    def operator(self) -> Decimal:
        return self.value - self.issuer


def curve_of(histories: Iterable[History], *, until: int) -> Curve:
    """Return what the months have shown up to the end of a window, the last one that counts."""
    alive: defaultdict[int, int] = defaultdict(int)
    redeemed: defaultdict[int, int] = defaultdict(int)
    expired: defaultdict[int, int] = defaultdict(int)
    for history in histories:
        left, steps = 0, {step.window: step for step in history.steps}
        for window in range(history.steps[0].window, until + 1):
            age, step = history.age_at(window) - 1, steps.get(window)
            left += step.issued if step else 0
            alive[age] += max(left, 0)
            if step:
                redeemed[age] += step.redeemed
                expired[age] += step.expired
                left -= step.redeemed + step.expired
    outlooks = [Outlook()]
    for age in range(max(alive, default=-1), -1, -1):
        outlooks.append(_before(outlooks[-1], alive=alive[age], redeemed=redeemed[age], expired=expired[age]))
    return Curve(tuple(reversed(outlooks)))


def estimate(cohort: Cohort, outlook: Outlook, *, expected_redemption: Decimal) -> Estimate:
    """Return how many points of a cohort will have been redeemed in the end, by the outlook at its age.

    `expected_redemption` is the share of all points issued that is redeemed where no older cohort tells. Never fewer
    than are redeemed, never more than are redeemed or alive.
    """
    outstanding = max(cohort.outstanding, 0)
    known = _SHARES.fma(Decimal(outstanding), outlook.redeemed, Decimal(cohort.redeemed))
    most = _SHARES.fma(Decimal(outstanding), outlook.alive, known)
    stated = _SHARES.multiply(Decimal(cohort.issued), expected_redemption)
    expected = min(max(stated, known), most)
    return Estimate(cohort=cohort, redeemed_in_the_end=int(expected.to_integral_value(context=_POINTS)))


def breakage_share(points: int, *, point_value: Decimal, issuer_share: Decimal, currency: Currency) -> BreakageShare:
    """Return what broken points leave behind. The issuer's part is rounded half up; the operator has the rest."""
    exact = multiply_exactly(points, point_value)
    return BreakageShare(
        value=round_half_up(exact, currency),
        issuer=round_half_up(multiply_exactly(points, point_value, issuer_share), currency),
    )


def _before(later: Outlook, *, alive: int, redeemed: int, expired: int) -> Outlook:
    """Return the outlook at the beginning of an age, from that at its end."""
    if alive <= 0:
        return later
    # Net of reversals a window may give back more than it took: then it took nothing.
    redeemed_share = _share(redeemed, alive)
    rest = _SHARES.subtract(_ONE, redeemed_share)
    stays = _SHARES.subtract(rest, min(_share(expired, alive), rest))
    return Outlook(
        redeemed=_SHARES.add(redeemed_share, _SHARES.multiply(stays, later.redeemed)),
        alive=_SHARES.multiply(stays, later.alive),
    )


def _share(part: int, whole: int) -> Decimal:
    return min(max(_SHARES.divide(Decimal(part), Decimal(whole)), _NONE), _ONE)
