"""Partners that leave: until when their burns are taken, and which window is their last."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from coalition.database.pool import Connection


@dataclass(frozen=True, slots=True)
class Exit:
    """Burns are refused from `burns_until` on. `ended_at`, `final_window` None: the end of the tail is not marked."""

    partner: int
    announced_at: datetime
    announced_by: str
    tail_months: int
    burns_until: datetime
    ended_at: datetime | None = None
    final_window: int | None = None


INSERT_EXIT = """
INSERT INTO partner_exit (partner, announced_at, announced_by, tail_months, burns_until) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (partner) DO NOTHING
"""

STOP_EARNS = "UPDATE partner SET may_earn = false WHERE partner = $1"


async def insert_exit(connection: Connection, leaving: Exit) -> None:
    """Stop a partner's earns, and its burns from a moment on; one that leaves already stays as it is."""
    await connection.execute(
        INSERT_EXIT,
        leaving.partner,
        leaving.announced_at,
        leaving.announced_by,
        leaving.tail_months,
        leaving.burns_until,
    )
    await connection.execute(STOP_EARNS, leaving.partner)


SELECT_EXITS = """
SELECT partner, announced_at, announced_by, tail_months, burns_until, ended_at, final_window
FROM partner_exit
ORDER BY partner
"""


async def load_exits(connection: Connection) -> dict[int, Exit]:
    """Return every exit that was announced."""
    return {row["partner"]: _exit(row) for row in await connection.fetch(SELECT_EXITS)}


END_TAILS = """
UPDATE partner_exit SET ended_at = $1, final_window = $2 WHERE burns_until <= $1 AND ended_at IS NULL RETURNING partner
"""

MARK_LEFT = "UPDATE partner SET status = 'left', may_earn = false, may_burn = false WHERE partner = ANY($1)"


async def end_tails(connection: Connection, *, window_no: int, now: datetime) -> list[int]:
    """Mark who has left by now, with the open window as its last; return those marked. Lock the windows before."""
    partners = sorted(row["partner"] for row in await connection.fetch(END_TAILS, now, window_no))
    if partners:
        await connection.execute(MARK_LEFT, partners)
    return partners


SELECT_FINAL = "SELECT partner FROM partner_exit WHERE final_window = $1 ORDER BY partner"


async def find_leavers(connection: Connection, window_no: int) -> list[int]:
    """Return the partners whose last window this is."""
    return [row["partner"] for row in await connection.fetch(SELECT_FINAL, window_no)]


def _exit(row: asyncpg.Record) -> Exit:
    return Exit(*row.values())
