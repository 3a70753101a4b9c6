"""Moves the year of the data so that it ends today.

The data's clock is UTC and its shops are in the east of the United States: only read in that zone do the baskets
fill the year from 1 January to 31 December, with shops that are quiet at night. The wall time is kept and read
anew in the zone of the demo's shops.

Every basket moves by the same number of whole weeks, the least that brings the last day to today or later; what
would then lie ahead of `now` happened 52 weeks earlier. So weekdays are kept, the year always ends today, and no
basket is lost: it covers 364 or 365 days.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo

DATA_ZONE = ZoneInfo("America/New_York")
SHOP_ZONE = ZoneInfo("Europe/Berlin")
DATA_LAST_DAY = date(2017, 12, 31)
YEAR_DAYS = 365

_WEEK = timedelta(weeks=1)
_YEAR_OF_WEEKS = 52 * _WEEK


def shop_time(wall: datetime) -> datetime:
    """Return the moment at which the shops' clocks show `wall` (without a zone), with its offset from UTC.

    A wall time that the clocks skip in spring becomes the one an hour later; one that they show twice in autumn is
    the first. The offset is a fixed one, as a till prints it, so that moments compare in their true order: within
    one zone, Python compares wall times.
    """
    moment = wall.replace(tzinfo=SHOP_ZONE).astimezone(UTC)
    offset = moment.astimezone(SHOP_ZONE).utcoffset()
    assert offset is not None
    return moment.astimezone(_fixed_zone(offset))


@cache
def _fixed_zone(offset: timedelta) -> timezone:
    return timezone(offset)


def shop_day(moment: datetime) -> date:
    """Return the calendar day of a moment where the shops are."""
    return moment.astimezone(SHOP_ZONE).date()


@dataclass(frozen=True, slots=True)
class MovedYear:
    """The year that ends on `today`, seen from `now`; of the two, the earlier day counts."""

    today: date
    now: datetime

    @property
    def last_day(self) -> date:
        return min(self.today, shop_day(self.now))

    @property
    def end(self) -> datetime:
        """The moment after which nothing has happened yet."""
        last_second = shop_time(datetime.combine(self.last_day, time(23, 59, 59)))
        return min(last_second, self.now)

    @property
    def shift(self) -> timedelta:
        """How far every wall time moves: whole weeks."""
        return -((DATA_LAST_DAY - self.last_day) // _WEEK) * _WEEK

    def first_day(self, days: int) -> date:
        """Return the first of the year's last `days` days."""
        return self.last_day - timedelta(days=days - 1)

    def settled_month(self, day: date, *, days: int) -> str:
        """Return the month (2026-11) with which a day of the last `days` days is settled.

        A whole year that begins within a month touches thirteen: the rest of the first is settled with the second.
        """
        first = self.first_day(days)
        touches_thirteen = first.year < self.last_day.year and first.month == self.last_day.month
        if touches_thirteen and (day.year, day.month) == (first.year, first.month):
            day = day.replace(day=28) + timedelta(days=4)
        return f"{day:%Y-%m}"

    def data_second(self, days: int) -> int:
        """Return a second (since 1970, UTC) of the data before which nothing moves to the last `days` days.

        A day too early rather than too late, so that no zone matters. What moves back by 52 weeks lies after it.
        """
        day = self.first_day(days) - self.shift - timedelta(days=1)
        return int(datetime.combine(day, time(), UTC).timestamp())


def move_moments(seconds: list[int], year: MovedYear) -> list[datetime]:
    """Return where each moment of the data (seconds since 1970, UTC) lies in the moved year."""
    shift, end = year.shift, year.end
    moved = []
    for second in seconds:
        wall = datetime.fromtimestamp(second, DATA_ZONE).replace(tzinfo=None) + shift
        moment = shop_time(wall)
        moved.append(moment if moment <= end else shop_time(wall - _YEAR_OF_WEEKS))
    return moved
