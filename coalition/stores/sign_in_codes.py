"""One-time codes for signing in, one per browser that asked; of its ticket and of the code only digests are kept."""

from datetime import datetime
from typing import NamedTuple

from coalition.database.pool import Connection

# Keeps these locks apart from other ones.
ADDRESS_LOCK = 0x7369676E
LOCK_ADDRESS = "SELECT pg_advisory_xact_lock($1, hashtext($2))"


async def lock_address(connection: Connection, email: str) -> None:
    """Let nobody else add a code for an address until the transaction ends."""
    await connection.execute(LOCK_ADDRESS, ADDRESS_LOCK, email)


SELECT_SENT = """
SELECT sent_at FROM sign_in_code
WHERE email = $1 AND sent_at > $2 AND known_browser IS NOT DISTINCT FROM $3 ORDER BY sent_at
"""


async def load_sent(
    connection: Connection, email: str, *, known_browser: bytes | None, since: datetime
) -> list[datetime]:
    """Return when the codes were sent that a known browser, or all that are not known, asked for to an address, but for
    used ones. Call `lock_address` before."""
    return [row["sent_at"] for row in await connection.fetch(SELECT_SENT, email, since, known_browser)]


INSERT_CODE = """
INSERT INTO sign_in_code (ticket_digest, email, code_digest, known_browser, sent_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6)
"""


async def add_code(
    connection: Connection,
    *,
    ticket_digest: bytes,
    email: str,
    code_digest: bytes,
    known_browser: bytes | None,
    now: datetime,
    expires_at: datetime,
) -> None:
    await connection.execute(INSERT_CODE, ticket_digest, email, code_digest, known_browser, now, expires_at)


SELECT_TICKET = """
SELECT EXISTS (SELECT FROM sign_in_code WHERE ticket_digest = $1 AND email = $2 AND expires_at > $3)
"""


async def is_ticket_for(connection: Connection, ticket_digest: bytes, email: str, *, now: datetime) -> bool:
    """Say whether a ticket has a code for this address that is not over."""
    return bool(await connection.fetchval(SELECT_TICKET, ticket_digest, email, now))


class TriedCode(NamedTuple):
    """What a try is compared with, and whom it signs in."""

    email: str
    code_digest: bytes


# The row lock that the update takes counts attempts one by one, however many come at once.
COUNT_ATTEMPT = """
UPDATE sign_in_code SET attempts = attempts + 1
WHERE ticket_digest = $1 AND attempts < $2 AND expires_at > $3
RETURNING email, code_digest
"""


async def count_attempt(
    connection: Connection, ticket_digest: bytes, *, attempts_max: int, now: datetime
) -> TriedCode | None:
    """Count an attempt and return what to compare with; None: no code, or it is over or used up."""
    row = await connection.fetchrow(COUNT_ATTEMPT, ticket_digest, attempts_max, now)
    return None if row is None else TriedCode(*row.values())


DELETE_CODE = "DELETE FROM sign_in_code WHERE ticket_digest = $1"


async def drop_code(connection: Connection, ticket_digest: bytes) -> None:
    await connection.execute(DELETE_CODE, ticket_digest)


# Skips what another transaction removes at this moment, so that they neither wait nor deadlock.
DELETE_OLD = """
DELETE FROM sign_in_code WHERE ticket_digest IN (
    SELECT ticket_digest FROM sign_in_code WHERE sent_at <= $1 ORDER BY sent_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""


async def drop_old_codes(connection: Connection, *, sent_until: datetime, codes_max: int) -> None:
    """Remove the oldest codes, `codes_max` at most."""
    await connection.execute(DELETE_OLD, sent_until, codes_max)
