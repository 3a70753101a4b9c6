"""When a tail ends: months after the day on which a partner's exit was announced, with that day's end."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, tzinfo

TAIL_MONTHS_MAX = 60


def tail_end(announced_at: datetime, *, tail_months: int, zone: tzinfo) -> datetime:
    """Return the first moment at which burns are refused; without a tail, at once.

    The last day is that of the same number so many months later, or the last of a shorter month, in the zone.
    """
    if tail_months == 0:
        return announced_at
    day = announced_at.astimezone(zone).date()
    year, month = divmod(day.year * 12 + day.month - 1 + tail_months, 12)
    last_day = date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
    return datetime.combine(last_day + timedelta(days=1), time(0), zone).astimezone(UTC)
