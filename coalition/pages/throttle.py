"""How often something may be tried: counted in the database, the same for all processes of all hubs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from coalition.database.pool import Pool
from coalition.stores.attempts import add_attempt, drop_old_attempts, forget_attempts, load_attempts

PERIOD_MAX = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Throttle:
    """At most `count_max` tries per key within `period` (PERIOD_MAX at most); `kind` keeps its keys apart."""

    kind: str
    count_max: int
    period: timedelta

    async def take(self, pool: Pool, key: str, *, now: datetime) -> int:
        """Count a try and return 0; or return how long until the key may try again, and count nothing."""
        async with pool.acquire() as connection, connection.transaction():
            tries = await load_attempts(connection, self.kind, _digest(key), since=now - self.period)
            wait_s = self._wait_s(tries, now)
            if not wait_s:
                await drop_old_attempts(connection, until=now - PERIOD_MAX)
                await add_attempt(connection, self.kind, _digest(key), now=now)
        return wait_s

    async def wait_s(self, pool: Pool, key: str, *, now: datetime) -> int:
        """Return how long until the key may try again; 0: now."""
        async with pool.acquire() as connection, connection.transaction():
            return self._wait_s(await load_attempts(connection, self.kind, _digest(key), since=now - self.period), now)

    async def forget(self, pool: Pool, key: str) -> None:
        """Forget a key's tries: it was the right one after all."""
        async with pool.acquire() as connection, connection.transaction():
            await forget_attempts(connection, self.kind, _digest(key))

    def _wait_s(self, tries: Sequence[datetime], now: datetime) -> int:
        if len(tries) < self.count_max:
            return 0
        return max(1, int((tries[-self.count_max] + self.period - now).total_seconds()) + 1)


def _digest(key: str) -> bytes:
    return sha256(key.encode()).digest()
