"""The operator's acts: add a webhook, remove, resume and try it."""

import secrets
from datetime import datetime

import asyncpg

from coalition.database.pool import Pool
from coalition.errors import AlreadyThereError, NotFoundError
from coalition.stores import webhooks
from coalition.stores.events import load_sizes
from coalition.stores.registry import find_partner
from coalition.webhooks.addresses import refuse_target
from coalition.webhooks.message import Sign, signed_headers, trial_message
from coalition.webhooks.post import Outcome, open_client, post


async def add_webhook(
    pool: Pool, *, partner: str, url: str, is_from_beginning: bool, is_http_allowed: bool, now: datetime
) -> int:
    """Tell a partner of what happens from now on, or from the beginning; return the webhook's number.

    Raises WebhookRefusedError for a URL that may not be called, NotFoundError, AlreadyThereError."""
    await refuse_target(url, is_http_allowed=is_http_allowed)
    async with pool.acquire() as connection, connection.transaction():
        number = await find_partner(connection, partner)
        if number is None:
            raise NotFoundError(f"no partner is named {partner!r}")
        sizes = await load_sizes(connection)
        positions = [0] * len(sizes) if is_from_beginning else sizes
        try:
            return await webhooks.add_webhook(connection, number, url, positions=positions, now=now)
        except asyncpg.UniqueViolationError as error:
            raise AlreadyThereError(f"{partner} has this webhook already") from error


async def remove_webhook(pool: Pool, *, webhook: int) -> None:
    """Tell nobody there any more. Raises NotFoundError."""
    async with pool.acquire() as connection, connection.transaction():
        if not await webhooks.remove_webhook(connection, webhook):
            raise _not_found(webhook)


async def resume_webhook(pool: Pool, *, webhook: int, now: datetime) -> None:
    """Go on with a disabled webhook where it stopped, or try one that waits at once. Raises NotFoundError."""
    async with pool.acquire() as connection, connection.transaction():
        if not await webhooks.resume_webhook(connection, webhook, now=now):
            raise _not_found(webhook)


async def try_webhook(pool: Pool, sign: Sign, *, webhook: int, is_http_allowed: bool, now: datetime) -> Outcome:
    """Post a message that tells of nothing; say what came of it. Raises NotFoundError."""
    async with pool.acquire() as connection:
        found = await webhooks.find_webhook(connection, webhook)
    if found is None:
        raise _not_found(webhook)
    message = trial_message(secrets.token_hex(8), partner_name=found.partner, now=now)
    async with open_client(is_http_allowed=is_http_allowed, connections_max=1) as client:
        return await post(
            client,
            found.url,
            body=message.body,
            headers=signed_headers(message, sign, now=now),
            is_http_allowed=is_http_allowed,
        )


def _not_found(webhook: int) -> NotFoundError:
    return NotFoundError(f"there is no webhook {webhook}")
