"""The VAT behind points, by the rate of the sales that they came from, with its trace to their months.

A point that is burned lowers what its issuer got for the sale that it came with, so the issuer corrects the VAT of that
sale, at that sale's rate. A point that expires lowers nothing: the VAT of its sale stays due.

    vat = points * point_value * rate / (100 + rate)          rounded half up, once per rate
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from settlement.engine.cohort import LotKind
from settlement.engine.money import Currency, multiply_exactly, round_half_up, vat_within
from settlement.engine.origin import OriginTotal

_BURNED: Mapping[LotKind, int] = {"redeemed": 1, "redeem_reversed": -1}
_EXPIRED: Mapping[LotKind, int] = {"expired": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOfVat:
    """What the sales of a month have in a rate's figures; the months' VAT adds up to the rate's."""

    month: date
    points: int
    vat: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RateOfVat:
    """Points of one rate, their value with VAT, and the VAT in it; `rate` None: no sale has stated it, and no VAT."""

    rate: Decimal | None
    points: int
    value: Decimal
    vat: Decimal
    months: tuple[MonthOfVat, ...]


def burned_vat(
    origins: Iterable[OriginTotal], payer: int, *, point_value: Decimal, currency: Currency
) -> tuple[RateOfVat, ...]:
    """Return the VAT that an issuer corrects for points burned, net of reversals, by rate; the highest first."""
    return _by_rate(origins, payer, _BURNED, point_value, currency)


def expired_vat(
    origins: Iterable[OriginTotal], payer: int, *, point_value: Decimal, currency: Currency
) -> tuple[RateOfVat, ...]:
    """Return the VAT that stays due for points expired, by rate; the highest first."""
    return _by_rate(origins, payer, _EXPIRED, point_value, currency)


def _by_rate(
    origins: Iterable[OriginTotal], payer: int, signs: Mapping[LotKind, int], point_value: Decimal, currency: Currency
) -> tuple[RateOfVat, ...]:
    points: defaultdict[Decimal | None, defaultdict[date, int]] = defaultdict(lambda: defaultdict(int))
    for origin in origins:
        if origin.payer == payer and origin.kind in signs:
            points[origin.vat_rate][origin.month_of_sale] += signs[origin.kind] * origin.points
    # What has no rate comes last.
    rates = sorted(points, key=lambda rate: Decimal(-1) if rate is None else rate, reverse=True)
    return tuple(_rate(rate, points[rate], point_value, currency) for rate in rates)


def _rate(rate: Decimal | None, months: Mapping[date, int], point_value: Decimal, currency: Currency) -> RateOfVat:
    parts: list[MonthOfVat] = []
    points, vat = 0, round_half_up(Decimal(0), currency)
    for month in sorted(months):
        points += months[month]
        # Of the sum up to this month, so that the months add up to the rate's VAT, also where one is below zero.
        until = vat_within(multiply_exactly(points, point_value), rate or Decimal(0), currency)
        parts.append(MonthOfVat(month=month, points=months[month], vat=until - vat))
        vat = until
    value = round_half_up(multiply_exactly(points, point_value), currency)
    return RateOfVat(rate=rate, points=points, value=value, vat=vat, months=tuple(parts))
