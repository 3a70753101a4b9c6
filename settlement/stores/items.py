"""The operations behind a statement, read from the journal in its own order, a page at a time."""

import asyncpg

from coalition.database.pool import Connection
from settlement.engine.item import KIND_OF, BookedItem, ItemPlace

SELECT_RANGES = """
SELECT lane, first_leaf, end_leaf FROM lane_window WHERE window_no = $1 ORDER BY lane
"""

# By the primary key; other partners' records in the range are read and left. What a joint promotion billed is each
# payer's share, and the first payer's statement counts the operation.
SELECT_ITEMS = """
SELECT journal.leaf, coalesce(share.part, 0) AS part, journal.operation_id, journal.partner, journal.kind,
    coalesce(share.points, journal.points) AS points, coalesce(share.terms_version, journal.terms_version) AS version,
    journal.shop, journal.till, journal.reference, journal.occurred_at, journal.booked_at
FROM journal
LEFT JOIN promotion_share AS share ON share.lane = $1 AND share.leaf = journal.leaf
WHERE journal.lane = $1 AND journal.leaf >= $2 AND journal.leaf < $3
    AND (journal.leaf > $2 OR coalesce(share.part, 0) > $4)
    AND journal.code IS NULL AND journal.kind = ANY($5) AND coalesce(share.payer, journal.partner) = $6
ORDER BY journal.leaf, part
LIMIT $7
"""


async def load_items(
    connection: Connection, window_no: int, partner: int, *, after: ItemPlace | None, count_max: int
) -> list[BookedItem]:
    """Return the next items of a partner in a closed window, in order of lane and leaf; none: there are no more."""
    items: list[BookedItem] = []
    for row in await connection.fetch(SELECT_RANGES, window_no):
        lane, first, end = row["lane"], row["first_leaf"], row["end_leaf"]
        if after is not None and lane < after.lane:
            continue
        is_inside = after is not None and lane == after.lane and after.leaf >= first
        start = after.leaf if after is not None and is_inside else first
        part = after.part if after is not None and is_inside else -1
        wanted = count_max - len(items)
        rows = await connection.fetch(SELECT_ITEMS, lane, start, end, part, list(KIND_OF), partner, wanted)
        items += [_item(lane, found) for found in rows]
        if len(items) >= count_max:
            break
    return items


def _item(lane: int, row: asyncpg.Record) -> BookedItem:
    leaf, part, operation_id, sender, kind, points, version, shop, till, reference, occurred_at, booked_at = row
    return BookedItem(
        place=ItemPlace(lane, leaf, part),
        operation_id=operation_id,
        sender=sender,
        kind=KIND_OF[kind],
        points=points,
        operations=0 if part else 1,
        terms_version=version,
        shop=shop,
        till=till,
        reference=reference,
        occurred_at=occurred_at,
        booked_at=booked_at,
    )
