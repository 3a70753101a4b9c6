"""What a window booked of an earlier period, found without reading the window.

Late by more than a quarter of an hour is what an index of the journal has (migration 0043). What was booked sooner
after it occurred, and is late all the same, was booked within a quarter of an hour of the moment at which the window's
sales begin: in each lane among its first leaves, since a lane books in the order of time.
"""

from collections.abc import Sequence
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
    place = (span.lane, span.first_leaf, span.end_leaf)
    until = await connection.fetchval(SELECT_FIRST_AFTER, *place, begin + SOON, timeout=TIMEOUT_S)
    if until == span.first_leaf:
        return []
    end_leaf = span.end_leaf if until is None else until
    rows = await connection.fetch(BOOKED_SOON, span.lane, span.first_leaf, end_leaf, begin, timeout=TIMEOUT_S)
    return [LateItems(*row) for row in rows]
