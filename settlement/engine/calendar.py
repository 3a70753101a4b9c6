"""When windows close by themselves: daily, weekly or monthly, at a time of the programme's day.

A boundary is a day's moment in the programme's zone, once a day whatever the clocks do: where they are put forward over
it, it is as long after the change as it should have been before (02:30 becomes 03:30); where they are put back, it is
the first of the two.

A window is due once a boundary lies after its opening. However many there were while no hub ran, it is closed once, and
the next one opens now: the days in between can't be taken apart any more, as what is booked is in its window for ever.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal, assert_never, get_args

from settlement.errors import FieldProblem, InvalidRulesError

Frequency = Literal["none", "daily", "weekly", "monthly"]
FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """`weekday` 1 is Monday. `day_of_month` is the month's last where the month is shorter.

    Raises:
        InvalidRulesError: a field is out of its limits; names every one.
    """

    frequency: Frequency
    at: time = time(0)
    weekday: int = 1
    day_of_month: int = 1

    def __post_init__(self) -> None:
        problems = [
            FieldProblem(field=field, problem=f"expected {least} to {most}, got {value}")
            for field, value, least, most in (("weekday", self.weekday, 1, 7), ("day", self.day_of_month, 1, 31))
            if not least <= value <= most
        ]
        if self.at.second or self.at.microsecond or self.at.tzinfo:
            problems.append(FieldProblem(field="at", problem=f"expected hours and minutes, got {self.at}"))
        if problems:
            raise InvalidRulesError(problems=problems)

    def has_boundary_on(self, day: date) -> bool:
        """Say whether windows close on a day."""
        match self.frequency:
            case "none":
                return False
            case "daily":
                return True
            case "weekly":
                return day.isoweekday() == self.weekday
            case "monthly":
                return day.day == min(self.day_of_month, monthrange(day.year, day.month)[1])
            case _:
                assert_never(self.frequency)


@dataclass(frozen=True, slots=True)
class DueClose:
    """A window is to be closed: the newest boundary since it was opened, and how many there were."""

    boundary: datetime
    boundaries: int


def due_close(calendar: Calendar, *, since: datetime, now: datetime, zone: tzinfo) -> DueClose | None:
    """Return why a window that is open `since` then is to be closed `now`; None: it is not. A boundary at its very
    opening is not one of its own."""
    found = list(_boundaries(calendar, after=since, until=now, zone=zone))
    return DueClose(found[-1], len(found)) if found else None


def next_boundary(calendar: Calendar, *, after: datetime, zone: tzinfo) -> datetime | None:
    """Return the first boundary after a moment; None: there is none ever."""
    # Some day within any 32 days is the first, or the last, of a month.
    return next(_boundaries(calendar, after=after, until=after + 33 * DAY, zone=zone), None)


def _boundaries(calendar: Calendar, *, after: datetime, until: datetime, zone: tzinfo) -> Iterator[datetime]:
    # A day more on both sides: changes of the zone may move a boundary by hours.
    day, last_day = after.astimezone(zone).date() - DAY, until.astimezone(zone).date() + DAY
    while day <= last_day:
        if calendar.has_boundary_on(day):
            # In UTC, since moments of one zone are compared by their clock faces. `fold` is 0: see above.
            boundary = datetime.combine(day, calendar.at, zone).astimezone(UTC)
            if after < boundary <= until:
                yield boundary
        day += DAY
