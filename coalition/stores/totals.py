"""Window totals: what settlement bills, updated once per batch."""

from collections.abc import Mapping

from coalition.database.pool import Connection
from coalition.ledger.book import Total, TotalKey

ADD_TOTALS = """
INSERT INTO window_total (lane, window_no, partner, kind, terms_version, vat_rate, points, operations,
    first_occurred_at, last_occurred_at)
SELECT $1, $2, added.partner, added.kind, added.terms_version, added.vat_rate, added.points, added.operations,
    added.first_occurred_at, added.last_occurred_at
FROM unnest($3::bigint[], $4::text[], $5::integer[], $6::text[], $7::bigint[], $8::bigint[], $9::timestamptz[],
    $10::timestamptz[])
    AS added (partner, kind, terms_version, vat_rate, points, operations, first_occurred_at, last_occurred_at)
ON CONFLICT (lane, window_no, partner, kind, terms_version, vat_rate) DO UPDATE
SET points = window_total.points + excluded.points, operations = window_total.operations + excluded.operations,
    first_occurred_at = least(window_total.first_occurred_at, excluded.first_occurred_at),
    last_occurred_at = greatest(window_total.last_occurred_at, excluded.last_occurred_at)
"""


async def add_totals(connection: Connection, *, lane: int, window_no: int, totals: Mapping[TotalKey, Total]) -> None:
    """Add a batch's totals to the window's of a lane."""
    keys = sorted(totals)
    await connection.execute(
        ADD_TOTALS,
        lane,
        window_no,
        [key[0] for key in keys],
        [key[1] for key in keys],
        [key[2] for key in keys],
        [key[3] for key in keys],
        [totals[key].points for key in keys],
        [totals[key].operations for key in keys],
        [totals[key].first_occurred_at for key in keys],
        [totals[key].last_occurred_at for key in keys],
    )
