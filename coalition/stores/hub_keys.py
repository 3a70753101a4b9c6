"""The hub's public keys: never deleted, so that receipts stay verifiable for years."""

from datetime import datetime

import asyncpg

from coalition.database.pool import Connection

INSERT_KEY = """
INSERT INTO hub_key (keyid, public_key, valid_from) VALUES ($1, $2, $3) ON CONFLICT (keyid) DO NOTHING
"""


async def add_hub_key(connection: Connection, keyid: str, public_key: bytes, *, valid_from: datetime) -> None:
    await connection.execute(INSERT_KEY, keyid, public_key, valid_from)


SELECT_KEYS = "SELECT keyid, public_key, valid_from, valid_until FROM hub_key ORDER BY valid_from, keyid"


async def load_hub_keys(connection: Connection) -> list[asyncpg.Record]:
    return await connection.fetch(SELECT_KEYS)
