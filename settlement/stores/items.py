"""The operations behind a statement, read from the journal in its own order, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import asyncpg

from coalition.database.pool import Connection
from coalition.stores.past_records import refuse_archived
from settlement.engine.item import BURN_ROW, COVER_ROW, KIND_OF, BookedItem, ItemPlace
from settlement.stores.report_query import report_query

FIRST_PLACE: Final = ItemPlace(0, -1, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemsWanted:
    """Whose items of which window. `months_at_burn` are those of sales whose points it pays for at burn, with a row
    for each burn of them (`has_burns`); `deferred_versions` its terms that say so; `has_cover`: with rows for cover."""

    window_no: int
    partner: int
    has_burns: bool = False
    has_cover: bool = False
    months_at_burn: Sequence[date] = ()
    deferred_versions: Sequence[int] = ()


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
    AND (journal.leaf > $2 OR coalesce(share.part, 0) >= $4)
    AND journal.code IS NULL AND journal.kind = ANY($5) AND coalesce(share.payer, journal.partner) = $6
ORDER BY journal.leaf, part
LIMIT $7
"""

ITEMS_AT_BURN = report_query("items_at_burn")
ITEMS_OF_COVER = report_query("items_of_cover")


async def load_items(
    connection: Connection, wanted: ItemsWanted, *, since: ItemPlace = FIRST_PLACE, count_max: int
) -> list[BookedItem]:
    """Return the items of a partner in a closed window, in order of their places, from the lane, leaf and part of one
    on; less than `count_max`: there are no more. Overdraft is not among them: it is reckoned from them.

    Raises WindowArchivedError."""
    await refuse_archived(connection, [wanted.window_no])
    items: list[BookedItem] = []
    for row in await connection.fetch(SELECT_RANGES, wanted.window_no):
        lane, first, end = row["lane"], row["first_leaf"], row["end_leaf"]
        if lane < since.lane:
            continue
        is_inside = lane == since.lane and since.leaf >= first
        start, part = (since.leaf, since.part) if is_inside else (first, 0)
        items += await _load_lane(
            connection, wanted, lane, start=start, end=end, part=part, count_max=count_max - len(items)
        )
        if len(items) >= count_max:
            break
    return items


async def _load_lane(
    connection: Connection, wanted: ItemsWanted, lane: int, *, start: int, end: int, part: int, count_max: int
) -> list[BookedItem]:
    rows = await connection.fetch(SELECT_ITEMS, lane, start, end, part, list(KIND_OF), wanted.partner, count_max)
    items = [_item(ItemPlace(lane, row["leaf"], row["part"]), row, operations=0 if row["part"] else 1) for row in rows]
    # Each next question is only asked as far as the one before went, so that no leaf is looked at for every page.
    if len(rows) == count_max:
        end = rows[-1]["leaf"] + 1
    place = (wanted.partner, wanted.months_at_burn)
    if wanted.has_burns:
        rows = await connection.fetch(ITEMS_AT_BURN, lane, start, end, *place, count_max)
        items += [_item_of(wanted.partner, ItemPlace(lane, row["leaf"], 0, BURN_ROW), row) for row in rows]
        if len(rows) == count_max:
            end = rows[-1]["leaf"] + 1
    if wanted.has_cover:
        rows = await connection.fetch(
            ITEMS_OF_COVER, lane, start, end, *place, list(wanted.deferred_versions), count_max
        )
        items += [_item_of(wanted.partner, ItemPlace(lane, row["leaf"], 0, COVER_ROW), row) for row in rows]
        if len(rows) == count_max:
            end = rows[-1]["leaf"] + 1
    items.sort(key=lambda item: item.place)
    return [item for item in items if item.place.leaf < end][:count_max]


SELECT_MONTHS = """
SELECT DISTINCT month_of_sale FROM lot_total
WHERE lane = ANY($1) AND window_no = $2 AND payer = $3 ORDER BY month_of_sale
"""


async def load_months(connection: Connection, window_no: int, partner: int, *, lanes: int) -> list[date]:
    """Return of which months of sale any points moved in a window that the partner pays for."""
    rows = await connection.fetch(SELECT_MONTHS, list(range(lanes)), window_no, partner)
    return [row["month_of_sale"] for row in rows]


SELECT_ISSUED = """
SELECT coalesce(sum(CASE kind WHEN 'issued' THEN points ELSE -points END), 0)::bigint
FROM window_total
WHERE lane = ANY($1) AND window_no = $2 AND partner = $3 AND kind IN ('issued', 'issue_reversed')
    AND terms_version = ANY($4::integer[])
"""

SELECT_ISSUED_IN_LANE = """
SELECT coalesce(
    sum(CASE journal.kind WHEN 'earn' THEN 1 ELSE -1 END * coalesce(share.points, journal.points)), 0)::bigint
FROM lane_window
JOIN journal ON journal.lane = $1 AND journal.leaf >= lane_window.first_leaf AND journal.leaf <= $3
LEFT JOIN promotion_share AS share ON share.lane = $1 AND share.leaf = journal.leaf
WHERE lane_window.lane = $1 AND lane_window.window_no = $2 AND journal.code IS NULL
    AND (journal.leaf < $3 OR coalesce(share.part, 0) < $4)
    AND journal.kind IN ('earn', 'reverse_earn') AND coalesce(share.payer, journal.partner) = $5
    AND coalesce(share.terms_version, journal.terms_version) = ANY($6::integer[])
"""


async def load_issued_before(
    connection: Connection, wanted: ItemsWanted, place: ItemPlace, *, versions: Sequence[int]
) -> int:
    """Return the points that a partner's items before a place issued by some of its terms, net of what came back."""
    earlier = list(range(place.lane))
    window_no, partner = wanted.window_no, wanted.partner
    before = await connection.fetchval(SELECT_ISSUED, earlier, window_no, partner, list(versions))
    within = await connection.fetchval(
        SELECT_ISSUED_IN_LANE, place.lane, window_no, place.leaf, place.part, partner, list(versions)
    )
    return int(before + within)


def _item(place: ItemPlace, row: asyncpg.Record, *, operations: int) -> BookedItem:
    return BookedItem(
        place=place,
        operation_id=row["operation_id"],
        sender=row["partner"],
        kind=KIND_OF.get(row["kind"], row["kind"]),
        points=row["points"],
        operations=operations,
        terms_version=row["version"],
        shop=row["shop"],
        till=row["till"],
        reference=row["reference"],
        occurred_at=row["occurred_at"],
        booked_at=row["booked_at"],
    )


def _item_of(partner: int, place: ItemPlace, row: asyncpg.Record) -> BookedItem:
    """Return an item that comes of anybody's operation: at which till another partner did it is that one's own."""
    item = _item(place, row, operations=0)
    return item if item.sender == partner else item._replace(shop=None, till=None, reference=None)
