"""Points live to the end of the month that lies so many months after the sale."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from coalition.ledger.book import Calendar
from coalition.ledger.expiry import expires_on


@pytest.mark.parametrize(
    ("sold_on", "months", "first_day_gone"),
    [
        (date(2026, 1, 31), 1, date(2026, 3, 1)),
        (date(2028, 1, 31), 1, date(2028, 3, 1)),
        (date(2026, 1, 1), 36, date(2029, 2, 1)),
        (date(2026, 11, 30), 1, date(2027, 1, 1)),
        (date(2026, 12, 31), 12, date(2028, 1, 1)),
        (date(2026, 12, 1), 1, date(2027, 2, 1)),
        (date(2028, 2, 29), 12, date(2029, 3, 1)),
        (date(2027, 2, 28), 12, date(2028, 3, 1)),
        (date(2027, 3, 31), 11, date(2028, 3, 1)),
        (date(2026, 6, 15), 120, date(2036, 7, 1)),
    ],
)
def test_the_first_day_on_which_points_are_gone(sold_on: date, months: int, first_day_gone: date) -> None:
    assert expires_on(sold_on, months) == first_day_gone


def test_every_day_of_a_month_expires_together() -> None:
    assert {expires_on(date(2026, 7, day), 36) for day in range(1, 32)} == {date(2029, 8, 1)}


def test_points_may_live_for_ever() -> None:
    assert expires_on(date(2026, 1, 31), None) is None


@pytest.mark.parametrize(
    ("occurred_at", "month", "first_day_gone"),
    [
        # One second before and at midnight in Berlin, in winter and in summer.
        (datetime(2026, 1, 31, 22, 59, 59, tzinfo=UTC), date(2026, 1, 1), date(2026, 3, 1)),
        (datetime(2026, 1, 31, 23, 0, 0, tzinfo=UTC), date(2026, 2, 1), date(2026, 4, 1)),
        (datetime(2026, 7, 31, 21, 59, 59, tzinfo=UTC), date(2026, 7, 1), date(2026, 9, 1)),
        (datetime(2026, 7, 31, 22, 0, 0, tzinfo=UTC), date(2026, 8, 1), date(2026, 10, 1)),
    ],
)
def test_the_month_of_a_sale_is_that_of_the_programmes_zone(
    occurred_at: datetime, month: date, first_day_gone: date
) -> None:
    """A sale late in the evening belongs to the day on the shop's calendar, not to London's."""
    sale = Calendar(ZoneInfo("Europe/Berlin"), 1).sale(occurred_at)
    assert (sale.month, sale.expires_on) == (month, first_day_gone)
