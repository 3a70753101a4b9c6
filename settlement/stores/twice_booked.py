"""Operations that two lanes booked under one id. Only a database over several servers can have any: elsewhere an index
over all lanes refuses the second, and nothing has to be looked for."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from coalition.database.pool import Connection

SELECT_IS_KEPT_UNIQUE = "SELECT to_regclass('operation_id_in_one_lane') IS NOT NULL"

# Two hubs get one id at the same moment: what the other one booked is in this window, or just before its beginning.
SELECT_SUSPECTS = """
SELECT journal.operation_id
FROM lane_window AS ended
JOIN journal ON journal.lane = ended.lane AND journal.leaf >= ended.first_leaf AND journal.leaf < ended.end_leaf
WHERE ended.lane = ANY($1::smallint[]) AND ended.window_no BETWEEN $2::integer - 1 AND $2
    AND journal.code IS NULL AND journal.operation_id IS NOT NULL
GROUP BY journal.partner, journal.operation_id
HAVING count(*) > 1 AND max(journal.window_no) = $2
LIMIT 100
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


async def find_twice_booked(
    connection: Connection, window_no: int, *, lanes: int
) -> Mapping[Operation, Sequence[Place]]:
    """Return the operations of a closed window that stand in two lanes and in neither are undone; at most 100."""
    if await connection.fetchval(SELECT_IS_KEPT_UNIQUE):
        return {}
    numbers = list(range(lanes))
    suspects = [row["operation_id"] for row in await connection.fetch(SELECT_SUSPECTS, numbers, window_no)]
    places: defaultdict[Operation, list[Place]] = defaultdict(list)
    for row in await connection.fetch(SELECT_STANDING, numbers, suspects) if suspects else ():
        places[Operation(row["partner"], row["operation_id"])].append(Place(row["lane"], row["leaf"]))
    return {operation: standing for operation, standing in places.items() if len(standing) > 1}
