"""Use a nonce up: a signed request that carries one counts once, in all processes of all hubs.

Kept for as long as a request may be old; after that its age refuses it.
"""

from datetime import datetime, timedelta
from hashlib import sha256

from coalition.database.pool import Pool
from coalition.signatures.errors import NonceReusedError
from coalition.signatures.verify import AGE_MAX_S, AHEAD_MAX_S
from coalition.stores.nonces import add_nonce, drop_old_nonces

LIFETIME = timedelta(seconds=AGE_MAX_S + AHEAD_MAX_S)


async def spend_nonce(pool: Pool, *, keyid: str, nonce: str, now: datetime) -> None:
    """Use up a key's nonce, before anything is done for its request; raises NonceReusedError the second time."""
    digest = sha256(f"{keyid}\n{nonce}".encode()).digest()
    async with pool.acquire() as connection, connection.transaction():
        await drop_old_nonces(connection, until=now - LIFETIME)
        is_new = await add_nonce(connection, digest, now=now)
    if not is_new:
        raise NonceReusedError(
            field="Signature-Input;nonce", expected="a nonce that this key did not use before", got=nonce
        )
