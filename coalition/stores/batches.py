"""A batch of one lane, opened and written in one round trip each: what it reads under the lane's lock, what it writes.

Both are functions in the database that hold plain statements of one lane: a round trip costs as much as a dozen rows.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from operator import itemgetter
from typing import NamedTuple

from coalition.database.pool import Connection
from coalition.ledger.account import Account
from coalition.ledger.batch import Changes, KnownOperation, OperationKey
from coalition.ledger.hold import Hold
from coalition.ledger.lot import Lot
from coalition.stores.lanes import LaneState
from coalition.stores.messages import Evidence
from coalition.stores.past_records import load_past_records


class OpenBatch(NamedTuple):
    """A lane under our lock. `known` are the operations asked for that it has decided before, `accounts` the working
    copies of those asked for, without their lots; `elsewhere` the (lane, leaf) of fresh ids that others decided."""

    state: LaneState
    known: dict[OperationKey, KnownOperation]
    accounts: dict[int, Account]
    elsewhere: dict[OperationKey, tuple[int, int]]


# The simple protocol takes both in one round trip, and no arguments: a lane is a whole number.
BEGIN_WITH_LANE = "BEGIN; SELECT 1 FROM lane WHERE lane = {lane:d} FOR UPDATE"


@asynccontextmanager
async def lane_transaction(connection: Connection, lane: int) -> AsyncIterator[None]:
    """Open the transaction of a batch, with the lane's lock: what arrives while others have it can still join."""
    try:
        await connection.execute(BEGIN_WITH_LANE.format(lane=lane))
        yield
    except BaseException:
        await _roll_back(connection)
        raise
    await connection.execute("COMMIT")


async def _roll_back(connection: Connection) -> None:
    try:
        await connection.execute("ROLLBACK")
    except Exception:
        # What went wrong first is told; a connection that can't even leave its transaction is given up, not handed on.
        connection.terminate()


OPEN_BATCH = """
SELECT state, partners, operation_ids, contents, leaves, result_leaves, results, other_lanes, other_partners, other_ids,
    other_leaves, accounts, balances, held, debts, next_expiries
FROM open_batch($1, $2, $3, $4, $5)
"""


async def open_batch(
    connection: Connection,
    lane: int,
    *,
    operation_ids: Sequence[str] = (),
    accounts: Iterable[int] = (),
    fresh_ids: Sequence[str] = (),
    other_lanes: Sequence[int] = (),
) -> OpenBatch:
    """Lock a lane until the end of the transaction: from here on its order, window and leaves are ours. `fresh_ids`
    have not been looked up in the `other_lanes` yet."""
    row = await connection.fetchrow(OPEN_BATCH, lane, operation_ids, sorted(accounts), other_lanes, fresh_ids)
    assert row is not None
    state, partners, ids, contents, leaves, result_leaves, results, *more = row
    others, columns = more[:4], more[4:]
    known = {}
    if leaves:
        result_of = dict(zip(result_leaves or (), results or (), strict=True))
        if len(result_of) < len(leaves):
            archived = await load_past_records(connection, lane, set(leaves) - result_of.keys())
            result_of |= {leaf: past.record["result"] for leaf, past in archived.items()}
        for partner, operation_id, content, leaf in zip(partners, ids, contents, leaves, strict=True):
            known[partner, operation_id] = KnownOperation(content, lane, leaf, result_of[leaf])
    numbers = columns[0] or ()
    # No lot is loaded yet, so what they expire at is what the others do.
    loaded = zip(numbers, map(Account, *columns, columns[-1]), strict=True) if numbers else ()
    elsewhere: dict[OperationKey, tuple[int, int]] = {}
    if others[0]:
        elsewhere = {(partner, named): (there, leaf) for there, partner, named, leaf in zip(*others, strict=True)}
    return OpenBatch(LaneState(*state), known, dict(loaded), elsewhere)


WRITE_BATCH = "SELECT write_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"


async def write_batch(
    connection: Connection,
    state: LaneState,
    changes: Changes,
    *,
    accounts: Mapping[int, Account],
    changed_lots: Sequence[tuple[int, Lot]],
    messages: Sequence[Evidence] = (),
) -> None:
    """Write a decided batch. `state` is where the journal stands after it, `changed_lots` were there before it,
    `messages` are kept with it."""
    lane = state.lane
    numbers = sorted(accounts)
    ordered = [accounts[number] for number in numbers]
    await connection.execute(
        WRITE_BATCH,
        state,
        changes.records,
        changes.contents,
        messages,
        _lot_rows(lane, changes.new_lots),
        _lot_rows(lane, changed_lots),
        [
            (lane, use.leaf, use.lot_leaf, use.lot_part, use.points, use.restored)
            for _, use in sorted(changes.uses.items(), key=itemgetter(0))
        ],
        changes.reversals,
        [_hold_row(lane, changes.holds[leaf]) for leaf in sorted(changes.holds)],
        numbers,
        [account.balance for account in ordered],
        [account.held for account in ordered],
        [account.debt for account in ordered],
        [account.next_expires_on for account in ordered],
        [
            (
                lane,
                changes.window_no,
                *key,
                total.points,
                total.operations,
                total.first_occurred_at,
                total.last_occurred_at,
            )
            for key, total in sorted(changes.totals.items(), key=itemgetter(0))
        ],
        [
            (lane, changes.window_no, *key, points)
            for key, points in sorted(changes.lot_totals.items(), key=itemgetter(0))
        ],
        changes.day,
    )


def _hold_row(lane: int, hold: Hold) -> tuple[object, ...]:
    return (
        lane,
        hold.leaf,
        hold.account,
        hold.partner,
        hold.points,
        hold.expires_at,
        hold.state,
        hold.captured,
        hold.resolved_leaf,
    )


def _lot_rows(lane: int, lots: Iterable[tuple[int, Lot]]) -> list[tuple[object, ...]]:
    return [
        (
            lane,
            account,
            lot.leaf,
            lot.part,
            lot.issuer,
            lot.payer,
            lot.month_of_sale,
            lot.vat_rate,
            lot.expires_on,
            lot.points,
            lot.remaining,
        )
        for account, lot in lots
    ]
