"""A window begins, for sales, where the sales before it ended."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from settlement.engine.prior_period import LateItems, has_late_items, prior_periods, sales_begin
from tests.pure.settlement.examples import total

OPENED = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sold_until", "begin"),
    [
        (None, None),
        (datetime(2026, 9, 30, 23, 59, tzinfo=UTC), datetime(2026, 9, 30, 23, 59, tzinfo=UTC)),
        (datetime(2026, 10, 1, 0, 9, tzinfo=UTC), OPENED),
    ],
)
def test_it_begins_with_the_last_sale_before_and_at_the_latest_when_it_was_opened(
    sold_until: datetime | None, begin: datetime | None
) -> None:
    """The first window has nothing before it; a clock that runs fast moves nothing."""
    assert sales_begin(opened_at=OPENED, sold_until=sold_until) == begin


def test_a_window_without_a_late_total_is_not_looked_into() -> None:
    late = total(2, "redeemed", 100, first=datetime(2026, 9, 30, tzinfo=UTC))
    totals = [total(1, "issued", 100, first=OPENED), total(2, "issued", 100, first=OPENED)]
    assert has_late_items([*totals, late], OPENED)
    assert not has_late_items(totals, OPENED)


def test_a_statement_tells_burns_and_captures_of_all_lanes_as_one() -> None:
    """In the order of a statement's kinds; days are the programme's."""
    first, last = datetime(2026, 9, 27, 22, tzinfo=UTC), datetime(2026, 9, 29, 21, 59, tzinfo=UTC)
    found = [
        LateItems(2, "burn", 1, 500, last, last),
        LateItems(2, "reverse_earn", 1, 20, last, last),
        LateItems(2, "capture", 2, 300, first, last),
        LateItems(2, "earn", 3, 70, first, first),
        LateItems(1, "earn", 1, 10, first, first),
        LateItems(2, "burn", 1, 50, first, last),
    ]
    periods = prior_periods(found, ZoneInfo("Europe/Berlin"))
    assert [(late.kind, late.points, late.operations) for late in periods[2]] == [
        ("issued", 70, 3),
        ("issue_reversed", 20, 1),
        ("redeemed", 850, 4),
    ]
    assert (periods[2][2].first_day, periods[2][2].last_day) == (date(2026, 9, 28), date(2026, 9, 29))
    assert [late.points for late in periods[1]] == [10]
