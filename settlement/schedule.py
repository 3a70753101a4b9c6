"""The clock of a running hub: each minute one of all hubs does what the calendar says.

pgqueuer keeps, in PostgreSQL, when the bell rings next, and lets one hub answer it. What is due is not taken from it:
that follows from the calendar and the windows themselves, so a bell that is missed, or heard twice, changes nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, cast

import structlog

from coalition.database.pool import Pool
from settlement.operations.follow_calendar import NOTHING_DONE, follow_calendar

if TYPE_CHECKING:
    import asyncpg
    from pgqueuer.core.sm import SchedulerManager

EVERY_MINUTE = "* * * * *"
ENTRYPOINT = "follow_calendar"
PAUSE_S = 5.0
# For what is under way when the hub stops; killed after it, it is run again.
STOP_S = 10.0
# Any number, the same in every hub: one of them makes pgqueuer's tables, the others wait.
INSTALL_LOCK = 0x70677175

Clock = Callable[[], datetime]
log = structlog.get_logger()


@asynccontextmanager
async def following_calendar(pool: Pool, *, clock: Clock) -> AsyncIterator[None]:
    """Do so at once and then each minute, as long as the block lasts."""
    stopping = asyncio.Event()
    work = asyncio.create_task(_keep_following(pool, clock=clock, stopping=stopping), name="calendar")
    try:
        yield
    finally:
        stopping.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(work, return_exceptions=True), STOP_S)


async def _keep_following(pool: Pool, *, clock: Clock, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        try:
            # What was missed while no hub ran, without waiting for the bell.
            await _follow(pool, clock=clock)
            await _install(pool)
            await make_scheduler(pool, clock=clock, stopping=stopping).run()
        except Exception as error:
            # Whatever it was: a hub that hears no bell would leave windows open.
            log.warning("calendar.not_followed", reason=f"{type(error).__name__}: {error}")
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), PAUSE_S)


async def _follow(pool: Pool, *, clock: Clock) -> None:
    done = await follow_calendar(pool, clock=clock)
    if done != NOTHING_DONE:
        log.info("calendar.followed", **asdict(done))


def make_scheduler(pool: Pool, *, clock: Clock, stopping: asyncio.Event) -> "SchedulerManager":
    """Return what hears the bell once it is run, until `stopping`; its tables have to be there."""
    # Imported here: commands do without it.
    from pgqueuer.adapters.drivers.asyncpg import AsyncpgPoolDriver
    from pgqueuer.adapters.persistence.queries import Queries
    from pgqueuer.core.sm import SchedulerManager
    from pgqueuer.domain.models import Schedule

    scheduler = SchedulerManager(Queries(AsyncpgPoolDriver(pool)))
    scheduler.shutdown = stopping

    @scheduler.schedule(ENTRYPOINT, EVERY_MINUTE)
    async def ring(_: Schedule) -> None:
        try:
            await _follow(pool, clock=clock)
        except Exception as error:
            log.warning("calendar.not_followed", reason=f"{type(error).__name__}: {error}")

    return scheduler


async def _install(pool: Pool) -> None:
    """Make pgqueuer's tables, or bring them to its version."""
    from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
    from pgqueuer.adapters.persistence.queries import Queries

    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", INSTALL_LOCK)
        queries = Queries(AsyncpgDriver(cast("asyncpg.Connection[asyncpg.Record]", connection)))
        if await queries.has_table(queries.qbe.settings.schedules_table):
            await queries.upgrade()
        else:
            await queries.install()
