"""Approve a calculated window, so that it may be invoiced."""

from datetime import datetime

from coalition.database.pool import Connection, Pool
from settlement.engine.states import has_reached, move_window
from settlement.errors import SecondPersonNeededError
from settlement.stores.shares import move_shares
from settlement.stores.windows import Window, claim_move, find_window, load_moves


async def approve_window(
    pool: Pool, window_no: int, *, now: datetime, actor: str, is_second_person_needed: bool = True
) -> Window:
    """Take a window from CALCULATED to APPROVED; one that is there or past it stays as it is.

    Shares that nobody disputed count as accepted. Whoever calculated the window may not approve it, unless
    `is_second_person_needed` is turned off, for the operator's own shell.

    Raises:
        UnknownWindowError: there is no such window.
        IllegalMoveError: it has not been calculated.
        SecondPersonNeededError: the actor is who calculated it.
    """
    async with pool.acquire() as connection, connection.transaction():
        window = await find_window(connection, window_no)
        if has_reached(window.state, "APPROVED"):
            return window
        move_window(window.state, "APPROVED")
        if is_second_person_needed:
            await _refuse_the_same_person(connection, window_no, actor)
        if await claim_move(connection, window_no, from_state="CALCULATED", to_state="APPROVED", actor=actor, now=now):
            await move_shares(connection, window_no, from_state="CALCULATED", to_state="ACCEPTED", actor=actor, now=now)
        return await find_window(connection, window_no)


async def _refuse_the_same_person(connection: Connection, window_no: int, actor: str) -> None:
    moves = await load_moves(connection, window_no)
    calculated_by = next(move.actor for move in reversed(moves) if move.to_state == "CALCULATED")
    if actor == calculated_by:
        raise SecondPersonNeededError(window=window_no, actor=actor)
