"""Money of earlier windows that is payable with a later one: carried forward, shared out, or out of disputes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

import asyncpg

from coalition.database.pool import Connection
from settlement.engine.money import Currency, from_minor, to_minor

AdjustmentKind = Literal[
    "carried_forward",
    "loss_shared",
    "loss_recovered",
    "dispute_rejected",
    "dispute_accepted",
    "correction",
    "overpaid",
    "payment_returned",
    "return_fee",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """`amount` > 0: the partner owes it. `about`: the partner that defaulted, the dispute, the
    document that takes it back, or which of the share's payments or fees it comes of, counted from 1.
    `into_window` None: it waits for the partner's next share."""

    partner: int
    kind: AdjustmentKind
    amount: Decimal
    from_window: int
    about: int
    into_window: int | None = None


INSERT_ADJUSTMENTS = """
INSERT INTO share_adjustment (partner, kind, amount_minor, from_window, about, created_at)
SELECT new.partner, new.kind, new.amount_minor, new.from_window, new.about, $1
FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::integer[], $6::bigint[])
    AS new (partner, kind, amount_minor, from_window, about)
"""


async def insert_adjustments(
    connection: Connection, adjustments: Sequence[Adjustment], currency: Currency, *, now: datetime
) -> None:
    """Let money wait for the next share of each partner."""
    await connection.execute(
        INSERT_ADJUSTMENTS,
        now,
        [adjustment.partner for adjustment in adjustments],
        [adjustment.kind for adjustment in adjustments],
        [to_minor(adjustment.amount, currency) for adjustment in adjustments],
        [adjustment.from_window for adjustment in adjustments],
        [adjustment.about for adjustment in adjustments],
    )


COUNT_ADJUSTMENTS = "SELECT count(*) FROM share_adjustment WHERE kind = $1 AND from_window = $2 AND partner = $3"


async def count_adjustments(connection: Connection, kind: AdjustmentKind, window_no: int, partner: int) -> int:
    """Return how many of a kind there are of a partner's share of a window."""
    return int(await connection.fetchval(COUNT_ADJUSTMENTS, kind, window_no, partner))


TAKE_WAITING = """
UPDATE share_adjustment SET into_window = $1
WHERE into_window IS NULL AND partner = ANY($2)
RETURNING partner, amount_minor
"""

SET_ADJUSTED = """
UPDATE window_share SET adjusted_minor = new.amount_minor
FROM unnest($2::bigint[], $3::bigint[]) AS new (partner, amount_minor)
WHERE window_share.window_no = $1 AND window_share.partner = new.partner
"""


async def take_waiting(connection: Connection, window_no: int, partners: Sequence[int]) -> None:
    """Make what waits for these partners payable with their shares of a window."""
    sums: dict[int, int] = {}
    for row in await connection.fetch(TAKE_WAITING, window_no, list(partners)):
        sums[row["partner"]] = sums.get(row["partner"], 0) + row["amount_minor"]
    await connection.execute(SET_ADJUSTED, window_no, sorted(sums), [sums[partner] for partner in sorted(sums)])


SELECT_OF_WINDOW = """
SELECT partner, kind, amount_minor, from_window, about, into_window FROM share_adjustment
WHERE into_window = $1
ORDER BY partner, from_window, kind, about
"""

SELECT_FROM_WINDOW = """
SELECT partner, kind, amount_minor, from_window, about, into_window FROM share_adjustment
WHERE from_window = $1
ORDER BY partner, kind, about
"""

SELECT_WAITING = """
SELECT partner, kind, amount_minor, from_window, about, into_window FROM share_adjustment
WHERE into_window IS NULL
ORDER BY partner, from_window, kind, about
"""


async def load_adjustments(connection: Connection, window_no: int, currency: Currency) -> list[Adjustment]:
    """Return what is payable with a window though it is of earlier ones, by partner."""
    return [_adjustment(row, currency) for row in await connection.fetch(SELECT_OF_WINDOW, window_no)]


async def load_leaving(connection: Connection, window_no: int, currency: Currency) -> list[Adjustment]:
    """Return what is of a window and payable with later ones, by partner."""
    return [_adjustment(row, currency) for row in await connection.fetch(SELECT_FROM_WINDOW, window_no)]


async def load_waiting(connection: Connection, currency: Currency) -> list[Adjustment]:
    """Return what waits for partners' next shares."""
    return [_adjustment(row, currency) for row in await connection.fetch(SELECT_WAITING)]


SELECT_LOSSES = """
SELECT partner, sum(amount_minor)::bigint AS amount_minor FROM share_adjustment
WHERE from_window = $1 AND about = $2 AND kind IN ('loss_shared', 'loss_recovered')
GROUP BY partner
HAVING sum(amount_minor) <> 0
ORDER BY partner
"""


async def load_losses(connection: Connection, window_no: int, partner: int, currency: Currency) -> dict[int, Decimal]:
    """Return what others still bear of the loss that a partner's share of a window has brought them."""
    rows = await connection.fetch(SELECT_LOSSES, window_no, partner)
    return {row["partner"]: from_minor(row["amount_minor"], currency) for row in rows}


SELECT_SUMS = """
SELECT kind, sum(amount_minor)::bigint AS amount_minor FROM share_adjustment WHERE kind = ANY($1) GROUP BY kind
"""


async def sum_adjustments(
    connection: Connection, kinds: Sequence[AdjustmentKind], currency: Currency
) -> dict[AdjustmentKind, Decimal]:
    """Return what all adjustments of some kinds come to, whether a share has taken them or they wait for one."""
    rows = await connection.fetch(SELECT_SUMS, list(kinds))
    sums: dict[AdjustmentKind, Decimal] = dict.fromkeys(kinds, Decimal(0))
    return sums | {row["kind"]: from_minor(row["amount_minor"], currency) for row in rows}


def _adjustment(row: asyncpg.Record, currency: Currency) -> Adjustment:
    return Adjustment(
        partner=row["partner"],
        kind=row["kind"],
        amount=from_minor(row["amount_minor"], currency),
        from_window=row["from_window"],
        about=row["about"],
        into_window=row["into_window"],
    )
