"""The journal as a stream of events: what happened to partners' operations, in each lane's order.

A lane's leaves are committed in order, under its lock: whoever sees its size sees all the leaves below it, for good. So
a size is read first, and no leaf at or beyond it is taken or passed over.
"""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from coalition.database.pool import Connection


class Event(NamedTuple):
    """One record of the journal that is of a partner. Of the hub's own records a time-out has the id of the reserve,
    and those of expired or moved points have none; `result` is as it was answered, byte for byte."""

    lane: int
    leaf: int
    partner: int
    kind: str
    operation_id: str | None
    occurred_at: datetime | None
    booked_at: datetime
    window_no: int
    result: str


SELECT_SIZES = "SELECT size FROM lane ORDER BY lane"


async def load_sizes(connection: Connection) -> tuple[int, ...]:
    """Return how many leaves each lane has, from lane 0 on."""
    return tuple(row["size"] for row in await connection.fetch(SELECT_SIZES))


# By the primary key; other partners' rows in the range are read and left. A hold that timed out is told by the id of
# its reserve.
SELECT_EVENTS = """
SELECT lane, leaf, partner, kind,
    coalesce(operation_id, (
        SELECT original.operation_id FROM journal AS original
        WHERE original.lane = $1 AND original.leaf = journal.original_leaf)) AS operation_id,
    occurred_at, booked_at, window_no, result
FROM journal
WHERE lane = $1 AND leaf >= $2 AND leaf < $3 AND partner = ANY($4::bigint[])
ORDER BY leaf
LIMIT $5
"""


async def load_events(
    connection: Connection, lane: int, *, partners: Collection[int], first: int, end: int, count_max: int | None = None
) -> list[Event]:
    """Return these partners' events among the leaves first to end - 1, in order; at most the first `count_max`."""
    rows = await connection.fetch(SELECT_EVENTS, lane, first, end, sorted(partners), count_max)
    return [Event(*row) for row in rows]
