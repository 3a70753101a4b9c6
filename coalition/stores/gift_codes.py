"""Codes with which members agree to a gift, one for each member: the last that he asked for."""

from datetime import datetime
from typing import NamedTuple

from coalition.database.pool import Connection

SELECT_SENT = "SELECT sent FROM gift_code WHERE member = $1"


async def load_gift_codes_sent(connection: Connection, member: int) -> list[datetime]:
    """Return when codes went to a member, the oldest first."""
    return list(await connection.fetchval(SELECT_SENT, member) or ())


PUT_CODE = """
INSERT INTO gift_code (member, to_card, points, salt, digest, expires_at, sent) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (member) DO UPDATE
SET to_card = excluded.to_card, points = excluded.points, salt = excluded.salt, digest = excluded.digest,
    expires_at = excluded.expires_at, attempts = 0, is_over = false, sent = excluded.sent
"""


async def put_gift_code(
    connection: Connection,
    member: int,
    *,
    to_card: str,
    points: int,
    salt: bytes,
    digest: bytes,
    expires_at: datetime,
    sent: list[datetime],
) -> None:
    """Keep a member's gift and its code in place of the ones before."""
    await connection.execute(PUT_CODE, member, to_card, points, salt, digest, expires_at, sent)


class AskedGift(NamedTuple):
    to_card: str
    points: int
    salt: bytes
    digest: bytes


SELECT_ASKED = """
SELECT to_card, points, salt, digest FROM gift_code WHERE member = $1 AND NOT is_over AND expires_at > $2
"""


async def find_asked_gift(connection: Connection, member: int, *, now: datetime) -> AskedGift | None:
    """Return the gift that waits for its code."""
    row = await connection.fetchrow(SELECT_ASKED, member, now)
    return None if row is None else AskedGift(*row)


COUNT_ATTEMPT = """
UPDATE gift_code SET attempts = attempts + 1
WHERE member = $1 AND NOT is_over AND expires_at > $2 AND attempts < $3
RETURNING to_card, points, salt, digest
"""


async def count_gift_attempt(
    connection: Connection, member: int, *, now: datetime, attempts_max: int
) -> AskedGift | None:
    """Count a try of the code; None: there is none to be tried."""
    row = await connection.fetchrow(COUNT_ATTEMPT, member, now, attempts_max)
    return None if row is None else AskedGift(*row)


END_CODE = "UPDATE gift_code SET is_over = true WHERE member = $1"


async def end_gift_code(connection: Connection, member: int) -> None:
    """Let a code be used no more."""
    await connection.execute(END_CODE, member)
