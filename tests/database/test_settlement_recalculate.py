"""A recalculation changes what is different and nothing else, and nothing that is invoiced."""

import asyncio
import json

import pytest

from coalition.database.pool import Pool
from coalition.stores.windows import lock_windows
from settlement.errors import IllegalMoveError, SecondPersonNeededError, TieOutError, UnknownWindowError
from settlement.operations.approve_window import approve_window
from settlement.operations.calculate_window import calculate_window
from settlement.operations.find_statement import find_statement
from settlement.operations.recalculate_window import Recalculation, recalculate_window
from settlement.operations.report_window import report_window
from settlement.operations.settle_window import settle_window
from tests.database.settlement_books import Books, now

# What an operator mends before it recalculates: here a price that was typed wrong.
MEND_PRICE = "UPDATE terms SET issue_price = 0.02 WHERE partner = $1"


COUNT_WHO_WAIT = """
SELECT count(*)
FROM pg_locks
JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
"""


@pytest.fixture
def books(pool: Pool) -> Books:
    return Books(pool)


async def calculate(books: Books) -> None:
    await calculate_window(books.pool, 1, now=now(), actor="anna")


async def approve(books: Books, actor: str = "bert") -> None:
    await approve_window(books.pool, 1, now=now(), actor=actor)


async def recalculate(books: Books, actor: str = "carl") -> Recalculation:
    return await recalculate_window(books.pool, 1, now=now(), actor=actor)


async def test_what_is_different_is_replaced_and_the_rest_keeps_its_bytes(books: Books) -> None:
    """And the approval falls: it was of other figures. A dispute of a statement that is the same stands."""
    a, b, c = await books.worked_example_1()
    await calculate(books)
    await approve(books)
    await books.pool.execute("UPDATE window_share SET state = 'DISPUTED' WHERE partner = $1", b)
    before = {partner: await find_statement(books.pool, 1, partner) for partner in (a, b, c)}
    await books.pool.execute(MEND_PRICE, a)
    done = await recalculate(books)
    assert (done.window.state, done.changed_partners) == ("CALCULATED", (a,))
    after = {partner: await find_statement(books.pool, 1, partner) for partner in (a, b, c)}
    assert json.loads(after[a])["totals"]["net"] == "19500.00"
    assert (after[b], after[c]) == (before[b], before[c])
    assert await books.share_states(1) == {a: "CALCULATED", b: "DISPUTED", c: "CALCULATED"}
    assert (await books.moves(1))[-2:] == [("CLOSED", "carl"), ("CALCULATED", "carl")]
    report = await report_window(books.pool, 1)
    assert {partner.partner: str(partner.net) for partner in report.partners}[a] == "19500.00"


async def test_without_a_difference_nothing_is_moved(books: Books) -> None:
    """However often: an approval stands, a dispute too."""
    a, b, c = await books.worked_example_1()
    await calculate(books)
    await approve(books)
    await books.pool.execute("UPDATE window_share SET state = 'DISPUTED' WHERE partner = $1", b)
    moves, content = await books.moves(1), await find_statement(books.pool, 1, a)
    for _ in range(2):
        done = await recalculate(books)
        assert (done.window.state, done.changed_partners) == ("APPROVED", ())
    assert await books.moves(1) == moves
    assert await find_statement(books.pool, 1, a) == content
    assert await books.share_states(1) == {a: "ACCEPTED", b: "DISPUTED", c: "ACCEPTED"}


async def test_several_at_once_replace_once(books: Books) -> None:
    """All have made their statements and wait for the lock, when the first of them gets it."""
    a, *_ = await books.worked_example_1()
    await calculate(books)
    await books.pool.execute(MEND_PRICE, a)
    async with books.pool.acquire() as blocker, blocker.transaction():
        await lock_windows(blocker)
        running = [asyncio.create_task(recalculate(books)) for _ in range(3)]
        while await blocker.fetchval(COUNT_WHO_WAIT) < len(running):  # noqa: ASYNC110 - the event is the server's
            await asyncio.sleep(0.01)
    done = await asyncio.gather(*running)
    assert sorted(each.changed_partners for each in done) == [(), (), (a,)]
    assert [state for state, _ in await books.moves(1)] == ["CLOSED", "CALCULATED", "CLOSED", "CALCULATED"]


async def test_a_share_comes_and_another_goes(books: Books) -> None:
    gone = await books.partner("gone", platform_fee="49.90")
    stays = await books.partner("stays")
    await books.book(stays, "issued", 100)
    await books.close()
    await calculate(books)
    await books.pool.execute("UPDATE partner SET status = 'left' WHERE partner = $1", gone)
    await books.pool.execute("UPDATE terms SET platform_fee = 5 WHERE partner = $1", stays)
    assert (await recalculate(books)).changed_partners == (gone, stays)
    report = await report_window(books.pool, 1)
    assert {partner.partner: str(partner.net) for partner in report.partners} == {stays: "6.00"}
    await books.pool.execute("UPDATE partner SET status = 'active' WHERE partner = $1", gone)
    assert (await recalculate(books)).changed_partners == (gone,)
    assert (await books.share_states(1)).keys() == {gone, stays}


async def test_who_recalculated_does_not_approve(books: Books) -> None:
    a, *_ = await books.worked_example_1()
    await calculate(books)
    await books.pool.execute(MEND_PRICE, a)
    await recalculate(books)
    with pytest.raises(SecondPersonNeededError, match="carl calculated window 1"):
        await approve(books, actor="carl")
    await approve(books, actor="anna")


async def test_a_closed_window_is_calculated(books: Books) -> None:
    a, b, c = await books.worked_example_1()
    done = await recalculate(books)
    assert (done.window.state, done.changed_partners) == ("CALCULATED", (a, b, c))
    assert [state for state, _ in await books.moves(1)] == ["CLOSED", "CALCULATED"]


async def test_what_does_not_tie_out_leaves_what_was_calculated(books: Books) -> None:
    a, *_ = await books.worked_example_1()
    await calculate(books)
    content = await find_statement(books.pool, 1, a)
    await books.pool.execute("UPDATE window_total SET points = points + 1 WHERE lane = 2 AND kind = 'issued'")
    with pytest.raises(TieOutError):
        await recalculate(books)
    assert await find_statement(books.pool, 1, a) == content


async def test_neither_an_open_window_nor_an_invoiced_one(books: Books) -> None:
    """Nothing changes after INVOICED: corrections are reversals in a later window."""
    with pytest.raises(IllegalMoveError, match="from OPEN to CALCULATED"):
        await recalculate(books)
    a, *_ = await books.worked_example_1()
    await calculate(books)
    await approve(books)
    await settle_window(books.pool, 1, now=now(), actor="bert")
    await books.pool.execute(MEND_PRICE, a)
    with pytest.raises(IllegalMoveError, match="from SETTLED to CLOSED"):
        await recalculate(books)
    with pytest.raises(UnknownWindowError):
        await recalculate_window(books.pool, 99, now=now(), actor="carl")
