"""The hub's registry: what it knows of partners is of one moment."""

import asyncio

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.database.pool import Pool
from coalition.lanes.registry import Registry
from coalition.operations.manage_partner import FirstTerms, add_partner
from coalition.signatures.keys import public_key_pem
from tests.database.lane_books import now


async def test_no_partner_is_seen_without_its_terms(pool: Pool) -> None:
    """Many loads while partners are taken in: each partner that is known has terms, or its earns would be refused for
    good."""
    registry = Registry(pool, on_load=lambda: None)
    await registry.load()

    async def take_in() -> None:
        for number in range(15):
            key = public_key_pem(Ed25519PrivateKey.generate().public_key())
            await add_partner(pool, name=f"Shop {number}", key_pem=key, terms=FirstTerms(), now=now(), actor="test")

    async def look(stop: asyncio.Event) -> list[int]:
        seen = []
        while not stop.is_set():
            await registry.load()
            seen += [partner.partner for partner in registry.participants.values() if not partner.terms]
        return seen

    stop = asyncio.Event()
    looking = [asyncio.create_task(look(stop)) for _ in range(4)]
    await take_in()
    stop.set()
    without = [partner for seen in await asyncio.gather(*looking) for partner in seen]
    assert without == []
    await registry.load()
    assert len(registry.participants) == 15
