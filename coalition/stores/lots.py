"""Lots, and what burns took of them, as a batch looks them up."""

from collections.abc import Iterable, Mapping

from coalition.database.pool import Connection
from coalition.ledger.account import Account
from coalition.ledger.lot import Lot, LotUse

# A card that is used all day has thousands of lots, and a burn empties a few: the oldest ones that hold the points
# wanted are enough. `older` are the points in lots that are spent before this one, in the order of Lot.age.
SELECT_LOTS = """
SELECT account, leaf, part, issuer, payer, month_of_sale, vat_rate, expires_on, points, remaining
FROM (
    SELECT account, leaf, part, issuer, payer, month_of_sale, vat_rate, expires_on, points, remaining,
        sum(remaining) OVER (PARTITION BY account ORDER BY expires_on NULLS LAST, leaf, part) - remaining AS older
    FROM lot
    WHERE lane = $1 AND account = ANY($2::bigint[]) AND (remaining > 0 OR leaf = ANY($4::bigint[]))
) AS aged
WHERE older < ($3::bigint[])[width_bucket(account, $2::bigint[])] OR leaf = ANY($4::bigint[])
"""

ALL_POINTS = 2**62


async def load_lots(
    connection: Connection,
    lane: int,
    accounts: dict[int, Account],
    *,
    wanted: Mapping[int, int],
    also_leaves: Iterable[int],
) -> None:
    """Add to accounts their oldest lots, enough to take the points `wanted` of each (ALL_POINTS: all that have points
    left), and those made at `also_leaves`."""
    numbers = sorted(wanted)
    for number in numbers:
        if wanted[number] == ALL_POINTS:
            accounts[number].others_expire_on = None
    points = [wanted[account] for account in numbers]
    for row in await connection.fetch(SELECT_LOTS, lane, numbers, points, sorted(also_leaves)):
        account, *lot = row.values()
        accounts[account].lots.append(Lot(*lot))


SELECT_USES = """
SELECT leaf, lot_leaf, lot_part, points, restored FROM lot_use WHERE lane = $1 AND leaf = ANY($2::bigint[])
"""


async def load_uses(connection: Connection, lane: int, burn_leaves: Iterable[int]) -> list[LotUse]:
    """Return what the burns at these leaves took."""
    return [LotUse(*row.values()) for row in await connection.fetch(SELECT_USES, lane, sorted(burn_leaves))]
