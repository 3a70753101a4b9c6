"""Clearing windows and their moves from state to state."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from coalition.database.pool import Connection
from coalition.stores.windows import lock_windows
from settlement.engine.states import WindowState, move_window
from settlement.errors import UnknownWindowError


@dataclass(frozen=True, slots=True)
class Window:
    """A clearing window; `closed_at` None: still open."""

    window_no: int
    state: WindowState
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class WindowMove:
    """Who moved a window, and when."""

    from_state: WindowState
    to_state: WindowState
    actor: str
    moved_at: datetime


SELECT_WINDOW = "SELECT window_no, state, opened_at, closed_at FROM clearing_window WHERE window_no = $1"


async def find_window(connection: Connection, window_no: int) -> Window:
    """Return a window.

    Raises:
        UnknownWindowError: there is none of that number.
    """
    row = await connection.fetchrow(SELECT_WINDOW, window_no)
    if row is None:
        raise UnknownWindowError(window=window_no)
    return _window(row)


SELECT_WINDOWS = """
SELECT window_no, state, opened_at, closed_at FROM clearing_window WHERE window_no > $1 ORDER BY window_no LIMIT $2
"""


async def load_windows(connection: Connection, *, after: int, count_max: int) -> list[Window]:
    """Return the windows after a number, oldest first."""
    return [_window(row) for row in await connection.fetch(SELECT_WINDOWS, after, count_max)]


# Who calculated and who approved stand beside the state, so that the table itself can refuse one person for both.
UPDATE_STATE = """
UPDATE clearing_window SET state = $3,
    calculated_by = CASE $3 WHEN 'CLOSED' THEN NULL WHEN 'CALCULATED' THEN $4 ELSE calculated_by END,
    approved_by = CASE $3 WHEN 'CLOSED' THEN NULL WHEN 'APPROVED' THEN $4 ELSE approved_by END
WHERE window_no = $1 AND state = $2
RETURNING window_no
"""

INSERT_MOVE = """
INSERT INTO window_move (window_no, from_state, to_state, actor, moved_at) VALUES ($1, $2, $3, $4, $5)
"""


async def claim_move(
    connection: Connection,
    window_no: int,
    *,
    from_state: WindowState,
    to_state: WindowState,
    actor: str,
    now: datetime,
) -> bool:
    """Move a window and record who did; False: it has left `from_state`, by somebody else, and nothing is changed.

    What the move brings with it is written in the same transaction, so it is done once, however often it is tried.

    Raises:
        IllegalMoveError: there is no such move.
    """
    move_window(from_state, to_state)
    await lock_windows(connection)
    if await connection.fetchval(UPDATE_STATE, window_no, from_state, to_state, actor) is None:
        return False
    await connection.execute(INSERT_MOVE, window_no, from_state, to_state, actor, now)
    return True


SELECT_MOVES = "SELECT from_state, to_state, actor, moved_at FROM window_move WHERE window_no = $1 ORDER BY move"


async def load_moves(connection: Connection, window_no: int) -> list[WindowMove]:
    """Return a window's moves in the order in which they were made."""
    return [WindowMove(*row.values()) for row in await connection.fetch(SELECT_MOVES, window_no)]


def _window(row: asyncpg.Record) -> Window:
    return Window(*row.values())
