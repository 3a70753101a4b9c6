"""Windows close by the calendar: once, however many hubs follow it, and however long none did."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coalition.database.pool import Pool, open_pool
from settlement.engine.calendar import Calendar
from settlement.operations.follow_calendar import follow_calendar, set_calendar
from settlement.operations.report_window import report_window
from settlement.schedule import ENTRYPOINT, following_calendar, make_scheduler
from tests.database.settlement_books import Books, now

DAILY = Calendar(frequency="daily")
STATES = "SELECT window_no, state FROM clearing_window ORDER BY window_no"
CLOSES = "SELECT window_no, boundaries FROM calendar_close ORDER BY window_no"
SOME_POINT = "UPDATE window_total SET points = points + 1 WHERE lane = 0"


@pytest.fixture
def books(pool: Pool) -> Books:
    return Books(pool)


def in_days(days: float) -> datetime:
    return now() + timedelta(days=days)


async def follow(books: Books, days: float) -> Any:
    moment = in_days(days)
    return await follow_calendar(books.pool, clock=lambda: moment)


async def follow_daily(books: Books, *, is_calculated: bool = False) -> None:
    await set_calendar(books.pool, DAILY, is_calculated=is_calculated, now=now(), actor="test")


async def test_without_a_calendar_nothing_closes(books: Books) -> None:
    assert (await follow(books, 400)).closed is None
    assert await books.fetch(STATES) == [(1, "OPEN")]


async def test_many_hubs_close_a_window_with_missed_boundaries_once(books: Books) -> None:
    """Three days without a hub: one close, which says how many boundaries it stands for; then one a day."""
    await follow_daily(books)
    assert (await follow(books, 0)).closed is None
    done = await asyncio.gather(*(follow(books, 3) for _ in range(4)))
    assert {each.closed for each in done} <= {1, None}
    assert await books.fetch(STATES) == [(1, "CLOSED"), (2, "OPEN")]
    assert await books.fetch(CLOSES) == [(1, 3)]
    assert await books.moves(1) == [("CLOSED", "calendar")]
    assert (await follow(books, 3)).closed is None
    assert (await follow(books, 4)).closed == 2
    assert await books.fetch(CLOSES) == [(1, 3), (2, 1)]


async def test_a_hub_that_comes_second_does_not_close_the_next_window(books: Books, database_url: str) -> None:
    """It has decided to close window 1, and is held up before it does; meanwhile another hub has closed it."""
    await follow_daily(books)
    moment = in_days(1)
    slow = await open_pool(database_url, size_max=1)
    late = asyncio.create_task(follow_calendar(slow, clock=lambda: moment))
    while not late.done():
        # Who asks for the one connection waits in turn: this stands between any two transactions of the slow hub.
        async with slow.acquire():
            if await books.fetch(CLOSES):
                await follow(books, 1)
                break
    # A close needs a second connection, which this pool has not: whoever begins one never ends.
    assert (await asyncio.wait_for(late, 30)).closed == 1
    await slow.close()
    assert await books.fetch(STATES) == [(1, "CLOSED"), (2, "OPEN")]


async def test_boundaries_count_from_when_the_calendar_was_set(books: Books) -> None:
    """And the same calendar, set again, does not move that."""
    await books.pool.execute("UPDATE clearing_window SET opened_at = opened_at - interval '40 days'")
    for _ in range(2):
        await follow_daily(books)
        assert (await follow(books, 0)).closed is None
    set_at = await books.fetch("SELECT set_at FROM window_calendar")
    await set_calendar(books.pool, DAILY, is_calculated=False, now=in_days(1), actor="test")
    assert await books.fetch("SELECT set_at FROM window_calendar") == set_at


async def test_what_is_closed_is_calculated_where_allowed_and_never_approved(books: Books) -> None:
    await follow_daily(books, is_calculated=True)
    await books.book(await books.partner("A"), "issued", 100)
    assert (await follow(books, 1)).calculated == (1,)
    assert (await follow(books, 1)).calculated == ()
    assert await books.moves(1) == [("CLOSED", "calendar"), ("CALCULATED", "calendar")]
    assert (await report_window(books.pool, 1)).window.state == "CALCULATED"


async def test_a_window_that_does_not_tie_out_is_left_to_people_with_the_reason(books: Books) -> None:
    await follow_daily(books, is_calculated=True)
    await books.book(await books.partner("A"), "issued", 100)
    await books.pool.execute(SOME_POINT)
    for _ in range(2):
        assert (await follow(books, 1)).calculated == ()
    assert await books.fetch(STATES) == [(1, "CLOSED"), (2, "OPEN")]
    ((fault,),) = await books.fetch("SELECT fault FROM calendar_close")
    assert "points of lane 0: expected 100, got 101" in fault


async def test_a_close_by_hand_in_between_leaves_the_next_window_open(books: Books) -> None:
    """The calendar has decided for window 1; somebody else closes it first."""
    await follow_daily(books)
    await books.close()
    assert (await follow(books, 1)).closed == 2
    assert await books.fetch(STATES) == [(1, "CLOSED"), (2, "CLOSED"), (3, "OPEN")]


async def test_two_hubs_follow_the_bell_that_the_database_keeps(books: Books) -> None:
    """pgqueuer's tables are made once, by whoever is first; what was missed is closed before the first bell."""
    await follow_daily(books)
    await books.pool.execute("UPDATE clearing_window SET opened_at = $1", datetime(2026, 1, 1, tzinfo=UTC))
    await books.pool.execute("UPDATE window_calendar SET set_at = $1", datetime(2026, 1, 1, tzinfo=UTC))
    async with following_calendar(books.pool, clock=now), following_calendar(books.pool, clock=now):
        while not await _is_bell_set(books):  # noqa: ASYNC110 - the event is the server's
            await asyncio.sleep(0.02)
    assert await books.fetch(STATES) == [(1, "CLOSED"), (2, "OPEN")]
    assert await books.fetch("SELECT entrypoint, expression FROM pgqueuer_schedules") == [(ENTRYPOINT, "* * * * *")]


async def test_the_bell_rings_in_one_hub(books: Books) -> None:
    """It is past its time in the database: whoever looks first does what is due."""
    async with following_calendar(books.pool, clock=now):
        while not await _is_bell_set(books):  # noqa: ASYNC110 - the event is the server's
            await asyncio.sleep(0.02)
    await follow_daily(books)
    await books.pool.execute("UPDATE pgqueuer_schedules SET next_run = now() - interval '1 hour'")
    stopping = asyncio.Event()
    rung: list[datetime] = []

    def tomorrow() -> datetime:
        rung.append(in_days(1))
        return rung[-1]

    schedulers = [make_scheduler(books.pool, clock=tomorrow, stopping=stopping) for _ in range(2)]
    running = [asyncio.create_task(scheduler.run()) for scheduler in schedulers]
    while await books.fetch(STATES) != [(1, "CLOSED"), (2, "OPEN")]:  # noqa: ASYNC110 - the event is the server's
        await asyncio.sleep(0.02)
    stopping.set()
    await asyncio.gather(*running)
    assert rung
    assert await books.fetch(CLOSES) == [(1, 1)]


async def _is_bell_set(books: Books) -> bool:
    if (await books.fetch("SELECT to_regclass('pgqueuer_schedules')"))[0][0] is None:
        return False
    return await books.fetch("SELECT 1 FROM pgqueuer_schedules") == [(1,)]
