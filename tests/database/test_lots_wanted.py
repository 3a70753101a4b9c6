"""A burn loads as many of an account's lots as it can empty, the oldest; whatever else lies there is left alone."""

from datetime import date

import pytest

from coalition.database.pool import Pool
from coalition.ledger.account import Account
from coalition.ledger.batch import Changes
from coalition.ledger.lot import Lot
from coalition.stores.batches import open_batch, write_batch
from coalition.stores.lots import ALL_POINTS, load_lots

MONTH = date(2026, 1, 1)


def lot(leaf: int, points: int, expires_on: date | None) -> Lot:
    return Lot(leaf, 0, 1, 1, MONTH, None, expires_on, points, points)


# In the order in which they are spent: leaves 5, 2, 3, then 1, which never expires.
LOTS = [lot(1, 100, None), lot(2, 30, date(2027, 2, 1)), lot(3, 50, date(2027, 2, 1)), lot(5, 20, date(2027, 1, 1))]


@pytest.mark.parametrize(
    ("wanted", "also", "expected"),
    [
        (1, [], [5]),
        (20, [], [5]),
        (21, [], [2, 5]),
        (101, [], [1, 2, 3, 5]),
        (ALL_POINTS, [], [1, 2, 3, 5]),
        (20, [1], [1, 5]),
        (0, [], []),
    ],
)
async def test_the_oldest_lots_that_hold_the_points_are_loaded(
    pool: Pool, wanted: int, also: list[int], expected: list[int]
) -> None:
    """Earliest expiry first, never expiring last; lots named by leaf come along."""
    accounts = {7: Account(7), 8: Account(8)}
    async with pool.acquire() as connection:
        state = (await open_batch(connection, 0)).state
        changes = Changes(1, new_lots=[(7, each) for each in LOTS] + [(8, lot(9, 10, None))])
        await write_batch(connection, state, changes, accounts={}, changed_lots=[])
        await load_lots(connection, 0, accounts, wanted={7: wanted, 8: 10}, also_leaves=also)
    assert sorted(each.leaf for each in accounts[7].lots) == expected
    assert [each.leaf for each in accounts[8].lots] == [9]
