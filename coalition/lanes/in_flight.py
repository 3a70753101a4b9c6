"""One message at a time for each operation id: what comes twice at the same moment waits for the first."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from coalition.ledger.batch import OperationKey


class InFlight:
    """Within this process, closes the gap between looking an id up in all lanes and booking it in one. What two
    processes get at the same moment is decided by an index over all lanes: docs/decisions/one-id-in-all-lanes.md."""

    def __init__(self) -> None:
        self._owners: dict[OperationKey, asyncio.Future[None]] = {}

    @asynccontextmanager
    async def claim(self, keys: Sequence[OperationKey]) -> AsyncIterator[None]:
        """Hold the ids until the block ends; waits while another message holds any of them."""
        owners = self._owners
        while (owner := next((owners[key] for key in keys if key in owners), None)) is not None:
            await asyncio.shield(owner)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        owners.update(dict.fromkeys(keys, done))
        try:
            yield
        finally:
            for key in keys:
                del owners[key]
            done.set_result(None)
