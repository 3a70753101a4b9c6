"""Keep messages before they are booked, many in one commit, and look up what was decided of them before."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from coalition.database.pool import Pool
from coalition.lanes.database_retry import with_retry
from coalition.lanes.end_task import end_task
from coalition.ledger.batch import OperationKey
from coalition.stores.messages import Evidence, keep_messages

BATCH_BYTES_MAX = 16 * 1024 * 1024
GIVE_UP_AFTER_S = 20.0

# The (lane, leaf) at which operations were decided.
Decided = dict[OperationKey, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that waits to be kept, and the ids to look up."""

    message: Evidence
    operation_ids: Sequence[str]
    kept: "asyncio.Future[Decided]"


class EvidenceLog:
    """Whatever messages wait when a commit ends are kept by the next."""

    def __init__(self, pool: Pool, *, lanes: int) -> None:
        self._pool = pool
        self._lanes = range(lanes)
        self._waiting: list[Arrival] = []
        self._arrived = asyncio.Event()
        self._worker = asyncio.create_task(self._work(), name="evidence")

    async def keep(self, message: Evidence, operation_ids: Sequence[str]) -> Decided:
        """Return when the message is committed: where operations with these ids were decided, in any lane. There may
        be others among them; look up your own.

        Raises DatabaseUnreachableError when the database stayed away."""
        arrival = Arrival(message, operation_ids, asyncio.get_running_loop().create_future())
        self._waiting.append(arrival)
        self._arrived.set()
        return await arrival.kept

    async def close(self) -> None:
        await end_task(self._worker)

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._keep(self._next_batch())

    def _next_batch(self) -> list[Arrival]:
        size_bytes = count = 0
        while count < len(self._waiting) and size_bytes < BATCH_BYTES_MAX:
            size_bytes += len(self._waiting[count].message.body)
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    async def _keep(self, batch: list[Arrival]) -> None:
        # Two tills may send the same body at once; one copy is kept.
        messages = list({arrival.message[:3]: arrival.message for arrival in reversed(batch)}.values())
        operation_ids = [operation_id for arrival in batch for operation_id in arrival.operation_ids]

        async def work() -> Decided:
            async with self._pool.acquire() as connection:
                return await keep_messages(connection, messages, lanes=self._lanes, operation_ids=operation_ids)

        try:
            decided = await with_retry(work, give_up_after_s=GIVE_UP_AFTER_S)
        except Exception as error:
            for arrival in batch:
                if not arrival.kept.done():
                    arrival.kept.set_exception(error)
        else:
            for arrival in batch:
                if not arrival.kept.done():
                    arrival.kept.set_result(decided)
