"""Days on which euro payments are settled (TARGET): not Saturdays, Sundays, and six holidays of the year."""

from __future__ import annotations

from datetime import date, timedelta

_FIXED_HOLIDAYS = ((1, 1), (5, 1), (12, 25), (12, 26))


def is_target_day(day: date) -> bool:
    """Say whether euro payments are settled on a day."""
    if day.weekday() >= 5 or (day.month, day.day) in _FIXED_HOLIDAYS:
        return False
    # Good Friday and Easter Monday.
    return (day - easter_sunday(day.year)).days not in (-2, 1)


def target_day_from(day: date) -> date:
    """Return the day itself, or the first one after it on which euro payments are settled."""
    while not is_target_day(day):
        day += timedelta(days=1)
    return day


def target_days_after(day: date, count: int) -> date:
    """Return the day that lies so many settlement days after another, which need not be one itself."""
    for _ in range(count):
        day = target_day_from(day + timedelta(days=1))
    return day


def easter_sunday(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (the computation of Meeus, Jones and Butcher)."""
    century, of_century = divmod(year, 100)
    leaps, rest = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * (year % 19) + century - leaps - moon + 15) % 30
    quads, odd = divmod(of_century, 4)
    weekday = (32 + 2 * rest + 2 * quads - epact - odd) % 7
    correction = (year % 19 + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * correction + 114, 31)
    return date(year, month, day + 1)
