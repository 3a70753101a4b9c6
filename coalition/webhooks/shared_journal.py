"""The journal, read once for all webhooks that are at about the same place: most are at its end.

Leaves never change, so chunks of them are kept, those used last; a chunk at the end of a lane grows with it.
"""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Set
from dataclasses import dataclass, field

from coalition.database.pool import Connection
from coalition.stores.events import Event, load_events

CHUNK_LEAVES = 250
CHUNKS_MAX = 64


@dataclass(slots=True)
class Chunk:
    """Events by partner, up to the leaf before `end`."""

    end: int
    events: defaultdict[int, list[Event]] = field(default_factory=lambda: defaultdict(list))


class SharedJournal:
    """Reads over one connection, one statement at a time; `turn` is held meanwhile."""

    def __init__(self, connection: Connection, turn: asyncio.Lock) -> None:
        self._connection = connection
        self._turn = turn
        self._partners: Set[int] = frozenset()
        self._chunks: OrderedDict[tuple[int, int], Chunk] = OrderedDict()

    def follow(self, partners: Set[int]) -> None:
        """Read for these partners, too. None is dropped: a delivery for it may be under way, and would find nothing."""
        if not partners <= self._partners:
            self._partners = self._partners | partners
            self._chunks = OrderedDict()

    async def read(self, partner: int, lane: int, first: int, end: int) -> list[Event]:
        """Return the events of a partner that is followed, among the leaves first to end - 1, which are committed."""
        assert partner in self._partners
        events: list[Event] = []
        while first < end:
            number = first // CHUNK_LEAVES
            upto = min((number + 1) * CHUNK_LEAVES, end)
            chunk = await self._chunk(lane, number, upto)
            events += [event for event in chunk.events.get(partner, ()) if first <= event.leaf < upto]
            first = upto
        return events

    async def _chunk(self, lane: int, number: int, end: int) -> Chunk:
        async with self._turn:
            chunks = self._chunks
            chunk = chunks.pop((lane, number), None) or Chunk(number * CHUNK_LEAVES)
            if chunk.end < end:
                loaded = await load_events(self._connection, lane, partners=self._partners, first=chunk.end, end=end)
                for event in loaded:
                    chunk.events[event.partner].append(event)
                chunk.end = end
            chunks[lane, number] = chunk
            while len(chunks) > CHUNKS_MAX:
                chunks.popitem(last=False)
            return chunk
