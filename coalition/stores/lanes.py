"""The lane rows: where each journal stands, and where its windows end."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from coalition.database.pool import Connection


class LaneState(NamedTuple):
    """Where a lane's journal stands: the open window, its size in leaves, the Merkle frontier, points outstanding; in
    the order of the table's columns. `card_changes` counts the changes of what its cards may do or lead to."""

    lane: int
    window_no: int
    size: int
    frontier: bytes
    outstanding: int
    last_booked_at: datetime
    card_changes: int = 0


INSERT_LANE_WINDOW = """
INSERT INTO lane_window (lane, window_no, first_leaf, end_leaf, root, outstanding, closed_at)
SELECT $1::smallint, $2::integer, coalesce(max(end_leaf), 0), $3::bigint, $4::bytea, $5::bigint, $6::timestamptz
FROM lane_window WHERE lane = $1 AND window_no = $2 - 1
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


COUNT_CARD_CHANGE = "UPDATE lane SET card_changes = card_changes + 1 WHERE lane = $1"


async def count_card_change(connection: Connection, lanes: Iterable[int]) -> None:
    """Lock some lanes, and note that what their cards may do or lead to has changed; the last that a change does."""
    for lane in sorted(set(lanes)):
        await connection.execute(COUNT_CARD_CHANGE, lane)


SELECT_LANES = "SELECT lane FROM lane ORDER BY lane"


async def load_lanes(connection: Connection) -> list[int]:
    """Return the numbers of all lanes."""
    return [row["lane"] for row in await connection.fetch(SELECT_LANES)]
