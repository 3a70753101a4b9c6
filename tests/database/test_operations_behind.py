"""A page of what stands behind a figure reads about that page."""

from datetime import date

from coalition.database.pool import Connection, Pool
from settlement.stores.behind import LotsWanted, OperationsWanted, load_lots_behind, load_operations_behind

LEAVES, PAGE = 4_000, 7
MONTH = date(2026, 1, 1)
# One card that is used all day, so that all lots of a lane are its own: by turns an earn, a burn that takes of the two
# oldest lots, one of each payer, and a reversal that brings both back.
BOOK = """
INSERT INTO journal (lane, leaf, window_no, kind, partner, operation_id, account, points, terms_version, booked_at,
    result)
SELECT lane, leaf, 1, (ARRAY['earn', 'burn', 'reverse_burn', 'earn'])[1 + leaf % 4], 1, 'id-' || lane || '-' || leaf, 7,
    10, 1, now(), '{}'
FROM generate_series(0, 3) AS lane, generate_series(0, $1::bigint - 1) AS leaf
"""
MAKE_LOTS = """
INSERT INTO lot (lane, account, leaf, part, issuer, payer, month_of_sale, points, remaining)
SELECT lane, account, leaf, 0, 1, 1 + leaf % 2, $1, 10, 10 FROM journal WHERE kind = 'earn'
"""
TAKE = """
INSERT INTO lot_use (lane, leaf, lot_leaf, lot_part, points)
SELECT lane, leaf, lot_leaf, 0, 5 FROM journal, unnest('{0,3}'::bigint[]) AS lot_leaf WHERE kind = 'burn'
"""
BRING_BACK = """
INSERT INTO lot_restoration (lane, leaf, lot_leaf, lot_part, points)
SELECT lane, leaf, lot_leaf, 0, 5 FROM journal, unnest('{0,3}'::bigint[]) AS lot_leaf WHERE kind = 'reverse_burn'
"""
SELECT_READ = """
SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint
FROM pg_stat_xact_user_tables WHERE relname IN ('journal', 'lot', 'lot_use', 'lot_restoration', 'promotion_share')
"""


async def read_so_far(connection: Connection) -> int:
    read: int = await connection.fetchval(SELECT_READ)
    return read


async def page_of(connection: Connection, wanted: OperationsWanted, after: tuple[int, int]) -> tuple[list[int], int]:
    """Return the points of a page that count, and how many rows it read."""
    async with connection.transaction(readonly=True):
        before = await read_so_far(connection)
        page = await load_operations_behind(connection, wanted, after=after, count_max=PAGE)
        return [operation.billed for operation in page], await read_so_far(connection) - before


async def test_a_page_reads_about_a_page(pool: Pool) -> None:
    """With statistics and without any, which is when a join would read all of a busy card's lots for each record."""
    of_lots = [
        OperationsWanted(window_no=1, kinds=(kind,), lots_of=2, months=[MONTH]) for kind in ("burn", "reverse_burn")
    ]
    sold = OperationsWanted(window_no=1, kinds=("earn",), partner=1, is_billed=True)
    async with pool.acquire() as connection:
        for statement, *arguments in ((BOOK, LEAVES), (MAKE_LOTS, MONTH), (TAKE,), (BRING_BACK,)):
            await connection.execute(statement, *arguments)
        await connection.execute("UPDATE lane SET size = $1", LEAVES)
        for after in ((0, -1), (2, LEAVES // 2)):
            for wanted in of_lots:
                billed, read = await page_of(connection, wanted, after)
                assert billed == [5] * PAGE
                # One record of four in the journal, and for each two pieces and their lots.
                assert read <= PAGE * (4 + 2 + 2)
            billed, read = await page_of(connection, sold, after)
            # Every other record.
            assert billed == [10] * PAGE
            assert read <= (PAGE + 1) * 2
        # A last page goes on into the lane after it.
        billed, read = await page_of(connection, of_lots[0], (0, LEAVES - 5))
        assert (billed, read <= PAGE * (4 + 2 + 2)) == ([5] * PAGE, True)
        await connection.execute("ANALYZE journal, lot, lot_use, lot_restoration")
        billed, read = await page_of(connection, of_lots[1], (0, -1))
        assert (billed, read <= PAGE * (4 + 2 + 2)) == ([5] * PAGE, True)


async def test_a_page_of_lots_reads_that_page(pool: Pool) -> None:
    """From lane to lane, each once, in the order of the key of lots."""
    count_max = 1_500
    async with pool.acquire() as connection:
        await connection.execute("INSERT INTO partner (name, created_at) VALUES ('A', now()), ('B', now())")
        await connection.execute(BOOK, LEAVES)
        await connection.execute(MAKE_LOTS, MONTH)
        await connection.execute("ANALYZE lot")
        found, after, reads = [], (0, -1, -1, -1), []
        async with connection.transaction(readonly=True):
            while True:
                before = await read_so_far(connection)
                page = await load_lots_behind(connection, LotsWanted(month=MONTH), after=after, count_max=count_max)
                reads.append(await read_so_far(connection) - before)
                if not page:
                    break
                found += [(lot.lane, lot.leaf) for lot in page]
                after = (page[-1].lane, page[-1].account, page[-1].leaf, page[-1].part)
    assert found == [(lane, leaf) for lane in range(4) for leaf in range(LEAVES) if leaf % 4 in (0, 3)]
    assert max(reads) <= count_max
