"""When points expire: each rule by its calendar, in the programme's time zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from coalition.ledger.batch import Calendar
from coalition.ledger.expiry import ExpiryRule, RuleName, start_of

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("name", "months", "sold_on", "first_day_gone"),
    [
        ("end_of_month", 1, date(2026, 1, 31), date(2026, 3, 1)),
        ("end_of_month", 1, date(2028, 1, 31), date(2028, 3, 1)),
        ("end_of_month", 36, date(2026, 1, 1), date(2029, 2, 1)),
        ("end_of_month", 12, date(2026, 12, 31), date(2028, 1, 1)),
        ("end_of_month", 12, date(2028, 2, 29), date(2029, 3, 1)),
        ("end_of_month", 120, date(2026, 6, 15), date(2036, 7, 1)),
        ("after_months", 12, date(2026, 6, 15), date(2027, 6, 16)),
        ("after_months", 1, date(2026, 1, 31), date(2026, 3, 1)),
        ("after_months", 12, date(2028, 2, 29), date(2029, 3, 1)),
        ("end_of_quarter", 12, date(2026, 1, 1), date(2027, 4, 1)),
        ("end_of_quarter", 12, date(2026, 3, 31), date(2027, 4, 1)),
        ("end_of_quarter", 12, date(2026, 4, 1), date(2027, 7, 1)),
        ("end_of_quarter", 1, date(2026, 11, 30), date(2027, 1, 1)),
        # Payback's: on 30 September, once they are 36 months old.
        ("yearly", 36, date(2023, 9, 30), date(2026, 10, 1)),
        ("yearly", 36, date(2023, 10, 1), date(2027, 10, 1)),
        ("yearly", 36, date(2023, 1, 1), date(2026, 10, 1)),
        ("yearly", 36, date(2023, 12, 31), date(2027, 10, 1)),
        ("never", 36, date(2026, 1, 31), None),
        ("inactivity", 24, date(2026, 1, 31), None),
    ],
)
def test_the_first_day_on_which_points_are_gone(
    name: RuleName, months: int, sold_on: date, first_day_gone: date | None
) -> None:
    assert ExpiryRule(name, months, (9, 30)).of_sale(sold_on) == first_day_gone


def test_an_account_that_nobody_uses_expires_as_a_whole() -> None:
    assert ExpiryRule("inactivity", 24).of_activity(date(2026, 2, 28)) == date(2028, 2, 29)
    assert ExpiryRule("end_of_month", 24).of_activity(date(2026, 2, 28)) is None


def test_a_yearly_rule_on_a_day_that_few_years_have() -> None:
    rule = ExpiryRule("yearly", 0, (2, 29))
    assert [rule.of_sale(date(year, 1, 1)) for year in (2027, 2028)] == [date(2027, 3, 1), date(2028, 3, 1)]


def test_every_day_of_a_month_expires_together() -> None:
    rule = ExpiryRule("end_of_month", 36)
    assert {rule.of_sale(date(2026, 7, day)) for day in range(1, 32)} == {date(2029, 8, 1)}


def test_days_begin_at_midnight_of_the_zone_whatever_the_clocks_do() -> None:
    """23 hours long when they go forward, 25 when they go back; points expire at the beginning."""
    begins = [start_of(date(2026, 3, day), BERLIN) for day in (29, 30)]
    ends = [start_of(date(2026, 10, day), BERLIN) for day in (25, 26)]
    assert begins == [datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)]
    assert ends[1] - ends[0] == timedelta(hours=25)


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
    sale = Calendar(BERLIN, ExpiryRule("end_of_month", 1)).sale(occurred_at)
    assert (sale.month, sale.expires_on) == (month, first_day_gone)
