"""Which sales a window is about, by the days on which they occurred.

A window is a period of booking. After a weekend offline, or when a year is booked in a day, its sales are of other days
than the window itself, and these are the days that a partner looks for in its own books.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, tzinfo

from settlement.engine.total import WindowTotal


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesPeriod:
    """The days of the first and the last operation, by their `occurred_at`; both are part of it."""

    first_day: date
    last_day: date


def sales_of(totals: Iterable[WindowTotal], zone: tzinfo) -> SalesPeriod | None:
    """Return the period of the totals' operations in days of a time zone; None: there are no operations."""
    totals = tuple(totals)
    if not totals:
        return None
    return SalesPeriod(
        first_day=min(total.first_occurred_at for total in totals).astimezone(zone).date(),
        last_day=max(total.last_occurred_at for total in totals).astimezone(zone).date(),
    )
