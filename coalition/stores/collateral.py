"""Collateral that partners deposited; it raises their net debit caps (migration 0016_payments)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from coalition.database.pool import Connection

MovementKind = Literal["deposit", "return", "draw"]


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that came, went back, or was drawn for a debt; the same reference is the same movement."""

    partner: int
    reference: str
    kind: MovementKind
    amount_minor: int
    moved_at: datetime
    moved_by: str


INSERT_COLLATERAL = "INSERT INTO collateral (partner) VALUES ($1) ON CONFLICT (partner) DO NOTHING"

LOCK_COLLATERAL = "SELECT balance_minor FROM collateral WHERE partner = $1 FOR UPDATE"


async def lock_collateral(connection: Connection, partner: int) -> int:
    """Let one transaction at a time move a partner's collateral; return it in minor units. Lock the cap before."""
    await connection.execute(INSERT_COLLATERAL, partner)
    return await connection.fetchval(LOCK_COLLATERAL, partner)  # type: ignore[no-any-return]


INSERT_MOVEMENT = """
INSERT INTO collateral_movement (partner, reference, kind, amount_minor, moved_at, moved_by)
VALUES ($1, $2, $3, $4, $5, $6)
"""

MOVE_COLLATERAL = "UPDATE collateral SET balance_minor = balance_minor + $2 WHERE partner = $1"


async def move_collateral(connection: Connection, movement: Movement) -> None:
    """Record a movement and count it."""
    await connection.execute(
        INSERT_MOVEMENT,
        movement.partner,
        movement.reference,
        movement.kind,
        movement.amount_minor,
        movement.moved_at,
        movement.moved_by,
    )
    sign = 1 if movement.kind == "deposit" else -1
    await connection.execute(MOVE_COLLATERAL, movement.partner, sign * movement.amount_minor)


SELECT_MOVEMENTS = """
SELECT partner, reference, kind, amount_minor, moved_at, moved_by
FROM collateral_movement
WHERE $1::bigint IS NULL OR partner = $1
ORDER BY partner, moved_at, reference
"""


async def load_movements(connection: Connection, partner: int | None = None) -> list[Movement]:
    """Return a partner's movements, or those of all partners, in order."""
    return [Movement(*row.values()) for row in await connection.fetch(SELECT_MOVEMENTS, partner)]


SELECT_BALANCES = "SELECT partner, balance_minor FROM collateral ORDER BY partner"


async def load_collateral(connection: Connection) -> dict[int, int]:
    """Return what each partner has deposited, in minor units."""
    return {row["partner"]: row["balance_minor"] for row in await connection.fetch(SELECT_BALANCES)}
