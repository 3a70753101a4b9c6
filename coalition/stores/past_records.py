"""Records of archived windows, as the database keeps them: packed, BLOCK_LEAVES in a row.

A block's text is that of the archive's file, a line for each leaf, so that one is found by counting lines."""

import json
import zlib
from collections.abc import Collection, Iterator
from typing import NamedTuple

from coalition.database.pool import Connection
from coalition.errors import WindowArchivedError
from coalition.journal.archive import BLOCK_LEAVES, PastRecord


class Block(NamedTuple):
    """The records of the leaves first_leaf to end_leaf - 1 of a lane."""

    first_leaf: int
    end_leaf: int
    packed: bytes

    @classmethod
    def pack(cls, first_leaf: int, lines: list[str]) -> "Block":
        return cls(first_leaf, first_leaf + len(lines), zlib.compress("\n".join(lines).encode()))

    @property
    def lines(self) -> list[str]:
        return zlib.decompress(self.packed).decode().split("\n")

    def records(self, leaves: Collection[int] | range) -> Iterator[tuple[int, PastRecord]]:
        """Yield those at some leaves, in order, as far as they are in this block."""
        lines = self.lines
        for leaf in sorted(leaves):
            if self.first_leaf <= leaf < self.end_leaf:
                yield leaf, PastRecord.of(json.loads(lines[leaf - self.first_leaf]))

    @property
    def all_records(self) -> Iterator[tuple[int, PastRecord]]:
        return self.records(range(self.first_leaf, self.end_leaf))


SELECT_BLOCKS = """
SELECT first_leaf, end_leaf, records
FROM journal_block
WHERE lane = $1 AND place = ANY($2::bigint[])
ORDER BY place, first_leaf
"""


async def load_past_records(connection: Connection, lane: int, leaves: Collection[int]) -> dict[int, PastRecord]:
    """Return those of a lane's records that are archived, by leaf, as they were when they were packed.

    What changed later, after one was unpacked for a reversal, stands in the tables."""
    if not leaves:
        return {}
    places = sorted({leaf // BLOCK_LEAVES for leaf in leaves})
    blocks = [Block(*row) for row in await connection.fetch(SELECT_BLOCKS, lane, places)]
    return {leaf: record for block in blocks for leaf, record in block.records(leaves)}


SELECT_RANGE = """
SELECT first_leaf, end_leaf, records
FROM journal_block
WHERE lane = $1 AND place >= $2 AND place <= $3 AND first_leaf < $5 AND end_leaf > $4
ORDER BY place, first_leaf
"""


async def load_blocks(connection: Connection, lane: int, *, first: int, end: int) -> list[Block]:
    """Return the blocks that hold any of the leaves first to end - 1, in order."""
    if first >= end:
        return []
    places = first // BLOCK_LEAVES, (end - 1) // BLOCK_LEAVES
    return [Block(*row) for row in await connection.fetch(SELECT_RANGE, lane, *places, first, end)]


SELECT_ARCHIVED = (
    "SELECT DISTINCT window_no FROM archived_range WHERE window_no = ANY($1::integer[]) ORDER BY window_no"
)


async def load_archived(connection: Connection, window_nos: Collection[int]) -> list[int]:
    """Return which of some windows are archived, or about to be, in order."""
    rows = await connection.fetch(SELECT_ARCHIVED, sorted(window_nos))
    return [row["window_no"] for row in rows]


async def refuse_archived(connection: Connection, window_nos: Collection[int]) -> None:
    """Raise WindowArchivedError where one of some windows is archived, or about to be: of its operations there would be
    none, or only some."""
    archived = await load_archived(connection, window_nos)
    if archived:
        raise WindowArchivedError(window_no=archived[0])
