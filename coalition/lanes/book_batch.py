"""Book one batch of one lane in one database transaction: lock, load, decide, write, commit."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime

from coalition.database.pool import Connection, Pool
from coalition.journal.merkle import Frontier
from coalition.ledger.account import Account
from coalition.ledger.book import Book, Calendar, Command, OperationKey
from coalition.ledger.lot import Lot
from coalition.ledger.operation import Burn, Reverse
from coalition.stores.accounts import load_accounts, save_accounts
from coalition.stores.journal import add_operations, append_records, load_known
from coalition.stores.lanes import LaneState, advance_lane, lock_lane
from coalition.stores.lots import add_lots, add_reversals, save_lots, save_uses
from coalition.stores.originals import load_lots_to_decide, load_originals
from coalition.stores.totals import add_totals

Clock = Callable[[], datetime]


async def book_batch(
    pool: Pool, lane: int, commands: Sequence[Command], *, calendar: Calendar, clock: Clock
) -> list[str]:
    """Decide and write operations of one lane, in order; return their results once they are committed.

    May be repeated as a whole after any failure: it looks up first which operations are known, so that one whose
    commit was not heard of is answered, not booked again.
    """
    async with pool.acquire() as connection, connection.transaction():
        state = await lock_lane(connection, lane)
        accounts, book = await _load(connection, state, commands, calendar=calendar, clock=clock)
        results = [book.book(command) for command in commands]
        if book.changes.records:
            await _write(connection, state, accounts, book)
        return results


async def _load(
    connection: Connection, state: LaneState, commands: Sequence[Command], *, calendar: Calendar, clock: Clock
) -> tuple[dict[int, Account], Book]:
    keys = [(command.partner.partner, command.operation.id) for command in commands]
    known = await load_known(connection, state.lane, keys)
    accounts = await load_accounts(connection, state.lane, {command.account for command in commands})
    # Earns only add: their accounts' lots need not be read.
    burns: defaultdict[int, int] = defaultdict(int)
    reversals: set[int] = set()
    named: set[OperationKey] = set()
    for command in commands:
        if isinstance(command.operation, Burn):
            burns[command.account] += command.operation.points
        elif isinstance(command.operation, Reverse):
            reversals.add(command.account)
            named.add((command.partner.partner, command.operation.operation_id))
    originals = await load_originals(connection, state.lane, sorted(named))
    if burns or reversals:
        await load_lots_to_decide(
            connection, state.lane, accounts, burns=burns, reversals=reversals, originals=list(originals.values())
        )
    book = Book(
        lane=state.lane,
        window_no=state.window_no,
        size=state.size,
        # Booked times never run backwards in a lane, whichever hub's clock is behind.
        booked_at=max(clock(), state.last_booked_at),
        calendar=calendar,
        accounts=accounts,
        known=known,
        originals=originals,
    )
    return accounts, book


async def _write(connection: Connection, state: LaneState, accounts: dict[int, Account], book: Book) -> None:
    changes, lane = book.changes, state.lane
    await append_records(connection, changes.records)
    await add_operations(connection, changes.operations)
    if changes.new_lots:
        await add_lots(connection, lane, changes.new_lots)
    if changed_lots := _changed_lots(accounts, state.size):
        await save_lots(connection, lane, changed_lots)
    if changes.uses:
        await save_uses(connection, lane, [changes.uses[key] for key in sorted(changes.uses)])
    if changes.reversals:
        await add_reversals(connection, changes.reversals)
    if changes.totals:
        await save_accounts(connection, lane, accounts.values())
        await add_totals(connection, lane=lane, window_no=state.window_no, totals=changes.totals)
    frontier = Frontier.parse(state.size, state.frontier)
    frontier.extend(changes.hashed_leaves)
    await advance_lane(
        connection,
        LaneState(
            lane=lane,
            window_no=state.window_no,
            size=frontier.size,
            frontier=frontier.to_bytes(),
            outstanding=state.outstanding + changes.outstanding,
            last_booked_at=changes.records[-1].booked_at,
        ),
    )


def _changed_lots(accounts: dict[int, Account], size: int) -> list[tuple[int, Lot]]:
    """Return the lots that were there before this batch and changed; those made in it lie at `size` or later."""
    return [
        (account.account, lot)
        for account in accounts.values()
        for lot in account.lots
        if lot.is_changed and lot.leaf < size
    ]
