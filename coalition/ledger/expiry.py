"""When points expire: the programme's rule, and the calendar behind it. Days are those of the programme's time zone."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, assert_never
from zoneinfo import ZoneInfo

RuleName = Literal["never", "after_months", "end_of_month", "end_of_quarter", "yearly", "inactivity"]


NOTICE_DAYS_MAX = 366
# For a jurisdiction in which points must not expire by time alone.
RULES_BESIDE_TIME: frozenset[RuleName] = frozenset({"never", "inactivity"})


@dataclass(frozen=True, slots=True)
class ExpiryRule:
    """`yearly_day` is (month, day), the last one on which points can be spent that are `months` old by then."""

    name: RuleName = "never"
    months: int = 0
    yearly_day: tuple[int, int] = (12, 31)

    def of_sale(self, sold_on: date) -> date | None:
        """Return the first day on which points of a sale can't be spent; None where they have no such day."""
        return _first_day_gone(self, sold_on)

    def of_activity(self, active_on: date) -> date | None:
        """Return the first day on which points can't be spent of an account that was used last on this day; None where
        that makes no difference."""
        return add_months(active_on, self.months) + ONE_DAY if self.name == "inactivity" else None


ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Grace:
    """How long points live that come back after their expiry: `days` after today, which is the day of the booking."""

    today: date
    days: int

    @property
    def until(self) -> date:
        """The last day on which they can be spent."""
        return self.today + timedelta(days=self.days)


@lru_cache(maxsize=4096)
def _first_day_gone(rule: ExpiryRule, sold_on: date) -> date | None:
    aged = add_months(sold_on, rule.months)
    match rule.name:
        case "never" | "inactivity":
            return None
        case "after_months":
            return aged + ONE_DAY
        case "end_of_month":
            return end_of_month(aged.year, aged.month) + ONE_DAY
        case "end_of_quarter":
            return end_of_month(aged.year, (aged.month + 2) // 3 * 3) + ONE_DAY
        case "yearly":
            month, day = rule.yearly_day
            this_year, next_year = (_day_of(year, month, day) for year in (aged.year, aged.year + 1))
            return (this_year if aged <= this_year else next_year) + ONE_DAY
    assert_never(rule.name)


def day_of_year(text: str) -> tuple[int, int]:
    """Read a month and a day written as MM-DD."""
    month, day = text.split("-")
    return int(month), int(day)


def add_months(day: date, months: int) -> date:
    """Return the same day so many months later, or the last of that month where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return _day_of(year, month + 1, day.day)


def end_of_month(year: int, month: int) -> date:
    return date(year, month, monthrange(year, month)[1])


def _day_of(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment at which a day begins in the zone, in UTC: 23 or 25 hours after the one before, when the clocks
    change."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
