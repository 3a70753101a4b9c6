"""The pool of connections, set up the same way for every process of the service."""

from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:
    Connection = asyncpg.Connection
    Pool = asyncpg.Pool

STATEMENT_TIMEOUT_S = 60
# A hub that is stopped in its tracks, or cut off from the database, holds its lane's lock: no other hub could book
# there before TCP gives that connection up, which takes hours, or for ever.
PAUSE_IN_TRANSACTION_S = 60
# For a transaction that only reads, holds no lock, and works through whole files in between.
PAUSE_AT_WILL = "SET LOCAL idle_in_transaction_session_timeout = 0"

# By this name the hubs' connections are known in pg_stat_activity.
APPLICATION_NAME = "coalition"


async def open_pool(url: str, *, size_max: int = 16) -> Pool:
    """Open a pool of at most `size_max` connections.

    A statement may take STATEMENT_TIMEOUT_S, the time between two of a transaction PAUSE_IN_TRANSACTION_S."""
    pool = await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size_max,
        command_timeout=STATEMENT_TIMEOUT_S,
        init=_plan_by_values_on_citus,
        reset=_leave_session,
        # Rows are found by keys alone; a plan per parameter set would cost more than it could win.
        server_settings={
            "jit": "off",
            "plan_cache_mode": "force_generic_plan",
            "application_name": APPLICATION_NAME,
            "idle_in_transaction_session_timeout": f"{PAUSE_IN_TRANSACTION_S}s",
        },
    )
    assert pool is not None
    return pool


# A statement for several lanes can't be planned there before their numbers are known, and one for a single lane keeps
# its plan by itself.
SET_PLANNING = "SELECT set_config('plan_cache_mode', 'auto', false) FROM pg_extension WHERE extname = 'citus'"


async def _plan_by_values_on_citus(connection: Connection) -> None:
    await connection.execute(SET_PLANNING)


async def _leave_session(_: Connection) -> None:
    """Nothing of ours changes a session, so no statement has to reset it: one round trip less each time."""
