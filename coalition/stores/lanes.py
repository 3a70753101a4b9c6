"""The lane rows: the lock that orders each journal, and where it stands."""

from dataclasses import dataclass
from datetime import datetime

from coalition.database.pool import Connection


@dataclass(frozen=True, slots=True)
class LaneState:
    """Where a lane's journal stands: the open window, its size in leaves, the Merkle frontier, points outstanding."""

    lane: int
    window_no: int
    size: int
    frontier: bytes
    outstanding: int
    last_booked_at: datetime


LOCK_LANE = """
SELECT lane, window_no, size, frontier, outstanding, last_booked_at FROM lane WHERE lane = $1 FOR UPDATE
"""


async def lock_lane(connection: Connection, lane: int) -> LaneState:
    """Lock a lane until the end of the transaction; from here on its order, window and leaves are ours."""
    row = await connection.fetchrow(LOCK_LANE, lane)
    assert row is not None, f"lane {lane} is made with the database"
    return LaneState(*row.values())


ADVANCE_LANE = """
UPDATE lane SET window_no = $2, size = $3, frontier = $4, outstanding = $5, last_booked_at = $6 WHERE lane = $1
"""


async def advance_lane(connection: Connection, state: LaneState) -> None:
    """Write where the journal stands after this transaction."""
    await connection.execute(
        ADVANCE_LANE,
        state.lane,
        state.window_no,
        state.size,
        state.frontier,
        state.outstanding,
        state.last_booked_at,
    )


INSERT_LANE_WINDOW = """
INSERT INTO lane_window (lane, window_no, first_leaf, end_leaf, root, outstanding, closed_at)
VALUES ($1, $2, coalesce((SELECT end_leaf FROM lane_window WHERE lane = $1 AND window_no = $2 - 1), 0), $3, $4, $5, $6)
"""


async def end_lane_window(connection: Connection, *, state: LaneState, window_no: int, root: bytes) -> None:
    """Write what a window came to in this lane; `state` is as of its end, `root` the journal's Merkle root."""
    await connection.execute(
        INSERT_LANE_WINDOW,
        state.lane,
        window_no,
        state.size,
        root,
        state.outstanding,
        state.last_booked_at,
    )


SELECT_LANES = "SELECT lane FROM lane ORDER BY lane"


async def load_lanes(connection: Connection) -> list[int]:
    """Return the numbers of all lanes."""
    return [row["lane"] for row in await connection.fetch(SELECT_LANES)]
