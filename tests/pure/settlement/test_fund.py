"""The points fund and its cover, and control totals with what explains them."""

from datetime import date
from decimal import Decimal

from settlement.engine.control import Control, Explanation
from settlement.engine.fund import FundMove, fund_by_day
from settlement.engine.money import Currency

EUR = Currency("EUR")


def day(number: int) -> date:
    return date(2026, 3, number)


def move(window: int, paid_in: str, paid_out: str, *, billed: int | None, paid: int | None) -> FundMove:
    return FundMove(
        window=window,
        partner=1,
        paid_in=Decimal(paid_in),
        paid_out=Decimal(paid_out),
        billed_on=None if billed is None else day(billed),
        paid_on=None if paid is None else day(paid),
    )


def test_the_fund_covers_points_once_they_are_paid_for() -> None:
    """1,000 points worth 10.00 are there from day 2, billed on day 3, paid on day 5; half are redeemed on day 4."""
    days = fund_by_day(
        {day(2): 1_000, day(4): 500},
        [move(1, "10.00", "0", billed=3, paid=5), move(2, "0", "5.00", billed=6, paid=None)],
        point_value=Decimal("0.01"),
        currency=EUR,
    )

    figures = [(one.day.day, one.value, one.fund, one.billed, one.cover) for one in days]
    assert figures == [
        (2, Decimal("10.00"), Decimal("0.00"), Decimal("0.00"), Decimal("0.0000")),
        (3, Decimal("10.00"), Decimal("0.00"), Decimal("10.00"), Decimal("0.0000")),
        (4, Decimal("5.00"), Decimal("0.00"), Decimal("10.00"), Decimal("0.0000")),
        (5, Decimal("5.00"), Decimal("10.00"), Decimal("0.00"), Decimal("2.0000")),
        (6, Decimal("5.00"), Decimal("10.00"), Decimal("-5.00"), Decimal("2.0000")),
    ]


def test_without_points_there_is_nothing_to_cover() -> None:
    (only,) = fund_by_day({day(1): 0}, [], point_value=Decimal("0.01"), currency=EUR)

    assert only.cover is None


def test_a_control_total_ties_out_when_all_of_the_difference_is_explained() -> None:
    debts = Explanation("control.debts", -30)
    assert Control(key="points.lots", unit="points", left=100, right=70, explanations=(debts,)).ties_out
    broken = Control(key="points.lots", unit="points", left=100, right=71, explanations=(debts,))
    assert (broken.ties_out, broken.difference, broken.unexplained) == (False, -29, 1)
