"""Ask for more of a budget that is shared out over the lanes (escrow), while holding no lane's lock.

The budget's row is locked first, then allowances, each lane's in a statement of its own. A batch that has locked its
lane's allowances asks for no lock after them, so that nobody waits in a circle. Only here is anything granted or taken
back, so under the budget's lock the sum of what is granted stands still: it never passes the budget.
"""

from collections.abc import Mapping

from coalition.database.pool import Connection, Pool
from coalition.stores.lanes import load_lanes
from coalition.stores.promotions import grant, lock_budget, return_unused

# A lane gets this part of what nobody has yet: it asks rarely while there is much, and leaves little behind at the end.
PART_OF_LEFT = 8


async def top_up(pool: Pool, lane: int, short: Mapping[int, int]) -> set[int]:
    """Grant a lane the points that it lacks, by promotion, each in a transaction of its own.

    Return the promotions that have not so many left in all lanes together; what there is was granted all the same."""
    spent: set[int] = set()
    for promotion, points in sorted(short.items()):
        async with pool.acquire() as connection, connection.transaction():
            if not await _top_up(connection, lane, promotion, points):
                spent.add(promotion)
    return spent


async def _top_up(connection: Connection, lane: int, promotion: int, points: int) -> bool:
    budget, granted = await lock_budget(connection, promotion)
    if budget - granted < points:
        others = [other for other in await load_lanes(connection) if other != lane]
        granted = await return_unused(connection, promotion, lanes=others)
    left = budget - granted
    more = min(left, max(points, left // PART_OF_LEFT))
    await grant(connection, promotion, lane=lane, points=more, granted=granted + more)
    return more >= points
