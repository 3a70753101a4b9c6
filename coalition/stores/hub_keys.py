"""The hub's public keys: never deleted, so that receipts stay verifiable for years."""

from datetime import datetime

import asyncpg

from coalition.database.pool import Connection

INSERT_KEY = """
INSERT INTO hub_key (keyid, public_key, valid_from) VALUES ($1, $2, $3) ON CONFLICT (keyid) DO NOTHING
"""


async def add_hub_key(connection: Connection, keyid: str, public_key: bytes, *, valid_from: datetime) -> None:
    await connection.execute(INSERT_KEY, keyid, public_key, valid_from)


END_KEY = """
UPDATE hub_key SET valid_until = coalesce(valid_until, $2) WHERE keyid = $1 RETURNING valid_until
"""


async def end_hub_key(connection: Connection, keyid: str, *, valid_until: datetime) -> datetime | None:
    """Return since when the key is ended: the first time it was; None: there is no such key."""
    ended_at: datetime | None = await connection.fetchval(END_KEY, keyid, valid_until)
    return ended_at


SELECT_KEYS = "SELECT keyid, public_key, valid_from, valid_until FROM hub_key ORDER BY valid_from, keyid"


async def load_hub_keys(connection: Connection) -> list[asyncpg.Record]:
    return await connection.fetch(SELECT_KEYS)
