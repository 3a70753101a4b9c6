"""Keep the embedded PostgreSQL up as long as a hub serves.

Another server has somebody who starts it again, the embedded one has us: it ends itself when it can't write its log,
on a full disk for example, and a hub without it answers 503 for as long.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from coalition.database.embedded import EmbeddedPostgres
from coalition.errors import EmbeddedDatabaseError
from coalition.lanes.end_task import end_task

LOOK_EVERY_S = 2.0
# Where it does not start, nothing changes from one moment to the next: somebody has to make room.
TRY_AGAIN_AFTER_S = 10.0

log = structlog.get_logger()


@asynccontextmanager
async def keeping_up(server: EmbeddedPostgres | None) -> AsyncIterator[None]:
    """Start the server again whenever it runs no more, as long as the block lasts; None: it is not ours."""
    if server is None:
        yield
        return
    work = asyncio.create_task(_keep_up(server), name="keep-database")
    try:
        yield
    finally:
        await end_task(work)


async def _keep_up(server: EmbeddedPostgres) -> None:
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            if await asyncio.to_thread(server.start_again):
                log.warning("database.started_again")
        except (EmbeddedDatabaseError, OSError) as error:
            log.error("database.not_started", reason=str(error))
            await asyncio.sleep(TRY_AGAIN_AFTER_S)
