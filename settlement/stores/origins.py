"""The book of lots by origin, as the bill needs it."""

from decimal import Decimal

from coalition.database.pool import Connection
from settlement.engine.origin import OriginTotal

# The lanes are named, so that the key, which begins with the lane, finds the window's rows.
SELECT_ORIGINS = """
SELECT payer, kind, counterparty, terms_version, month_of_sale, vat_rate, sum(points)::bigint AS points
FROM lot_total
WHERE lane = ANY($1) AND window_no = $2
GROUP BY payer, kind, counterparty, terms_version, month_of_sale, vat_rate
ORDER BY payer, kind, counterparty, terms_version, month_of_sale, vat_rate
"""


async def load_origins(connection: Connection, window_no: int, *, lanes: int) -> list[OriginTotal]:
    """Return what moved in lots in a window, over all lanes; it is final once the window is closed."""
    return [
        OriginTotal(
            payer=row["payer"],
            kind=row["kind"],
            counterparty=row["counterparty"],
            terms_version=row["terms_version"],
            month_of_sale=row["month_of_sale"],
            points=row["points"],
            vat_rate=Decimal(row["vat_rate"]) if row["vat_rate"] else None,
        )
        for row in await connection.fetch(SELECT_ORIGINS, list(range(lanes)), window_no)
    ]
