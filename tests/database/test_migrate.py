import asyncio

import asyncpg

from coalition.database.embedded import EmbeddedPostgres
from coalition.database.migrate import ProgrammeSettings, migrate
from coalition.database.placement import INDEXES_OF_ONE_DATABASE, LANE_TABLES, LOCAL_TABLES, REFERENCE_TABLES
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


async def test_every_table_has_its_place_and_keeps_the_rules_of_it(pool: Pool) -> None:
    """One list says of each table whether it is distributed by lane, copied or local; keys of the first kind begin with
    lane, nothing refers from or to them, no trigger is on them; numbers that the database gives are bigint."""
    tables = [
        row[0]
        for row in await pool.fetch(
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        )
    ]
    assert sorted([*LANE_TABLES, *REFERENCE_TABLES, *LOCAL_TABLES]) == tables

    unique = await pool.fetch(
        """
        SELECT index.relname AS name, field.attname AS first
        FROM pg_index
        JOIN pg_class AS index ON index.oid = pg_index.indexrelid
        JOIN pg_attribute AS field ON field.attrelid = pg_index.indrelid AND field.attnum = pg_index.indkey[0]
        WHERE pg_index.indisunique AND pg_index.indrelid = ANY($1::text[]::regclass[])
        """,
        LANE_TABLES,
    )
    first_columns = {row["name"]: row["first"] for row in unique if row["name"] not in INDEXES_OF_ONE_DATABASE}
    assert len(first_columns) >= len(LANE_TABLES)
    assert set(first_columns.values()) == {"lane"}
    assert len(unique) == len(first_columns) + len(INDEXES_OF_ONE_DATABASE)

    keys = await pool.fetch(
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
    )
    kind = {
        **dict.fromkeys(LANE_TABLES, "lane"),
        **dict.fromkeys(REFERENCE_TABLES, "reference"),
        **dict.fromkeys(LOCAL_TABLES, "local"),
    }
    allowed = {("reference", "reference"), ("local", "reference"), ("local", "local")}
    assert {(kind[referring], kind[referred]) for referring, referred in keys} == allowed

    assert await pool.fetch("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal") == []
    assert await pool.fetch("SELECT conname FROM pg_constraint WHERE contype = 'x'") == []
    identities = "SELECT attrelid::regclass::text, atttypid::regtype::text FROM pg_attribute WHERE attidentity <> ''"
    assert {row[1] for row in await pool.fetch(identities)} == {"bigint"}
