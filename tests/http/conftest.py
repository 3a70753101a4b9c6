"""A running hub with partners and members of its own, for journeys over real HTTP."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from coalition.database.pool import Pool
from coalition.http.app import build_app, make_runner
from coalition.http.hub_key import load_signer
from coalition.lanes.clearing import Clearing
from coalition.operations.add_members import NewMember, add_members
from coalition.operations.manage_partner import FirstTerms, add_partner
from coalition.signatures.keys import public_key_pem
from tests.shop import Shop


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Clock:
    """The hub's and its shops' clock: the real one, and as far ahead as a test puts it; once stopped, it moves by
    `forward` alone."""

    ahead: timedelta = timedelta(0)
    stopped_at: datetime | None = None

    def __call__(self) -> datetime:
        return (self.stopped_at or now()) + self.ahead

    def stop(self) -> None:
        self.stopped_at = now()

    def forward(self, step: timedelta) -> None:
        self.ahead += step


# Terms that are no amounts.
TEXTS = ("funding", "charge_vat", "fee_vat", "redemption_vat", "offline_loss", "return_loss")


@dataclass
class RunningHub:
    """A hub on a port of its own; `shop` takes a new partner in, `card` opens a new account."""

    authority: str
    pool: Pool
    session: ClientSession
    clearing: Clearing
    clock: Clock
    members: int = 0

    async def shop(self, name: str = "Shop", *, may_earn: bool = True, may_burn: bool = True, **terms: Any) -> Shop:
        shop = Shop(self.session, self.authority, name, clock=self.clock)
        await add_partner(
            self.pool,
            name=name,
            key_pem=public_key_pem(shop.private_key.public_key()),
            terms=FirstTerms(
                **{field: value if field in TEXTS else Decimal(str(value)) for field, value in terms.items()}
            ),
            may_earn=may_earn,
            may_burn=may_burn,
            now=now(),
            actor="test",
        )
        await self.clearing.registry.load()
        return shop

    async def card(self) -> str:
        return (await self.cards(1))[0]

    async def cards(self, count: int) -> list[str]:
        emails = [f"member{self.members + number}@shop.example" for number in range(count)]
        self.members += count
        opened = await add_members(self.pool, [NewMember(email, "A member") for email in emails], now=now())
        return [account.card for account in opened]


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> AsyncIterator[RunningHub]:
    clock = Clock()
    clearing = Clearing(pool, clock=clock)
    app = build_app(clearing, load_signer(tmp_path / "hub-key.pem"))
    runner = make_runner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    async with ClientSession() as session:
        yield RunningHub(f"{host}:{port}", pool, session, clearing, clock)
    await runner.cleanup()
