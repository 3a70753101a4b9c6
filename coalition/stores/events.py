"""The journal as a stream of events: what happened to partners' operations, in each lane's order.

A lane's leaves are committed in order, under its lock: whoever sees its size sees all the leaves below it, for good. So
a size is read first, and no leaf at or beyond it is taken or passed over.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from coalition.database.pool import Connection
from coalition.journal.archive import Row
from coalition.stores.past_records import load_blocks, load_past_records


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
    occurred_at, booked_at, window_no, result, original_leaf
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
    events = [Event(*row[:-1]) for row in rows]
    ended = {row["original_leaf"] for row in rows if row["kind"] == "time_out" and row["operation_id"] is None}
    blocks = await load_blocks(connection, lane, first=first, end=end)
    if not blocks and not ended:
        return events
    there = {event.leaf for event in events}
    past = [
        one
        for block in blocks
        for leaf, one in block.records(range(first, end))
        if one.record.get("partner") in partners and leaf not in there
    ]
    ended |= {one.record["original_leaf"] for one in past if one.record["kind"] == "time_out"}
    reserves = await load_past_records(connection, lane, ended)
    reserved = {leaf: one.record["operation_id"] for leaf, one in reserves.items()}
    events = [_named(Event(*row[:-1]), row["original_leaf"], reserved) for row in rows]
    events += [_named(_past_event(one.record), one.record.get("original_leaf"), reserved) for one in past]
    return sorted(events, key=attrgetter("leaf"))[:count_max]


def _named(event: Event, original_leaf: int | None, reserved: Mapping[int, str]) -> Event:
    """Return an event with its operation's id, for a time-out that of an archived reserve."""
    if event.operation_id is not None or original_leaf is None:
        return event
    return event._replace(operation_id=reserved.get(original_leaf))


def _past_event(record: Row) -> Event:
    return Event(
        lane=record["lane"],
        leaf=record["leaf"],
        partner=record["partner"],
        kind=record["kind"],
        operation_id=record.get("operation_id"),
        occurred_at=datetime.fromisoformat(record["occurred_at"]) if "occurred_at" in record else None,
        booked_at=datetime.fromisoformat(record["booked_at"]),
        window_no=record["window_no"],
        result=record["result"],
    )
