"""The journal, as a partner reads its own operations."""

from collections.abc import Sequence

from coalition.database.pool import Connection
from coalition.stores.past_records import load_past_records

SELECT_RESULT = """
SELECT operation.lane, operation.leaf, journal.result
FROM operation
LEFT JOIN journal ON journal.lane = operation.lane AND journal.leaf = operation.leaf
WHERE operation.lane = ANY($1::smallint[]) AND operation.partner = $2 AND operation.operation_id = $3
"""


async def load_result(connection: Connection, lanes: Sequence[int], *, partner: int, operation_id: str) -> str | None:
    """Return a partner's operation's result as it was answered; None: never decided."""
    row = await connection.fetchrow(SELECT_RESULT, lanes, partner, operation_id)
    if row is None:
        return None
    if row["result"] is not None:
        return row["result"]  # type: ignore[no-any-return]
    archived = await load_past_records(connection, row["lane"], [row["leaf"]])
    return archived[row["leaf"]].record["result"]  # type: ignore[no-any-return]
