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


# A subquery, not a join: it is run by the whole key whatever the planner believes of the tables. A plan that was made
# while they were empty joins them by the lane alone, and stays until the next ANALYZE.
FIND_OPERATIONS = """
SELECT (
    SELECT (operation.partner, operation.operation_id, operation.content, operation.leaf)
    FROM operation
    WHERE operation.lane = $1 AND operation.partner = asked.partner AND operation.operation_id = asked.operation_id)
FROM unnest($2::bigint[], $3::text[]) AS asked (partner, operation_id)
"""


async def find_operations(
    connection: Connection, lane: int, keys: Sequence[OperationKey]
) -> dict[OperationKey, tuple[bytes, int]]:
    """Return the (content, leaf) of those of the operations that the lane has decided."""
    rows = await connection.fetch(FIND_OPERATIONS, lane, [key[0] for key in keys], [key[1] for key in keys])
    found = [row[0] for row in rows if row[0] is not None]
    return {(partner, operation_id): (content, leaf) for partner, operation_id, content, leaf in found}


SELECT_RESULTS = "SELECT leaf, result FROM journal WHERE lane = $1 AND leaf = ANY($2::bigint[])"


async def load_known(
    connection: Connection, lane: int, keys: Sequence[OperationKey]
) -> dict[OperationKey, KnownOperation]:
    """Return which of these operations the lane has decided before, with their results."""
    found = await find_operations(connection, lane, keys)
    if not found:
        return {}
    leaves = sorted(leaf for _, leaf in found.values())
    results = {row[0]: row[1] for row in await connection.fetch(SELECT_RESULTS, lane, leaves)}
    return {key: KnownOperation(content, lane, leaf, results[leaf]) for key, (content, leaf) in found.items()}


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
