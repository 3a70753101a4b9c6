"""Lots, what burns took of them, and what reversals undid."""

from collections.abc import Iterable, Mapping, Sequence

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
    points = [wanted[account] for account in numbers]
    for row in await connection.fetch(SELECT_LOTS, lane, numbers, points, sorted(also_leaves)):
        account, *lot = row.values()
        accounts[account].lots.append(Lot(*lot))


LOT_COLUMNS = (
    "lane",
    "account",
    "leaf",
    "part",
    "issuer",
    "payer",
    "month_of_sale",
    "vat_rate",
    "expires_on",
    "points",
    "remaining",
)


async def add_lots(connection: Connection, lane: int, lots: Iterable[tuple[int, Lot]]) -> None:
    """Write new lots, given with their accounts."""
    await connection.copy_records_to_table("lot", records=_lot_rows(lane, lots), columns=LOT_COLUMNS)


def _lot_rows(lane: int, lots: Iterable[tuple[int, Lot]]) -> list[tuple[object, ...]]:
    return [
        (
            lane,
            account,
            lot.leaf,
            lot.part,
            lot.issuer,
            lot.payer,
            lot.month_of_sale,
            lot.vat_rate,
            lot.expires_on,
            lot.points,
            lot.remaining,
        )
        for account, lot in lots
    ]


# All of these lots are there. An UPDATE joined to the arrays would do the same, but the planner may run such a join
# through all pairs of the accounts' lots and the changed ones; a conflict is found by the whole key.
SAVE_LOTS = """
INSERT INTO lot (lane, account, leaf, part, issuer, payer, month_of_sale, vat_rate, expires_on, points, remaining)
SELECT $1, account, leaf, part, issuer, payer, month_of_sale, vat_rate, expires_on, points, remaining
FROM unnest($2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[], $6::bigint[], $7::date[], $8::numeric[],
    $9::date[], $10::bigint[], $11::bigint[])
    AS changed (account, leaf, part, issuer, payer, month_of_sale, vat_rate, expires_on, points, remaining)
ON CONFLICT (lane, account, leaf, part) DO UPDATE SET remaining = excluded.remaining
"""


async def save_lots(connection: Connection, lane: int, lots: Sequence[tuple[int, Lot]]) -> None:
    """Write back the remaining points of lots that were there before, given with their accounts."""
    _, *columns = zip(*_lot_rows(lane, lots), strict=True)
    await connection.execute(SAVE_LOTS, lane, *columns)


SELECT_USES = """
SELECT leaf, lot_leaf, lot_part, points, restored FROM lot_use WHERE lane = $1 AND leaf = ANY($2::bigint[])
"""


async def load_uses(connection: Connection, lane: int, burn_leaves: Iterable[int]) -> list[LotUse]:
    """Return what the burns at these leaves took."""
    return [LotUse(*row.values()) for row in await connection.fetch(SELECT_USES, lane, sorted(burn_leaves))]


UPSERT_USES = """
INSERT INTO lot_use (lane, leaf, lot_leaf, lot_part, points, restored)
SELECT $1, used.leaf, used.lot_leaf, used.lot_part, used.points, used.restored
FROM unnest($2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[], $6::bigint[])
    AS used (leaf, lot_leaf, lot_part, points, restored)
ON CONFLICT (lane, leaf, lot_leaf, lot_part) DO UPDATE SET restored = excluded.restored
"""


async def save_uses(connection: Connection, lane: int, uses: Sequence[LotUse]) -> None:
    """Write what burns took and what was brought back of it."""
    await connection.execute(
        UPSERT_USES,
        lane,
        [use.leaf for use in uses],
        [use.lot_leaf for use in uses],
        [use.lot_part for use in uses],
        [use.points for use in uses],
        [use.restored for use in uses],
    )


async def add_reversals(connection: Connection, reversals: Iterable[tuple[int, int, int, int]]) -> None:
    """Write reversals as (lane, original_leaf, leaf, points)."""
    await connection.copy_records_to_table(
        "reversal", records=reversals, columns=("lane", "original_leaf", "leaf", "points")
    )
