"""Book one batch of one lane in one database transaction: lock, load, decide, write, commit."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime

from coalition.database.pool import Connection, Pool
from coalition.journal.merkle import Frontier
from coalition.ledger.account import Account
from coalition.ledger.book import Book, Calendar, Command, OperationKey
from coalition.ledger.lot import Lot
from coalition.stores.batches import OpenBatch, open_batch, write_batch
from coalition.stores.lanes import LaneState
from coalition.stores.originals import load_lots_to_decide, load_originals

Clock = Callable[[], datetime]


async def book_batch(
    pool: Pool, lane: int, commands: Sequence[Command], *, calendar: Calendar, clock: Clock
) -> list[str]:
    """Decide and write operations of one lane, in order; return their results once they are committed.

    May be repeated as a whole after any failure: it looks up first which operations are known, so that one whose
    commit was not heard of is answered, not booked again.
    """
    async with pool.acquire() as connection, connection.transaction():
        opened, book = await _load(connection, lane, commands, calendar=calendar, clock=clock)
        results = [book.book(command) for command in commands]
        if book.changes.records:
            await _write(connection, opened, book)
        return results


async def _load(
    connection: Connection, lane: int, commands: Sequence[Command], *, calendar: Calendar, clock: Clock
) -> tuple[OpenBatch, Book]:
    # Earns only add: their accounts' lots need not be read.
    burns: defaultdict[int, int] = defaultdict(int)
    reversals: set[int] = set()
    named: set[OperationKey] = set()
    for command in commands:
        operation = command.operation
        if operation.type == "burn":
            burns[command.account] += operation.points
        elif operation.type == "reverse":
            reversals.add(command.account)
            named.add((command.partner.partner, operation.operation_id))
    operation_ids = [command.operation.id for command in commands] + [operation_id for _, operation_id in named]
    opened = await open_batch(
        connection, lane, operation_ids=operation_ids, accounts={command.account for command in commands}
    )
    state, known, accounts = opened
    leaves = {key: known[key].leaf for key in named if key in known}
    originals = await load_originals(connection, lane, leaves)
    if burns or reversals:
        await load_lots_to_decide(
            connection, lane, accounts, burns=burns, reversals=reversals, originals=list(originals.values())
        )
    book = Book(
        lane=lane,
        window_no=state.window_no,
        size=state.size,
        # Booked times never run backwards in a lane, whichever hub's clock is behind.
        booked_at=max(clock(), state.last_booked_at),
        calendar=calendar,
        accounts=accounts,
        known=known,
        originals=originals,
    )
    return opened, book


async def _write(connection: Connection, opened: OpenBatch, book: Book) -> None:
    changes, before = book.changes, opened.state
    frontier = Frontier.parse(before.size, before.frontier)
    frontier.extend(changes.hashed_leaves)
    after = LaneState(
        lane=before.lane,
        window_no=before.window_no,
        size=frontier.size,
        frontier=frontier.to_bytes(),
        outstanding=before.outstanding + changes.outstanding,
        last_booked_at=changes.records[-1].booked_at,
    )
    changed_lots = _changed_lots(opened.accounts, before.size)
    await write_batch(connection, after, changes, accounts=opened.accounts, changed_lots=changed_lots)


def _changed_lots(accounts: dict[int, Account], size: int) -> list[tuple[int, Lot]]:
    """Return the lots that were there before this batch and changed; those made in it lie at `size` or later."""
    return [
        (account.account, lot)
        for account in accounts.values()
        for lot in account.lots
        if lot.is_changed and lot.leaf < size
    ]
