"""Which operations of a window are of an earlier period: sold before it began, booked in it because they came late.

A window begins, for sales, where the sales of the windows before it ended, and at the latest when it was opened. So a
window of a year that is booked in a day is measured by its sales and not by that day, and a till clock that runs fast
moves nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from settlement.engine.item import KIND_OF
from settlement.engine.total import KINDS, Kind, WindowTotal


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


class LateItems(NamedTuple):
    """Operations of one partner and kind, as the journal names it, that are of an earlier period."""

    partner: int
    kind: str
    operations: int
    points: int
    oldest: datetime
    newest: datetime

    def with_more(self, other: LateItems) -> LateItems:
        """Return both together, of the same partner and kind."""
        return self._replace(
            operations=self.operations + other.operations,
            points=self.points + other.points,
            oldest=min(self.oldest, other.oldest),
            newest=max(self.newest, other.newest),
        )


def has_late_items(totals: Iterable[WindowTotal], begin: datetime) -> bool:
    """Say whether anything of before a moment is in a window, which is not worth looking for otherwise."""
    return any(total.first_occurred_at < begin for total in totals)


def add_up(found: Iterable[LateItems]) -> list[LateItems]:
    """Return one for each partner and kind, in order."""
    sums: dict[tuple[int, str], LateItems] = {}
    for late in found:
        key = (late.partner, late.kind)
        sums[key] = sums[key].with_more(late) if key in sums else late
    return [sums[key] for key in sorted(sums)]


def prior_periods(found: Iterable[LateItems], zone: ZoneInfo) -> dict[int, list[PriorPeriod]]:
    """Return what each partner's statement tells of earlier periods, by kind."""
    periods: defaultdict[int, list[PriorPeriod]] = defaultdict(list)
    late_by_kind = add_up(late._replace(kind=KIND_OF[late.kind]) for late in found)
    for kind in KINDS:
        for late in (late for late in late_by_kind if late.kind == kind):
            periods[late.partner].append(
                PriorPeriod(
                    kind=kind,
                    points=late.points,
                    operations=late.operations,
                    first_day=late.oldest.astimezone(zone).date(),
                    last_day=late.newest.astimezone(zone).date(),
                )
            )
    return dict(periods)
