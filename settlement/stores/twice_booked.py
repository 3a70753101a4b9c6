"""Operations that two lanes booked under one id. Only a database over several servers can have any: elsewhere an index
over all lanes refuses the second, and nothing has to be looked for."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from coalition.database.pool import Connection

SELECT_IS_KEPT_UNIQUE = "SELECT to_regclass('operation_id_in_one_lane') IS NOT NULL"

SELECT_BOOKED = """
SELECT coalesce(sum(end_leaf - first_leaf), 0)::bigint
FROM lane_window WHERE lane = ANY($1::smallint[]) AND window_no BETWEEN $2::integer - 1 AND $2
"""

# Two hubs get one id at the same moment: what the other one booked is in this window, or just before its beginning.
# Servers send the coordinator 64 bits of each id instead of the id, and only ids whose bits at $3 are $4: of all where
# $3 is 0. The next hundred after $5 of those, null: the first.
SELECT_SUSPECTS = """
SELECT hashtextextended(journal.operation_id, journal.partner) AS hash
FROM lane_window AS ended
JOIN journal ON journal.lane = ended.lane AND journal.leaf >= ended.first_leaf AND journal.leaf < ended.end_leaf
WHERE ended.lane = ANY($1::smallint[]) AND ended.window_no BETWEEN $2::integer - 1 AND $2
    AND journal.code IS NULL AND journal.operation_id IS NOT NULL
    AND hashtextextended(journal.operation_id, journal.partner) & $3::bigint = $4
    AND ($5::bigint IS NULL OR hashtextextended(journal.operation_id, journal.partner) > $5)
GROUP BY hash
HAVING count(*) > 1 AND max(journal.window_no) = $2
ORDER BY hash
LIMIT 100
"""

# Only where something is suspected; ids that share their bits by chance are told apart by what stands.
SELECT_SUSPECTED = """
SELECT DISTINCT journal.operation_id
FROM lane_window AS ended
JOIN journal ON journal.lane = ended.lane AND journal.leaf >= ended.first_leaf AND journal.leaf < ended.end_leaf
WHERE ended.lane = ANY($1::smallint[]) AND ended.window_no BETWEEN $2::integer - 1 AND $2
    AND journal.code IS NULL AND journal.operation_id IS NOT NULL
    AND hashtextextended(journal.operation_id, journal.partner) = ANY($3::bigint[])
"""

SELECT_STANDING = """
SELECT operation.partner, operation.operation_id, operation.lane, operation.leaf
FROM operation
JOIN journal ON journal.lane = operation.lane AND journal.leaf = operation.leaf AND journal.code IS NULL
LEFT JOIN reversal ON reversal.lane = operation.lane AND reversal.original_leaf = operation.leaf
WHERE operation.lane = ANY($1::smallint[]) AND operation.operation_id = ANY($2::text[])
GROUP BY operation.partner, operation.operation_id, operation.lane, operation.leaf, journal.points
HAVING coalesce(sum(reversal.points), 0) < journal.points
ORDER BY operation.partner, operation.operation_id, operation.lane
"""


class Operation(NamedTuple):
    partner: int
    operation_id: str


class Place(NamedTuple):
    """A record in the journal of a lane."""

    lane: int
    leaf: int


# As many as SELECT_SUSPECTS returns at most. What is undone is among them, so fewer than these may stand.
SUSPECTS_MAX: Final = 100
# So many ids are grouped at a time, some 1.1 GB on disk where they do not fit into memory; more go part by part.
IDS_AT_ONCE: Final = 50_000_000


async def find_twice_booked(
    connection: Connection, window_no: int, *, lanes: int, ids_at_once: int = IDS_AT_ONCE
) -> Mapping[Operation, Sequence[Place]]:
    """Return the operations of a closed window that stand in two lanes and in neither are undone: any there are, or
    some of more than 100."""
    if await connection.fetchval(SELECT_IS_KEPT_UNIQUE):
        return {}
    numbers = list(range(lanes))
    booked: int = await connection.fetchval(SELECT_BOOKED, numbers, window_no)
    # A power of two, so that as many bits of an id say in which part it is.
    parts = 1 << (booked // ids_at_once).bit_length()
    found: dict[Operation, Sequence[Place]] = {}
    for part in range(parts):
        after: int | None = None
        while len(found) < SUSPECTS_MAX:
            rows = await connection.fetch(SELECT_SUSPECTS, numbers, window_no, parts - 1, part, after)
            hashes = [row["hash"] for row in rows]
            if hashes:
                found |= await _find_standing(connection, window_no, numbers, hashes)
            if len(hashes) < SUSPECTS_MAX:
                break
            after = hashes[-1]
    return found


async def _find_standing(
    connection: Connection, window_no: int, lanes: Sequence[int], hashes: Sequence[int]
) -> dict[Operation, Sequence[Place]]:
    """Return those of suspected operations that stand in two lanes."""
    suspected = [row["operation_id"] for row in await connection.fetch(SELECT_SUSPECTED, lanes, window_no, hashes)]
    places: defaultdict[Operation, list[Place]] = defaultdict(list)
    for row in await connection.fetch(SELECT_STANDING, lanes, suspected):
        places[Operation(row["partner"], row["operation_id"])].append(Place(row["lane"], row["leaf"]))
    return {operation: standing for operation, standing in places.items() if len(standing) > 1}
