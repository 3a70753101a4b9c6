"""Close the open window, lane by lane, while clearing goes on.

Each lane ends the window with a record of its own under its lock: what is booked before it belongs to the window,
what comes after to the next. No operation is without a window, none in two. Killed half-way, it is run again and
goes on with the lanes that are left.
"""

from coalition.database.pool import Pool
from coalition.errors import NotFoundError
from coalition.journal.merkle import Frontier
from coalition.journal.record import record_hash
from coalition.lanes.book_batch import Clock
from coalition.ledger.batch import Changes
from coalition.ledger.entries import close_record
from coalition.stores.batches import open_batch, write_batch
from coalition.stores.lanes import end_lane_window, load_lanes
from coalition.stores.proofs import write_nodes
from coalition.stores.windows import find_open, lock_windows, mark_closed, open_next


async def close_window(pool: Pool, *, clock: Clock, actor: str, expected: int | None = None) -> int:
    """Close the open window in every lane and open the next; return the closed window's number.

    With `expected`, a window that is closed already stays as it is, so that the call may be repeated.
    Raises NotFoundError where the window expected comes after the open one."""
    async with pool.acquire() as connection:
        async with connection.transaction():
            await lock_windows(connection)
            window_no = await find_open(connection)
            if expected is not None and expected < window_no:
                return expected
            if expected is not None and expected > window_no:
                raise NotFoundError(f"window {window_no} is open; window {expected} is not there yet")
            await open_next(connection, window_no, now=clock())
            lanes = await load_lanes(connection)
        for lane in lanes:
            await _close_lane(pool, lane, window_no, clock=clock)
        async with connection.transaction():
            await lock_windows(connection)
            await mark_closed(connection, window_no, now=clock(), actor=actor)
    return window_no


async def _close_lane(pool: Pool, lane: int, window_no: int, *, clock: Clock) -> None:
    async with pool.acquire() as connection, connection.transaction():
        state = (await open_batch(connection, lane)).state
        if state.window_no > window_no:
            return
        booked_at = max(clock(), state.last_booked_at)
        record = close_record(lane=lane, window_no=window_no, leaf=state.size, booked_at=booked_at)
        frontier = Frontier.parse(state.size, state.frontier)
        frontier.append(record_hash(message=None, index=None, result=record.result))
        ended = state._replace(size=frontier.size, frontier=frontier.to_bytes(), last_booked_at=booked_at)
        await end_lane_window(connection, state=ended, window_no=window_no, root=frontier.root())
        changes = Changes(window_no=window_no, records=[record])
        await write_batch(connection, ended._replace(window_no=window_no + 1), changes, accounts={}, changed_lots=[])
        await write_nodes(connection, lane, frontier.nodes)
