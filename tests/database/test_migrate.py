import asyncio

import asyncpg

from coalition.database.embedded import EmbeddedPostgres
from coalition.database.migrate import ProgrammeSettings, migrate
from coalition.database.pool import Pool


async def test_two_processes_may_migrate_at_once(cluster: EmbeddedPostgres) -> None:
    """One migrates, the other waits and finds it done; the programme's rows are there once."""
    connection = await asyncpg.connect(cluster.url)
    await connection.execute("CREATE DATABASE migrated_twice")
    await connection.close()
    url = cluster.url_of("migrated_twice")

    await asyncio.gather(migrate(url, ProgrammeSettings(lanes=3)), migrate(url, ProgrammeSettings(lanes=3)))

    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT count(*) FROM lane") == 3
    assert await connection.fetchval("SELECT count(*) FROM programme") == 1
    await connection.close()


async def test_every_lane_table_is_keyed_by_lane_first(pool: Pool) -> None:
    """The rule that keeps one text valid on plain PostgreSQL and on Citus: keys of lane tables begin with lane."""
    keys = await pool.fetch(
        """
        SELECT c.conrelid::regclass::text AS name, a.attname AS first
        FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE c.contype IN ('p', 'u') AND c.connamespace = 'public'::regnamespace
        """
    )
    bookkeeping = {"journal_node", "lane", "lane_window", "message", "operation", "journal", "window_total"}
    lane_tables = bookkeeping | {"account", "lot", "lot_use", "reversal", "hold"}
    lane_tables |= {"promotion_allowance", "promotion_share", "cap_allowance"}
    lane_tables |= {"account_usage", "card_usage", "step_up_code", "certificate", "certificate_use"}
    first_columns = {row["name"]: row["first"] for row in keys if row["name"] in lane_tables}
    assert first_columns == dict.fromkeys(lane_tables, "lane")
