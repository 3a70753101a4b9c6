"""Lots, and what burns took of them, as a batch looks them up."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from coalition.database.pool import Connection
from coalition.ledger.account import Account
from coalition.ledger.lot import Lot, LotRestoration, LotUse

# A card that is used all day has thousands of lots, and a burn empties a few: so many of the oldest are looked at
# first, in the order of Lot.age, and so many times as many where those do not hold the points. The account stands first
# in the join, and both sides name the lane: LIMIT then ends the walk through lot_open, on one machine as on many.
# The number is an argument: one that the planner knew and found larger than an average account's lots let it read and
# sort all of a busy card's (46,000 in 20 ms). `older` are the points in lots that are spent before this one.
OLDEST_COUNT, OLDEST_GROWTH = 16, 16
SELECT_OLDEST = """
SELECT account, leaf, part, issuer, payer, month_of_sale, vat_rate, expires_on, points, remaining
FROM (
    SELECT oldest.*,
        sum(remaining) OVER (PARTITION BY oldest.account ORDER BY expires_on, leaf, part) - remaining AS older
    FROM account CROSS JOIN LATERAL (
        SELECT lot.account, leaf, part, issuer, payer, month_of_sale, vat_rate, expires_on, points, remaining
        FROM lot
        WHERE lot.lane = $1 AND lot.account = account.account AND remaining > 0
        ORDER BY expires_on, leaf, part
        LIMIT $4
    ) AS oldest
    WHERE account.lane = $1 AND account.account = ANY($2::bigint[])
) AS aged
WHERE older < ($3::bigint[])[width_bucket(account, $2::bigint[])]
"""

SELECT_LOTS = """
SELECT account, leaf, part, issuer, payer, month_of_sale, vat_rate, expires_on, points, remaining
FROM lot
WHERE lane = $1 AND account = ANY($2::bigint[]) AND remaining > 0
"""

# Those of some leaves, whether they have points left or not. Zero is added so that no index takes both arrays: before
# PostgreSQL 17 that would be a search for each pair of them.
SELECT_NAMED_LOTS = """
SELECT account, leaf, part, issuer, payer, month_of_sale, vat_rate, expires_on, points, remaining
FROM lot
WHERE lane = $1 AND account = ANY($2::bigint[]) AND leaf + 0 = ANY($3::bigint[])
"""

ALL_POINTS = 2**62
NONE_ELSE: Mapping[int, Collection[int]] = MappingProxyType({})


async def load_lots(
    connection: Connection,
    lane: int,
    accounts: dict[int, Account],
    *,
    wanted: Mapping[int, int],
    also: Mapping[int, Collection[int]] = NONE_ELSE,
) -> None:
    """Add to accounts their oldest lots, enough to take the points `wanted` of each (ALL_POINTS: all that have points
    left); `also` names leaves of which they need the lots that are spent as well."""
    lots: dict[int, dict[tuple[int, int], Lot]] = {number: {} for number in (*wanted, *also)}

    async def load(statement: str, *arguments: object) -> None:
        for row in await connection.fetch(statement, lane, *arguments):
            account, *lot = row.values()
            lots[account][lot[0], lot[1]] = Lot(*lot)

    everything = {number for number, points in wanted.items() if points == ALL_POINTS}
    if everything:
        await load(SELECT_LOTS, sorted(everything))
    lacking, count = sorted(wanted.keys() - everything), OLDEST_COUNT
    while lacking:
        await load(SELECT_OLDEST, lacking, [wanted[number] for number in lacking], count)
        # An account with fewer lots than were asked for has no more.
        lacking = [
            number
            for number in lacking
            if len(lots[number]) >= count and _points(lots[number]) < min(wanted[number], _in_lots(accounts[number]))
        ]
        count *= OLDEST_GROWTH
    everything.update(number for number in wanted if _points(lots[number]) == _in_lots(accounts[number]))
    if also:
        await load(SELECT_NAMED_LOTS, sorted(also), sorted(set().union(*also.values())))
    for number, found in lots.items():
        accounts[number].lots += found.values()
        if number in everything:
            accounts[number].others_expire_on = None


def _points(lots: Mapping[tuple[int, int], Lot]) -> int:
    return sum(lot.remaining for lot in lots.values())


def _in_lots(account: Account) -> int:
    """Return how many points all lots of an account hold together."""
    return account.balance + account.debt


SELECT_USES = """
SELECT leaf, lot_leaf, lot_part, points, restored FROM lot_use WHERE lane = $1 AND leaf = ANY($2::bigint[])
"""


async def load_uses(connection: Connection, lane: int, burn_leaves: Iterable[int]) -> list[LotUse]:
    """Return what the burns at these leaves took."""
    return [LotUse(*row.values()) for row in await connection.fetch(SELECT_USES, lane, sorted(burn_leaves))]


INSERT_RESTORATIONS = "INSERT INTO lot_restoration SELECT * FROM unnest($1::lot_restoration[])"


async def write_restorations(connection: Connection, restorations: Sequence[LotRestoration]) -> None:
    """Write what reversals of burns brought back to which lots; a batch without any costs nothing."""
    if restorations:
        await connection.execute(INSERT_RESTORATIONS, restorations)
