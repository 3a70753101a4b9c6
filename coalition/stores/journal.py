"""The journal, as a partner reads its own operations."""

from collections.abc import Sequence

from coalition.database.pool import Connection

SELECT_RESULT = """
SELECT journal.result
FROM operation
JOIN journal ON journal.lane = operation.lane AND journal.leaf = operation.leaf
WHERE operation.lane = ANY($1::smallint[]) AND operation.partner = $2 AND operation.operation_id = $3
"""


async def load_result(connection: Connection, lanes: Sequence[int], *, partner: int, operation_id: str) -> str | None:
    """Return a partner's operation's result as it was answered; None: never decided."""
    return await connection.fetchval(SELECT_RESULT, lanes, partner, operation_id)  # type: ignore[no-any-return]
