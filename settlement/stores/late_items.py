"""What a window booked of an earlier period, found without reading the window.

Late by more than a quarter of an hour is what an index of the journal has (migration 0043). What was booked sooner
after it occurred, and is late all the same, was booked within a quarter of an hour of the moment at which the window's
sales begin: in each lane among its first leaves, since a lane books in the order of time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from coalition.database.pool import Connection
from coalition.stores.past_records import refuse_archived
from coalition.stores.reconciliations import Span, load_spans
from settlement.engine.prior_period import LateItems, add_up
from settlement.stores.report_query import report_query

TIMEOUT_S: Final = 120

# As the index has it and the queries.
SOON: Final = timedelta(minutes=15)


BOOKED_LONG_AFTER = report_query("late_items")
BOOKED_SOON = report_query("late_items_booked_soon")


async def load_late_items(
    connection: Connection, window_no: int, *, begin: datetime, lanes: Sequence[int]
) -> list[LateItems]:
    """Return what a window booked of before a moment, by partner and kind. Raises WindowArchivedError."""
    await refuse_archived(connection, [window_no])
    rows = await connection.fetch(BOOKED_LONG_AFTER, lanes, window_no, begin, timeout=TIMEOUT_S)
    found = [LateItems(*row) for row in rows]
    for span in await load_spans(connection, lanes, [window_no]):
        found += await _booked_soon(connection, span, begin=begin)
    return add_up(found)


# One lane at a time: only so does the database stop at the first such leaf, on several servers as on one.
SELECT_FIRST_AFTER = """
SELECT leaf FROM journal WHERE lane = $1 AND leaf >= $2 AND leaf < $3 AND booked_at > $4 ORDER BY leaf LIMIT 1
"""


async def _booked_soon(connection: Connection, span: Span, *, begin: datetime) -> list[LateItems]:
    end_leaf = await _end_of_soon(connection, span, begin=begin)
    if end_leaf == span.first_leaf:
        return []
    rows = await connection.fetch(BOOKED_SOON, span.lane, span.first_leaf, end_leaf, begin, timeout=TIMEOUT_S)
    return [LateItems(*row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class LateWanted:
    """Which late operations of a window, whose sales begin at `begin`; `partner` None: anybody's."""

    window_no: int
    begin: datetime
    kinds: Sequence[str]
    partner: int | None = None


LEAVES_BOOKED_LONG_AFTER = report_query("late_leaves")
LEAVES_BOOKED_SOON = report_query("late_leaves_booked_soon")


async def load_late_leaves(connection: Connection, wanted: LateWanted, span: Span, *, after: int) -> list[int]:
    """Return where a lane has late operations after a leaf, in its order; `span` is the lane's part of the window."""
    lane, begin, which = span.lane, wanted.begin, (list(wanted.kinds), wanted.partner)
    rows = await connection.fetch(
        LEAVES_BOOKED_LONG_AFTER, lane, wanted.window_no, begin, *which, after, timeout=TIMEOUT_S
    )
    first_leaf, end_leaf = max(span.first_leaf, after + 1), await _end_of_soon(connection, span, begin=begin)
    if first_leaf < end_leaf:
        rows += await connection.fetch(LEAVES_BOOKED_SOON, lane, first_leaf, end_leaf, begin, *which, timeout=TIMEOUT_S)
    return sorted(leaf for (leaf,) in rows)


async def _end_of_soon(connection: Connection, span: Span, *, begin: datetime) -> int:
    """Return the first leaf of a lane whose record can't be both late and booked soon after it occurred."""
    place = (span.lane, span.first_leaf, span.end_leaf)
    until: int | None = await connection.fetchval(SELECT_FIRST_AFTER, *place, begin + SOON, timeout=TIMEOUT_S)
    return span.end_leaf if until is None else until
