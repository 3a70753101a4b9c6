"""Money is exact until it is rounded once, and a split loses nothing."""

from decimal import Decimal, Inexact, localcontext
from fractions import Fraction

import pytest

from settlement.engine.money import (
    Currency,
    from_minor,
    multiply_exactly,
    round_half_up,
    split_by_largest_remainder,
    to_minor,
)
from settlement.errors import InvalidSplitError

EUR, YEN = Currency("EUR"), Currency("JPY", 0)


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("0.005", EUR, "0.01"),
        ("0.004999999", EUR, "0.00"),
        ("-0.005", EUR, "-0.01"),
        ("-0.004", EUR, "0.00"),
        ("2.675", EUR, "2.68"),
        ("10.5", YEN, "11"),
        ("7", EUR, "7.00"),
    ],
)
def test_a_half_goes_away_from_zero(amount: str, currency: Currency, rounded: str) -> None:
    """A reversal is its line with the other sign, so both sides round alike; no amount is minus nothing."""
    assert str(round_half_up(Decimal(amount), currency)) == rounded


def test_products_keep_every_digit_whatever_the_thread_rounds_to() -> None:
    """A default context of few digits, set by somebody else, changes no bill."""
    with localcontext() as context:
        context.prec = 4
        product = multiply_exactly(9_223_372_036_854_775_807, Decimal("0.012345"), Decimal("0.987654"))
    assert Fraction(product) == Fraction(9_223_372_036_854_775_807) * Fraction("0.012345") * Fraction("0.987654")


def test_an_amount_that_was_never_rounded_has_no_minor_units() -> None:
    with pytest.raises(Inexact):
        to_minor(Decimal("0.005"), EUR)
    assert to_minor(Decimal("-12.50"), EUR) == -1250
    assert from_minor(-1250, EUR) == Decimal("-12.50")


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        ("100", [1, 1, 1], ["34", "33", "33"]),
        ("-100", [1, 1, 1], ["-34", "-33", "-33"]),
        ("10", [1, 2, 0], ["3", "7", "0"]),
        ("0", [1, 2], ["0", "0"]),
    ],
)
def test_the_units_left_over_go_to_the_parts_that_lost_most(amount: str, weights: list[int], parts: list[str]) -> None:
    assert split_by_largest_remainder(Decimal(amount), weights, YEN) == [Decimal(part) for part in parts]


@pytest.mark.parametrize(
    ("amount", "weights", "named"),
    [("1", [], "weights"), ("1", [0, 0], "weights"), ("1", [2, -1], "weights"), ("0.001", [1], "minor unit")],
)
def test_a_split_that_cannot_be_is_refused(amount: str, weights: list[int], named: str) -> None:
    with pytest.raises(InvalidSplitError, match=named):
        split_by_largest_remainder(Decimal(amount), weights, EUR)
