"""Liability and revenue for points by IFRS 15: the price of a cohort becomes revenue as its points are redeemed.

    revenue to date = price allocated to the points * redeemed to date / expected to be redeemed in the end

so that the money for points that will break becomes revenue in proportion to the pattern of rights exercised (IFRS 15,
B46). When the expectation changes, revenue to date is worked out anew, and the change falls into the period: a period's
revenue is the difference of two rounded figures to date, so that periods add up to the cent.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal

from settlement.engine.breakage import Estimate
from settlement.engine.money import Currency, multiply_exactly, round_half_up

_RATIO = Context(prec=50)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenuePosition:
    """One cohort at the end of a period: the price allocated to its points, and what of it is revenue."""

    price: Decimal
    revenue_to_date: Decimal
    revenue_before: Decimal

    @property
    def revenue(self) -> Decimal:
        """The period's own: the difference of two rounded figures to date."""
        return self.revenue_to_date - self.revenue_before

    @property
    def liability(self) -> Decimal:
        """What is still owed in points: the contract liability."""
        return self.price - self.revenue_to_date


def revenue_to_date(price: Decimal, estimate: Estimate, currency: Currency) -> Decimal:
    """Return how much of a cohort's price is revenue, rounded half up once.

    With no points left all of it is, whether they were redeemed or expired.
    """
    cohort = estimate.cohort
    if cohort.outstanding <= 0:
        return round_half_up(price, currency)
    if cohort.redeemed <= 0 or estimate.redeemed_in_the_end <= 0:
        return round_half_up(Decimal(0), currency)
    earned = _RATIO.divide(multiply_exactly(cohort.redeemed, price), Decimal(estimate.redeemed_in_the_end))
    return round_half_up(min(earned, price), currency)


def revenue_position(
    *, price: Decimal, estimate: Estimate, price_before: Decimal, estimate_before: Estimate, currency: Currency
) -> RevenuePosition:
    """Return a cohort's revenue and liability at the end of a period, given how it stood at the end of the last."""
    return RevenuePosition(
        price=round_half_up(price, currency),
        revenue_to_date=revenue_to_date(price, estimate, currency),
        revenue_before=revenue_to_date(price_before, estimate_before, currency),
    )
