"""The database that tests use in turns is, after each, what a new copy of the template would be."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from coalition.database.embedded import EmbeddedPostgres
from tests.restored_database import END_OTHERS, GROWTH_MAX_BYTES, TABLES, RestoredDatabase

# A value of each type, unlike any that the first rows have.
VALUES = {
    "bigint": "1000",
    "boolean": "true",
    "bytea": r"'\x07'",
    "character varying": "'x'",
    "date": "'2001-01-01'",
    "integer": "1000",
    "jsonb": "'{}'",
    "numeric": "7",
    "smallint": "1000",
    "text": "'x'",
    "timestamp with time zone": "'2001-01-01'",
    "ARRAY": "'{}'",
}
CHECKS = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
FROM pg_constraint
WHERE contype = 'c' AND conrelid <> 0 AND connamespace = 'public'::regnamespace
"""
COLUMNS = "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema || '.' || table_name = $1"
SEQUENCES = "SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences ORDER BY 1"
SHAPE = """
SELECT 'column', format('%s.%s', table_name, column_name), format('%s %s %s', data_type, is_nullable, column_default)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'constraint', conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', oid::regprocedure::text, pg_get_functiondef(oid)
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'statistics', tablename, attname FROM pg_stats WHERE schemaname = 'public'
UNION ALL SELECT 'setting', '', setting FROM pg_db_role_setting, unnest(setconfig) AS setting
WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY 1, 2, 3
"""

CHANGES = (
    "CREATE TABLE more (id bigint)",
    "DROP TABLE lot CASCADE",
    "ALTER TABLE partner ADD COLUMN more text",
    "ALTER TABLE partner ALTER COLUMN name DROP NOT NULL",
    "ALTER TABLE partner ALTER COLUMN status SET DEFAULT 'x'",
    "ALTER TABLE partner DISABLE TRIGGER ALL",
    "ALTER TABLE partner DROP CONSTRAINT partner_name_unique",
    "DROP INDEX operation_id_in_one_lane",
    "CREATE FUNCTION more() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE SEQUENCE more",
    "ALTER SEQUENCE account_number INCREMENT BY 2",
    "ANALYZE lane",
    "ALTER DATABASE {name} SET work_mem = '1MB'",
    "CREATE INDEX more ON lot (points)",
)
FILL = """
INSERT INTO operator (operator, password_hash, roles, created_at)
SELECT number, repeat('x', 1000), '{}', now() FROM generate_series(1, $1) AS number
"""


async def contents(url: str) -> dict[str, list[str]]:
    """Return all rows of all tables, and where the sequences stand."""
    connection = await asyncpg.connect(url)
    rows = {
        table: [text for (text,) in await connection.fetch(f"SELECT row::text FROM {table} AS row ORDER BY 1")]
        for (table,) in await connection.fetch(TABLES)
    }
    rows["sequences"] = [f"{name} {value}" for name, value in await connection.fetch(SEQUENCES)]
    await connection.close()
    return rows


async def shape(url: str) -> list[tuple[str, str, str]]:
    """Return the schema, what is known of the rows in general, and the database's settings."""
    connection = await asyncpg.connect(url)
    found = [tuple(row) for row in await connection.fetch(SHAPE)]
    await connection.close()
    return found


@pytest.fixture
async def database(cluster: EmbeddedPostgres, template: str) -> AsyncIterator[RestoredDatabase]:
    database = RestoredDatabase(name=f"{template}_restored", template=template, url_of=cluster.url_of)
    await database.make()
    yield database
    await database.drop()


async def test_a_test_begins_with_what_the_template_holds(database: RestoredDatabase, database_url: str) -> None:
    """Whichever tests ran before this one."""
    assert await contents(database_url) == await contents(database.url)
    assert await shape(database_url) == await shape(database.url)


async def test_rows_ids_and_connections_that_a_test_leaves_are_gone(
    cluster: EmbeddedPostgres, database: RestoredDatabase
) -> None:
    """Of every table that there is: none can be forgotten that a later migration makes."""
    connection = await asyncpg.connect(database.url)
    # Rows of no meaning, in a template that takes any.
    for (statement,) in await connection.fetch(CHECKS):
        await connection.execute(statement)
    await connection.close()
    await database.close()
    loose = RestoredDatabase(name=f"{database.name}_loose", template=database.name, url_of=cluster.url_of)
    await loose.make()
    first = await contents(loose.url)
    left = await asyncpg.connect(loose.url)
    await left.execute("SET session_replication_role = replica")
    for (table,) in await left.fetch(TABLES):
        columns = await left.fetch(COLUMNS, table)
        names = ", ".join(name for name, _ in columns)
        values = ", ".join(VALUES[kind] for _, kind in columns)
        await left.execute(f"DELETE FROM {table}")
        await left.execute(f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE VALUES ({values})")
    for sequence, _ in await left.fetch(SEQUENCES):
        await left.execute("SELECT nextval($1::text::regclass)", sequence)
    await left.execute(END_OTHERS)
    dirty = await contents(loose.url)
    assert [name for name in first if dirty[name] == first[name]] == []
    await left.execute("BEGIN; LOCK TABLE partner; SELECT pg_advisory_lock(1); LISTEN registry")

    await loose.restore()

    assert await contents(loose.url) == first
    assert loose.copies == 1
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
        await left.execute("COMMIT")
    await loose.drop()


async def test_a_schema_that_a_test_changed_is_noticed_and_copied_anew(database: RestoredDatabase) -> None:
    before = await shape(database.url)
    connection = await asyncpg.connect(database.url)
    for change in CHANGES:
        await connection.execute("BEGIN")
        assert not await database.is_changed(connection)
        await connection.execute(change.format(name=database.name))
        assert await database.is_changed(connection), change
        await connection.execute("ROLLBACK")
    await connection.execute("; ".join(CHANGES[-3:]).format(name=database.name))
    assert await shape(database.url) != before
    await connection.close()

    await database.restore()

    assert database.copies == 2
    assert await shape(database.url) == before


async def test_a_database_of_many_dead_rows_is_copied_anew(database: RestoredDatabase) -> None:
    connection = await asyncpg.connect(database.url)
    for copies, rows in ((1, 1_000), (2, GROWTH_MAX_BYTES // 1_000)):
        await connection.execute(FILL, rows)
        await connection.close()
        await database.restore()
        assert database.copies == copies
        connection = await asyncpg.connect(database.url)
    await connection.close()
