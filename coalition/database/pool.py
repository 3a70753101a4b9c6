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


async def open_pool(url: str, *, size_max: int = 16) -> Pool:
    """Open a pool of at most `size_max` connections; a statement may take STATEMENT_TIMEOUT_S."""
    pool = await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size_max,
        command_timeout=STATEMENT_TIMEOUT_S,
        reset=_leave_session,
        # Rows are found by keys alone; a plan per parameter set would cost more than it could win.
        server_settings={"jit": "off", "plan_cache_mode": "force_generic_plan", "application_name": "coalition"},
    )
    assert pool is not None
    return pool


async def _leave_session(_: Connection) -> None:
    """Nothing of ours changes a session, so no statement has to reset it: one round trip less each time."""
