"""Ask for more of a budget or cap that is shared out over the lanes (escrow), while holding no lane's lock.

The row of the budget or cap is locked first, then allowances, each lane's in a statement of its own. A batch that has
locked its lane's allowances asks for no lock after them, so that nobody waits in a circle. Only under that first lock
is anything granted or taken back, so the sum of what is granted stands still there: it never passes the budget or cap.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from coalition.database.pool import Connection, Pool
from coalition.ledger.cap import Position
from coalition.ledger.promotion import Allowance
from coalition.stores.caps import find_cap_basis, load_positions, lock_cap, set_granted
from coalition.stores.lanes import load_lanes
from coalition.stores.programme import load_programme
from coalition.stores.promotions import grant, lock_budget, return_unused

# A lane gets this part of what nobody has yet: it asks rarely while there is much, and leaves little behind at the end.
PART_OF_LEFT = 8
NOTHING = Decimal("-Infinity")


@dataclass(slots=True)
class Spent:
    """Promotions and partners, by number, that have no more for a lane than it was granted then: with less than that,
    which another lane took from it since, it asks again. `returned`: whose returns may pass the cap."""

    promotions: dict[int, int] = field(default_factory=dict)
    caps: dict[int, Decimal] = field(default_factory=dict)
    returned: set[int] = field(default_factory=set)

    def promotions_with(self, allowances: Mapping[int, Allowance]) -> set[int]:
        """Return those of which the lane still has all that it was granted."""
        nothing = Allowance()
        return {number for number, had in self.promotions.items() if allowances.get(number, nothing).granted >= had}

    def caps_with(self, positions: Mapping[int, Position]) -> set[int]:
        """Return those of which the lane still has all that it was granted."""
        return {number for number, had in self.caps.items() if number in positions and positions[number].granted >= had}

    def add(self, others: "Spent") -> None:
        self.promotions |= others.promotions
        self.caps |= others.caps
        self.returned |= others.returned


@dataclass(frozen=True, slots=True)
class Short:
    """What a lane lacks: points, by promotion, and money, by the partner that has a cap; `owed` for its returns."""

    promotions: Mapping[int, int]
    caps: Mapping[int, Decimal]
    owed: Mapping[int, Decimal]

    @property
    def is_any(self) -> bool:
        return bool(self.promotions or self.caps or self.owed)

    @property
    def asked(self) -> Spent:
        return Spent(dict.fromkeys(self.promotions, 0), dict.fromkeys(self.caps, NOTHING), set(self.owed))


async def top_up(pool: Pool, lane: int, short: Short) -> Spent:
    """Grant a lane what it lacks, each in a transaction of its own.

    Return those that have not so much left in all lanes together; what there is was granted all the same."""
    spent = Spent()
    for promotion, points in sorted(short.promotions.items()):
        async with pool.acquire() as connection, connection.transaction():
            granted, is_enough = await _grant_points(connection, lane, promotion, points)
            if not is_enough:
                spent.promotions[promotion] = granted
    for partner, amount in sorted(short.caps.items()):
        async with pool.acquire() as connection, connection.transaction():
            room, is_enough = await _grant_room(connection, lane, partner, amount)
            if not is_enough:
                spent.caps[partner] = room
    for partner, amount in sorted(short.owed.items()):
        async with pool.acquire() as connection, connection.transaction():
            await _make_room(connection, lane, partner, amount)
        spent.returned.add(partner)
    return spent


async def _grant_points(connection: Connection, lane: int, promotion: int, points: int) -> tuple[int, bool]:
    """Return what the lane is granted now in all, and whether it is so much more."""
    budget, granted = await lock_budget(connection, promotion)
    if budget - granted < points:
        others = [other for other in await load_lanes(connection) if other != lane]
        granted = await return_unused(connection, promotion, lanes=others)
    left = budget - granted
    more = min(left, max(points, left // PART_OF_LEFT))
    own = await grant(connection, promotion, lane=lane, points=more, granted=granted + more)
    return own, more >= points


async def _grant_room(connection: Connection, lane: int, partner: int, amount: Decimal) -> tuple[Decimal, bool]:
    """Return up to where the lane may raise the position now, and whether that is so much more."""
    cap, own, others = await _lock_positions(connection, lane, partner)
    if cap is None:
        # Its end was not heard of here yet.
        await set_granted(connection, partner, lane=lane, granted=own.granted + amount)
        return own.granted + amount, True
    left = cap - own.granted - sum(max(position.granted, position.used) for position in others.values())
    if left < amount:
        for other, position in others.items():
            await set_granted(connection, partner, lane=other, granted=min(position.granted, position.used))
        left = cap - own.granted - sum(position.used for position in others.values())
    more = max(min(left, max(amount, left // PART_OF_LEFT)), Decimal(0))
    await set_granted(connection, partner, lane=lane, granted=own.granted + more)
    return own.granted + more, more >= amount


async def _make_room(connection: Connection, lane: int, partner: int, amount: Decimal) -> None:
    """Take from the other lanes what a lane's returns are going to pass its own room by: what they have not used, and,
    where that is not enough, so much that they have to redeem before they earn."""
    cap, own, others = await _lock_positions(connection, lane, partner)
    if cap is None:
        return
    missing = max(own.granted + amount + sum(position.used for position in others.values()) - cap, Decimal(0))
    for other, position in others.items():
        await set_granted(connection, partner, lane=other, granted=min(position.granted, position.used - missing))


async def _lock_positions(
    connection: Connection, lane: int, partner: int
) -> tuple[Decimal | None, Position, dict[int, Position]]:
    """Lock a cap and return it in money, or in points where it is counted in them, None: there is none; with the lane's
    own position and the others'."""
    cap_minor = await lock_cap(connection, partner)
    in_points = [partner] if await find_cap_basis(connection, partner) == "points" else []
    minor_unit = 0 if in_points else (await load_programme(connection)).minor_unit
    positions: dict[int, Position] = {}
    for each in await load_lanes(connection):
        positions[each] = (await load_positions(connection, each, [partner], in_points=in_points))[partner]
    own = positions.pop(lane)
    return None if cap_minor is None else Decimal(cap_minor).scaleb(-minor_unit), own, positions
