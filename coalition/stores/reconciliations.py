"""What the journal has of one partner, by the days on which it occurred.

There is no index of the journal by partner or day: every booking would pay for it. A window is a range of leaves in
each lane, and so is what is read: the windows that can hold the days asked for, by the primary key.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from coalition.database.pool import Connection
from coalition.journal.archive import Row
from coalition.journal.reconciliation import LINE_TYPES, DayTotals
from coalition.stores.past_records import load_past_records

TYPE_OF_KIND = {
    "earn": "earn",
    "burn": "burn",
    "capture": "capture",
    "reverse_earn": "reverse",
    "reverse_burn": "reverse",
    "reserve": "reserve",
    "release": "release",
}


class Span(NamedTuple):
    """The leaves first_leaf to end_leaf - 1 of a lane, all of one window."""

    lane: int
    window_no: int
    first_leaf: int
    end_leaf: int


class SpanTotals(NamedTuple):
    """What a partner's operations of one day come to; `day` counts from the first boundary."""

    day: int
    late: int
    totals: DayTotals


READ_BY_KEYS = "SET LOCAL enable_seqscan = off"


async def read_by_keys(connection: Connection) -> None:
    """Until the end of the transaction, take the keys: plans are made without knowing how few leaves are asked for."""
    await connection.execute(READ_BY_KEYS)


SELECT_OPENINGS = "SELECT opened_at, window_no FROM clearing_window ORDER BY window_no"


async def load_openings(connection: Connection) -> list[tuple[datetime, int]]:
    """Return when each window was opened, in order."""
    return [(row["opened_at"], row["window_no"]) for row in await connection.fetch(SELECT_OPENINGS)]


SELECT_LAST_SALES = """
SELECT window_no, max(last_occurred_at) AS last_occurred_at FROM window_total
WHERE lane = ANY($1::smallint[]) AND kind NOT IN ('expired', 'moved_out', 'moved_in')
GROUP BY window_no
"""


async def load_last_sales(connection: Connection, lanes: Sequence[int]) -> dict[int, datetime]:
    """Return when the last operation of each window occurred that has any."""
    rows = await connection.fetch(SELECT_LAST_SALES, lanes)
    return {row["window_no"]: row["last_occurred_at"] for row in rows}


# An operation is never booked before it occurred, but for the minutes by which a till's clock may be ahead: windows
# that were closed before the first day hold none of it.
SELECT_CANDIDATES = "SELECT window_no FROM clearing_window WHERE closed_at IS NULL OR closed_at > $1"

SELECT_WINDOWS_OF_DAYS = """
SELECT lane, window_no
FROM window_total
WHERE lane = ANY($1::smallint[]) AND window_no = ANY($2::integer[])
GROUP BY lane, window_no
HAVING min(first_occurred_at) < $4 AND max(last_occurred_at) >= $3
"""


async def find_windows_of_days(
    connection: Connection, lanes: Sequence[int], *, closed_after: datetime, first: datetime, end: datetime
) -> set[tuple[int, int]]:
    """Return the lanes and windows in which anything was booked that occurred from `first` on and before `end`."""
    candidates = [row["window_no"] for row in await connection.fetch(SELECT_CANDIDATES, closed_after)]
    rows = await connection.fetch(SELECT_WINDOWS_OF_DAYS, lanes, candidates, first, end)
    return {(row["lane"], row["window_no"]) for row in rows}


SELECT_SALES_OF_WINDOW = """
SELECT min(first_occurred_at), max(last_occurred_at)
FROM window_total WHERE lane = ANY($1::smallint[]) AND window_no = $2
"""


async def load_sales_of_window(
    connection: Connection, lanes: Sequence[int], window_no: int
) -> tuple[datetime, datetime] | None:
    """Return when the first and the last operation of a window occurred; None: there is none."""
    row = await connection.fetchrow(SELECT_SALES_OF_WINDOW, lanes, window_no)
    return None if row is None or row[0] is None else (row[0], row[1])


# A lane's open window ends, for now, where its journal does.
SELECT_SPANS = """
SELECT span.lane, span.window_no, span.first_leaf, span.end_leaf
FROM (
    SELECT lane, window_no, first_leaf, end_leaf FROM lane_window WHERE lane = ANY($1::smallint[])
    UNION ALL
    SELECT lane.lane, lane.window_no, coalesce(before.end_leaf, 0), lane.size
    FROM lane LEFT JOIN lane_window AS before ON before.lane = lane.lane AND before.window_no = lane.window_no - 1
    WHERE lane.lane = ANY($1::smallint[])
) AS span
WHERE span.window_no = ANY($2::integer[])
ORDER BY span.lane, span.window_no
"""


async def load_spans(connection: Connection, lanes: Sequence[int], window_nos: Collection[int]) -> list[Span]:
    """Return where some windows lie in the journals of all lanes, the open one up to now."""
    rows = await connection.fetch(SELECT_SPANS, lanes, sorted(window_nos))
    return [Span(*row) for row in rows]


# The boundaries of the days come as an array, so that one calendar, the hub's, says when a day begins.
SELECT_DAYS = """
SELECT line.day, count(*) AS lines, count(*) FILTER (WHERE line.is_late) AS late,
    coalesce(sum(line.points) FILTER (WHERE line.type = 'earn'), 0)::bigint AS earn,
    coalesce(sum(line.points) FILTER (WHERE line.type = 'burn'), 0)::bigint AS burn,
    coalesce(sum(line.points) FILTER (WHERE line.type = 'capture'), 0)::bigint AS capture,
    coalesce(sum(line.points) FILTER (WHERE line.type = 'reverse'), 0)::bigint AS reverse,
    encode(sha256(convert_to(string_agg(line.text, '' ORDER BY line.text COLLATE "C"), 'UTF8')), 'hex') AS digest
FROM (
    SELECT told.day, told.is_late, told.points, told.type,
        told.operation_id || ' ' || told.type || ' ' || told.points
            || CASE WHEN $6 THEN ' ' || told.window_no ELSE '' END || chr(10) AS text
    FROM (
        SELECT width_bucket(journal.occurred_at, $5::timestamptz[]) - 1 AS day, journal.points, journal.operation_id,
            journal.window_no, journal.occurred_at < span.begins_at AS is_late,
            CASE WHEN journal.kind IN ('reverse_earn', 'reverse_burn') THEN 'reverse' ELSE journal.kind END AS type
        FROM unnest($2::smallint[], $3::bigint[], $4::bigint[], $7::timestamptz[])
            AS span (lane, first_leaf, end_leaf, begins_at)
        JOIN journal ON journal.lane = span.lane AND journal.leaf >= span.first_leaf AND journal.leaf < span.end_leaf
        WHERE journal.partner = $1 AND journal.code IS NULL AND journal.points > 0
            AND journal.kind IN ('earn', 'burn', 'capture', 'reverse_earn', 'reverse_burn')
            AND journal.occurred_at >= $8 AND journal.occurred_at < $9
    ) AS told
) AS line
GROUP BY line.day
ORDER BY line.day
"""


async def load_days(
    connection: Connection,
    spans: Sequence[Span],
    *,
    partner: int,
    boundaries: Sequence[datetime],
    begins: Mapping[int, datetime],
    names_windows: bool,
) -> list[SpanTotals]:
    """Return what a partner's operations in these leaves come to for each of the days between the boundaries; those
    before their window's begin are late."""
    rows = await connection.fetch(
        SELECT_DAYS,
        partner,
        [span.lane for span in spans],
        [span.first_leaf for span in spans],
        [span.end_leaf for span in spans],
        list(boundaries),
        names_windows,
        [begins[span.window_no] for span in spans],
        boundaries[0],
        boundaries[-1],
    )
    return [SpanTotals(row["day"], row["late"], _totals(row)) for row in rows]


def _totals(row: asyncpg.Record) -> DayTotals:
    return DayTotals(row["lines"], {name: row[name] for name in LINE_TYPES if row[name]}, row["digest"])


class JournalRow(NamedTuple):
    """A decided operation, as the journal's columns have it."""

    operation_id: str
    kind: str
    code: str | None
    points: int
    window_no: int
    lane: int
    leaf: int
    occurred_at: datetime
    booked_at: datetime


SELECT_LINES = """
SELECT journal.operation_id, journal.kind, journal.code, journal.points, journal.window_no, journal.lane, journal.leaf,
    journal.occurred_at, journal.booked_at
FROM unnest($2::smallint[], $3::bigint[], $4::bigint[]) AS span (lane, first_leaf, end_leaf)
JOIN journal ON journal.lane = span.lane AND journal.leaf >= span.first_leaf AND journal.leaf < span.end_leaf
WHERE journal.partner = $1 AND journal.code IS NULL AND journal.points > 0
    AND journal.kind IN ('earn', 'burn', 'capture', 'reverse_earn', 'reverse_burn')
    AND journal.occurred_at >= $5 AND journal.occurred_at < $6
    AND journal.operation_id COLLATE "C" > $7 AND ($8::text IS NULL OR journal.operation_id COLLATE "C" <= $8)
ORDER BY journal.operation_id COLLATE "C"
LIMIT $9
"""


async def load_lines(
    connection: Connection,
    spans: Sequence[Span],
    *,
    partner: int,
    first: datetime,
    end: datetime,
    after: str,
    through: str | None,
    count_max: int,
) -> list[JournalRow]:
    """Return a partner's operations in these leaves that occurred from `first` on and before `end`, by their ids, of
    which those after `after` and up to `through` are wanted; at most the first `count_max`."""
    rows = await connection.fetch(
        SELECT_LINES,
        partner,
        [span.lane for span in spans],
        [span.first_leaf for span in spans],
        [span.end_leaf for span in spans],
        first,
        end,
        after,
        through,
        count_max,
    )
    return [JournalRow(*row) for row in rows]


SELECT_NAMED = """
SELECT operation.operation_id, journal.kind, journal.code, journal.points, journal.window_no, operation.lane,
    operation.leaf, journal.occurred_at, journal.booked_at
FROM operation
LEFT JOIN journal ON journal.lane = operation.lane AND journal.leaf = operation.leaf
WHERE operation.lane = ANY($1::smallint[]) AND operation.operation_id = ANY($3::text[]) AND operation.partner = $2
"""


async def load_named(
    connection: Connection, lanes: Sequence[int], *, partner: int, operation_ids: Collection[str]
) -> list[JournalRow]:
    """Return a partner's decided operations of these ids, wherever they were booked, or refused."""
    if not operation_ids:
        return []
    found = await connection.fetch(SELECT_NAMED, lanes, partner, sorted(operation_ids))
    archived: defaultdict[int, list[int]] = defaultdict(list)
    for row in found:
        if row["kind"] is None:
            archived[row["lane"]].append(row["leaf"])
    rows = [JournalRow(*row) for row in found if row["kind"] is not None]
    for lane, leaves in archived.items():
        past = await load_past_records(connection, lane, leaves)
        rows += [_journal_row(one.record) for one in past.values()]
    return rows


def _journal_row(record: Row) -> JournalRow:
    return JournalRow(
        operation_id=record["operation_id"],
        kind=record["kind"],
        code=record.get("code"),
        points=record["points"],
        window_no=record["window_no"],
        lane=record["lane"],
        leaf=record["leaf"],
        occurred_at=datetime.fromisoformat(record["occurred_at"]),
        booked_at=datetime.fromisoformat(record["booked_at"]),
    )
