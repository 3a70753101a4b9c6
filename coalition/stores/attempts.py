"""What was tried of late, counted over all processes; of who tried only a digest is kept."""

from datetime import datetime

from coalition.database.pool import Connection

# Keeps these locks apart from other ones.
ATTEMPT_LOCK = 0x74727973
OLD_DROPPED_MAX = 100

LOCK_KEY = "SELECT pg_advisory_xact_lock($1, hashtext(encode($2, 'hex')))"
SELECT_SINCE = "SELECT tried_at FROM attempt WHERE kind = $1 AND key_digest = $2 AND tried_at > $3 ORDER BY tried_at"


async def load_attempts(connection: Connection, kind: str, key_digest: bytes, *, since: datetime) -> list[datetime]:
    """Return when a key tried since then, the oldest first; until the transaction ends nobody adds to them."""
    await connection.execute(LOCK_KEY, ATTEMPT_LOCK, key_digest)
    return [row["tried_at"] for row in await connection.fetch(SELECT_SINCE, kind, key_digest, since)]


INSERT_ATTEMPT = "INSERT INTO attempt (kind, key_digest, tried_at) VALUES ($1, $2, $3)"


async def add_attempt(connection: Connection, kind: str, key_digest: bytes, *, now: datetime) -> None:
    await connection.execute(INSERT_ATTEMPT, kind, key_digest, now)


DELETE_OF_KEY = "DELETE FROM attempt WHERE kind = $1 AND key_digest = $2"


async def forget_attempts(connection: Connection, kind: str, key_digest: bytes) -> None:
    await connection.execute(DELETE_OF_KEY, kind, key_digest)


# Rows that another process drops at this moment are left to it.
DELETE_OLD = """
DELETE FROM attempt WHERE attempt IN (
    SELECT attempt FROM attempt WHERE tried_at < $1 ORDER BY tried_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""


async def drop_old_attempts(connection: Connection, *, until: datetime) -> None:
    """Drop some of what is too old to count: each that tries makes room for more than itself."""
    await connection.execute(DELETE_OLD, until, OLD_DROPPED_MAX)
