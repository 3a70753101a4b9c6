"""What a window booked of an earlier period is found without reading the window."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from coalition.database.pool import Connection, Pool
from settlement.stores.behind import load_late_operations
from settlement.stores.late_items import LateWanted, load_late_items
from settlement.stores.sales_begin import load_sales_begin

LANES, LEAVES, LATE_EACH = range(4), 10_000, 1_000
BEGIN = datetime(2026, 10, 1, tzinfo=UTC)

# A record a minute and lane from a day before the window on, each booked two seconds after it occurred; one in
# LATE_EACH is of the month before.
FILL = """
INSERT INTO journal (lane, leaf, window_no, kind, partner, operation_id, account, points, occurred_at, booked_at,
    result)
SELECT lane, leaf, CASE WHEN leaf < 1440 THEN 1 ELSE 2 END, CASE leaf % 10 WHEN 3 THEN 'burn' ELSE 'earn' END,
    1 + leaf % 20, 'id-' || lane || '-' || leaf, 1, 10,
    $1::timestamptz + leaf * interval '1 minute' - interval '1 day'
        - CASE WHEN leaf % $3 = 3 THEN interval '20 days' ELSE interval '2 seconds' END,
    $1::timestamptz + leaf * interval '1 minute' - interval '1 day', '{}'
FROM generate_series(0, 3) AS lane, generate_series(0, $2::bigint - 1) AS leaf
"""
END_WINDOW = """
INSERT INTO lane_window (lane, window_no, first_leaf, end_leaf, root, outstanding, closed_at)
SELECT lane, window_no, CASE window_no WHEN 1 THEN 0 ELSE 1440 END, CASE window_no WHEN 1 THEN 1440 ELSE $1::bigint END,
    '', 0, now()
FROM generate_series(0, 3) AS lane, generate_series(1, 2) AS window_no
"""
# Late by as much as counts as soon, by a little more, and refused; and what expired long ago, which is no sale.
SET_RECORD = """
UPDATE journal SET occurred_at = booked_at - $2::interval, code = $3, kind = $4, operation_id = $5
WHERE lane = 1 AND leaf = $1
"""
SOON, LONG = timedelta(minutes=15), timedelta(minutes=15, microseconds=1)
RECORDS = (
    (1441, SOON, None, "capture", "soon"),
    (1442, LONG, None, "capture", "long"),
    (1444, SOON, "insufficient_points", "burn", "refused soon"),
    (1445, LONG, "insufficient_points", "burn", "refused later"),
    (1446, timedelta(hours=9), None, "expire", None),
)
SELECT_LATE = """
SELECT partner, kind, count(*), sum(points)::bigint, min(occurred_at), max(occurred_at)
FROM journal
WHERE window_no = 2 AND occurred_at < $1 AND code IS NULL AND kind <> 'expire'
GROUP BY partner, kind ORDER BY partner, kind
"""
SELECT_LATE_PLACES = """
SELECT lane, leaf FROM journal
WHERE window_no = 2 AND occurred_at < $1 AND code IS NULL AND kind <> 'expire' AND partner = 2
ORDER BY lane, leaf
"""
SET_PARTNER = "UPDATE journal SET partner = 2 WHERE lane = 1 AND leaf < 1500 OR leaf % $1 = 3"
PAGE = 7
SELECT_READ = """
SELECT (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint
FROM pg_stat_xact_user_tables WHERE relname = 'journal'
"""


async def read_so_far(connection: Connection) -> int:
    read: int = await connection.fetchval(SELECT_READ)
    return read


async def test_late_items_are_all_found_and_the_rest_of_the_window_is_not_read(pool: Pool) -> None:
    """Late by seconds or by weeks; read are those, and what was booked in the window's first quarter of an hour."""
    async with pool.acquire() as connection:
        await connection.execute(FILL, BEGIN, LEAVES, LATE_EACH)
        await connection.execute(END_WINDOW, LEAVES)
        for record in RECORDS:
            await connection.execute(SET_RECORD, *record)
        await connection.execute("ANALYZE journal")
        async with connection.transaction(readonly=True):
            expected = [tuple(row) for row in await connection.fetch(SELECT_LATE, BEGIN)]
            before = await read_so_far(connection)
            found = await load_late_items(connection, 2, begin=BEGIN, lanes=LANES)
            read = await read_so_far(connection) - before
    assert [tuple(late) for late in found] == expected
    late = sum(each.operations for each in found)
    # In each lane what was booked as the window opened, and eight of the month before; two by hand.
    assert late == len(LANES) * (1 + 8) + 2
    # The first 16 leaves of a lane twice: to see where they end, and what of them is late.
    assert read <= late + len(LANES) * 2 * 17


async def test_a_page_of_late_operations_is_found_without_reading_the_window(pool: Pool) -> None:
    """Page by page all of a partner's, soon and long after; a page reads its rows and what is late."""
    wanted = LateWanted(window_no=2, begin=BEGIN, kinds=("earn", "burn", "capture"), partner=2)
    async with pool.acquire() as connection:
        await connection.execute(FILL, BEGIN, LEAVES, LATE_EACH)
        await connection.execute("UPDATE lane SET size = $1, window_no = 3", LEAVES)
        await connection.execute(END_WINDOW, LEAVES)
        for record in RECORDS:
            await connection.execute(SET_RECORD, *record)
        await connection.execute(SET_PARTNER, LATE_EACH)
        await connection.execute("ANALYZE journal")
        async with connection.transaction(readonly=True):
            expected = [tuple(row) for row in await connection.fetch(SELECT_LATE_PLACES, BEGIN)]
            found, after, reads = [], (0, -1), []
            while True:
                before = await read_so_far(connection)
                page = await load_late_operations(connection, wanted, after=after, count_max=PAGE)
                reads.append(await read_so_far(connection) - before)
                if not page:
                    break
                found += page
                after = (page[-1].lane, page[-1].leaf)
    assert [(one.lane, one.leaf) for one in found] == expected
    # Eight in each lane; what was booked as the window opened and two by hand in one.
    assert len(expected) == len(LANES) * 8 + 3
    assert max(reads) <= len(expected) + PAGE + len(LANES) * 2 * 17


async def test_a_till_that_is_online_pays_for_no_index(pool: Pool) -> None:
    """Of what was booked within a quarter of an hour the index has nothing."""
    async with pool.acquire() as connection:
        # No number leaves 3 when it is divided by 2.
        await connection.execute(FILL, BEGIN, 1_000, 2)
        pages = await connection.fetchval("SELECT pg_relation_size('journal_delayed') / 8192")
    assert pages == 1, "the first page tells of an index where it begins"


SELL = """
INSERT INTO window_total (lane, window_no, partner, kind, terms_version, vat_rate, points, operations,
    first_occurred_at, last_occurred_at)
VALUES ($1, $2, 1, $3, 1, '', 1, 1, $4, $4)
"""
OPEN = "INSERT INTO clearing_window (window_no, state, opened_at, closed_at) VALUES ($1, 'CLOSED', $2, $3)"
SELECT_TOTALS_READ = SELECT_READ.replace("'journal'", "'window_total'")


async def test_a_window_begins_after_the_last_sale_of_all_before_it(pool: Pool) -> None:
    """In whichever window that was booked; windows that were closed before it are not read."""
    opened = [BEGIN + timedelta(days=30 * month) for month in range(6)]
    # The last window but one booked what was old; in the one before is the last sale; points that expire are none.
    sales = [(1, 5), (2, 35), (3, 65), (4, 118), (5, 70)]
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("DELETE FROM clearing_window")
        for number, (opened_at, closed_at) in enumerate(pairwise(opened), start=1):
            await connection.execute(OPEN, number, opened_at, closed_at)
        for number, day in sales:
            await connection.execute(SELL, number % 4, number, "issued", BEGIN + timedelta(days=day))
        await connection.execute(SELL, 0, 5, "expired", opened[5])
        await connection.execute("SET LOCAL enable_seqscan = off")
        before = await connection.fetchval(SELECT_TOTALS_READ)
        begin = await load_sales_begin(connection, 6, opened_at=opened[5], lanes=4)
        read = await connection.fetchval(SELECT_TOTALS_READ) - before
        assert await load_sales_begin(connection, 1, opened_at=opened[0], lanes=4) is None
    assert begin == BEGIN + timedelta(days=118)
    assert read <= 3, "the expired one and two sales, of five"
