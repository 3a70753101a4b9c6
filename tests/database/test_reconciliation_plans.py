"""A reconciliation reads the windows that it is about, by the journal's primary key; never the journal as a whole."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from coalition.database.pool import Connection, Pool
from coalition.stores.reconciliations import SELECT_DAYS, SELECT_LINES, read_by_keys

LEAVES = 20_000

FILL = """
INSERT INTO journal (lane, leaf, window_no, kind, partner, operation_id, account, points, occurred_at, booked_at,
    result)
SELECT lane, leaf, 1 + leaf / 2000, 'earn', 1 + leaf % 20, 'id-' || lane || '-' || leaf, 1, 10,
    $1::timestamptz + leaf * interval '1 minute', $1::timestamptz + leaf * interval '1 minute', '{}'
FROM generate_series(0, 3) AS lane, generate_series(0, $2::bigint - 1) AS leaf
"""


async def plan_of(connection: Connection, query: str, *arguments: str) -> str:
    """Return the plan that the hub's connections use, made without looking at the arguments."""
    await connection.execute(f"PREPARE asked AS {query}")
    row = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked ({', '.join(arguments)})")
    await connection.execute("DEALLOCATE asked")
    return str(row)


def journal_nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    below = [node for child in plan.get("Plans", ()) for node in journal_nodes(child)]
    return [plan, *below] if plan.get("Relation Name") == "journal" else below


async def test_days_and_lines_are_found_by_the_journals_key(pool: Pool) -> None:
    """Of ten windows in four lanes one is read: a tenth of the journal."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    first, end = (f"'{moment.isoformat()}'::timestamptz" for moment in (start, start + timedelta(days=30)))
    spans = ["1", "'{0,1,2,3}'", "'{2000,2000,2000,2000}'", "'{4000,4000,4000,4000}'"]
    boundaries = "ARRAY[" + ", ".join(f"{first} + interval '{day} days'" for day in range(31)) + "]"
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(FILL, start, LEAVES)
        await connection.execute("ANALYZE journal")
        await read_by_keys(connection)
        opened_at = "'{NULL,NULL,NULL,NULL}'"
        days = await plan_of(connection, SELECT_DAYS, *spans, boundaries, "true", opened_at, first, end)
        lines = await plan_of(connection, SELECT_LINES, *spans, first, end, "''", "NULL", "5001")
    for plan in (days, lines):
        (node,) = journal_nodes(json.loads(plan)[0]["Plan"])
        assert node["Index Name"] == "journal_pkey", node
        assert "leaf" in node["Index Cond"]
        read = node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        assert read <= 8_000
