"""A lane opened for accounts as a whole, not for a batch of operations: all that is theirs is loaded, and what time has
done to them booked."""

from collections.abc import Collection

from coalition.database.pool import Connection
from coalition.lanes.book_batch import Clock
from coalition.ledger.batch import Calendar
from coalition.ledger.book import Book
from coalition.stores.batches import OpenBatch, open_batch
from coalition.stores.holds import load_holds
from coalition.stores.lots import ALL_POINTS, load_lots


async def open_settled_book(
    connection: Connection, lane: int, accounts: Collection[int], *, calendar: Calendar, clock: Clock
) -> tuple[OpenBatch, Book]:
    """Lock a lane until the end of the transaction; return its accounts with all lots and open holds, and the book in
    which time-outs and expiries are entered already. Write it with `write_book`."""
    opened = await open_batch(connection, lane, accounts=accounts)
    holds = await load_holds(connection, lane, opened.accounts, leaves=())
    wanted = dict.fromkeys(opened.accounts, ALL_POINTS)
    await load_lots(connection, lane, opened.accounts, wanted=wanted)
    book = Book(
        lane=lane,
        window_no=opened.state.window_no,
        size=opened.state.size,
        booked_at=max(clock(), opened.state.last_booked_at),
        calendar=calendar,
        accounts=opened.accounts,
        known={},
        originals={},
        holds=holds,
    )
    for number in sorted(opened.accounts):
        book.settle_due(opened.accounts[number])
    return opened, book
