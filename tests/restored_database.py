"""A database that tests use in turns: after each it holds what the template holds, to the row and to the next id.

To copy a template is to copy over 600 files; to empty its tables and to put the first rows back is one script of a few
milliseconds. Where that would not do, the database is dropped and copied anew:

    a test changed the schema or the database's settings, or gathered statistics, which choose plans
    rows, dead ones too, have grown to GROWTH_MAX_BYTES, and slow down whatever looks through a table
"""

from collections.abc import Callable

import asyncpg

from coalition.database.pool import Connection

GROWTH_MAX_BYTES = 8 << 20
OWN_OID_MIN = 16384

TABLES = f"""
SELECT format('%I.%I', nspname, relname)
FROM pg_class
JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind = 'r' AND pg_class.oid >= {OWN_OID_MIN}
ORDER BY 1
"""

RESTART_SEQUENCES = """
SELECT string_agg(format('SELECT setval(%L, %s, %L)', format('%I.%I', schemaname, sequencename),
    coalesce(last_value, start_value), last_value IS NOT NULL), '; ')
FROM pg_sequences
"""

GROWTH = f"SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND oid >= {OWN_OID_MIN}"

# Whatever changes a schema writes into one of these; ANALYZE into the last.
CATALOGUES = (
    *("pg_namespace", "pg_class", "pg_attribute", "pg_attrdef", "pg_constraint", "pg_index", "pg_proc", "pg_trigger"),
    *("pg_type", "pg_enum", "pg_rewrite", "pg_sequence", "pg_extension", "pg_db_role_setting", "pg_statistic"),
)
TRACES = " UNION ALL ".join(
    f"SELECT '{name}', count(*), count(*) FILTER (WHERE age(xmin) < age($1::xid)) FROM {name}" for name in CATALOGUES
)

END_OTHERS = """
SELECT count(pg_terminate_backend(pid, 10000))
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


class RestoredDatabase:
    """One database `name`, made by `make`; `restore` after each use.

    Of the server, roles and settings of the whole cluster are not put back."""

    def __init__(self, *, name: str, template: str, url_of: Callable[[str], str]) -> None:
        self.name = name
        self.url = url_of(name)
        self.copies = 0
        self._template = template
        self._url_of_all = url_of("postgres")
        self._connection: asyncpg.Connection | None = None
        self._first_rows = ""
        self._made_at = 0
        self._traces: list[asyncpg.Record] = []

    async def make(self) -> None:
        """Copy the template, which nobody may be connected to; what is there by the name goes."""
        await self.close()
        server = await asyncpg.connect(self._url_of_all)
        await server.execute(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
        await server.execute(f"CREATE DATABASE {self.name} TEMPLATE {self._template} STRATEGY file_copy")
        await server.close()
        self.copies += 1
        connection = await self._connect()
        self._first_rows = self._first_rows or await script_of(connection)
        self._made_at = await connection.fetchval("SELECT pg_current_xact_id()::xid")
        self._traces = await connection.fetch(TRACES, self._made_at)

    async def restore(self) -> None:
        """End whoever is still connected, and bring the database to the template's state."""
        connection = await self._connect()
        while await connection.fetchval(END_OTHERS):
            pass
        if await self.is_changed(connection) or await connection.fetchval(GROWTH) > GROWTH_MAX_BYTES:
            await self.make()
        else:
            await connection.execute(self._first_rows)

    async def is_changed(self, connection: Connection) -> bool:
        """Return whether the schema, settings or statistics differ from the template's, as `connection` sees them."""
        return await connection.fetch(TRACES, self._made_at) != self._traces

    async def drop(self) -> None:
        await self.close()
        server = await asyncpg.connect(self._url_of_all)
        await server.execute(f"DROP DATABASE {self.name} WITH (FORCE)")
        await server.close()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _connect(self) -> asyncpg.Connection:
        # Kept, since a new connection takes ten times as long to empty tables; a test may have ended it.
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self.url)
            # Rows go in any order, and neither triggers nor keys of other tables look at them.
            await self._connection.execute("SET session_replication_role = replica")
        return self._connection


async def script_of(connection: Connection) -> str:
    """Return the statements that bring any rows and sequences to what the database holds now."""
    statements = []
    for (table,) in await connection.fetch(TABLES):
        statements.append(f"DELETE FROM {table}")
        rows = await connection.fetchval(f"SELECT json_agg(was) FROM {table} AS was")
        if rows is not None:
            again = "SELECT format('SELECT * FROM json_populate_recordset(NULL::' || $1 || ', %L)', $2::text)"
            statements.append(
                f"INSERT INTO {table} OVERRIDING SYSTEM VALUE " + await connection.fetchval(again, table, rows)
            )
    statements.append(await connection.fetchval(RESTART_SEQUENCES))
    return "; ".join(statements)
