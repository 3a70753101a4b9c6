"""What holds for the programme, not for a process: tries and nonces, counted in the database."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from coalition.database.pool import Pool
from coalition.operations.spend_nonce import spend_nonce
from coalition.pages.throttle import PERIOD_MAX, Throttle
from coalition.signatures.errors import NonceReusedError
from coalition.signatures.verify import AGE_MAX_S, AHEAD_MAX_S

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
# How long after it was first taken a signature by a clock that is ahead is young enough.
SIGNATURE_LIFE = timedelta(seconds=AHEAD_MAX_S + AGE_MAX_S)


async def test_tries_are_counted_by_key_and_forgotten_in_time(pool: Pool) -> None:
    """Each key of each kind by itself: whoever gets it right is forgotten, and nobody else."""
    throttle, gift = Throttle("password", 2, timedelta(minutes=1)), Throttle("gift", 1, timedelta(minutes=1))

    def at(second: int) -> datetime:
        return NOON + timedelta(seconds=second)

    assert [await throttle.take(pool, "a", now=at(second)) for second in (0, 10, 20)] == [0, 0, 41]
    assert await Throttle("password", 2, timedelta(minutes=1)).wait_s(pool, "a", now=at(20)) == 41
    assert await gift.wait_s(pool, "a", now=at(20)) == 0
    assert await throttle.wait_s(pool, "b", now=at(20)) == 0
    assert await throttle.wait_s(pool, "a", now=at(60)) == 0
    assert [await throttle.take(pool, "b", now=at(second)) for second in (0, 10, 60)] == [0, 0, 0]
    assert await gift.take(pool, "a", now=at(10)) == 0
    await throttle.forget(pool, "a")
    assert await throttle.wait_s(pool, "a", now=at(20)) == 0
    assert await throttle.wait_s(pool, "b", now=at(61)) == 10
    assert await gift.wait_s(pool, "a", now=at(20)) == 51


async def test_tries_at_once_through_many_processes_are_many_tries(pool: Pool) -> None:
    """Each process has a counter of its own over the same rows; what is too old makes room."""
    throttles = [Throttle("password", 5, timedelta(minutes=1)) for _ in range(4)]
    tries = [throttle.take(pool, "a", now=NOON) for throttle in throttles for _ in range(3)]
    assert sum(wait_s == 0 for wait_s in await asyncio.gather(*tries)) == 5
    later = NOON + PERIOD_MAX + timedelta(seconds=1)
    assert await throttles[0].take(pool, "b", now=later) == 0
    assert await pool.fetchval("SELECT count(*) FROM attempt") == 1


async def test_a_nonce_counts_once_whoever_gets_it(pool: Pool) -> None:
    """Of ten at once one is taken; another key may use the same; after the life of a signature it is dropped."""

    async def spend(keyid: str, nonce: str, now: datetime = NOON) -> bool:
        try:
            await spend_nonce(pool, keyid=keyid, nonce=nonce, now=now)
        except NonceReusedError:
            return False
        return True

    assert sum(await asyncio.gather(*(spend("key", "n") for _ in range(10)))) == 1
    assert await spend("other key", "n")
    assert not await spend("key", "n", NOON + SIGNATURE_LIFE)
    assert await spend("key", "n 2", NOON + SIGNATURE_LIFE + timedelta(seconds=1))
    assert await pool.fetchval("SELECT count(*) FROM nonce") == 1


@pytest.mark.parametrize("table", ["attempt", "nonce"])
async def test_they_cost_no_wait_for_the_disk(pool: Pool, table: str) -> None:
    """Unlogged: nobody's points depend on them, and a crash forgets minutes."""
    assert await pool.fetchval("SELECT relpersistence FROM pg_class WHERE oid = $1::regclass", table) == b"u"


@pytest.mark.parametrize("table", ["attempt", "nonce"])
async def test_nobody_waits_for_another_process_that_drops_what_is_too_old(pool: Pool, table: str) -> None:
    """Rows that it has in its hands are left to it."""
    throttle = Throttle("password", 5, timedelta(minutes=1))
    for now in (NOON, NOON + timedelta(days=1)):
        async with pool.acquire() as other, other.transaction():
            await other.execute(f"DELETE FROM {table}")
            async with asyncio.timeout(20):
                await throttle.take(pool, "a", now=now)
                await spend_nonce(pool, keyid="key", nonce=str(now), now=now)
        assert await pool.fetchval(f"SELECT count(*) FROM {table}") == 1
