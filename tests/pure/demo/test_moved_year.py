"""The year of the data ends today, on the same weekdays, in an order that no clock change disturbs."""

from datetime import UTC, date, datetime, timedelta

import pytest

from coalition.demo.moved_year import DATA_ZONE, MovedYear, move_moments, shop_day, shop_time

NIGHT = datetime(2100, 1, 1, tzinfo=UTC)


def noons_of_the_data() -> list[datetime]:
    """Noon of every day of 2017 where the data comes from."""
    first = datetime(2017, 1, 1, 12, tzinfo=DATA_ZONE)
    return [first + timedelta(days=day) for day in range(365)]


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("today", [date(2026, 11, 16) + timedelta(days=day) for day in range(7)])
def test_the_year_ends_today_on_every_weekday(today: date) -> None:
    """Whatever day it is, the last basket is of today, none is lost, and a Sunday's basket stays on a Sunday."""
    noons = noons_of_the_data()
    moved = move_moments([int(noon.timestamp()) for noon in noons], MovedYear(today, NIGHT))
    days = [shop_day(moment) for moment in moved]
    assert max(days) == today
    assert min(days) >= today - timedelta(days=364)
    assert len(set(days)) >= 364
    assert [day.weekday() for day in days] == [noon.weekday() for noon in noons]
    assert {moment.replace(tzinfo=None).time() for moment in moved} == {noons[0].time()}


def test_nothing_lies_in_the_future_of_now() -> None:
    """What today has not brought yet happened 52 weeks ago."""
    now = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    seconds = [int(noon.timestamp()) for noon in noons_of_the_data()]
    moved = move_moments(seconds, MovedYear(now.date(), now))
    assert max(moved) <= now
    assert len(moved) == 365
    assert shop_day(max(moved)) == date(2026, 11, 20)


def test_a_today_after_now_counts_as_the_day_of_now() -> None:
    now = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    assert MovedYear(date(2027, 1, 1), now).last_day == date(2026, 11, 22), "it is past midnight in Berlin"
    assert MovedYear(date(2026, 3, 1), now).end == shop_time(wall("2026-03-01T23:59:59"))


def test_a_wall_time_that_the_clocks_skip_is_an_hour_later() -> None:
    """Spring: there is no half past two; the moment exists and its printed wall time does as well."""
    assert shop_time(wall("2026-03-29T02:30:00")).isoformat() == "2026-03-29T03:30:00+02:00"
    assert shop_time(wall("2026-03-29T01:59:59")).isoformat() == "2026-03-29T01:59:59+01:00"


def test_a_wall_time_that_comes_twice_is_the_first() -> None:
    """Autumn: moments before and after the change compare in their true order, not by wall time."""
    first = shop_time(wall("2026-10-25T02:50:00"))
    after = shop_time(wall("2026-10-25T03:10:00"))
    assert first.isoformat() == "2026-10-25T02:50:00+02:00"
    assert after - first == timedelta(hours=1, minutes=20)
    assert first < first + timedelta(minutes=30) < after


@pytest.mark.parametrize("days", [1, 7, 31, 365])
def test_the_data_second_leaves_out_nothing_of_the_last_days(days: int) -> None:
    """Reading from that second on gives the same last days as reading everything."""
    year = MovedYear(date(2026, 4, 1), NIGHT)
    seconds = [int(noon.timestamp()) for noon in noons_of_the_data()]
    moved = move_moments(seconds, year)
    wanted = [second for second, moment in zip(seconds, moved, strict=True) if shop_day(moment) >= year.first_day(days)]
    assert wanted
    assert min(wanted) >= year.data_second(days)


@pytest.mark.parametrize("last", ["2026-11-22", "2026-11-30", "2026-01-01", "2024-02-29", "2025-03-01"])
def test_a_year_is_settled_in_twelve_months(last: str) -> None:
    """Also where its days touch thirteen; each month is in one piece, and a month on its own keeps its name."""
    year = MovedYear(date.fromisoformat(last), NIGHT)
    days = [year.first_day(365) + timedelta(days=day) for day in range(365)]
    months = [year.settled_month(day, days=365) for day in days]
    assert len(set(months)) == 12
    assert months == sorted(months)
    assert months[-1] == last[:7]
    assert year.settled_month(year.last_day, days=1) == last[:7]
