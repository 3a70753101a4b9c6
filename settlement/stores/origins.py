"""The book of lots by origin, as the bill and its VAT need it.

A month and its VAT rates have a row for each payer and redeemer. A bill does not ask for the months, its VAT does not
ask for the redeemers: each is added up without what it does not need, where the rows lie.
"""

from collections.abc import Sequence
from decimal import Decimal

from coalition.database.pool import Connection
from settlement.engine.origin import OriginTotal
from settlement.engine.terms import FundingSpan

# The lanes are named, so that the key, which begins with the lane, finds the window's rows.
SELECT_ORIGINS = """
SELECT lot_total.payer, kind, counterparty, terms_version, min(month_of_sale) AS month_of_sale,
    sum(points)::bigint AS points
FROM lot_total
LEFT JOIN unnest($3::bigint[], $4::date[], $5::date[]) AS span (payer, first, until) ON span.payer = lot_total.payer
    AND lot_total.month_of_sale >= span.first AND lot_total.month_of_sale < coalesce(span.until, 'infinity')
WHERE lane = ANY($1) AND window_no = $2
    AND kind IN ('issued', 'issue_reversed', 'redeemed', 'redeem_reversed', 'repaid')
GROUP BY lot_total.payer, kind, counterparty, terms_version, span.first
ORDER BY lot_total.payer, kind, counterparty, terms_version, min(month_of_sale)
"""


async def load_origins(
    connection: Connection, window_no: int, *, lanes: int, apart: Sequence[FundingSpan] = ()
) -> list[OriginTotal]:
    """Return what partners' operations moved in lots in a window, over all lanes and rates; it is final once the window
    is closed. Months of sale are taken together, by the first of them, but for those of the spans named, which are of
    each span and of none of them `apart`."""
    rows = await connection.fetch(
        SELECT_ORIGINS,
        list(range(lanes)),
        window_no,
        [span.partner for span in apart],
        [span.first for span in apart],
        [span.end for span in apart],
    )
    return [OriginTotal(**row) for row in rows]


SELECT_VAT_ORIGINS = """
SELECT payer, kind, month_of_sale, vat_rate, sum(points)::bigint AS points
FROM lot_total
WHERE lane = ANY($1) AND window_no = $2 AND kind IN ('redeemed', 'redeem_reversed', 'expired')
GROUP BY payer, kind, month_of_sale, vat_rate
ORDER BY payer, kind, month_of_sale, vat_rate
"""


async def load_vat_origins(connection: Connection, window_no: int, *, lanes: int) -> list[OriginTotal]:
    """Return the points that were burned or expired in a window by month of sale and VAT rate, wherever that was."""
    return [
        OriginTotal(
            payer=row["payer"],
            kind=row["kind"],
            counterparty=0,
            terms_version=0,
            month_of_sale=row["month_of_sale"],
            points=row["points"],
            vat_rate=Decimal(row["vat_rate"]) if row["vat_rate"] else None,
        )
        for row in await connection.fetch(SELECT_VAT_ORIGINS, list(range(lanes)), window_no)
    ]
