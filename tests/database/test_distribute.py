"""`coalition database distribute` against a stand-in for Citus that knows its documented refusals."""

from collections import Counter
from pathlib import Path

import asyncpg
import pytest

from coalition.database.distribute import Distribution, distribute, level
from coalition.database.placement import LANE_TABLES, LOCAL_TABLES, REFERENCE_TABLES
from coalition.database.pool import Connection, open_pool
from coalition.errors import DistributionRefusedError
from coalition.operations.check_sums import check_sums

STAND_IN = Path(__file__).with_name("citus_stand_in.sql")


@pytest.fixture
async def citus_url(database_url: str, data_root: Path) -> str:
    """A database in which the extension may be switched on. PostgreSQL 18 looks for extensions in folders named."""
    folder = data_root / "citus" / "extension"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "citus.control").write_text("default_version = '13.0-1'\nrelocatable = true\n")
    (folder / "citus--13.0-1.sql").write_text(STAND_IN.read_text())
    for path in (folder.parent, folder):
        path.chmod(0o755)
    connection = await asyncpg.connect(database_url)
    if connection.get_server_version() < (18,):
        pytest.skip("extensions of another folder come with PostgreSQL 18")
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f"ALTER DATABASE {name} SET extension_control_path = '{folder.parent}:$system'")
    await connection.close()
    return database_url


# What is not as it must be, what puts it right, and what is said of it.
DAMAGES = (
    ("UPDATE pg_dist_local_group SET groupid = 1", "UPDATE pg_dist_local_group SET groupid = 0", "a worker of the"),
    (
        "DELETE FROM pg_dist_node WHERE groupid = 0",
        "INSERT INTO pg_dist_node VALUES (0, 'coordinator', 5432, true, false, 'primary')",
        "citus_set_coordinator_host",
    ),
    (
        "UPDATE pg_dist_node SET isactive = false WHERE groupid = 2",
        "UPDATE pg_dist_node SET isactive = true",
        "not active: worker-2:5432",
    ),
    (
        "SELECT create_reference_table('lot_use')",
        "DELETE FROM citus_tables",
        "lot_use is reference, expected distributed by lane",
    ),
)


async def test_a_cluster_is_set_up_once_and_further_runs_and_new_nodes_only_level_it(citus_url: str) -> None:
    """What is missing is said before anything is changed; then every table lies where the list says, foreign keys
    between copied ones are back, lanes are even over the nodes, and a second run does nothing."""
    with pytest.raises(DistributionRefusedError, match=r"not switched on .* CREATE EXTENSION citus"):
        await distribute(citus_url)
    connection = await asyncpg.connect(citus_url)
    await connection.execute("CREATE EXTENSION citus")
    keys_before = await _foreign_keys(connection)

    await _assert_refused_before_anything_is_changed(connection, citus_url)
    done = await _distribute_through_a_fault(connection, citus_url)
    await _assert_each_table_in_its_place(connection, keys_before)
    assert _lanes_by_node(done) == {"worker-1": 2, "worker-2": 2}

    again = await distribute(citus_url)
    assert (again.distributed, again.references, again.moved, again.shards) == ((), (), (), done.shards)
    await _assert_a_new_node_gets_its_part(connection, citus_url)
    await _assert_sessions_fit_a_cluster(citus_url)
    await connection.close()


async def _assert_refused_before_anything_is_changed(connection: Connection, url: str) -> None:
    for damage, mending, told in DAMAGES:
        await connection.execute(damage)
        with pytest.raises(DistributionRefusedError, match=told):
            await distribute(url)
        await connection.execute(mending)
    hub = await open_pool(url)
    with pytest.raises(DistributionRefusedError, match="at work on 1 connections: stop them first"):
        await distribute(url)
    await hub.close()
    with pytest.raises(DistributionRefusedError, match="run `coalition database distribute`"):
        await level(url)
    assert await connection.fetchval("SELECT count(*) FROM citus_tables") == 0


async def _distribute_through_a_fault(connection: Connection, url: str) -> Distribution:
    """Ended between two tables: what was done stays, and the next run goes on."""
    await connection.execute("CREATE UNIQUE INDEX in_the_way ON journal (operation_id, partner)")
    with pytest.raises(asyncpg.FeatureNotSupportedError, match="journal"):
        await distribute(url)
    await connection.execute("DROP INDEX in_the_way")
    told: list[str] = []
    done = await distribute(url, progress=told.append)
    assert "by lane: journal" in told
    assert "by lane: lane" not in told
    return done


async def _assert_each_table_in_its_place(connection: Connection, keys_before: set[tuple[str, ...]]) -> None:
    rows = await connection.fetch("SELECT table_name::text, citus_table_type, distribution_column FROM citus_tables")
    assert {tuple(row) for row in rows} == {(table, "distributed", "lane") for table in LANE_TABLES} | {
        (table, "reference", "<none>") for table in REFERENCE_TABLES
    }
    keys_after = await _foreign_keys(connection)
    assert keys_after < keys_before
    gone = {referring for referring, *_ in keys_before - keys_after}
    assert {"net_debit_cap", "webhook"} <= gone <= set(LOCAL_TABLES)
    assert all(referring in REFERENCE_TABLES or referred in LOCAL_TABLES for referring, referred, *_ in keys_after)
    assert await connection.fetchval("SELECT to_regclass('operation_id_in_one_lane')") is None


async def _assert_a_new_node_gets_its_part(connection: Connection, url: str) -> None:
    await connection.execute("INSERT INTO pg_dist_node VALUES (3, 'worker-3', 5432, true, true, 'primary')")
    levelled = _lanes_by_node(await level(url))
    assert set(levelled) == {"worker-1", "worker-2", "worker-3"}
    # One lane moves, and those that were even stay where they are.
    assert levelled["worker-3"] == 1
    assert sorted(levelled.values()) == [1, 1, 2]
    assert await connection.fetchval("SELECT mode::text FROM shard_move ORDER BY ctid DESC LIMIT 1") == "auto"


async def _assert_sessions_fit_a_cluster(url: str) -> None:
    """A session from now on uses one connection to each node, and plans by values."""
    pool = await open_pool(url)
    settings = await pool.fetchrow(
        "SELECT current_setting('citus.multi_shard_modify_mode'), current_setting('plan_cache_mode')"
    )
    assert settings is not None
    assert tuple(settings) == ("sequential", "auto")
    assert (await check_sums(pool)).holds
    await pool.close()


async def test_one_server_is_told_that_it_needs_nothing(database_url: str) -> None:
    with pytest.raises(DistributionRefusedError, match=r"has no extension citus\. One server needs none"):
        await distribute(database_url)


FOREIGN_KEYS = """
SELECT conrelid::regclass::text, confrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE contype = 'f'
"""


async def _foreign_keys(connection: Connection) -> set[tuple[str, ...]]:
    return {tuple(row) for row in await connection.fetch(FOREIGN_KEYS)}


def _lanes_by_node(done: Distribution) -> Counter[str]:
    count: Counter[str] = Counter()
    for shard in done.shards:
        count[shard.node.host] += len(shard.lanes)
    return count
