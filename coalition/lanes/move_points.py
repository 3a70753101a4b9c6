"""Points that move from one account to another, with the origin and the age of their lots.

One database transaction over the lanes of both, locked in the order of their numbers: the only one that holds two.
It is rare: a merge and its undoing, a gift between members, a return on an account that was merged away.
"""

from collections.abc import Callable, Iterable

from coalition.database.pool import Connection, Pool
from coalition.lanes.book_batch import Clock, write_book
from coalition.lanes.settled_book import open_settled_book
from coalition.ledger.account import Account
from coalition.ledger.batch import Calendar
from coalition.ledger.book import Book
from coalition.ledger.lot import Lot
from coalition.stores.batches import OpenBatch
from coalition.stores.cards import Place
from coalition.stores.merges import add_in_leaves, lock_merge

Pick = Callable[[Account], Iterable[Lot]]


def all_lots(account: Account) -> Iterable[Lot]:
    return account.lots


class OpenAccounts:
    """Two accounts under their lanes' locks, what time has done to them booked; `write` when all is decided."""

    def __init__(self, connection: Connection, opened: dict[int, OpenBatch], books: dict[int, Book]) -> None:
        self._connection = connection
        self._opened = opened
        self._books = books

    def account(self, place: Place) -> Account:
        return self._opened[place.lane].accounts[place.account]

    def move(self, giver: Place, taker: Place, points: int, *, pick: Pick = all_lots) -> tuple[int, list[int]]:
        """Move points of some of the giver's lots, the oldest first, as far as they are not on hold.

        Return how many went, and the leaves of the records that made the taker's lots."""
        source = self.account(giver)
        pieces = self._books[giver.lane].move_out(source, list(pick(source)), points)
        leaves = self._books[taker.lane].move_in(self.account(taker), pieces)
        return sum(share for _, share in pieces), leaves

    async def write(self) -> None:
        for lane in sorted(self._books):
            await write_book(self._connection, self._opened[lane], self._books[lane])


async def open_accounts(
    connection: Connection, first: Place, second: Place, *, calendar: Calendar, clock: Clock
) -> OpenAccounts:
    """Lock the lanes of two accounts until the end of the transaction, and load all that is theirs."""
    opened: dict[int, OpenBatch] = {}
    books: dict[int, Book] = {}
    for lane in sorted({first.lane, second.lane}):
        numbers = {place.account for place in (first, second) if place.lane == lane}
        opened[lane], books[lane] = await open_settled_book(connection, lane, numbers, calendar=calendar, clock=clock)
    return OpenAccounts(connection, opened, books)


async def move_on(pool: Pool, place: Place, *, calendar: Calendar, clock: Clock) -> None:
    """Move what lies on a merged account to the one that its cards lead to now: points there, or what it owes from what
    the other has. Nothing happens where it is not merged, or has nothing. May be repeated."""
    async with pool.acquire() as connection, connection.transaction():
        # Locked first, as by who undoes the merge: what it says holds until this is committed.
        merge = await lock_merge(connection, place)
        if merge is None:
            return
        target = merge.target
        accounts = await open_accounts(connection, place, target, calendar=calendar, clock=clock)
        merged, other = accounts.account(place), accounts.account(target)
        if merged.free > 0:
            _, leaves = accounts.move(place, target, merged.free)
            await add_in_leaves(connection, merge.merge, leaves)
        if merged.debt and other.available > 0:
            accounts.move(target, place, min(merged.debt, other.available))
        await accounts.write()
