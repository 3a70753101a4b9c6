"""Which operations of a window are of an earlier period: sold before it began, booked in it because they came late.

A window begins, for sales, where the sales of the windows before it ended, and at the latest when it was opened. So a
window of a year that is booked in a day is measured by its sales and not by that day, and a till clock that runs fast
moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from settlement.engine.total import Kind, WindowTotal


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorPeriod:
    """The points and operations of one kind that are of an earlier period, and of which days; both days are included.

    They are part of the lines, which are priced by the terms of their own day. Points of a joint promotion count where
    they were earned.
    """

    kind: Kind
    points: int
    operations: int
    first_day: date
    last_day: date


def sales_begin(*, opened_at: datetime, sold_until: datetime | None) -> datetime | None:
    """Return the moment before which a sale is of an earlier period; None: there is no earlier period.

    `sold_until` is the last sale of all windows before.
    """
    return None if sold_until is None else min(opened_at, sold_until)


def partners_with_late_items(totals: Iterable[WindowTotal], begin: datetime | None) -> list[int]:
    """Return the partners that have operations from before a moment, in order."""
    if begin is None:
        return []
    return sorted({total.partner for total in totals if total.first_occurred_at < begin})
