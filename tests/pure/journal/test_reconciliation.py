"""How a difference is classed, case by case; that none is lost is proved with random books in tests/properties."""

from datetime import UTC, date, datetime, timedelta

import pytest

from coalition.journal.reconciliation import (
    NO_BEGIN,
    JournalLine,
    OwnLine,
    comparable_through,
    compare_lines,
    period_of,
    sales_begins,
)
from settlement.engine.prior_period import sales_begin

DAY, NEXT_DAY = date(2026, 1, 1), date(2026, 1, 2)
MOMENT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def booked(
    operation_id: str = "a",
    *,
    points: int = 5,
    window: int = 7,
    period: int = 7,
    day: date = DAY,
    code: str | None = None,
) -> JournalLine:
    return JournalLine(operation_id, "earn", points, window, period, day, MOMENT, MOMENT, 0, 0, code)


LATE = booked(window=8, period=7)
CASES = {
    "the same": (OwnLine("a", "earn", 5), booked(), None, None),
    "the same, with its window": (OwnLine("a", "earn", 5, 7), booked(), None, None),
    "never decided": (OwnLine("a", "earn", 5), None, None, "missing_at_hub"),
    "refused": (OwnLine("a", "earn", 5), booked(code="earn_day_limit"), None, "missing_at_hub"),
    "other points, whatever else": (OwnLine("a", "earn", 6, 1), booked(day=NEXT_DAY), None, "other_amount"),
    "other type": (OwnLine("a", "burn", 5), booked(), None, "other_amount"),
    "late, of books without windows": (OwnLine("a", "earn", 5), LATE, None, "late"),
    "late, in the window of its time": (OwnLine("a", "earn", 5, 7), LATE, None, "late"),
    "late, as the receipt says": (OwnLine("a", "earn", 5, 8), LATE, None, None),
    "late, in a window of neither": (OwnLine("a", "earn", 5, 6), LATE, None, "other_window"),
    "not late, in another window": (OwnLine("a", "earn", 5, 8), booked(), None, "other_window"),
    "late, in the window that is compared": (OwnLine("a", "earn", 5), LATE, 7, "late"),
    "not of the window that is compared": (OwnLine("a", "earn", 5), booked(), 6, "other_window"),
    "of another day": (OwnLine("a", "earn", 5), booked(day=NEXT_DAY), None, "other_day"),
}


@pytest.mark.parametrize(("own", "hub", "window", "expected"), CASES.values(), ids=CASES)
def test_what_weighs_most_is_told(
    own: OwnLine, hub: JournalLine | None, window: int | None, expected: str | None
) -> None:
    """The same whether the hub's line was found beside it, or looked up elsewhere."""
    elsewhere = {} if hub is None else {"a": hub}
    found = compare_lines([own], [], elsewhere, day=DAY, window=window)
    assert [one.kind for one in found] == ([] if expected is None else [expected])
    if hub is not None and hub.code is None:
        assert compare_lines([own], [hub], {}, day=DAY, window=window) == found


def test_all_differences_are_told_in_the_order_of_ids() -> None:
    own = [OwnLine("b", "earn", 1), OwnLine("d", "earn", 5)]
    found = compare_lines(own, [booked("a"), booked("c"), booked("d")], {}, day=DAY)
    assert [(one.id, one.kind) for one in found] == [
        ("a", "missing_at_partner"),
        ("b", "missing_at_hub"),
        ("c", "missing_at_partner"),
    ]


def test_a_page_ends_where_either_side_is_not_known_further() -> None:
    own, hub = [OwnLine("b", "earn", 1), OwnLine("d", "earn", 1)], [booked("a"), booked("c"), booked("e")]
    assert comparable_through(own, has_more=False, booked=hub, booked_max=3) is None
    assert comparable_through(own, has_more=True, booked=hub, booked_max=3) == "d"
    assert comparable_through(own, has_more=False, booked=hub, booked_max=2) == "c"
    assert comparable_through([], has_more=False, booked=hub, booked_max=2) == "c"


def test_the_period_is_the_window_that_was_open() -> None:
    openings = [(datetime(2026, month, 1, tzinfo=UTC), month) for month in (1, 2, 3)]
    moments = [datetime(2025, 6, 1), datetime(2026, 1, 31), datetime(2026, 2, 1), datetime(2027, 1, 1)]  # noqa: DTZ001
    assert [period_of(moment.replace(tzinfo=UTC), openings) for moment in moments] == [1, 1, 2, 3]


def test_a_window_begins_where_the_sales_before_it_ended_as_on_the_statement() -> None:
    """At the latest when it was opened; a window without sales begins nothing; a year booked in a day is not late."""
    opened = [(datetime(2026, 11, day, tzinfo=UTC), day) for day in (1, 2, 3, 4, 5)]
    last_sales = {
        2: datetime(2026, 3, 31, 18, tzinfo=UTC),
        3: datetime(2026, 2, 1, tzinfo=UTC),
        4: datetime(2026, 11, 30, tzinfo=UTC),
    }
    begins = sales_begins(opened, last_sales)
    assert [begin for begin, _ in begins] == [NO_BEGIN, NO_BEGIN, last_sales[2], last_sales[2], opened[4][0]]
    for opened_at, window in opened:
        sold = [last for other, last in last_sales.items() if other < window]
        told = sales_begin(opened_at=opened_at, sold_until=max(sold, default=None))
        assert begins[window - 1][0] == (told or NO_BEGIN)
    april = last_sales[2] + timedelta(hours=20)
    assert period_of(april, begins) == 4
    assert period_of(last_sales[3], begins) == 2
