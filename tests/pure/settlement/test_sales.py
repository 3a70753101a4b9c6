"""Sales are of the days on which they occurred, in the programme's time zone."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from settlement.engine.sales import SalesPeriod, sales_of
from tests.pure.settlement.examples import total

BERLIN = ZoneInfo("Europe/Berlin")
EVENING, NIGHT = datetime(2025, 12, 1, 22, 59, tzinfo=UTC), datetime(2025, 12, 31, 23, 0, tzinfo=UTC)


def test_from_the_earliest_to_the_latest_of_all_totals() -> None:
    """The second begins and ends a minute or more outside the first on one side only."""
    noon = datetime(2025, 12, 10, 12, tzinfo=UTC)
    totals = [total(1, "issued", 100, first=noon, last=noon), total(1, "redeemed", 1, first=EVENING, last=noon)]
    assert sales_of(totals, UTC) == SalesPeriod(first_day=date(2025, 12, 1), last_day=date(2025, 12, 10))


def test_midnight_is_that_of_the_zone() -> None:
    totals = [total(1, "issued", 100, first=EVENING, last=NIGHT)]
    assert sales_of(totals, UTC) == SalesPeriod(first_day=date(2025, 12, 1), last_day=date(2025, 12, 31))
    assert sales_of(totals, BERLIN) == SalesPeriod(first_day=date(2025, 12, 1), last_day=date(2026, 1, 1))


def test_no_operations_are_of_no_day() -> None:
    assert sales_of([], BERLIN) is None
