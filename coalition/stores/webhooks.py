"""Webhooks: where partners want to be told, and how far each has been told; a local table."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from coalition.database.pool import Connection

# Any number, the same in every hub: one of them delivers, the others stand by.
DELIVERY_LOCK = 0x77656268

TRY_LOCK = "SELECT pg_try_advisory_lock($1)"


async def lock_delivery(connection: Connection) -> bool:
    """Take the delivery of all webhooks on, for as long as this very connection lives; False: another hub has it."""
    return bool(await connection.fetchval(TRY_LOCK, DELIVERY_LOCK))


class Webhook(NamedTuple):
    """An active webhook of an active partner. `positions`: for each lane the first leaf not delivered; `pending`: those
    after the page whose delivery began, None where none did; `failures` in a row, the first at `failing_since`."""

    webhook: int
    partner: int
    partner_name: str
    url: str
    positions: list[int]
    pending: list[int] | None
    failures: int
    failing_since: datetime | None
    next_attempt_at: datetime


SELECT_ACTIVE = """
SELECT webhook.webhook, webhook.partner, partner.name, webhook.url, webhook.positions, webhook.pending,
    webhook.failures, webhook.failing_since, webhook.next_attempt_at
FROM webhook
JOIN partner ON partner.partner = webhook.partner
WHERE webhook.status = 'active' AND partner.status = 'active'
ORDER BY webhook.webhook
"""


async def load_active(connection: Connection) -> list[Webhook]:
    """Return the webhooks that are to be told; those of suspended partners wait, like their questions."""
    return [Webhook(*row) for row in await connection.fetch(SELECT_ACTIVE)]


SAVE_PENDING = """
UPDATE webhook SET positions = $2, pending = $3 WHERE webhook = $1 AND status = 'active' RETURNING webhook
"""


async def save_pending(
    connection: Connection, webhook: int, positions: Sequence[int], *, pending: Sequence[int] | None
) -> bool:
    """Save from where to where the page goes that is delivered next, or with None that there was nothing up to here.

    False: the webhook was removed or disabled meanwhile."""
    return await connection.fetchval(SAVE_PENDING, webhook, positions, pending) is not None


SAVE_DELIVERED = """
UPDATE webhook
SET positions = pending, pending = NULL, failures = 0, failing_since = NULL, last_fault = NULL, last_delivered_at = $2,
    next_attempt_at = $2
WHERE webhook = $1 AND pending IS NOT NULL RETURNING webhook
"""


async def save_delivered(connection: Connection, webhook: int, *, now: datetime) -> bool:
    """Move on behind the page that was delivered. False: the webhook was removed meanwhile."""
    return await connection.fetchval(SAVE_DELIVERED, webhook, now) is not None


SAVE_FAILURE = """
UPDATE webhook
SET status = $2, failures = $3, failing_since = $4, last_fault = $5, next_attempt_at = $6
WHERE webhook = $1 AND status = 'active'
"""


async def save_failure(
    connection: Connection,
    webhook: int,
    *,
    is_disabled: bool,
    failures: int,
    failing_since: datetime,
    fault: str,
    next_attempt_at: datetime,
) -> None:
    """Keep that an attempt failed, and when the next is due."""
    status = "disabled" if is_disabled else "active"
    await connection.execute(SAVE_FAILURE, webhook, status, failures, failing_since, fault, next_attempt_at)


class ListedWebhook(NamedTuple):
    """A webhook as the operator sees it."""

    webhook: int
    partner: str
    url: str
    status: str
    failures: int
    failing_since: datetime | None
    last_fault: str | None
    last_delivered_at: datetime | None
    next_attempt_at: datetime
    created_at: datetime


SELECT_LISTED = """
SELECT webhook.webhook, partner.name, webhook.url, webhook.status, webhook.failures, webhook.failing_since,
    webhook.last_fault, webhook.last_delivered_at, webhook.next_attempt_at, webhook.created_at
FROM webhook
JOIN partner ON partner.partner = webhook.partner
WHERE $1::bigint IS NULL OR webhook.webhook = $1
ORDER BY webhook.webhook
"""


async def list_webhooks(connection: Connection) -> list[ListedWebhook]:
    return [ListedWebhook(*row) for row in await connection.fetch(SELECT_LISTED, None)]


async def find_webhook(connection: Connection, webhook: int) -> ListedWebhook | None:
    row = await connection.fetchrow(SELECT_LISTED, webhook)
    return None if row is None else ListedWebhook(*row)


INSERT_WEBHOOK = """
INSERT INTO webhook (partner, url, positions, next_attempt_at, created_at) VALUES ($1, $2, $3, $4, $4)
RETURNING webhook
"""


async def add_webhook(
    connection: Connection, partner: int, url: str, *, positions: Sequence[int], now: datetime
) -> int:
    """Add a webhook; raises asyncpg.UniqueViolationError where the partner has one with this URL."""
    webhook: int = await connection.fetchval(INSERT_WEBHOOK, partner, url, positions, now)
    return webhook


DELETE_WEBHOOK = "DELETE FROM webhook WHERE webhook = $1 RETURNING webhook"


async def remove_webhook(connection: Connection, webhook: int) -> bool:
    """Remove a webhook. False: there is none of this number."""
    return await connection.fetchval(DELETE_WEBHOOK, webhook) is not None


RESUME_WEBHOOK = """
UPDATE webhook SET status = 'active', failures = 0, failing_since = NULL, next_attempt_at = $2
WHERE webhook = $1 RETURNING webhook
"""


async def resume_webhook(connection: Connection, webhook: int, *, now: datetime) -> bool:
    """Make a webhook active and due now; it goes on where it stopped. False: there is none of this number."""
    return await connection.fetchval(RESUME_WEBHOOK, webhook, now) is not None
