"""One bounded queue per lane: whatever waits when the lane's lock is ours is the next batch (group commit)."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import structlog

from coalition.database.pool import Pool
from coalition.errors import DatabaseUnreachableError
from coalition.lanes.book_batch import Clock, Cut, book_batch
from coalition.lanes.database_retry import with_retry
from coalition.lanes.end_task import end_task
from coalition.lanes.registry import Registry
from coalition.ledger.batch import Command
from coalition.stores.messages import Evidence

BATCH_MAX = 1_000
GIVE_UP_AFTER_S = 20.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Parcel:
    """The operations of one message that belong to one lane, and where their results are waited for. `message` is kept
    with them; None: it was kept before."""

    commands: Sequence[Command]
    message: Evidence | None
    booked: "asyncio.Future[list[str | None]]"


class LaneQueue:
    """Takes parcels in order of arrival and books them, batch after batch, until it is closed.

    `slots` are shared by the lanes of a hub: so many batches are under way at once."""

    def __init__(self, pool: Pool, lane: int, *, registry: Registry, clock: Clock, slots: asyncio.Semaphore) -> None:
        self.lane = lane
        self._pool = pool
        self._registry = registry
        self._clock = clock
        self._slots = slots
        self._parcels: deque[Parcel] = deque()
        self._arrived = asyncio.Event()
        self._worker = asyncio.create_task(self._work(), name=f"lane-{lane}")

    async def book(self, commands: Sequence[Command], message: Evidence | None = None) -> list[str | None]:
        """Wait until these operations are decided and committed; return their results, in order. None: what the command
        says of its card holds no more. A `message` given is all of theirs, and is committed with them.

        Raises DatabaseUnreachableError when that is not known: repeat them, they are looked up first."""
        parcel = Parcel(commands, message, asyncio.get_running_loop().create_future())
        self._parcels.append(parcel)
        self._arrived.set()
        return await parcel.booked

    async def close(self) -> None:
        """Book what waits, then stop."""
        while self._parcels and not self._worker.done():
            await asyncio.gather(*(parcel.booked for parcel in list(self._parcels)), return_exceptions=True)
        await end_task(self._worker)

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._parcels:
                async with self._slots:
                    await self._book([])

    def _next_batch(self) -> list[Parcel]:
        batch: list[Parcel] = []
        operations = 0
        while self._parcels and (not batch or operations + len(self._parcels[0].commands) <= BATCH_MAX):
            batch.append(self._parcels.popleft())
            operations += len(batch[-1].commands)
        return batch

    async def _book(self, batch: list[Parcel], *, is_looked_up_anew: bool = False) -> None:
        """Book these parcels; without any, those that wait when the lane is ours."""

        def cut() -> Cut:
            batch[:] = batch or self._next_batch()
            return Cut(
                [command for parcel in batch for command in parcel.commands],
                [parcel.message for parcel in batch if parcel.message is not None],
                is_looked_up_anew,
            )

        async def work() -> list[str | None]:
            return await book_batch(
                self._pool,
                self.lane,
                cut,
                lanes=self._registry.programme.lanes,
                calendar=self._registry.calendar,
                clock=self._clock,
                rules=self._registry.programme.limits,
                promotions=self._registry.promotions,
                caps=self._registry.caps,
            )

        try:
            results = await with_retry(work, give_up_after_s=GIVE_UP_AFTER_S)
        except DatabaseUnreachableError as error:
            # What waits behind would only be tried for as long again, one batch after the other.
            for parcel in (*batch, *self._parcels):
                _fail(parcel, error)
            self._parcels.clear()
        except Exception as error:
            batch = batch or self._next_batch()
            if isinstance(error, asyncpg.UniqueViolationError) and not is_looked_up_anew:
                # Another hub has just booked one of the ids in another lane: now it is found there.
                await self._book(batch, is_looked_up_anew=True)
                return
            if len(batch) == 1:
                log.exception("lane.batch_failed", lane=self.lane, operations=len(batch[0].commands))
                _fail(batch[0], error)
                return
            # One parcel must not take the others down with it.
            for parcel in batch:
                await self._book([parcel], is_looked_up_anew=is_looked_up_anew)
        else:
            start = 0
            for parcel in batch:
                end = start + len(parcel.commands)
                if not parcel.booked.done():
                    parcel.booked.set_result(results[start:end])
                start = end


def _fail(parcel: Parcel, error: Exception) -> None:
    if not parcel.booked.done():
        parcel.booked.set_exception(error)
