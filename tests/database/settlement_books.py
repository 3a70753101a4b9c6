"""The hub's books as clearing leaves them, written directly: window totals and lanes' outstanding points."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.database.pool import Pool
from coalition.lanes.close_window import close_window
from coalition.operations.manage_partner import FirstTerms, add_partner
from coalition.signatures.keys import public_key_pem

BOOK_TOTAL = """
INSERT INTO window_total (lane, window_no, partner, kind, terms_version, vat_rate, points, operations,
    first_occurred_at, last_occurred_at)
SELECT lane, window_no, $2, $3, $4, $5, $6, 1, $7, $7 FROM lane WHERE lane = $1
ON CONFLICT (lane, window_no, partner, kind, terms_version, vat_rate) DO UPDATE
SET points = window_total.points + excluded.points, operations = window_total.operations + 1,
    first_occurred_at = least(window_total.first_occurred_at, excluded.first_occurred_at),
    last_occurred_at = greatest(window_total.last_occurred_at, excluded.last_occurred_at)
"""

MOVE_OUTSTANDING = "UPDATE lane SET outstanding = outstanding + $2 WHERE lane = $1"

# Terms that are no amounts.
TEXTS = ("funding", "charge_vat", "fee_vat", "redemption_vat", "offline_loss", "return_loss")

SIGNS = {"issued": 1, "issue_reversed": -1, "redeemed": -1, "redeem_reversed": 1}


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Books:
    """A hub of four lanes in which a test books what it likes."""

    pool: Pool

    async def partner(self, name: str, **terms: Any) -> int:
        """Take a partner in; its terms are the point value without fees, or as given."""
        added = await add_partner(
            self.pool,
            name=name,
            key_pem=public_key_pem(Ed25519PrivateKey.generate().public_key()),
            terms=FirstTerms(**{field: value if field in TEXTS else Decimal(value) for field, value in terms.items()}),
            now=now(),
            actor="test",
        )
        return added.partner

    async def book(
        self,
        partner: int,
        kind: str,
        points: int,
        *,
        lane: int = 0,
        terms_version: int = 1,
        vat_rate: str = "",
        occurred_at: datetime | None = None,
    ) -> None:
        """Book one operation in the open window of a lane; it occurred just now, or as given."""
        occurred_at = occurred_at or now()
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(BOOK_TOTAL, lane, partner, kind, terms_version, vat_rate, points, occurred_at)
            await connection.execute(MOVE_OUTSTANDING, lane, SIGNS[kind] * points)

    async def close(self) -> int:
        return await close_window(self.pool, clock=now, actor="closer")

    async def fetch(self, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.pool.fetch(statement, *arguments)]

    async def moves(self, window_no: int) -> list[tuple[Any, ...]]:
        """Return (state, actor) of each move of a window."""
        return await self.fetch("SELECT to_state, actor FROM window_move WHERE window_no = $1 ORDER BY move", window_no)

    async def share_states(self, window_no: int) -> dict[int, str]:
        rows = await self.fetch("SELECT partner, state FROM window_share WHERE window_no = $1", window_no)
        return dict(rows)

    async def worked_example_1(self) -> tuple[int, int, int]:
        """Book the first worked example of the domain over all lanes, and close the window."""
        partners = (await self.partner("A"), await self.partner("B"), await self.partner("C"))
        figures = zip(partners, ((1_200_000, 450_000), (300_000, 800_000), (500_000, 350_000)), strict=True)
        for partner, (issued, redeemed) in figures:
            for lane in range(4):
                await self.book(partner, "issued", issued // 4, lane=lane, vat_rate="19" if lane else "7")
                await self.book(partner, "redeemed", redeemed // 4, lane=lane)
        await self.close()
        return partners
