"""Windows go from CLOSED to SETTLED once, whatever is repeated, killed or done at the same time."""

import asyncio
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest

from coalition.database import migrations
from coalition.database.pool import Pool
from coalition.stores.windows import lock_windows
from settlement.engine.sales import SalesPeriod
from settlement.errors import (
    FiguresChangedError,
    IllegalMoveError,
    SecondPersonNeededError,
    TieOutError,
    UnknownStatementError,
    UnknownWindowError,
)
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.find_statement import find_statement, format_statement
from settlement.operations.recalculate_window import recalculate_window
from settlement.operations.report_window import list_partner_windows, list_windows, report_window
from settlement.operations.settle_window import settle_window
from settlement.stores.hub import SELECT_TOTALS
from settlement.stores.twice_booked import find_twice_booked
from tests.database.settlement_books import Books, now

MIGRATION = Path(migrations.__path__[0]) / "versions" / "0044_second_person_of_bills.sql"
SECOND_PERSON_OF_CORRECTIONS = "document_correction_approved_by_a_second_person"

END_WHO_WAITS = """
SELECT pg_terminate_backend(pid)
FROM pg_locks
JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
"""
ADD_TO_A_TOTAL = "UPDATE window_total SET points = points + $1 WHERE lane = 2 AND kind = 'issued' AND partner = $2"


@pytest.fixture
def books(pool: Pool) -> Books:
    return Books(pool)


async def calculate(books: Books, window_no: int = 1) -> None:
    await calculate_window(books.pool, window_no, now=now(), actor="anna")


async def settle_all(books: Books, window_no: int = 1) -> None:
    await calculate(books, window_no)
    await approve_window(books.pool, window_no, now=now(), actor="bert")
    await settle_window(books.pool, window_no, now=now(), actor="bert")


async def test_worked_example_1_from_the_books_to_settled(books: Books) -> None:
    """A pays 7,500.00, B is paid 5,000.00, C pays 1,500.00, and 4,000.00 cover 400,000 new points."""
    a, b, c = await books.worked_example_1()
    await settle_all(books)
    report = await report_window(books.pool, 1)
    assert {partner.partner: partner.net for partner in report.partners} == {
        a: Decimal("7500.00"),
        b: Decimal("-5000.00"),
        c: Decimal("1500.00"),
    }
    assert report.control is not None
    assert report.control.outstanding_growth == 400_000
    assert report.control.outstanding_growth_value == report.netting.operator.total == Decimal("4000.00")
    assert (len(report.netting.payments), report.netting.payments_gross) == (3, 6)
    assert report.window.state == "SETTLED"
    assert await books.share_states(1) == dict.fromkeys((a, b, c), "PAID")


async def test_every_move_is_recorded_with_its_actor(books: Books) -> None:
    await books.worked_example_1()
    await settle_all(books)
    assert await books.moves(1) == [
        ("CLOSED", "closer"),
        ("CALCULATED", "anna"),
        ("APPROVED", "bert"),
        ("INVOICED", "bert"),
        ("SETTLING", "bert"),
        ("SETTLED", "bert"),
    ]


async def test_each_step_again_changes_nothing(books: Books) -> None:
    """Neither a statement's bytes, nor a state, nor the record of moves."""
    a, *_ = await books.worked_example_1()
    await calculate(books)
    first = await find_statement(books.pool, 1, a)
    await settle_all(books)
    moves, states = await books.moves(1), await books.share_states(1)
    await settle_all(books)
    assert await find_statement(books.pool, 1, a) == first
    assert (await books.moves(1), await books.share_states(1)) == (moves, states)


async def test_many_at_once_do_it_once(books: Books) -> None:
    await books.worked_example_1()
    await asyncio.gather(*(calculate(books) for _ in range(8)))
    await asyncio.gather(*(approve_window(books.pool, 1, now=now(), actor=f"b{n}") for n in range(8)))
    await asyncio.gather(*(settle_window(books.pool, 1, now=now(), actor="c") for _ in range(8)))
    assert [state for state, _ in await books.moves(1)] == [
        "CLOSED",
        "CALCULATED",
        "APPROVED",
        "INVOICED",
        "SETTLING",
        "SETTLED",
    ]
    assert len(await books.share_states(1)) == 3


async def test_killed_in_the_middle_it_is_done_once_when_run_again(books: Books) -> None:
    """The server ends the connection inside the transaction: nothing of it stays, and a second run does it all."""
    await books.worked_example_1()
    async with books.pool.acquire() as blocker, blocker.transaction():
        await lock_windows(blocker)
        running = asyncio.create_task(calculate(books))
        while await blocker.fetchval(END_WHO_WAITS) is None:  # noqa: ASYNC110 - the event is the server's
            await asyncio.sleep(0.01)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await running
    assert await books.share_states(1) == {}
    assert [state for state, _ in await books.moves(1)] == ["CLOSED"]
    await calculate(books)
    assert len(await books.share_states(1)) == 3
    assert [state for state, _ in await books.moves(1)] == ["CLOSED", "CALCULATED"]


async def test_a_window_that_does_not_tie_out_is_refused_with_the_place(books: Books) -> None:
    """One point too many in one lane: named, nothing written; mended, it passes."""
    a, *_ = await books.worked_example_1()
    await books.pool.execute(ADD_TO_A_TOTAL, 1, a)
    with pytest.raises(TieOutError, match=r"points of lane 2: expected 100000, got 100001 \(difference \+1\)"):
        await calculate(books)
    assert await books.share_states(1) == {}
    assert (await report_window(books.pool, 1)).window.state == "CLOSED"
    await books.pool.execute(ADD_TO_A_TOTAL, -1, a)
    await calculate(books)
    assert len(await books.share_states(1)) == 3


BOOK_RECORD = """
WITH recorded AS (
    INSERT INTO journal (lane, leaf, window_no, kind, code, partner, operation_id, points, booked_at, result)
    VALUES ($1, 0, 1, 'earn', $4, $2, $3, 100, now(), '{}')
), stood AS (UPDATE lane SET size = 1, frontier = decode(repeat('00', 32), 'hex') WHERE lane = $1)
INSERT INTO operation (lane, partner, operation_id, content, leaf) VALUES ($1, $2, $3, '', 0)
"""


async def test_an_operation_booked_in_two_lanes_is_not_billed_until_one_is_undone(books: Books) -> None:
    """Where the database lies on several servers no index forbids it, so the close does: both places are named. What a
    lane refused counts for nothing, and neither does what was reversed."""
    a = await books.partner("A")
    await books.pool.execute("DROP INDEX operation_id_in_one_lane")
    for lane, operation_id, code in (
        (0, "twice", None),
        (2, "twice", None),
        (1, "once", None),
        (3, "once", "unknown_card"),
    ):
        await books.pool.execute(BOOK_RECORD, lane, a, operation_id, code)
    await books.close()
    told = f"lanes of operation twice of partner {a}, at 0/0 and 2/0; reverse one of them: expected 1, got 2"
    with pytest.raises(TieOutError, match=told):
        await calculate(books)
    undo = "INSERT INTO reversal (lane, original_leaf, leaf, points) VALUES (2, 0, 5, $1)"
    await books.pool.execute(undo, 99)
    with pytest.raises(TieOutError, match=told):
        await calculate(books)
    await books.pool.execute("DELETE FROM reversal")
    await books.pool.execute(undo, 100)
    await calculate(books)


async def test_what_is_booked_twice_is_found_part_by_part(books: Books) -> None:
    """However few ids are looked at at once, so that a large window needs no more room than a small one; one id of two
    partners is two operations."""
    a, b = await books.partner("A"), await books.partner("B")
    await books.pool.execute("DROP INDEX operation_id_in_one_lane")
    for lane, partner, operation_id in ((0, a, "twice"), (1, a, "shared"), (2, a, "twice"), (3, b, "shared")):
        await books.pool.execute(BOOK_RECORD, lane, partner, operation_id, None)
    await books.close()
    async with books.pool.acquire() as connection:
        for ids_at_once in (1, 2, 3, 1_000):
            found = await find_twice_booked(connection, 1, lanes=4, ids_at_once=ids_at_once)
            assert found == {(a, "twice"): [(0, 0), (2, 0)]}
        # Of the window after it, none is.
        await books.close()
        assert await find_twice_booked(connection, 2, lanes=4) == {}


BOOK_TWICE_AND_UNDO_ONE = """
WITH booked AS (
    INSERT INTO journal (lane, leaf, window_no, kind, partner, operation_id, points, booked_at, result)
    SELECT lane, n, 1, 'earn', $1, n::text, 100, now(), '{}'
    FROM generate_series(0, 255) AS n, unnest('{0,2}'::integer[]) AS lane
    RETURNING lane, leaf, operation_id
), named AS (
    INSERT INTO operation (lane, partner, operation_id, content, leaf)
    SELECT lane, $1, operation_id, '', leaf FROM booked
), undone AS (
    INSERT INTO reversal (lane, original_leaf, leaf, points)
    SELECT lane, leaf, leaf + 1000, 100 FROM booked WHERE lane = 2
)
UPDATE lane SET size = 256, frontier = decode(repeat('00', 32), 'hex') WHERE lane IN (0, 2)
"""


async def test_what_is_booked_twice_is_found_behind_what_is_undone(books: Books) -> None:
    """However many ids are undone already: who has reversed all that was told is told the rest."""
    a = await books.partner("A")
    await books.pool.execute("DROP INDEX operation_id_in_one_lane")
    await books.pool.execute(BOOK_TWICE_AND_UNDO_ONE, a)
    await books.close()
    async with books.pool.acquire() as connection:
        for stands in (7, 150, 255):
            undone = await connection.fetchrow("DELETE FROM reversal WHERE original_leaf = $1 RETURNING *", stands)
            for ids_at_once in (2, 1_000):
                found = await find_twice_booked(connection, 1, lanes=4, ids_at_once=ids_at_once)
                assert found == {(a, str(stands)): [(0, stands), (2, stands)]}
            await connection.execute("INSERT INTO reversal SELECT ($1::reversal).*", undone)
        assert await find_twice_booked(connection, 1, lanes=4) == {}


async def test_a_window_that_a_lane_has_not_ended_is_refused(books: Books) -> None:
    await books.close()
    await books.pool.execute("DELETE FROM lane_window WHERE lane = 3")
    with pytest.raises(TieOutError, match="lanes that ended the window: expected 4, got 3"):
        await calculate(books)


async def test_growth_is_counted_from_the_window_before(books: Books) -> None:
    """What members held when the window opened is not its growth."""
    a, b, _ = await books.worked_example_1()
    await books.book(a, "issued", 500)
    await books.book(b, "redeem_reversed", 70, lane=3)
    assert await books.close() == 2
    await calculate(books, 2)
    report = await report_window(books.pool, 2)
    assert report.control is not None
    assert report.control.outstanding_growth == 570
    assert [str(partner.net) for partner in report.partners] == ["5.00", "0.70"]


async def test_an_empty_window_passes_through(books: Books) -> None:
    await books.partner("A")
    await books.close()
    await settle_all(books)
    report = await report_window(books.pool, 1)
    assert (report.window.state, report.partners, report.netting.payments) == ("SETTLED", (), ())


async def test_an_all_zero_window_passes_through(books: Books) -> None:
    """Issued and redeemed are equal: a statement of 0.00, and no payment."""
    a = await books.partner("A")
    await books.book(a, "issued", 700)
    await books.book(a, "redeemed", 700, lane=1)
    await books.close()
    await settle_all(books)
    report = await report_window(books.pool, 1)
    assert [str(partner.net) for partner in report.partners] == ["0.00"]
    assert report.netting.payments == ()
    assert await books.share_states(1) == {a: "PAID"}


async def test_steps_are_not_skipped(books: Books) -> None:
    await books.partner("A")
    with pytest.raises(IllegalMoveError, match="from OPEN to CALCULATED"):
        await calculate(books)
    await books.close()
    with pytest.raises(IllegalMoveError, match="from CLOSED to APPROVED"):
        await approve_window(books.pool, 1, now=now(), actor="bert")
    await calculate(books)
    with pytest.raises(IllegalMoveError, match="from CALCULATED to INVOICED"):
        await settle_window(books.pool, 1, now=now(), actor="bert")
    with pytest.raises(UnknownWindowError, match="no window 99"):
        await calculate(books, 99)
    with pytest.raises(UnknownWindowError, match="no window 99"):
        await report_window(books.pool, 99)


async def test_who_calculated_does_not_approve(books: Books) -> None:
    await books.worked_example_1()
    await calculate(books)
    with pytest.raises(SecondPersonNeededError, match="anna calculated window 1"):
        await approve_window(books.pool, 1, now=now(), actor="anna")
    assert (await report_window(books.pool, 1)).window.state == "CALCULATED"
    # Nor by a door that forgot to ask, nor by one that writes on the table itself.
    with pytest.raises(asyncpg.CheckViolationError):
        await approve_window(books.pool, 1, now=now(), actor="anna", is_second_person_needed=False)
    for said in ("approved_by = 'anna'", "approved_by = NULL", "approved_by = 'bert', calculated_by = NULL"):
        with pytest.raises(asyncpg.CheckViolationError):
            await books.pool.execute(f"UPDATE clearing_window SET state = 'APPROVED', {said} WHERE window_no = 1")
    insert = """
        INSERT INTO clearing_window (window_no, state, opened_at, closed_at, calculated_by, approved_by)
        VALUES (9, 'INVOICED', now(), now(), 'anna', 'anna')
    """
    with pytest.raises(asyncpg.CheckViolationError):
        await books.pool.execute(insert)
    assert (await books.moves(1))[-1] == ("CALCULATED", "anna")


async def test_the_shell_stands_in_for_both_persons(books: Books) -> None:
    """The tables know from the moves, of windows of before too; what is recalculated nobody has approved any more."""
    a, _, _ = await books.worked_example_1()
    await calculate_window(books.pool, 1, now=now(), actor="shell:anna")
    await approve_window(books.pool, 1, now=now(), actor="shell:anna", is_second_person_needed=False)
    assert (await books.moves(1))[-1] == ("APPROVED", "shell:anna")
    decided = "SELECT state, calculated_by, approved_by FROM clearing_window WHERE window_no = 1"
    assert await books.fetch(decided) == [("APPROVED", "shell:anna", "shell:anna")]
    async with books.pool.acquire() as connection:
        before = connection.transaction()
        await before.start()
        await connection.execute("ALTER TABLE clearing_window DROP COLUMN calculated_by, DROP COLUMN approved_by")
        await connection.execute("ALTER TABLE document_correction DROP CONSTRAINT " + SECOND_PERSON_OF_CORRECTIONS)
        await connection.execute(MIGRATION.read_text())
        assert await connection.fetch(decided) == [("APPROVED", "shell:anna", "shell:anna")]
        await before.rollback()
    await books.pool.execute("UPDATE partner SET name = 'New' WHERE partner = $1", a)
    await recalculate_window(books.pool, 1, now=now(), actor="bert")
    assert await books.fetch(decided) == [("CALCULATED", "bert", None)]


async def test_only_figures_that_were_seen_are_approved(books: Books) -> None:
    """Calculated anew between looking and clicking, it stays as it is; who looks again may approve."""
    await books.worked_example_1()
    await calculate(books)
    seen = len((await report_window(books.pool, 1)).moves)
    with pytest.raises(FiguresChangedError, match="look again"):
        await approve_window(books.pool, 1, now=now(), actor="bert", moves_seen=seen - 1)
    assert (await report_window(books.pool, 1)).window.state == "CALCULATED"
    await approve_window(books.pool, 1, now=now(), actor="bert", moves_seen=seen)
    assert (await books.moves(1))[-1] == ("APPROVED", "bert")


async def test_a_disputed_share_is_not_accepted_by_the_approval(books: Books) -> None:
    a, b, c = await books.worked_example_1()
    await calculate(books)
    await books.pool.execute("UPDATE window_share SET state = 'DISPUTED' WHERE partner = $1", b)
    await approve_window(books.pool, 1, now=now(), actor="bert")
    assert await books.share_states(1) == {a: "ACCEPTED", b: "DISPUTED", c: "ACCEPTED"}


async def test_the_platform_fee_is_owed_by_who_had_joined_and_not_left(books: Books) -> None:
    quiet = await books.partner("quiet", platform_fee="49.90")
    gone = await books.partner("gone", platform_fee="49.90")
    busy = await books.partner("busy", platform_fee="10", service_fee="0.002", commission="0.03")
    await books.book(busy, "issued", 1_000_000)
    await books.book(gone, "redeemed", 1_000, lane=1)
    await books.pool.execute("UPDATE partner SET status = 'left' WHERE partner = $1", gone)
    await books.close()
    await books.partner("late", platform_fee="49.90")
    await calculate(books)
    report = await report_window(books.pool, 1)
    assert {partner.partner: str(partner.net) for partner in report.partners} == {
        quiet: "49.90",
        busy: "12010.00",
        gone: "-10.00",
    }


async def test_a_statement_is_kept_as_calculated(books: Books) -> None:
    """A partner's new name changes its next statement, not this one."""
    a, *_ = await books.worked_example_1()
    await calculate(books)
    await books.pool.execute("UPDATE partner SET name = 'A new name' WHERE partner = $1", a)
    content = await find_statement(books.pool, 1, a)
    document = json.loads(content)
    assert document["partner"] == {"partner": a, "name": "A", "address": []}
    assert document["totals"]["net"] == "7500.00"
    assert document["window"]["closed_at"].endswith(("+01:00", "+02:00"))
    assert format_statement(content, "pdf", "de").startswith(b"%PDF")
    assert b"Saldo;7500,00;EUR" in format_statement(content, "csv", "de")


async def test_a_statement_that_is_not_there_says_why(books: Books) -> None:
    a = await books.partner("A")
    with pytest.raises(UnknownStatementError, match="no statement in window 1, which is OPEN"):
        await find_statement(books.pool, 1, a)
    with pytest.raises(UnknownWindowError):
        await find_statement(books.pool, 5, a)


async def test_windows_are_listed_with_their_nets(books: Books) -> None:
    await books.worked_example_1()
    await calculate(books)
    first, second = await list_windows(books.pool)
    assert (first.window.state, str(first.to_operator), str(first.to_partners)) == ("CALCULATED", "9000.00", "5000.00")
    assert (second.window.state, second.to_operator, second.shares) == ("OPEN", None, ())
    assert [summary.window.window_no for summary in await list_windows(books.pool, after=1)] == [2]
    assert [summary.window.window_no for summary in await list_windows(books.pool, count_max=1)] == [1]


async def test_a_window_knows_of_which_days_its_sales_are(books: Books) -> None:
    """Sales of December, booked today: over all lanes, each partner's own, in days of the programme's zone."""
    a, b, c = await books.partner("A"), await books.partner("B"), await books.partner("C", platform_fee="10")
    await books.book(a, "issued", 700, occurred_at=datetime(2025, 12, 3, 12, tzinfo=UTC))
    await books.book(a, "issued", 700, lane=3, occurred_at=datetime(2025, 12, 1, 12, tzinfo=UTC))
    # In Berlin it is the new year already.
    await books.book(b, "redeemed", 500, lane=1, occurred_at=datetime(2025, 12, 31, 23, 30, tzinfo=UTC))
    await books.close()
    await calculate(books)
    windows = [json.loads(await find_statement(books.pool, 1, partner))["window"] for partner in (a, b, c)]
    assert [(window["sales_from"], window["sales_until"]) for window in windows] == [
        ("2025-12-01", "2025-12-03"),
        ("2026-01-01", "2026-01-01"),
        (None, None),
    ]
    of_all = SalesPeriod(first_day=date(2025, 12, 1), last_day=date(2026, 1, 1))
    assert (await report_window(books.pool, 1)).sales == of_all
    assert [summary.sales for summary in await list_windows(books.pool)] == [of_all, None]
    of_a = SalesPeriod(first_day=date(2025, 12, 1), last_day=date(2025, 12, 3))
    assert [window.sales for window in await list_partner_windows(books.pool, a)] == [of_a, None]
    assert [window.sales for window in await list_partner_windows(books.pool, c)] == [None, None]


async def test_an_open_window_knows_its_sales_so_far(books: Books) -> None:
    a = await books.partner("A")
    await books.book(a, "issued", 1, occurred_at=datetime(2025, 12, 3, 12, tzinfo=UTC))
    today = SalesPeriod(first_day=date(2025, 12, 3), last_day=date(2025, 12, 3))
    assert (await report_window(books.pool, 1)).sales == today


async def test_totals_are_found_by_their_key(books: Books) -> None:
    """However many windows there are, a close reads the rows of its own."""
    async with books.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = await connection.fetch("EXPLAIN " + SELECT_TOTALS, [0, 1, 2, 3], 7)
    lines = [row[0].strip() for row in plan]
    assert "Index Cond: ((lane = ANY ('{0,1,2,3}'::smallint[])) AND (window_no = 7))" in lines or any(
        line.startswith("Index Cond: ((lane = ANY ($1)) AND (window_no = $2))") for line in lines
    ), lines
