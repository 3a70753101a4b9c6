"""Read on in the journals, from a place in each lane: a page of one partner's events, and the places after it.

lane 0  |....o....o.|o....        o  an event of the partner; what others did is passed over
lane 1  |..o........|.o..         |  from the positions before the page to those after it
"""

import heapq
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from coalition.database.pool import Connection, Pool
from coalition.journal.record import timestamp
from coalition.stores.events import Event, load_events, load_sizes

# So many leaves are looked at for one page at most, in all lanes together: others' may be between its events.
LEAVES_MAX = 10_000

# For each lane, from lane 0 on, the first leaf that was not read yet.
Positions = Sequence[int]
# Takes a lane, its first leaf, the leaf to stop before, and how many events at most.
ReadLane = Callable[[int, int, int, int], Awaitable[list[Event]]]


@dataclass(frozen=True, slots=True)
class EventPage:
    """`events` are in each lane's order, and between the lanes as they were booked. `positions` are those after them;
    `has_more`: there is more to read at once, though it may be others'."""

    events: list[Event]
    positions: tuple[int, ...]
    has_more: bool


async def read_events(pool: Pool, partner: int, start: Positions | None, *, count_max: int) -> EventPage:
    """Read a partner's next events after `start`; None: from the beginning.

    Raises ValueError where `start` is no place of these journals."""
    async with pool.acquire() as connection:
        ends = await load_sizes(connection)
        start = [0] * len(ends) if start is None else start
        refuse_foreign(start, ends)
        return await next_page(_of_partner(connection, partner), start, ends, count_max=count_max)


def refuse_foreign(positions: Positions, ends: Positions) -> None:
    """Raise ValueError for positions that no page of these journals ended with."""
    if len(positions) != len(ends):
        raise ValueError(f"expected {len(ends)} lanes, {len(positions)} came")
    for lane, (position, end) in enumerate(zip(positions, ends, strict=True)):
        if not 0 <= position <= end:
            raise ValueError(f"expected a leaf from 0 to {end} in lane {lane}, {position} came")


async def next_page(read_lane: ReadLane, start: Positions, ends: Positions, *, count_max: int) -> EventPage:
    """Return the page after `start` of at most `count_max` events; nothing at or beyond `ends` is passed over."""
    behind = [lane for lane, end in enumerate(ends) if start[lane] < end]
    after = list(start)
    found: list[list[Event]] = []
    for lane in behind:
        reach = min(start[lane] + max(LEAVES_MAX // len(behind), 1), ends[lane])
        events = await read_lane(lane, start[lane], reach, count_max)
        found.append(events)
        # Cut off by the count: what lies behind the last of them was not looked at.
        after[lane] = reach if len(events) < count_max else events[-1].leaf + 1
    merged = in_booked_order(found)
    for event in reversed(merged[count_max:]):
        after[event.lane] = event.leaf
    has_more = any(after[lane] < ends[lane] for lane in behind)
    return EventPage(merged[:count_max], tuple(after), has_more)


def in_booked_order(lanes: Sequence[Sequence[Event]]) -> list[Event]:
    """Return the events of several lanes as they were booked; a lane's own order is kept, whatever its times say."""
    return list(heapq.merge(*lanes, key=attrgetter("booked_at")))


def event_json(event: Event) -> str:
    """Return an event as partners get it; its result to the byte as it was answered."""
    operation_id = "null" if event.operation_id is None else f'"{event.operation_id}"'
    return (
        f'{{"lane":{event.lane},"leaf":{event.leaf},"kind":"{event.kind}","operation_id":{operation_id},'
        f'"occurred_at":{_moment(event.occurred_at)},"booked_at":{_moment(event.booked_at)},'
        f'"window":{event.window_no},"result":{event.result}}}'
    )


def _moment(moment: datetime | None) -> str:
    return "null" if moment is None else f'"{timestamp(moment)}"'


def _of_partner(connection: Connection, partner: int) -> ReadLane:
    async def read_lane(lane: int, first: int, end: int, count_max: int) -> list[Event]:
        return await load_events(connection, lane, partners=[partner], first=first, end=end, count_max=count_max)

    return read_lane
