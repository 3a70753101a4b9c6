"""The delivery of webhooks beside a hub: at least once, in each lane's order, by one hub at a time.

One hub holds the delivery lock, on the very connection that it saves with: a hub that lost the lock can not save. For
each webhook one page of events is on its way at a time. Where the page ends is committed before the first attempt, and
that it arrived after the receiver said so; so whoever delivers after a kill repeats the same bytes under the same id.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import structlog
from aiohttp import ClientSession

from coalition.database.pool import Connection, Pool
from coalition.lanes.database_retry import may_pass
from coalition.lanes.end_task import end_task
from coalition.operations.read_events import EventPage, in_booked_order, next_page
from coalition.stores import webhooks
from coalition.stores.events import Event, load_sizes
from coalition.stores.webhooks import Webhook
from coalition.webhooks.message import EVENTS_MAX, Sign, events_message, signed_headers
from coalition.webhooks.post import Outcome, open_client, post
from coalition.webhooks.schedule import is_given_up, next_attempt_at
from coalition.webhooks.shared_journal import SharedJournal

POSTS_AT_ONCE_MAX = 32
# Where nothing was for a webhook, its place is saved after so many leaves: a hub that takes over reads them again.
UNSAVED_LEAVES_MAX = 10_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often the delivering hub looks for new events, and another whether it is to take over."""

    poll_s: float = 1.0
    standby_s: float = 5.0


@asynccontextmanager
async def deliver_webhooks(
    pool: Pool,
    sign: Sign,
    *,
    clock: Callable[[], datetime],
    is_http_allowed: bool = False,
    rhythm: Rhythm = Rhythm(),
    chance: Callable[[], float] = random.random,
) -> AsyncIterator[None]:
    """Deliver as long as the block runs; takes one connection of the pool while this hub is the one that delivers.

    `is_http_allowed` (trials, tests) allows addresses that are not public, too."""

    async def work() -> None:
        while True:
            try:
                await _lead(pool, lambda connection: Delivery(connection, sign, clock, is_http_allowed, chance), rhythm)
            except Exception as error:
                _log_interruption(error)
            await asyncio.sleep(rhythm.standby_s)

    worker = asyncio.create_task(work(), name="webhooks")
    try:
        yield
    finally:
        await end_task(worker)


async def _lead(pool: Pool, make_delivery: "Callable[[Connection], Delivery]", rhythm: Rhythm) -> None:
    """Deliver until something goes wrong, if no other hub does; else return at once."""
    async with pool.acquire() as connection:
        if not await webhooks.lock_delivery(connection):
            return
        log.info("webhooks.leading")
        try:
            await make_delivery(connection).run(poll_s=rhythm.poll_s)
        finally:
            # The lock goes with the connection, whatever state it is in; one that broke is the pool's again already.
            with suppress(asyncpg.InterfaceError):
                connection.terminate()


def _log_interruption(error: Exception) -> None:
    causes = error.exceptions if isinstance(error, ExceptionGroup) else (error,)
    if all(may_pass(cause) for cause in causes if isinstance(cause, Exception)):
        log.warning("webhooks.interrupted", reason="; ".join(f"{type(cause).__name__}: {cause}" for cause in causes))
    else:
        log.error("webhooks.bug", exc_info=error)


class Delivery:
    """One hub's turn at delivering, for as long as its connection lives."""

    def __init__(
        self,
        connection: Connection,
        sign: Sign,
        clock: Callable[[], datetime],
        is_http_allowed: bool,
        chance: Callable[[], float],
    ) -> None:
        self._connection = connection
        self._sign = sign
        self._clock = clock
        self._is_http_allowed = is_http_allowed
        self._chance = chance
        self._turn = asyncio.Lock()
        self._journal = SharedJournal(connection, self._turn)
        self._slots = asyncio.Semaphore(POSTS_AT_ONCE_MAX)
        self._under_way: set[int] = set()
        # Behind what was read and held nothing for the webhook; not all of it is saved.
        self._passed: dict[int, Sequence[int]] = {}

    async def run(self, *, poll_s: float) -> None:
        client = open_client(is_http_allowed=self._is_http_allowed, connections_max=POSTS_AT_ONCE_MAX)
        async with client, asyncio.TaskGroup() as deliveries:
            while True:
                for webhook, ends in await self._due():
                    self._under_way.add(webhook.webhook)
                    deliveries.create_task(self._deliver(client, webhook, ends))
                await asyncio.sleep(poll_s)

    async def _due(self) -> list[tuple[Webhook, tuple[int, ...]]]:
        async with self._turn:
            active = await webhooks.load_active(self._connection)
            if not active:
                return []
            ends = await load_sizes(self._connection)
        self._journal.follow({webhook.partner for webhook in active})
        now = self._clock()
        return [
            (webhook, ends)
            for webhook in active
            if webhook.webhook not in self._under_way
            and webhook.next_attempt_at <= now
            and (webhook.pending is not None or tuple(self._start(webhook)) != ends)
        ]

    async def _deliver(self, client: ClientSession, webhook: Webhook, ends: Sequence[int]) -> None:
        try:
            await self._deliver_all(client, webhook, ends)
        except Exception as error:
            if may_pass(error) or isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
                raise
            # One webhook must not take the others down with it.
            log.error("webhook.bug", webhook=webhook.webhook, exc_info=error)
            await self._save_failure(webhook, Outcome(), "a fault of the hub, see its log")
        finally:
            self._under_way.discard(webhook.webhook)

    async def _deliver_all(self, client: ClientSession, webhook: Webhook, ends: Sequence[int]) -> None:
        """Deliver page after page up to `ends`, or until an attempt fails."""
        start = self._start(webhook)
        if webhook.pending is not None:
            if not await self._attempt(client, webhook, await self._repeated(webhook)):
                return
            start = webhook.pending
            webhook = _delivered(webhook, start)
        has_more = True
        while has_more:
            page = await self._next_page(webhook, start, ends)
            if page.events:
                is_delivered = await self._save_pending(webhook, start, page.positions) and await self._attempt(
                    client, webhook, page.events
                )
                if not is_delivered:
                    return
                webhook = _delivered(webhook, page.positions)
            elif not await self._pass_over(webhook, page.positions):
                return
            start, has_more = page.positions, page.has_more

    def _start(self, webhook: Webhook) -> Sequence[int]:
        return self._passed.get(webhook.webhook, webhook.positions)

    async def _next_page(self, webhook: Webhook, start: Sequence[int], ends: Sequence[int]) -> EventPage:
        async def read_lane(lane: int, first: int, end: int, count_max: int) -> list[Event]:
            return (await self._journal.read(webhook.partner, lane, first, end))[:count_max]

        return await next_page(read_lane, start, ends, count_max=EVENTS_MAX)

    async def _repeated(self, webhook: Webhook) -> list[Event]:
        """Return the page whose delivery began: all between its positions."""
        assert webhook.pending is not None
        spans = enumerate(zip(webhook.positions, webhook.pending, strict=True))
        return in_booked_order(
            [await self._journal.read(webhook.partner, lane, first, end) for lane, (first, end) in spans]
        )

    async def _pass_over(self, webhook: Webhook, positions: Sequence[int]) -> bool:
        self._passed[webhook.webhook] = positions
        if sum(positions) - sum(webhook.positions) < UNSAVED_LEAVES_MAX:
            return True
        return await self._save_pending(webhook, positions, None)

    async def _save_pending(self, webhook: Webhook, positions: Sequence[int], pending: Sequence[int] | None) -> bool:
        async with self._turn:
            is_active = await webhooks.save_pending(self._connection, webhook.webhook, positions, pending=pending)
        self._passed.pop(webhook.webhook, None)
        return is_active

    async def _attempt(self, client: ClientSession, webhook: Webhook, events: Sequence[Event]) -> bool:
        """Post a page whose end is saved; return whether it arrived and the next may follow."""
        message = events_message(events, partner_name=webhook.partner_name)
        async with self._slots:
            outcome = await post(
                client,
                webhook.url,
                body=message.body,
                headers=signed_headers(message, self._sign, now=self._clock()),
                is_http_allowed=self._is_http_allowed,
            )
        if outcome.fault is not None:
            await self._save_failure(webhook, outcome, outcome.fault)
            return False
        async with self._turn:
            return await webhooks.save_delivered(self._connection, webhook.webhook, now=self._clock())

    async def _save_failure(self, webhook: Webhook, outcome: Outcome, fault: str) -> None:
        now = self._clock()
        failures = webhook.failures + 1
        since = webhook.failing_since or now
        is_disabled = outcome.is_gone or is_given_up(now, failing_since=since)
        due = next_attempt_at(now, failures=failures, chance=self._chance(), retry_after_s=outcome.retry_after_s)
        log.warning("webhook.failed", webhook=webhook.webhook, fault=fault, failures=failures, disabled=is_disabled)
        async with self._turn:
            await webhooks.save_failure(
                self._connection,
                webhook.webhook,
                is_disabled=is_disabled,
                failures=failures,
                failing_since=since,
                fault=fault,
                next_attempt_at=due,
            )


def _delivered(webhook: Webhook, positions: Sequence[int]) -> Webhook:
    return webhook._replace(positions=list(positions), pending=None, failures=0, failing_since=None)
