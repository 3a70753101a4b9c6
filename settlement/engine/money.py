"""Money: exact products, one rounding per statement line, splits that add up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation, Overflow

from settlement.errors import InvalidSplitError
from settlement.worded import Worded

# Contexts of our own: a thread's default one rounds at 28 digits, silently, and anybody may change it.
_EXACT = Context(prec=80, traps=[Inexact, InvalidOperation, Overflow])
_ROUNDING = Context(prec=80, rounding=ROUND_HALF_UP, traps=[InvalidOperation, Overflow])


@dataclass(frozen=True, slots=True)
class Currency:
    """The coalition's settlement currency: its ISO 4217 code, and how many decimals its amounts have."""

    code: str
    minor_units: int = 2

    @property
    def minor_unit(self) -> Decimal:
        """The smallest amount that can be paid."""
        return Decimal(1).scaleb(-self.minor_units)

    def __str__(self) -> str:
        return self.code


def multiply_exactly(points: int, *factors: Decimal) -> Decimal:
    """Return the product with every digit; it is never rounded.

    Raises:
        decimal.Inexact: the product has more than 80 digits.
    """
    product = Decimal(points)
    for factor in factors:
        product = _EXACT.multiply(product, factor)
    return product


def add_exactly(amounts: Iterable[Decimal]) -> Decimal:
    """Return the sum with every digit; it is never rounded."""
    total = Decimal(0)
    for amount in amounts:
        total = _EXACT.add(total, amount)
    return total


def round_half_up(amount: Decimal, currency: Currency) -> Decimal:
    """Round to the currency's minor unit, a half away from zero.

    Away from zero on both sides, so that a reversal of a line is that line with the other sign.
    """
    rounded = amount.quantize(currency.minor_unit, context=_ROUNDING)
    # A credit of 0.004 is nothing, not minus nothing: "-0.00" on a letter is a question from its reader.
    return rounded if rounded else abs(rounded)


def vat_within(gross: Decimal, rate: Decimal, currency: Currency) -> Decimal:
    """Return the VAT that is part of a gross amount, at a rate in per cent, rounded half up to the minor unit."""
    # 80 digits: what is not a half in them was none before.
    exact = _ROUNDING.divide(_EXACT.multiply(gross, rate), _EXACT.add(Decimal(100), rate))
    return round_half_up(exact, currency)


def to_minor(amount: Decimal, currency: Currency) -> int:
    """Return a rounded amount as a count of minor units: 12.50 EUR are 1250.

    Raises:
        decimal.Inexact: the amount is finer than a minor unit, so it was never rounded.
    """
    return int(_EXACT.to_integral_exact(amount.scaleb(currency.minor_units, context=_EXACT)))


def from_minor(amount_minor: int, currency: Currency) -> Decimal:
    """Return a count of minor units as an amount: 1250 are 12.50 EUR."""
    return Decimal(amount_minor).scaleb(-currency.minor_units, context=_EXACT)


def split_by_largest_remainder(amount: Decimal, weights: Sequence[int], currency: Currency) -> list[Decimal]:
    """Split an amount in the ratio of the weights; the parts add up to it to the last minor unit.

    Each part is first cut down to whole minor units; the units that are left go one each to the parts that
    lost most, the earlier part first where two lost the same. A negative amount is split like its mirror.

    Raises:
        InvalidSplitError: no weights, a negative weight, all weights zero, or an amount finer than a minor unit.
    """
    if not weights or min(weights) < 0 or sum(weights) == 0:
        raise InvalidSplitError(problem=Worded.of("split_weights", weights=list(weights)))
    units = amount.scaleb(currency.minor_units, context=_EXACT)
    if units != units.to_integral_value():
        raise InvalidSplitError(problem=Worded.of("split_fraction", amount=str(amount), currency=currency))
    sign = -1 if units < 0 else 1
    parts = _split_units(abs(int(units)), weights)
    return [from_minor(sign * part, currency) for part in parts]


def _split_units(units: int, weights: Sequence[int]) -> list[int]:
    weight_total = sum(weights)
    parts = [units * weight // weight_total for weight in weights]
    lost = [units * weight % weight_total for weight in weights]
    by_loss = sorted(range(len(weights)), key=lambda part: (-lost[part], part))
    for part in by_loss[: units - sum(parts)]:
        parts[part] += 1
    return parts
