"""Boundaries come once a day, whatever the clocks do; missed ones close a window once."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.engine.calendar import Calendar, DueClose, Frequency, due_close, next_boundary
from settlement.errors import InvalidRulesError

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = Calendar(frequency="daily")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def boundaries(calendar: Calendar, first: str, count: int, zone: ZoneInfo = BERLIN) -> list[str]:
    found, moment = [], utc(first)
    for _ in range(count):
        boundary = next_boundary(calendar, after=moment, zone=zone)
        assert boundary is not None
        found.append(f"{boundary.astimezone(UTC):%m-%d %H:%M}")
        moment = boundary
    return found


def test_midnight_follows_the_zone_across_both_changes_of_the_clocks() -> None:
    """23:00 UTC in winter, 22:00 UTC in summer; days of 23 and of 25 hours have one close each."""
    assert boundaries(DAILY, "2026-03-27", 4) == ["03-27 23:00", "03-28 23:00", "03-29 22:00", "03-30 22:00"]
    assert boundaries(DAILY, "2026-10-24", 3) == ["10-24 22:00", "10-25 23:00", "10-26 23:00"]


def test_a_time_that_the_clocks_leap_over_or_show_twice_comes_once() -> None:
    """02:30 is 03:30 on the day in March that lacks it, and the first of two in October."""
    calendar = Calendar(frequency="daily", at=time(2, 30))
    assert boundaries(calendar, "2026-03-28", 3) == ["03-28 01:30", "03-29 01:30", "03-30 00:30"]
    assert boundaries(calendar, "2026-10-24", 3) == ["10-24 00:30", "10-25 00:30", "10-26 01:30"]


def test_weekly_and_monthly_closes() -> None:
    """The 31st is the last day of a shorter month."""
    weekly = Calendar(frequency="weekly", weekday=7, at=time(18))
    assert boundaries(weekly, "2026-11-22T17:00", 2) == ["11-29 17:00", "12-06 17:00"]
    monthly = Calendar(frequency="monthly", day_of_month=31)
    assert boundaries(monthly, "2027-01-01", 4, ZoneInfo("UTC")) == [
        "01-31 00:00",
        "02-28 00:00",
        "03-31 00:00",
        "04-30 00:00",
    ]


def test_a_window_is_due_once_for_all_that_was_missed() -> None:
    since = utc("2026-11-01T12:00")
    assert due_close(DAILY, since=since, now=utc("2026-11-01T22:59"), zone=BERLIN) is None
    assert due_close(DAILY, since=since, now=utc("2026-11-01T23:00"), zone=BERLIN) == DueClose(
        utc("2026-11-01T23:00"), 1
    )
    assert due_close(DAILY, since=since, now=utc("2026-11-05T09:00"), zone=BERLIN) == DueClose(
        utc("2026-11-04T23:00"), 4
    )
    assert due_close(DAILY, since=utc("2026-11-04T23:00"), now=utc("2026-11-05T09:00"), zone=BERLIN) is None


def test_by_hand_nothing_is_ever_due() -> None:
    by_hand = Calendar(frequency="none")
    assert due_close(by_hand, since=utc("2020-01-01"), now=utc("2026-01-01"), zone=BERLIN) is None
    assert next_boundary(by_hand, after=utc("2026-01-01"), zone=BERLIN) is None


def test_a_calendar_out_of_its_limits_is_refused_with_every_field() -> None:
    with pytest.raises(
        InvalidRulesError, match=r"weekday: expected 1 to 7, got 0; day: expected 1 to 31, got 32; at: "
    ):
        Calendar(frequency="weekly", weekday=0, day_of_month=32, at=time(1, 2, 3))


@given(
    frequency=st.sampled_from(("daily", "weekly", "monthly")),
    at=st.times().map(lambda moment: moment.replace(second=0, microsecond=0, fold=0)),
    weekday=st.integers(1, 7),
    day=st.integers(1, 31),
    start=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    steps=st.lists(st.integers(0, 60 * 24 * 40), min_size=1, max_size=8),
    zone=st.sampled_from(("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")),
)
def test_however_often_one_looks_each_boundary_belongs_to_one_look(
    frequency: Frequency, at: time, weekday: int, day: int, start: datetime, steps: list[int], zone: str
) -> None:
    """Looks follow each other without a gap: together they see what one look over all of it sees."""
    calendar = Calendar(frequency=frequency, at=at, weekday=weekday, day_of_month=day)
    since, seen = start, 0
    for step in steps:
        until = since + timedelta(minutes=step)
        due = due_close(calendar, since=since, now=until, zone=ZoneInfo(zone))
        seen += 0 if due is None else due.boundaries
        assert due is None or since < due.boundary <= until
        since = until
    whole = due_close(calendar, since=start, now=since, zone=ZoneInfo(zone))
    assert seen == (0 if whole is None else whole.boundaries)
    if frequency == "daily":
        days = (since.astimezone(ZoneInfo(zone)).date() - start.astimezone(ZoneInfo(zone)).date()).days
        assert abs(seen - days) <= 1
