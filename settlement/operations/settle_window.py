"""Settle an approved window: invoiced, settling, settled."""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Final

from coalition.database.pool import Pool
from settlement.engine.states import ShareState, WindowState, has_reached, move_window
from settlement.stores.shares import move_shares
from settlement.stores.windows import Window, claim_move, find_window

_WAY: Final[tuple[WindowState, ...]] = ("APPROVED", "INVOICED", "SETTLING", "SETTLED")

# What a window's move brings with it for the shares in it.
_SHARE_MOVES: Final[Mapping[WindowState, tuple[tuple[ShareState, ShareState], ...]]] = {
    "INVOICED": (("ACCEPTED", "INVOICED"), ("DISPUTED", "INVOICED")),
    "SETTLING": (),
    # On the operator's word: payments are not matched with a bank's statements here.
    "SETTLED": (("INVOICED", "PAID"), ("OVERDUE", "PAID")),
}


async def settle_window(pool: Pool, window_no: int, *, now: datetime, actor: str) -> Window:
    """Take a window from APPROVED, or wherever after it, to SETTLED; a settled one stays as it is.

    Every move is recorded with its actor. Shares become INVOICED and PAID with the window.

    Raises:
        UnknownWindowError: there is no such window.
        IllegalMoveError: it has not been approved.
    """
    async with pool.acquire() as connection, connection.transaction():
        window = await find_window(connection, window_no)
        if not has_reached(window.state, "APPROVED"):
            move_window(window.state, "INVOICED")
        for from_state, to_state in pairwise(_WAY):
            if await claim_move(connection, window_no, from_state=from_state, to_state=to_state, actor=actor, now=now):
                for share_from, share_to in _SHARE_MOVES[to_state]:
                    await move_shares(connection, window_no, from_state=share_from, to_state=share_to)
        return await find_window(connection, window_no)
