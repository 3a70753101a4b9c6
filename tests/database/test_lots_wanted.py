"""A burn loads as many of an account's lots as it can empty, the oldest; whatever else lies there is left alone."""

from datetime import date, timedelta

import pytest

from coalition.database.pool import Pool
from coalition.ledger.account import Account
from coalition.ledger.batch import Changes
from coalition.ledger.lot import Lot
from coalition.stores.batches import open_batch, write_batch
from coalition.stores.lots import ALL_POINTS, OLDEST_COUNT, OLDEST_GROWTH, load_lots

MONTH = date(2026, 1, 1)


def lot(leaf: int, points: int, expires_on: date | None) -> Lot:
    return Lot(leaf, 0, 1, 1, MONTH, None, expires_on, points, points)


def lots_of(ages: list[int]) -> list[Lot]:
    """Return lots of 10 points that expire so many days into the year; 0: never."""
    return [lot(leaf, 10, MONTH + timedelta(day) if day else None) for leaf, day in enumerate(ages)]


# In the order in which they are spent: leaves 5, 2, 3, then 1, which never expires.
LOTS = [lot(1, 100, None), lot(2, 30, date(2027, 2, 1)), lot(3, 50, date(2027, 2, 1)), lot(5, 20, date(2027, 1, 1))]
SPENT = Lot(4, 0, 1, 1, MONTH, None, date(2026, 12, 1), 10, 0)


async def loaded(pool: Pool, lots: list[Lot], wanted: int, also: list[int]) -> list[int]:
    """Return the leaves of the lots that are loaded of an account that has these."""
    accounts = {7: Account(7, sum(each.remaining for each in lots)), 8: Account(8, 10)}
    async with pool.acquire() as connection:
        await connection.execute("INSERT INTO account (lane, account, opened_at) VALUES (0, 7, now()), (0, 8, now())")
        state = (await open_batch(connection, 0)).state
        changes = Changes(1, new_lots=[(7, each) for each in lots] + [(8, lot(90, 10, None))])
        await write_batch(connection, state, changes, accounts={}, changed_lots=[])
        await load_lots(connection, 0, accounts, wanted={7: wanted, 8: 10}, also={7: also} if also else {})
    assert [each.leaf for each in accounts[8].lots] == [90]
    return sorted(each.leaf for each in accounts[7].lots)


@pytest.mark.parametrize(
    ("wanted", "also", "expected"),
    [
        (1, [], [5]),
        (20, [], [5]),
        (21, [], [2, 5]),
        (101, [], [1, 2, 3, 5]),
        (500, [], [1, 2, 3, 5]),
        (0, [], []),
        (ALL_POINTS, [], [1, 2, 3, 5]),
        (ALL_POINTS, [4], [1, 2, 3, 4, 5]),
        (20, [1, 4], [1, 4, 5]),
    ],
)
async def test_the_oldest_lots_that_hold_the_points_are_loaded(
    pool: Pool, wanted: int, also: list[int], expected: list[int]
) -> None:
    """Earliest expiry first, never expiring last; lots named by leaf come along, also those that are spent."""
    assert await loaded(pool, [*LOTS, SPENT], wanted, also) == expected


@pytest.mark.parametrize("count", [1, OLDEST_COUNT, OLDEST_COUNT + 1, OLDEST_COUNT * OLDEST_GROWTH + 1, 300, 400])
async def test_of_many_lots_the_oldest_are_loaded(pool: Pool, count: int) -> None:
    """As many as hold the points, however many looks that takes, and whatever the order in which they came."""
    days = [*range(299, 4, -1), 0, *range(1, 5)]
    by_age = sorted(range(len(days)), key=lambda leaf: days[leaf] or 1_000)
    assert await loaded(pool, lots_of(days), 10 * count, []) == sorted(by_age[:count])


# As they were booked: an account of a lane has eight lots, far from each other, and account 7 some thousands.
FILL = """
INSERT INTO lot (lane, account, leaf, part, issuer, payer, month_of_sale, expires_on, points, remaining)
SELECT leaf % 4, CASE WHEN leaf % 3 = 0 THEN 7 ELSE 10 + leaf % 625 END, leaf, 0, 1, 1, $1, $1::date + leaf / 100,
    10, 10
FROM generate_series(1, $2::integer) AS leaf
"""
OPEN_ACCOUNTS = """
INSERT INTO account (lane, account, opened_at)
SELECT lane, number, now() FROM generate_series(0, 3) AS lane, generate_series(1, 650) AS number
"""
SELECT_READ = """
SELECT (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint
FROM pg_stat_xact_user_tables WHERE relname = 'lot'
"""


async def test_a_burn_on_a_card_with_thousands_of_lots_reads_the_few_it_empties(pool: Pool) -> None:
    """Also when the planner, which knows the average account alone, sees less work in reading and sorting them all."""
    accounts = {7: Account(7, 25_000)}
    async with pool.acquire() as connection:
        await connection.execute(OPEN_ACCOUNTS)
        await connection.execute(FILL, MONTH, 30_000)
        await connection.execute("VACUUM ANALYZE lot, account")
        async with connection.transaction(readonly=True):
            before = await connection.fetchval(SELECT_READ)
            await load_lots(connection, 0, accounts, wanted={7: 60})
            read = await connection.fetchval(SELECT_READ) - before
    assert len(accounts[7].lots) == 6
    assert read <= OLDEST_COUNT + 1
