"""What every message is judged by follows the database, and unknown keys cost it next to nothing."""

import asyncio

import asyncpg

from coalition.database.pool import Pool
from coalition.lanes.registry import Registry
from tests.database.lane_books import new_partners, open_hub


async def test_a_key_is_known_as_soon_as_it_is_committed(pool: Pool) -> None:
    """A partner may send its first message right after it was taken in, before any announcement was heard."""
    registry = Registry(pool)
    await registry.load()
    for name in ("Bakery", "Garage", "Cinema"):
        await new_partners(pool, name)
        keyid = await pool.fetchval("SELECT keyid FROM partner_key JOIN partner USING (partner) WHERE name = $1", name)
        found = await registry.find_key(keyid)
        assert found is not None
        assert registry.participants[found.partner].name == name


async def test_many_unknown_keys_are_one_look_into_the_database(pool: Pool) -> None:
    registry = Registry(pool)
    await registry.load()
    before = registry.participants
    assert await asyncio.gather(*(registry.find_key(f"unknown {number}") for number in range(500))) == [None] * 500
    after = registry.participants
    assert after is not before
    assert await asyncio.gather(registry.find_key("a"), registry.find_key("b")) == [None, None]


async def test_changes_are_followed_also_after_connections_were_ended(pool: Pool, database_url: str) -> None:
    """A partner that is suspended is so for every hub at once, whatever happened to the connection that listens."""
    (partner,) = await new_partners(pool, "Bakery")
    ender = await asyncpg.connect(database_url)
    async with open_hub(pool) as hub:
        participants = hub.clearing.registry
        for status in ("suspended", "active", "suspended"):
            await ender.execute(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%LISTEN%'"""
            )
            await ender.execute("UPDATE partner SET status = $1", status)
            await ender.execute("SELECT pg_notify('registry', '')")
            for _ in range(500):
                if participants.participants[partner.partner].status == status:
                    break
                await asyncio.sleep(0.02)
            assert participants.participants[partner.partner].status == status
    await ender.close()


async def test_a_hub_told_to_stop_does_so_while_its_connections_break(pool: Pool, database_url: str) -> None:
    """The connection that listens is gone and the registry is being read again: told to stop, it stops."""
    other = await asyncpg.connect(database_url)
    registry = Registry(pool)
    await registry.open()
    listening = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
    while not await other.fetchval(listening):  # noqa: ASYNC110 - the event is the server's
        await asyncio.sleep(0.01)
    await registry.load()
    async with other.transaction():
        await other.execute("LOCK TABLE programme")
        await other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while not await other.fetchval(waiting):  # noqa: ASYNC110 - the event is the server's
            await asyncio.sleep(0.01)
        await registry.close()
    await other.close()
