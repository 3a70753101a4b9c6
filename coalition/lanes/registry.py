"""What every message is judged by, held in memory: partners, their keys and terms, the programme.

A change is announced on the channel `registry` in the transaction that makes it, and each hub loads it anew at once.
A key that is not known waits for a look into the database, of which there is one in RELOAD_PAUSE_S at most.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from coalition.database.pool import Connection, Pool
from coalition.lanes.database_retry import with_retry
from coalition.lanes.end_task import end_task
from coalition.ledger.batch import Calendar
from coalition.ledger.cap import NO_CAPS, Cap
from coalition.ledger.participant import Participant
from coalition.ledger.promotion import NO_PROMOTIONS, Promotion
from coalition.stores.caps import load_caps
from coalition.stores.programme import Programme, load_programme
from coalition.stores.promotions import load_promotions
from coalition.stores.registry import load_participants, load_partner_keys

CHANNEL = "registry"
GIVE_UP_AFTER_S = 5.0
RELOAD_PAUSE_S = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PartnerKey:
    """A partner's public key with the interval in which it may sign."""

    keyid: str
    partner: int
    public_key: Ed25519PublicKey
    valid_from: datetime
    valid_until: datetime | None

    def is_valid_at(self, moment: datetime) -> bool:
        return self.valid_from <= moment and (self.valid_until is None or moment < self.valid_until)


class Registry:
    """The current picture; use `open` to load it and follow its changes, `close` to stop following. `on_load` is called
    whenever it is loaded anew."""

    def __init__(self, pool: Pool, *, on_load: Callable[[], None] = lambda: None) -> None:
        self._pool = pool
        self._on_load = on_load
        self._changed = asyncio.Event()
        self._follower: asyncio.Task[None] | None = None
        self._next_load: asyncio.Task[None] | None = None
        self._loaded_s = 0.0
        self._loading = asyncio.Lock()
        self.programme: Programme
        self.calendar: Calendar
        self.participants: dict[int, Participant] = {}
        self.keys: dict[str, PartnerKey] = {}
        self.promotions: Mapping[str, Promotion] = NO_PROMOTIONS
        self.caps: Mapping[int, Cap] = NO_CAPS

    async def open(self) -> None:
        await self.load()
        self._follower = asyncio.create_task(self._follow())

    async def close(self) -> None:
        for task in (self._follower, self._next_load):
            if task is not None:
                await end_task(task)

    async def load(self) -> None:
        """Load everything anew.

        Raises DatabaseUnreachableError when the database stayed away."""
        await with_retry(self._load, give_up_after_s=GIVE_UP_AFTER_S)

    async def _load(self) -> None:
        self._loaded_s = asyncio.get_running_loop().time()
        self._on_load()
        # One moment, and one load at a time: a partner seen without its terms would be refused for good, and what began
        # earlier must not end later.
        async with (
            self._loading,
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            self.programme = await load_programme(connection)
            self.calendar = Calendar(self.programme.zone, self.programme.expiry, self.programme.grace_days)
            self.participants = await load_participants(connection)
            promotions = await load_promotions(connection, self.participants)
            # By name and by number: no name is a number.
            by_number = {str(promotion.promotion): promotion for promotion in promotions}
            self.caps = await load_caps(connection)
            self.promotions = by_number | {promotion.name: promotion for promotion in promotions}
            self.keys = {
                row["keyid"]: PartnerKey(
                    row["keyid"],
                    row["partner"],
                    Ed25519PublicKey.from_public_bytes(row["public_key"]),
                    row["valid_from"],
                    row["valid_until"],
                )
                for row in await load_partner_keys(connection)
            }

    async def find_key(self, keyid: str) -> PartnerKey | None:
        """Return a key by its id, looking in the database for one that is not known yet."""
        if keyid not in self.keys:
            # All who miss a key wait for one look; a partner's first message may be faster than the announcement.
            if self._next_load is None:
                self._next_load = asyncio.create_task(self._load_after_pause())
            await asyncio.shield(self._next_load)
        return self.keys.get(keyid)

    async def _load_after_pause(self) -> None:
        await asyncio.sleep(self._loaded_s + RELOAD_PAUSE_S - asyncio.get_running_loop().time())
        # Who comes from here on may miss what was committed meanwhile, and waits for the next.
        self._next_load = None
        await self.load()

    async def _follow(self) -> None:
        while True:
            try:
                async with self._pool.acquire() as connection:
                    await self._reload_on_change(connection)
            except Exception as error:
                # Whatever it was: a hub that stops listening would go on with ended keys and suspended partners.
                log.warning("registry.not_followed", reason=str(error))
            await asyncio.sleep(RELOAD_PAUSE_S)

    async def _reload_on_change(self, connection: Connection) -> None:
        connection.add_termination_listener(self._on_change)
        await connection.add_listener(CHANNEL, self._on_change)
        try:
            # What changed before we listened is not announced to us.
            self._changed.set()
            while not connection.is_closed():
                await self._changed.wait()
                self._changed.clear()
                await self.load()
        finally:
            # One that broke is the pool's again already, and no longer listens.
            with suppress(asyncpg.InterfaceError):
                connection.remove_termination_listener(self._on_change)
                await connection.remove_listener(CHANNEL, self._on_change)

    def _on_change(self, *_: Any) -> None:
        self._changed.set()
