"""A window closes while clearing goes on: every operation lies in exactly one, and the ranges have no gap."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest

from coalition.database.pool import Pool, open_pool
from coalition.lanes.close_window import close_window
from coalition.operations.check_sums import check_sums
from tests.database.lane_books import LANES, journal_root, new_cards, new_partners, now, open_hub
from tests.shop import operation

FAIL_IN_LANE_2 = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.lane = 2 THEN RAISE EXCEPTION 'the test''s fault'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fault BEFORE INSERT ON lane_window FOR EACH ROW EXECUTE FUNCTION fail();
"""


async def close(pool: Pool) -> int:
    return await close_window(pool, clock=now, actor="test")


async def assert_windows_are_whole(pool: Pool, *, closed: int) -> None:
    """Ranges follow each other, hold the window's records and no other, end with the close record, and their root is
    that of the journal so far."""
    ranges = await pool.fetch("SELECT lane, window_no, first_leaf, end_leaf, root FROM lane_window ORDER BY 1, 2")
    assert [(row["lane"], row["window_no"]) for row in ranges] == [
        (lane, window) for lane in range(LANES) for window in range(1, closed + 1)
    ]
    ends = dict.fromkeys(range(LANES), 0)
    for lane, window_no, first_leaf, end_leaf, root in ranges:
        assert first_leaf == ends[lane]
        ends[lane] = end_leaf
        rows = await pool.fetch("SELECT leaf, kind FROM journal WHERE lane = $1 AND window_no = $2", lane, window_no)
        assert sorted(row["leaf"] for row in rows) == list(range(first_leaf, end_leaf))
        assert [row["leaf"] for row in rows if row["kind"] == "close"] == [end_leaf - 1]
        assert root == await journal_root(pool, lane, size=end_leaf)
    report = await check_sums(pool)
    assert [finding for finding in report.findings if finding.broken] == []


async def states(pool: Pool) -> list[tuple[int, str]]:
    rows = await pool.fetch("SELECT window_no, state FROM clearing_window ORDER BY window_no")
    return [tuple(row) for row in rows]


async def test_windows_close_while_a_thousand_operations_are_in_flight(pool: Pool) -> None:
    """No pause, and no operation without a window or in two: the answer names the one in which it is found."""
    (partner,), cards = await new_partners(pool, "Bakery"), await new_cards(pool, 10)
    async with open_hub(pool) as hub:
        jobs = [
            asyncio.ensure_future(hub.send(partner, *(operation("earn", card, points=1) for card in cards)))
            for _ in range(100)
        ]
        closed = [await close(pool) for _ in range(3)]
        results = [json.loads(result) for results in await asyncio.gather(*jobs) for result in results]
    assert closed == [1, 2, 3]
    assert await close(pool) == 4

    found = {row[0]: row[1] for row in await pool.fetch("SELECT operation_id, window_no FROM journal")}
    assert {result["id"]: result["window"] for result in results}.items() <= found.items()
    assert len(results) == 1_000
    totals = await pool.fetch("SELECT window_no, sum(operations)::int FROM window_total GROUP BY 1")
    by_window: dict[int, int] = {}
    for result in results:
        by_window[result["window"]] = by_window.get(result["window"], 0) + 1
    assert {row[0]: row[1] for row in totals} == by_window
    await assert_windows_are_whole(pool, closed=4)


async def test_a_close_that_breaks_off_half_way_is_run_again(pool: Pool) -> None:
    """Lanes 0 and 1 are in the next window already, 2 and 3 not yet: clearing goes on, and the next run ends it."""
    (partner,), cards = await new_partners(pool, "Bakery"), await new_cards(pool, 8)
    await pool.execute(FAIL_IN_LANE_2)
    async with open_hub(pool) as hub:
        await hub.send(partner, *(operation("earn", card, points=1) for card in cards))

        with pytest.raises(asyncpg.RaiseError, match="the test's fault"):
            await close(pool)
        between = await hub.send(partner, *(operation("earn", card, points=1) for card in cards))

        places = {(result["lane"], result["window"]) for result in map(json.loads, between)}
        assert places == {(0, 2), (1, 2), (2, 1), (3, 1)}
        assert await states(pool) == [(1, "OPEN"), (2, "OPEN")]
        await pool.execute("DROP FUNCTION fail CASCADE")
        assert await close(pool) == 1
        await hub.send(partner, *(operation("earn", card, points=1) for card in cards))

    assert await states(pool) == [(1, "CLOSED"), (2, "OPEN")]
    await assert_windows_are_whole(pool, closed=1)


async def test_a_close_is_killed_between_any_two_lanes(pool: Pool, database_url: str) -> None:
    """Its connections are ended again and again; whoever runs it at last comes to whole windows."""
    (partner,), cards = await new_partners(pool, "Bakery"), await new_cards(pool, 8)
    killed = 0
    async with open_hub(pool) as hub:
        for attempt in range(12):
            await hub.send(partner, *(operation("earn", card, points=1) for card in cards))
            other = await open_pool(database_url, size_max=4)
            closing = asyncio.ensure_future(close(other))
            await asyncio.wait([closing], timeout=attempt / 1_000)
            killed += not closing.done()
            closing.cancel()
            await asyncio.gather(closing, return_exceptions=True)
            other.terminate()
        last = await close(pool)

    assert killed > 0
    await assert_windows_are_whole(pool, closed=last)
    assert await states(pool) == [*((number, "CLOSED") for number in range(1, last + 1)), (last + 1, "OPEN")]


async def test_two_closes_at_once_close_whole_windows(pool: Pool) -> None:
    """Two operators press the button together: one window or two, but never half of one, and each move once."""
    numbers = await asyncio.gather(*(close(pool) for _ in range(4)))
    last = max(numbers)
    moves = await pool.fetch("SELECT window_no, from_state, to_state FROM window_move ORDER BY window_no")
    assert [tuple(row) for row in moves] == [(number, "OPEN", "CLOSED") for number in range(1, last + 1)]
    await assert_windows_are_whole(pool, closed=last)


async def test_an_empty_window_closes_too(pool: Pool) -> None:
    assert [await close(pool) for _ in range(2)] == [1, 2]
    rows: list[Any] = await pool.fetch(
        "SELECT first_leaf, end_leaf, outstanding FROM lane_window ORDER BY window_no, lane"
    )
    assert [tuple(row) for row in rows] == [(0, 1, 0)] * LANES + [(1, 2, 0)] * LANES
    await assert_windows_are_whole(pool, closed=2)


async def test_a_reversal_lies_in_the_window_of_its_own_booking(pool: Pool) -> None:
    """At the prices of its original, which the terms version names."""
    (partner,), (card,) = await new_partners(pool, "Bakery"), await new_cards(pool, 1)
    earn = operation("earn", card, points=90)
    async with open_hub(pool) as hub:
        await hub.send(partner, earn)
        await close(pool)
        (result,) = await hub.send(partner, operation("reverse", card, operation_id=earn["id"], points=30))
    assert json.loads(result)["window"] == 2
    totals = await pool.fetch("SELECT window_no, kind, points FROM window_total ORDER BY window_no")
    assert [tuple(row) for row in totals] == [(1, "issued", 90), (2, "issue_reversed", 30)]
    await close(pool)
    await assert_windows_are_whole(pool, closed=2)
