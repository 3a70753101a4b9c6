"""Caps in points: what a partner has bought as blocks is all that it may issue under terms that prepay.

They are net debit caps counted in points: shared out over the lanes as allowances, and decided under the lane's lock.
"""

from datetime import datetime
from decimal import Decimal

from coalition.database.pool import Connection
from coalition.stores.caps import (
    end_cap,
    find_cap_basis,
    load_positions,
    lock_cap,
    set_cap_in_points,
    set_granted,
    set_position_then,
)
from coalition.stores.lanes import load_lanes
from coalition.stores.registry import announce_change


async def set_block_cap(connection: Connection, partner: int, points: int, *, now: datetime, actor: str) -> None:
    """Let a partner issue so many points in all under terms that prepay; running hubs take it at once."""
    is_new = await find_cap_basis(connection, partner) is None
    await set_cap_in_points(connection, partner, points, now=now, actor=actor)
    if is_new:
        issued_then = Decimal(0)
        for lane in await load_lanes(connection):
            position = (await load_positions(connection, lane, [partner], in_points=[partner]))[partner]
            await set_granted(connection, partner, lane=lane, granted=position.used)
            issued_then += position.used
        # More than the blocks, where more was booked until now: it stands, and does not rise.
        await set_position_then(connection, partner, issued_then)
    await announce_change(connection)


async def end_block_cap(connection: Connection, partner: int) -> None:
    """Let a partner issue beyond its blocks."""
    await lock_cap(connection, partner)
    await end_cap(connection, partner, lanes=await load_lanes(connection))
    await announce_change(connection)
