"""The one place where settlement reads what the hub keeps: programme, partners, and the books of closed windows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import asyncpg

from coalition.database.pool import Connection
from settlement.engine.money import Currency
from settlement.engine.sales import SalesPeriod
from settlement.engine.terms import Funding
from settlement.engine.tie_out import LaneGrowth
from settlement.engine.total import WindowTotal


@dataclass(frozen=True, slots=True)
class Programme:
    """What all statements have in common; `point_value` is money per point."""

    name: str
    currency: Currency
    zone: ZoneInfo
    point_value: Decimal
    lanes: int


SELECT_PROGRAMME = "SELECT name, currency, minor_unit, time_zone, point_value, lanes FROM programme"


async def load_programme(connection: Connection) -> Programme:
    """Return the programme; its row is made with the schema."""
    row = await connection.fetchrow(SELECT_PROGRAMME)
    assert row is not None, "the programme's row is made with the schema"
    return Programme(
        name=row["name"],
        currency=Currency(row["currency"], row["minor_unit"]),
        zone=ZoneInfo(row["time_zone"]),
        point_value=row["point_value"],
        lanes=row["lanes"],
    )


SET_DEFAULT_FUNDING = "UPDATE programme SET funding = $1"


async def set_default_funding(connection: Connection, funding: Funding) -> None:
    """Say how points are paid for by partners that are taken in without saying otherwise."""
    await connection.execute(SET_DEFAULT_FUNDING, funding)


SELECT_PARTNER_NAMES = "SELECT partner, name FROM partner ORDER BY partner"


async def load_partner_names(connection: Connection) -> dict[int, str]:
    """Return the name of every partner there ever was."""
    return {row["partner"]: row["name"] for row in await connection.fetch(SELECT_PARTNER_NAMES)}


SELECT_FEE_PAYERS = "SELECT partner FROM partner WHERE created_at < $1 AND status <> 'left' ORDER BY partner"


async def load_fee_payers(connection: Connection, *, closed_at: datetime) -> list[int]:
    """Return the partners that owe a window's platform fee: those that had joined before its end and have not left."""
    return [row["partner"] for row in await connection.fetch(SELECT_FEE_PAYERS, closed_at)]


# The lanes are named, so that the key, which begins with the lane, finds the window's rows. They are added up where
# they lie: a bill has no lanes, and rows of all of them would be lanes times as many.
SELECT_TOTALS = """
SELECT partner, kind, terms_version, vat_rate, sum(points)::bigint AS points, sum(operations)::bigint AS operations,
    min(first_occurred_at) AS first_occurred_at, max(last_occurred_at) AS last_occurred_at
FROM window_total
WHERE lane = ANY($1) AND window_no = $2 AND kind NOT IN ('expired', 'moved_out', 'moved_in')
GROUP BY partner, kind, terms_version, vat_rate
ORDER BY partner, kind, terms_version, vat_rate
"""


async def load_totals(connection: Connection, window_no: int, *, lanes: int) -> list[WindowTotal]:
    """Return a window's totals over all lanes; they are final once the window is closed. Points that expired are not
    among them: they cost nobody, and are part of the growths."""
    return [
        WindowTotal(
            partner=row["partner"],
            kind=row["kind"],
            terms_version=row["terms_version"],
            points=row["points"],
            operations=row["operations"],
            first_occurred_at=row["first_occurred_at"],
            last_occurred_at=row["last_occurred_at"],
            vat_rate=Decimal(row["vat_rate"]) if row["vat_rate"] else None,
        )
        for row in await connection.fetch(SELECT_TOTALS, list(range(lanes)), window_no)
    ]


SELECT_SALES = """
SELECT window_no, min(first_occurred_at) AS first_occurred_at, max(last_occurred_at) AS last_occurred_at
FROM window_total
WHERE lane = ANY($1) AND window_no = ANY($2) AND kind NOT IN ('expired', 'moved_out', 'moved_in')
GROUP BY window_no
"""


async def load_sales(connection: Connection, window_nos: Sequence[int], programme: Programme) -> dict[int, SalesPeriod]:
    """Return which days' sales are in some windows, so far where one is open; a window without any is not in it."""
    rows = await connection.fetch(SELECT_SALES, list(range(programme.lanes)), list(window_nos))
    return {row["window_no"]: _sales(row, programme) for row in rows}


SELECT_PARTNER_SALES = """
SELECT window_no, min(first_occurred_at) AS first_occurred_at, max(last_occurred_at) AS last_occurred_at
FROM window_total
WHERE lane = ANY($1) AND window_no = ANY($2) AND partner = $3 AND kind NOT IN ('expired', 'moved_out', 'moved_in')
GROUP BY window_no
"""


async def load_partner_sales(
    connection: Connection, window_nos: Sequence[int], partner: int, programme: Programme
) -> dict[int, SalesPeriod]:
    """Return which days of one partner's sales are in some windows; as `load_sales`."""
    rows = await connection.fetch(SELECT_PARTNER_SALES, list(range(programme.lanes)), list(window_nos), partner)
    return {row["window_no"]: _sales(row, programme) for row in rows}


SELECT_GROWTHS = """
SELECT ended.lane, ended.outstanding AS points_after, coalesce(before.outstanding, 0) AS points_before,
    coalesce(total.expired, 0)::bigint AS points_expired, coalesce(total.by_partners, 0)::bigint AS points_by_partners
FROM lane_window AS ended
LEFT JOIN lane_window AS before ON before.lane = ended.lane AND before.window_no = ended.window_no - 1
LEFT JOIN (
    SELECT lane,
        -- What moved to other accounts leaves the lane as well, and what came from them is not its growth.
        sum(CASE kind
            WHEN 'expired' THEN points
            WHEN 'moved_out' THEN points
            WHEN 'moved_in' THEN -points
        END) AS expired,
        sum(CASE kind
            WHEN 'issued' THEN points
            WHEN 'issue_reversed' THEN -points
            WHEN 'redeemed' THEN -points
            WHEN 'redeem_reversed' THEN points
        END) AS by_partners
    FROM window_total WHERE lane = ANY($1) AND window_no = $2 GROUP BY lane
) AS total ON total.lane = ended.lane
WHERE ended.lane = ANY($1) AND ended.window_no = $2
ORDER BY ended.lane
"""


async def load_growths(connection: Connection, window_no: int, *, lanes: int) -> list[LaneGrowth]:
    """Return by how much members' points grew in each lane that has ended the window, by both books."""
    return [LaneGrowth(**row) for row in await connection.fetch(SELECT_GROWTHS, list(range(lanes)), window_no)]


def _sales(row: asyncpg.Record, programme: Programme) -> SalesPeriod:
    return SalesPeriod(
        first_day=row["first_occurred_at"].astimezone(programme.zone).date(),
        last_day=row["last_occurred_at"].astimezone(programme.zone).date(),
    )
