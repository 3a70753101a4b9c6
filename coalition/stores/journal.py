"""The journal: its records, and the identity of operations."""

from collections.abc import Iterable, Sequence

from coalition.database.pool import Connection
from coalition.ledger.book import JournalRecord, KnownOperation, OperationKey


async def append_records(connection: Connection, records: Iterable[JournalRecord]) -> None:
    """Append records to their lane's journal; the caller holds the lane's lock."""
    await connection.copy_records_to_table("journal", records=records, columns=JournalRecord._fields)


async def add_operations(connection: Connection, operations: Iterable[tuple[int, int, str, bytes, int]]) -> None:
    """Write operations' identity as (lane, partner, operation_id, content, leaf)."""
    await connection.copy_records_to_table(
        "operation", records=operations, columns=("lane", "partner", "operation_id", "content", "leaf")
    )


SELECT_KNOWN = """
SELECT operation.partner, operation.operation_id, operation.content, operation.lane, operation.leaf, journal.result
FROM unnest($2::bigint[], $3::text[]) AS asked (partner, operation_id)
JOIN operation ON operation.lane = $1 AND operation.partner = asked.partner
    AND operation.operation_id = asked.operation_id
JOIN journal ON journal.lane = operation.lane AND journal.leaf = operation.leaf AND journal.lane = $1
"""


async def load_known(
    connection: Connection, lane: int, keys: Sequence[OperationKey]
) -> dict[OperationKey, KnownOperation]:
    """Return which of these operations the lane has decided before, with their results."""
    rows = await connection.fetch(SELECT_KNOWN, lane, [key[0] for key in keys], [key[1] for key in keys])
    return {(row[0], row[1]): KnownOperation(row[2], row[3], row[4], row[5]) for row in rows}


SELECT_ELSEWHERE = """
SELECT operation.operation_id, operation.lane, operation.leaf
FROM operation
WHERE operation.lane = ANY($1::smallint[]) AND operation.partner = $2 AND operation.operation_id = ANY($3::text[])
"""


async def load_places(
    connection: Connection, lanes: Sequence[int], *, partner: int, operation_ids: Sequence[str]
) -> dict[str, tuple[int, int]]:
    """Return the (lane, leaf) of those of a partner's operations that any of the lanes has decided."""
    rows = await connection.fetch(SELECT_ELSEWHERE, lanes, partner, operation_ids)
    return {row[0]: (row[1], row[2]) for row in rows}


SELECT_RESULT = """
SELECT journal.result
FROM operation
JOIN journal ON journal.lane = operation.lane AND journal.leaf = operation.leaf
WHERE operation.lane = ANY($1::smallint[]) AND operation.partner = $2 AND operation.operation_id = $3
"""


async def load_result(connection: Connection, lanes: Sequence[int], *, partner: int, operation_id: str) -> str | None:
    """Return a partner's operation's result as it was answered; None: never decided."""
    return await connection.fetchval(SELECT_RESULT, lanes, partner, operation_id)  # type: ignore[no-any-return]
