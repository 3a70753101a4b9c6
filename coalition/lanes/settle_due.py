"""Book what time alone has done: holds that timed out, points that expired.

Whoever touches an account books it first (`Book.settle_due`), and whoever reads one takes it into account. This goes
through the accounts that nobody touches, so that the journal, the statements and the partners' events have it as well.
Killed at any point, it is run again and goes on with what is left.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from coalition.database.pool import Pool
from coalition.lanes.book_batch import Clock, write_book
from coalition.lanes.end_task import end_task
from coalition.lanes.move_points import move_on
from coalition.lanes.registry import Registry
from coalition.lanes.settled_book import open_settled_book
from coalition.ledger.batch import Calendar
from coalition.stores.due import find_due_accounts
from coalition.stores.lanes import load_lanes
from coalition.stores.merges import find_waiting_merges

ACCOUNTS_AT_ONCE = 500
PAUSE_S = 30.0

Progress = Callable[[int], None]
log = structlog.get_logger()


@dataclass(slots=True)
class Settled:
    """What was booked. A record of expiry is one account's points of one payer and day."""

    timed_out: int = 0
    expiries: int = 0
    points_expired: int = 0


async def settle_due(pool: Pool, *, calendar: Calendar, clock: Clock, progress: Progress = lambda _: None) -> Settled:
    """Go through all lanes; `progress` is told after each batch how many accounts were looked at so far."""
    settled, looked_at = Settled(), 0
    async with pool.acquire() as connection:
        lanes = await load_lanes(connection)
    for lane in lanes:
        after = 0
        while accounts := await _due(pool, lane, calendar=calendar, clock=clock, after=after):
            await _settle(pool, lane, accounts, settled, calendar=calendar, clock=clock)
            looked_at += len(accounts)
            progress(looked_at)
            # On, also past accounts whose expired points are on hold: those stay due until the hold ends.
            after = accounts[-1]
    async with pool.acquire() as connection:
        waiting = await find_waiting_merges(connection)
    for place in waiting:
        await move_on(pool, place, calendar=calendar, clock=clock)
    return settled


async def _due(pool: Pool, lane: int, *, calendar: Calendar, clock: Clock, after: int) -> list[int]:
    now = clock()
    async with pool.acquire() as connection:
        return await find_due_accounts(
            connection, lane, now=now, today=calendar.day_of(now), after=after, limit=ACCOUNTS_AT_ONCE
        )


async def _settle(
    pool: Pool, lane: int, numbers: Sequence[int], settled: Settled, *, calendar: Calendar, clock: Clock
) -> None:
    async with pool.acquire() as connection, connection.transaction():
        opened, book = await open_settled_book(connection, lane, numbers, calendar=calendar, clock=clock)
        await write_book(connection, opened, book)
    for record in book.changes.records:
        if record.kind == "time_out":
            settled.timed_out += 1
        else:
            settled.expiries += 1
            settled.points_expired += record.points


@asynccontextmanager
async def settling_due(pool: Pool, registry: Registry, *, clock: Clock) -> AsyncIterator[None]:
    """Do so now and every PAUSE_S, as long as the block lasts. Several hubs may: each account is settled once."""
    work = asyncio.create_task(_keep_settling(pool, registry, clock=clock), name="settle-due")
    try:
        yield
    finally:
        await end_task(work)


async def _keep_settling(pool: Pool, registry: Registry, *, clock: Clock) -> None:
    while True:
        try:
            settled = await settle_due(pool, calendar=registry.calendar, clock=clock)
            if settled.timed_out or settled.expiries:
                log.info("due.settled", timed_out=settled.timed_out, points_expired=settled.points_expired)
        except Exception as error:
            # Nothing is wrong until then: whoever looks at an account sees it right.
            log.warning("due.not_settled", reason=f"{type(error).__name__}: {error}")
        await asyncio.sleep(PAUSE_S)
