"""Which database errors are worth another try, and for how long."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import structlog

from coalition.errors import DatabaseUnreachableError

# Serialization failure and deadlock: the database chose us to give way.
GAVE_WAY = ("40001", "40P01")
# Shutting down, crashed, starting up, too many connections; no disk or memory left: it will be back. We were stopped in
# the middle of a transaction, and the database ended it (25P03).
AWAY = ("57P01", "57P02", "57P03", "53300", "25006", "53100", "53200", "25P03")

PAUSE_S = 0.05
PAUSE_MAX_S = 1.0

T = TypeVar("T")
log = structlog.get_logger()


async def with_retry(work: Callable[[], Awaitable[T]], *, give_up_after_s: float) -> T:
    """Run `work`, which must look up first what it may have done before, until it is done.

    Raises DatabaseUnreachableError when the database was away for `give_up_after_s`: the outcome is not known then."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + give_up_after_s
    pause_s = PAUSE_S
    while True:
        try:
            return await work()
        except Exception as error:
            if not may_pass(error):
                raise
            log.warning("database.retry", reason=f"{type(error).__name__}: {error}")
            if loop.time() + pause_s > deadline_s:
                raise DatabaseUnreachableError(f"no database for {give_up_after_s:.0f} s: {error}") from error
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, PAUSE_MAX_S)


def may_pass(error: Exception) -> bool:
    """Whether the same work may succeed a moment later."""
    # The driver's own InternalClientError comes from connections that the server ended between two statements.
    if isinstance(error, asyncpg.PostgresConnectionError | asyncpg.InternalClientError | OSError | TimeoutError):
        return True
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error) or "connection" in str(error)
    return getattr(error, "sqlstate", None) in GAVE_WAY + AWAY
