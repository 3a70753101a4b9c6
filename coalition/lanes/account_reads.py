"""What is kept of accounts, read outside the write path: for all who ask at once, lane by lane."""

from collections.abc import Mapping
from functools import partial

from coalition.database.pool import Pool
from coalition.lanes.look_ups import LookUps
from coalition.stores.balances import Kept, load_kept
from coalition.stores.cards import Place


class AccountReads:
    """At most one read of a lane is on its way: of the reads that come meanwhile, one more is made."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lanes: dict[int, LookUps[int, Kept]] = {}

    async def find(self, place: Place) -> Kept:
        """Return what is kept of an account, by what is committed now."""
        lane, account = place
        if lane not in self._lanes:
            self._lanes[lane] = LookUps(partial(self._load, lane))
        return (await self._lanes[lane].find({account}))[account]

    async def _load(self, lane: int, accounts: set[int]) -> Mapping[int, Kept]:
        async with self._pool.acquire() as connection:
            return await load_kept(connection, lane, accounts)
