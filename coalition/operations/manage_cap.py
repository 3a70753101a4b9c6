"""Give a partner a net debit cap, change it, end it; running hubs take a change at once."""

from datetime import datetime
from decimal import Decimal

from coalition.database.pool import Pool
from coalition.errors import NotFoundError, SettingError
from coalition.stores.caps import (
    end_cap,
    find_cap_basis,
    load_positions,
    lock_cap,
    set_granted,
    set_position_then,
)
from coalition.stores.caps import set_cap as store_cap
from coalition.stores.lanes import load_lanes
from coalition.stores.registry import announce_change, find_partner

CAP_MINOR_MAX = 1_000_000_000_000_000


async def set_cap(pool: Pool, name: str, cap_minor: int | None, *, now: datetime, actor: str) -> None:
    """Set a partner's cap in minor units of the currency; None: it has none.

    Raises NotFoundError for an unknown partner, SettingError for a cap that can't be, or of one whose
    prepaid blocks are its cap."""
    if cap_minor is not None and not 0 <= cap_minor <= CAP_MINOR_MAX:
        raise SettingError(f"cap: expected 0 to {CAP_MINOR_MAX:,} minor units, {cap_minor} came")
    async with pool.acquire() as connection, connection.transaction():
        partner = await find_partner(connection, name)
        if partner is None:
            raise NotFoundError(f"no partner is named {name!r}")
        if await find_cap_basis(connection, partner) == "points":
            raise SettingError(f"cap: the prepaid blocks of {name!r} are its cap; let its overdraft be billed first")
        lanes = await load_lanes(connection)
        if cap_minor is None:
            await lock_cap(connection, partner)
            await end_cap(connection, partner, lanes=lanes)
        else:
            await store_cap(connection, partner, cap_minor, now=now, actor=actor)
            # What lanes may go up to by a cap of before is over: each asks anew.
            position_then = Decimal(0)
            for lane in lanes:
                position = (await load_positions(connection, lane, [partner]))[partner]
                await set_granted(connection, partner, lane=lane, granted=position.used)
                position_then += position.used
            await set_position_then(connection, partner, position_then)
        await announce_change(connection)
