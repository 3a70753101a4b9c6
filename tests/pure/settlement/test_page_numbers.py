"""Amounts that people type on the pages are read as they were meant, or not at all."""

from decimal import Decimal

import pytest

from settlement.pages.numbers import read_decimal


@pytest.mark.parametrize(
    ("text", "number"), [("12", "12"), ("12,50", "12.50"), ("12.5", "12.5"), ("-0,01", "-0.01"), ("+3", "3")]
)
def test_a_comma_or_a_point_begins_the_decimals(text: str, number: str) -> None:
    assert read_decimal(text, decimals_max=2) == Decimal(number)


@pytest.mark.parametrize(
    "text",
    ["", "1.000", "1,000", "1.000,50", "1 000", "1_0", "1e3", "NaN", "Infinity", "٠.٠١", "1.", ".5", "1\n", "9" * 16],
)
def test_what_may_be_a_thousand_or_one_is_not_guessed_and_nothing_else_is_a_number(text: str) -> None:
    assert read_decimal(text, decimals_max=2) is None
