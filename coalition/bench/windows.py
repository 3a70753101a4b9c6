"""B4 and B6: what a window with ten times the operations costs to close and calculate, and what the hub's memory is by
then.

The operations come through the hub, as all do; the hub is a fresh one, so that its memory has a beginning.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any, Protocol

from coalition.bench.processor import tree_memory_bytes
from coalition.bench.rounds import clear
from coalition.bench.run import Part, Run
from coalition.database.pool import Pool
from coalition.lanes.close_window import close_window

# Each of so many rounds' messages; the small one comes thrice, since each of its times is noisy.
WINDOWS = (1, 1, 1, 10)
ACTOR = "bench"
REST_S = 1.0


class Calculate(Protocol):
    """Take a closed window to CALCULATED: settlement's, given by the composition root."""

    async def __call__(self, pool: Pool, window_no: int, *, now: datetime, actor: str) -> Any: ...


async def window_steps(run: Run, calculate: Calculate) -> None:
    """Fill, close and calculate window after window. What was booked before them is closed first."""
    await _close(run, calculate)
    done, steps = 0, sum(WINDOWS)
    for rounds in WINDOWS:
        operations = 0
        for _ in range(rounds):
            run.progress("windows", done, steps)
            part = await clear(run, "uniform")
            operations += part["booked"] + part["refused"]
            done += 1
        await _let_rest(run.world.pool)
        memory = {"memory_mb": tree_memory_bytes(run.hub.pid) / 1e6}
        run.measured.windows.append({"operations": operations, **memory, **await _close(run, calculate)})
    run.progress("windows", steps, steps)


async def _let_rest(pool: Pool) -> None:
    """Let the database write what it still holds, else a commit waits the longer the more was booked just before."""
    async with pool.acquire() as connection:
        await connection.execute("CHECKPOINT")
    await asyncio.sleep(REST_S)


async def _close(run: Run, calculate: Calculate) -> Part:
    pool = run.world.pool
    async with run.cpu() as cpu:
        started_s = time.perf_counter()
        window_no = await close_window(pool, clock=_now, actor=ACTOR)
        closed_s = time.perf_counter()
        await calculate(pool, window_no, now=_now(), actor=ACTOR)
        calculated_s = time.perf_counter()
    return {
        "window": window_no,
        "close_ms": (closed_s - started_s) * 1000,
        "calculate_ms": (calculated_s - closed_s) * 1000,
        "both_ms": (calculated_s - started_s) * 1000,
        "cpu_s": cpu,
    }


def _now() -> datetime:
    return datetime.now(UTC)
