"""Bring lanes' allowances of net debit caps back within them, after more than a booking has changed either."""

from collections.abc import Sequence
from decimal import Decimal

from coalition.database.pool import Connection
from coalition.stores.caps import find_cap_basis, load_positions, lock_cap, set_granted
from coalition.stores.lanes import load_lanes
from coalition.stores.programme import load_programme


async def fit_allowances(connection: Connection, partners: Sequence[int]) -> None:
    """Let lanes raise these partners' positions no further than their caps allow.

    A payment takes windows off a position, and may raise it by that, where the partner was owed something; collateral
    may be drawn or returned. Call it in that transaction, after all else.
    """
    for partner in sorted(partners):
        cap_minor = await lock_cap(connection, partner)
        # Neither payments nor collateral change what is left of blocks.
        if cap_minor is None or await find_cap_basis(connection, partner) == "points":
            continue
        minor_unit = (await load_programme(connection)).minor_unit
        lanes = await load_lanes(connection)
        positions = {lane: (await load_positions(connection, lane, [partner]))[partner] for lane in lanes}
        reach = sum(max(position.granted, position.used) for position in positions.values())
        if reach <= Decimal(cap_minor).scaleb(-minor_unit):
            continue
        # Nobody may raise it any more without asking.
        for lane, position in positions.items():
            await set_granted(connection, partner, lane=lane, granted=min(position.granted, position.used))


async def load_position(connection: Connection, partner: int) -> Decimal:
    """Return a partner's position over all lanes, which stand still until the transaction ends where it has a cap."""
    lanes = await load_lanes(connection)
    used = [(await load_positions(connection, lane, [partner]))[partner].used for lane in lanes]
    return sum(used, Decimal(0))
