"""Set the tables up on Citus, and level lanes over its nodes. May be killed at any moment, and run again.

What each call does is told by Citus' own reference (docs.citusdata.com: "Citus Utility Functions" and "SQL Support and
Workarounds"). Three things are not obvious:

- Reference tables that refer to each other are made in one transaction without their foreign keys, which come back
  before it ends: with the coordinator among the nodes, a chain of them is refused otherwise.
- Local tables refer to no reference table there. Such a key would make the local table one of Citus' own, whose
  identity columns and row locks work otherwise; what it forbids, the code never does.
- `citus.multi_shard_modify_mode` is `sequential` in this database: one connection to each node in a transaction.
  With several, a transaction that has read lanes could not write a reference table that others refer to.
- Prepared statements keep no plan without values there (`coalition.database.pool`).
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from coalition.database.migrate import MIGRATION_LOCK
from coalition.database.placement import (
    INDEXES_OF_ONE_DATABASE,
    LANE_TABLES,
    LOCAL_TABLES,
    REFERENCE_TABLES,
    Node,
    Shard,
    best_shard_count,
    moves_to_level,
)
from coalition.database.pool import APPLICATION_NAME, Connection
from coalition.errors import DistributionRefusedError

VERSION_MIN = 12
# Data may have to be copied to the nodes.
TIMEOUT_S = 24 * 3_600

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Distribution:
    """What was done, and where the lanes lie now."""

    distributed: tuple[str, ...]
    references: tuple[str, ...]
    moved: tuple[int, ...]
    shards: tuple[Shard, ...]


async def distribute(url: str, *, progress: Progress = lambda _: None) -> Distribution:
    """Distribute the lane tables, copy the reference tables to every node, and level the lanes; all hubs are stopped.

    The schema has to be this version's. Raises DistributionRefusedError that says what is missing; nothing is changed
    then."""
    async with _connected(url) as connection:
        await _require_cluster(connection)
        await _require_no_hubs(connection)
        kinds = await _load_kinds(connection)
        _require_expected(kinds)
        references = [table for table in REFERENCE_TABLES if table not in kinds]
        if references:
            progress(f"copies on every node: {', '.join(references)}")
            await _make_references(connection, references)
        distributed = [table for table in LANE_TABLES if table not in kinds]
        for table in distributed:
            progress(f"by lane: {table}")
            await _distribute_table(connection, table)
        for table in LANE_TABLES:
            await connection.execute(FORGET_LOCAL_ROWS, table)
        await connection.execute(SET_SEQUENTIAL)
        moved = await _level(connection, progress, mode="block_writes")
        return Distribution(tuple(distributed), tuple(references), moved, tuple(await _load_shards(connection)))


async def level(url: str, *, progress: Progress = lambda _: None) -> Distribution:
    """Move lanes so that each node has about as many, while hubs go on; after a node was added, say.

    Raises DistributionRefusedError where the tables are not distributed."""
    async with _connected(url) as connection:
        await _require_cluster(connection)
        kinds = await _load_kinds(connection)
        _require_expected(kinds)
        if any(table not in kinds for table in LANE_TABLES):
            raise DistributionRefusedError(
                "the tables are not distributed, or not all: run `coalition database distribute`"
            )
        moved = await _level(connection, progress, mode="auto")
        return Distribution((), (), moved, tuple(await _load_shards(connection)))


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    # The statements here go to the coordinator one by one; a name of its own, so that hubs can be told apart.
    settings = {"application_name": "coalition-database", "citus.shard_replication_factor": "1"}
    connection = await asyncpg.connect(url, command_timeout=TIMEOUT_S, server_settings=settings)
    try:
        # Nobody migrates meanwhile, or distributes.
        await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        await connection.execute("SET client_min_messages = warning")
        yield connection
    finally:
        await connection.close()


SELECT_EXTENSION = """
SELECT available.installed_version, available.default_version
FROM pg_available_extensions AS available
WHERE available.name = 'citus'
"""
SELECT_GROUP = "SELECT groupid FROM pg_dist_local_group"
SELECT_COORDINATOR = "SELECT count(*) FROM pg_dist_node WHERE groupid = 0"
SELECT_INACTIVE = "SELECT nodename, nodeport FROM pg_dist_node WHERE NOT isactive ORDER BY nodename, nodeport"


async def _require_cluster(connection: Connection) -> None:
    extension = await connection.fetchrow(SELECT_EXTENSION)
    if extension is None:
        raise DistributionRefusedError(
            "this PostgreSQL has no extension citus. One server needs none, and nothing has to be done; for several, "
            "install Citus on each of them and name it in shared_preload_libraries (docs/operator.md)"
        )
    version = extension["installed_version"]
    if version is None:
        raise DistributionRefusedError(
            f"the extension citus {extension['default_version']} is there and not switched on in this database: "
            "CREATE EXTENSION citus, here and in the database of each worker, by a superuser"
        )
    if int(version.partition(".")[0]) < VERSION_MIN:
        raise DistributionRefusedError(f"expected Citus {VERSION_MIN} or later, {version} came")
    if await connection.fetchval(SELECT_GROUP) != 0:
        raise DistributionRefusedError("this is a worker of the cluster; name its coordinator in the database's URL")
    if await connection.fetchval(SELECT_COORDINATOR) == 0:
        raise DistributionRefusedError(
            "the coordinator is not among the cluster's nodes, and reference tables have to be there too: "
            "SELECT citus_set_coordinator_host('its name', 5432), then citus_add_node for each worker"
        )
    away = [str(Node(*row)) for row in await connection.fetch(SELECT_INACTIVE)]
    if away:
        raise DistributionRefusedError(f"nodes are not active: {', '.join(away)}; activate or remove them first")


COUNT_HUBS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()
"""


async def _require_no_hubs(connection: Connection) -> None:
    count = await connection.fetchval(COUNT_HUBS, APPLICATION_NAME)
    if count:
        raise DistributionRefusedError(f"hubs or commands are at work on {count} connections: stop them first")


SELECT_KINDS = "SELECT table_name::text AS name, citus_table_type AS kind, distribution_column AS key FROM citus_tables"


async def _load_kinds(connection: Connection) -> dict[str, tuple[str, str]]:
    """Return (kind, key) of the tables that Citus has; the keys of reference tables are of no account."""
    rows = await connection.fetch(SELECT_KINDS)
    return {
        row["name"]: (row["kind"], row["key"] if row["kind"] == "distributed" else "")
        for row in rows
        if row["kind"] in ("distributed", "reference")
    }


def _require_expected(kinds: dict[str, tuple[str, str]]) -> None:
    expected = dict.fromkeys(LANE_TABLES, ("distributed", "lane"))
    expected |= dict.fromkeys(REFERENCE_TABLES, ("reference", ""))
    wrong = [
        f"{table} is {' by '.join(filter(None, kind))}, expected {' by '.join(filter(None, expected[table]))}"
        if table in expected
        else f"{table} is {kind[0]}, expected local"
        for table, kind in sorted(kinds.items())
        if table in LOCAL_TABLES or (table in expected and kind != expected[table])
    ]
    if wrong:
        raise DistributionRefusedError(f"{'; '.join(wrong)}: undistribute_table puts a table back")


SELECT_FOREIGN_KEYS = """
SELECT conrelid::regclass::text AS referring, quote_ident(conname) AS name, pg_get_constraintdef(oid) AS definition
FROM pg_constraint
WHERE contype = 'f' AND conparentid = 0
    AND (conrelid::regclass::text = ANY($1::text[]) OR confrelid::regclass::text = ANY($1::text[]))
ORDER BY conrelid::regclass::text, conname
"""
MAKE_REFERENCE = "SELECT create_reference_table($1::text::regclass)"
FORGET_LOCAL_ROWS = "SELECT truncate_local_data_after_distributing_table($1::text::regclass)"


async def _make_references(connection: Connection, tables: Sequence[str]) -> None:
    async with connection.transaction():
        await connection.execute("SET LOCAL citus.multi_shard_modify_mode = 'sequential'")
        keys = await connection.fetch(SELECT_FOREIGN_KEYS, list(tables))
        for key in keys:
            await connection.execute(f"ALTER TABLE {key['referring']} DROP CONSTRAINT {key['name']}")
        for table in tables:
            await connection.execute(MAKE_REFERENCE, table)
            await connection.execute(FORGET_LOCAL_ROWS, table)
        for key in keys:
            if key["referring"] in REFERENCE_TABLES:
                add = f"ADD CONSTRAINT {key['name']} {key['definition']}"
                await connection.execute(f"ALTER TABLE {key['referring']} {add}")


MAKE_FIRST = "SELECT create_distributed_table('lane', 'lane', colocate_with => 'none', shard_count => $1::integer)"
MAKE_BESIDE = "SELECT create_distributed_table($1::text::regclass, 'lane', colocate_with => 'lane')"
# hashint2 is the function by which Citus deals smallint keys out.
SELECT_HASHES = "SELECT hashint2(lane::smallint) FROM generate_series(0, $1::integer - 1) AS lane"
SELECT_LANES = "SELECT lanes FROM programme"


async def _distribute_table(connection: Connection, table: str) -> None:
    async with connection.transaction():
        if table == LANE_TABLES[0]:
            lanes = await connection.fetchval(SELECT_LANES)
            hashes = [row[0] for row in await connection.fetch(SELECT_HASHES, lanes)]
            await connection.execute(MAKE_FIRST, best_shard_count(hashes))
            return
        if table == "operation":
            for index in INDEXES_OF_ONE_DATABASE:
                await connection.execute(f"DROP INDEX IF EXISTS {index}")
        await connection.execute(MAKE_BESIDE, table)


SET_SEQUENTIAL = """
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET citus.multi_shard_modify_mode = ''sequential''', current_database());
END $$
"""

SELECT_SHARD = "SELECT get_shard_id_for_distribution_column('lane', $1::smallint)"
SELECT_PLACE = "SELECT nodename, nodeport FROM pg_dist_shard_placement WHERE shardid = $1"
SELECT_NODES = """
SELECT nodename, nodeport FROM pg_dist_node
WHERE isactive AND shouldhaveshards AND noderole = 'primary'
ORDER BY nodename, nodeport
"""
MOVE_SHARD = """
SELECT citus_move_shard_placement($1::bigint, $2::text, $3::integer, $4::text, $5::integer,
    shard_transfer_mode => $6::text::citus.shard_transfer_mode)
"""


async def _load_shards(connection: Connection) -> list[Shard]:
    lanes_of: dict[int, list[int]] = {}
    for lane in range(await connection.fetchval(SELECT_LANES)):
        lanes_of.setdefault(await connection.fetchval(SELECT_SHARD, lane), []).append(lane)
    shards = []
    for shard, lanes in sorted(lanes_of.items()):
        place = await connection.fetchrow(SELECT_PLACE, shard)
        assert place is not None, "each shard lies somewhere"
        shards.append(Shard(shard, Node(*place), tuple(lanes)))
    return shards


async def _level(connection: Connection, progress: Progress, *, mode: str) -> tuple[int, ...]:
    nodes = [Node(*row) for row in await connection.fetch(SELECT_NODES)]
    moves = moves_to_level(await _load_shards(connection), nodes) if nodes else []
    for move in moves:
        source, target = move.shard.node, move.target
        progress(f"lanes {', '.join(map(str, move.shard.lanes))}: {source} -> {target}")
        await connection.execute(MOVE_SHARD, move.shard.shard, source.host, source.port, target.host, target.port, mode)
    return tuple(lane for move in moves for lane in move.shard.lanes)
