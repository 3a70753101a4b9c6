"""Window totals: what settlement bills, updated once per batch."""

from collections.abc import Mapping, Sequence

from coalition.database.pool import Connection
from coalition.ledger.book import TotalKey

ADD_TOTALS = """
INSERT INTO window_total (lane, window_no, partner, kind, terms_version, vat_rate, points, operations)
SELECT $1, $2, added.partner, added.kind, added.terms_version, added.vat_rate, added.points, added.operations
FROM unnest($3::bigint[], $4::text[], $5::integer[], $6::text[], $7::bigint[], $8::bigint[])
    AS added (partner, kind, terms_version, vat_rate, points, operations)
ON CONFLICT (lane, window_no, partner, kind, terms_version, vat_rate) DO UPDATE
SET points = window_total.points + excluded.points, operations = window_total.operations + excluded.operations
"""


async def add_totals(
    connection: Connection, *, lane: int, window_no: int, totals: Mapping[TotalKey, Sequence[int]]
) -> None:
    """Add a batch's (points, operations) to the window's totals of a lane."""
    keys = sorted(totals)
    await connection.execute(
        ADD_TOTALS,
        lane,
        window_no,
        [key[0] for key in keys],
        [key[1] for key in keys],
        [key[2] for key in keys],
        [key[3] for key in keys],
        [totals[key][0] for key in keys],
        [totals[key][1] for key in keys],
    )
