"""Keep messages before they are booked, many in one commit."""

import asyncio

from coalition.database.pool import Pool
from coalition.lanes.database_retry import with_retry
from coalition.stores.messages import Evidence, keep_messages

BATCH_BYTES_MAX = 16 * 1024 * 1024
GIVE_UP_AFTER_S = 20.0


class EvidenceLog:
    """Whatever messages wait when a commit ends are kept by the next."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: list[tuple[Evidence, asyncio.Future[None]]] = []
        self._arrived = asyncio.Event()
        self._worker = asyncio.create_task(self._work(), name="evidence")

    async def keep(self, message: Evidence) -> None:
        """Return when the message is committed.

        Raises DatabaseUnreachableError when the database stayed away."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((message, kept))
        self._arrived.set()
        await kept

    async def close(self) -> None:
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._keep(self._next_batch())

    def _next_batch(self) -> list[tuple[Evidence, asyncio.Future[None]]]:
        size_bytes = count = 0
        while count < len(self._waiting) and size_bytes < BATCH_BYTES_MAX:
            size_bytes += len(self._waiting[count][0].body)
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    async def _keep(self, batch: list[tuple[Evidence, "asyncio.Future[None]"]]) -> None:
        # Two tills may send the same body at once; one copy is kept.
        messages = list({message[:3]: message for message, _ in reversed(batch)}.values())

        async def work() -> None:
            async with self._pool.acquire() as connection:
                await keep_messages(connection, messages)

        try:
            await with_retry(work, give_up_after_s=GIVE_UP_AFTER_S)
        except Exception as error:
            for _, kept in batch:
                if not kept.done():
                    kept.set_exception(error)
        else:
            for _, kept in batch:
                if not kept.done():
                    kept.set_result(None)
