"""Nonces of signed requests that were used already, by whichever process got them."""

from datetime import datetime

from coalition.database.pool import Connection

OLD_DROPPED_MAX = 100

INSERT_NONCE = "INSERT INTO nonce (digest, spent_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true"


async def add_nonce(connection: Connection, digest: bytes, *, now: datetime) -> bool:
    """Keep a nonce; False: it is there already."""
    return bool(await connection.fetchval(INSERT_NONCE, digest, now))


# Rows that another process drops at this moment are left to it.
DELETE_OLD = """
DELETE FROM nonce WHERE digest IN (
    SELECT digest FROM nonce WHERE spent_at < $1 ORDER BY spent_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""


async def drop_old_nonces(connection: Connection, *, until: datetime) -> None:
    """Drop some of those whose requests are refused by their age: each that is kept makes room for more than itself."""
    await connection.execute(DELETE_OLD, until, OLD_DROPPED_MAX)
