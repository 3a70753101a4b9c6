"""When points of a sale expire."""

from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache


@lru_cache(maxsize=4096)
def expires_on(sold_on: date, months: int | None) -> date | None:
    """Return the first day on which points of a sale can't be spent: the day after the end of the month that lies
    `months` after the sale; None where points never expire. Dates are days in the programme's time zone."""
    if months is None:
        return None
    year, month = divmod(sold_on.year * 12 + sold_on.month - 1 + months, 12)
    last_day = date(year, month + 1, monthrange(year, month + 1)[1])
    return last_day + timedelta(days=1)
