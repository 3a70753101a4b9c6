"""Clearing windows as the hub opens and closes them; their further states are settlement's."""

from datetime import datetime

from coalition.database.pool import Connection

# Any number, the same in every hub: one window moves at a time.
WINDOWS_LOCK = 0x77696E64


async def lock_windows(connection: Connection) -> None:
    """Let one transaction at a time move windows."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", WINDOWS_LOCK)


SELECT_OPEN = "SELECT min(window_no) FROM clearing_window WHERE state = 'OPEN'"

INSERT_WINDOW = """
INSERT INTO clearing_window (window_no, opened_at) VALUES ($1, $2) ON CONFLICT (window_no) DO NOTHING
"""


async def find_open(connection: Connection) -> int:
    """Return the number of the open window; the older one of two while a close is under way."""
    window_no: int = await connection.fetchval(SELECT_OPEN)
    return window_no


async def open_next(connection: Connection, window_no: int, *, now: datetime) -> None:
    """Make the window after this one, where it is not there yet."""
    await connection.execute(INSERT_WINDOW, window_no + 1, now)


CLOSE_WINDOW = """
UPDATE clearing_window SET state = 'CLOSED', closed_at = $2 WHERE window_no = $1 AND state = 'OPEN' RETURNING window_no
"""

INSERT_MOVE = """
INSERT INTO window_move (window_no, from_state, to_state, actor, moved_at) VALUES ($1, $2, $3, $4, $5)
"""


async def mark_closed(connection: Connection, window_no: int, *, now: datetime, actor: str) -> None:
    """Mark a window that all lanes have ended as CLOSED; a second time it does nothing."""
    if await connection.fetchval(CLOSE_WINDOW, window_no, now) is not None:
        await connection.execute(INSERT_MOVE, window_no, "OPEN", "CLOSED", actor, now)
