"""B1's ceiling: COPY of the journal's own rows into a table like the journal, 500 a commit.

The rows are those that the hub has just booked, encoded beforehand: nothing gets them into PostgreSQL any faster at
full durability, and no hub could answer for them so cheaply.
"""

import asyncio
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from coalition.database.pool import Connection

ROWS_PER_COMMIT = 500

CREATE_COPIED = "CREATE TABLE IF NOT EXISTS bench_journal (LIKE journal INCLUDING ALL)"
EMPTY_COPIED = "TRUNCATE bench_journal"
SELECT_SIZES = "SELECT lane, size FROM lane ORDER BY lane"
SELECT_SLICE = "SELECT * FROM journal WHERE lane = $1 AND leaf >= $2 AND leaf < $3 ORDER BY leaf"


@dataclass(frozen=True, slots=True)
class Copied:
    """So many rows in so many seconds over so many connections."""

    rows: int
    seconds: float
    connections: int


async def lane_sizes(connection: Connection) -> dict[int, int]:
    """Return how many leaves each lane's journal has."""
    return {row["lane"]: row["size"] for row in await connection.fetch(SELECT_SIZES)}


async def encoded_rows(connection: Connection, *, since: dict[int, int]) -> list[tuple[int, bytes]]:
    """Return the journal's rows since then, ready for COPY, with their count; slices of the lanes in turn."""
    sizes = await lane_sizes(connection)
    lanes = []
    for lane, size in sizes.items():
        bounds = [(start, min(start + ROWS_PER_COMMIT, size)) for start in range(since[lane], size, ROWS_PER_COMMIT)]
        lanes.append([(end - start, await _encoded_slice(connection, lane, start, end)) for start, end in bounds])
    return [encoded for encoded in chain.from_iterable(zip_longest(*lanes)) if encoded is not None]


async def _encoded_slice(connection: Connection, lane: int, start: int, end: int) -> bytes:
    output = io.BytesIO()
    await connection.copy_from_query(SELECT_SLICE, lane, start, end, output=output, format="binary")
    return output.getvalue()


async def empty_copied(connection: Connection) -> None:
    """Make the table like the journal, and empty it."""
    await connection.execute(CREATE_COPIED)
    await connection.execute(EMPTY_COPIED)


async def measure_copy(opened: Sequence[Connection], slices: Sequence[tuple[int, bytes]]) -> Copied:
    """COPY the slices, one commit each, over all of these connections at once."""
    waiting = iter(slices)

    async def work(connection: Connection) -> None:
        for _, encoded in waiting:
            await connection.copy_to_table("bench_journal", source=io.BytesIO(encoded), format="binary")

    started_s = time.perf_counter()
    await asyncio.gather(*(work(connection) for connection in opened))
    return Copied(sum(rows for rows, _ in slices), time.perf_counter() - started_s, len(opened))
