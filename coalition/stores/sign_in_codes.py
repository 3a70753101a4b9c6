"""One-time codes for signing in, one per address at a time; only their digests are kept."""

from datetime import datetime

from coalition.database.pool import Connection

# A newer code takes the place of the one before, but not within the pause that the caller sets by `sent_before`.
UPSERT_CODE = """
INSERT INTO sign_in_code (email, code_digest, sent_at, expires_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (email) DO UPDATE
SET code_digest = excluded.code_digest, attempts = 0, sent_at = excluded.sent_at, expires_at = excluded.expires_at
WHERE sign_in_code.sent_at <= $5
RETURNING email
"""


async def put_code(
    connection: Connection,
    email: str,
    *,
    code_digest: bytes,
    now: datetime,
    expires_at: datetime,
    sent_before: datetime,
) -> bool:
    """Keep a new code; False: the address has had one since `sent_before`, which stays."""
    row = await connection.fetchval(UPSERT_CODE, email, code_digest, now, expires_at, sent_before)
    return row is not None


# The row lock that the update takes counts attempts one by one, however many come at once.
COUNT_ATTEMPT = """
UPDATE sign_in_code SET attempts = attempts + 1
WHERE email = $1 AND attempts < $2 AND expires_at > $3
RETURNING code_digest
"""


async def count_attempt(connection: Connection, email: str, *, attempts_max: int, now: datetime) -> bytes | None:
    """Count an attempt and return the digest to compare with; None: no code, or it is over or used up."""
    digest: bytes | None = await connection.fetchval(COUNT_ATTEMPT, email, attempts_max, now)
    return digest


DELETE_CODE = "DELETE FROM sign_in_code WHERE email = $1"


async def drop_code(connection: Connection, email: str) -> None:
    await connection.execute(DELETE_CODE, email)


DELETE_EXPIRED = "DELETE FROM sign_in_code WHERE expires_at <= $1"


async def drop_expired_codes(connection: Connection, *, now: datetime) -> None:
    await connection.execute(DELETE_EXPIRED, now)
