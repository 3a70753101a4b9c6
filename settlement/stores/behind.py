"""What stands behind a figure: the operations of a statement line, a shop or a day, and the lots of a cohort.

Both are read a page at a time, lane after lane, so that a page costs what it shows and not what there is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from coalition.database.pool import Connection
from coalition.stores.past_records import refuse_archived
from coalition.stores.reconciliations import load_spans
from settlement.stores.late_items import LateWanted, load_late_leaves
from settlement.stores.report_query import report_query

LEAF_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsWanted:
    """Which operations of a window stand behind a figure; None: any. `is_billed`: those that the partner is billed for,
    its shares of joint promotions among them, instead of those that it sold. `lots_of`: those that took of the lots
    that this partner pays for, or brought back to them, with the points of these lots; `months`: of these sales alone.
    `shop` '': none was stated."""

    window_no: int
    kinds: Sequence[str]
    partner: int | None = None
    is_billed: bool = False
    lots_of: int | None = None
    months: Sequence[date] | None = None
    terms_version: int | None = None
    shop: str | None = None


class OperationBehind(NamedTuple):
    """One operation; `billed` are the points of it that count."""

    lane: int
    leaf: int
    kind: str
    partner: str | None
    operation_id: str | None
    points: int
    billed: int
    shop: str | None
    till: str | None
    reference: str | None
    occurred_at: datetime | None
    booked_at: datetime


SELECT_LEAVES = """
SELECT lane.lane, coalesce(before.end_leaf, 0) AS first_leaf, ended.end_leaf
FROM lane
LEFT JOIN lane_window AS before ON before.lane = lane.lane AND before.window_no = $2
LEFT JOIN lane_window AS ended ON ended.lane = lane.lane AND ended.window_no = $1
ORDER BY lane.lane
"""

OPERATIONS_BEHIND = report_query("operations_behind")


async def load_operations_behind(
    connection: Connection, wanted: OperationsWanted, *, after: tuple[int, int], count_max: int
) -> list[OperationBehind]:
    """Return the operations after a place (lane, leaf) in the journal, in its order. Raises WindowArchivedError."""
    await refuse_archived(connection, [wanted.window_no])
    of_figure = (
        list(wanted.kinds),
        wanted.partner,
        wanted.is_billed,
        wanted.terms_version,
        wanted.shop,
        wanted.lots_of,
        wanted.months,
    )
    leaves = await connection.fetch(SELECT_LEAVES, wanted.window_no, wanted.window_no - 1)
    lanes = [
        (
            lane,
            max(first_leaf - 1, after[1]) if lane == after[0] else first_leaf - 1,
            LEAF_MAX if end_leaf is None else end_leaf,
            *of_figure,
        )
        for lane, first_leaf, end_leaf in leaves
        if lane >= after[0]
    ]
    return [OperationBehind(*row) for row in await _load_page(connection, OPERATIONS_BEHIND, lanes, count_max)]


async def _load_page(
    connection: Connection, query: str, lanes: Iterable[tuple[int, *tuple[Any, ...]]], count_max: int
) -> list[tuple[Any, ...]]:
    """Return the first rows of a query, each with its lane, lane after lane until there are enough.

    `lanes` are the lanes with the query's other arguments: $1 is the lane, $2 how many rows it returns at most.
    """
    found: list[tuple[Any, ...]] = []
    for lane, *arguments in lanes:
        if len(found) == count_max:
            break
        rows = await connection.fetch(query, lane, count_max - len(found), *arguments)
        found += [(lane, *row.values()) for row in rows]
    return found


SELECT_LANES = "SELECT lane FROM lane ORDER BY lane"

OPERATIONS_AT = report_query("operations_at")


async def load_late_operations(
    connection: Connection, wanted: LateWanted, *, after: tuple[int, int], count_max: int
) -> list[OperationBehind]:
    """Return late operations after a place (lane, leaf) in the journal, in its order. Raises WindowArchivedError."""
    await refuse_archived(connection, [wanted.window_no])
    found: list[OperationBehind] = []
    lanes = [lane for (lane,) in await connection.fetch(SELECT_LANES) if lane >= after[0]]
    for span in await load_spans(connection, lanes, [wanted.window_no]):
        after_leaf = after[1] if span.lane == after[0] else -1
        leaves = await load_late_leaves(connection, wanted, span, after=after_leaf)
        rows = await connection.fetch(OPERATIONS_AT, span.lane, leaves[: count_max - len(found)])
        found += [OperationBehind(span.lane, *row.values()) for row in rows]
        if len(found) == count_max:
            break
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class LotsWanted:
    """Which lots stand behind a cohort's figure; None: any. `has_points`: only those that have any left;
    `never_expires`: only those of no day of expiry. Both days are part of the span."""

    payer: int | None = None
    month: date | None = None
    expires_from: date | None = None
    expires_until: date | None = None
    never_expires: bool = False
    has_points: bool = False


class LotBehind(NamedTuple):
    """One lot, named by the record that made it."""

    lane: int
    account: int
    leaf: int
    part: int
    issuer: str
    payer: str
    month_of_sale: date
    vat_rate: Decimal | None
    expires_on: date | None
    points: int
    remaining: int


LOTS_BEHIND = report_query("lots_behind")


async def load_lots_behind(
    connection: Connection, wanted: LotsWanted, *, after: tuple[int, int, int, int], count_max: int
) -> list[LotBehind]:
    """Return the lots after a place (lane, account, leaf, part), in that order."""
    of_figure = (
        wanted.payer,
        wanted.month,
        wanted.has_points,
        wanted.expires_from,
        wanted.expires_until,
        wanted.never_expires,
    )
    lanes = [
        (lane, *(after[1:] if lane == after[0] else (-1, -1, -1)), *of_figure)
        for (lane,) in await connection.fetch(SELECT_LANES)
        if lane >= after[0]
    ]
    return [LotBehind(*row) for row in await _load_page(connection, LOTS_BEHIND, lanes, count_max)]
