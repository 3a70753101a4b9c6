"""Approve a calculated window, so that it may be invoiced."""

from collections.abc import Sequence
from datetime import datetime

from coalition.database.pool import Pool
from coalition.stores.windows import lock_windows
from settlement.engine.states import has_reached, move_window
from settlement.errors import FiguresChangedError, SecondPersonNeededError
from settlement.stores.shares import move_shares
from settlement.stores.windows import Window, WindowMove, claim_move, find_window, load_moves


async def approve_window(
    pool: Pool,
    window_no: int,
    *,
    now: datetime,
    actor: str,
    moves_seen: int | None = None,
    is_second_person_needed: bool = True,
) -> Window:
    """Take a window from CALCULATED to APPROVED; one that is there or past it stays as it is.

    Shares that nobody disputed count as accepted. Whoever calculated the window may not approve it, unless
    `is_second_person_needed` is turned off, for the operator's own shell. `moves_seen`: so many moves the window had
    made when its figures were looked at; None: nobody looked, or nobody asks.

    Raises:
        UnknownWindowError: there is no such window.
        IllegalMoveError: it has not been calculated.
        SecondPersonNeededError: the actor is who calculated it.
        FiguresChangedError: it was calculated anew since.
    """
    async with pool.acquire() as connection, connection.transaction():
        # Nobody recalculates it from here on until it is approved.
        await lock_windows(connection)
        window = await find_window(connection, window_no)
        if has_reached(window.state, "APPROVED"):
            return window
        move_window(window.state, "APPROVED")
        moves = await load_moves(connection, window_no)
        if moves_seen is not None and len(moves) != moves_seen:
            raise FiguresChangedError(window=window_no, moves_seen=moves_seen, moves=len(moves))
        if is_second_person_needed:
            _refuse_the_same_person(moves, window_no, actor)
        if await claim_move(connection, window_no, from_state="CALCULATED", to_state="APPROVED", actor=actor, now=now):
            await move_shares(connection, window_no, from_state="CALCULATED", to_state="ACCEPTED", actor=actor, now=now)
        return await find_window(connection, window_no)


def _refuse_the_same_person(moves: Sequence[WindowMove], window_no: int, actor: str) -> None:
    calculated_by = next(move.actor for move in reversed(moves) if move.to_state == "CALCULATED")
    if actor == calculated_by:
        raise SecondPersonNeededError(window=window_no, actor=actor)
