"""End a task that goes on whatever fails."""

import asyncio
from typing import Any

CANCEL_PAUSE_S = 1.0


async def end_task(task: "asyncio.Task[Any]") -> None:
    """Cancel a task and return once it is done, however it ended."""
    # Again, since an error in the cleaning up, as of a connection that breaks at that very moment, takes the
    # cancellation's place, and a task that goes on after errors goes on.
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=CANCEL_PAUSE_S)
    await asyncio.gather(task, return_exceptions=True)
