"""Windows are closed by the calendar while two hubs book: no pause, nothing in two windows or none, and all tie out."""

import asyncio
import json
from collections import Counter
from datetime import datetime, timedelta
from itertools import count

from coalition.database.pool import Pool
from coalition.operations.check_sums import check_sums
from settlement.engine.calendar import Calendar
from settlement.operations.calculate_window import calculate_window
from settlement.operations.follow_calendar import follow_calendar, set_calendar
from settlement.operations.report_window import report_window
from tests.database.lane_books import new_cards, new_partners, now, open_hub
from tests.shop import operation

MESSAGES = 60
CLOSES = 4


async def test_windows_close_by_the_calendar_while_two_hubs_book(pool: Pool) -> None:
    """Each close is asked for by both hubs, and done by one; every answer names the window in which it is found."""
    (partner, other), cards = await new_partners(pool, "Bakery", "Garage"), await new_cards(pool, 8)
    await set_calendar(pool, Calendar(frequency="daily"), is_calculated=False, now=now(), actor="test")
    days = count(1)
    async with open_hub(pool) as one, open_hub(pool) as two:
        for card in cards:
            await one.send(partner, operation("earn", card, points=1_000))

        async def shop(number: int) -> list[str]:
            hub = (one, two)[number % 2]
            earned = [operation("earn", card, points=3) for card in cards]
            results = await hub.send((partner, other)[number % 2], *earned)
            burned = [operation("burn", card, points=2) for card in cards]
            results += await hub.send((other, partner)[number % 2], *burned)
            undone = operation("reverse", cards[0], operation_id=earned[0]["id"], points=1)
            return [*results, *await hub.send((partner, other)[number % 2], undone)]

        work = asyncio.gather(*(shop(number) for number in range(MESSAGES)))
        for _ in range(CLOSES):
            moment: datetime = now() + timedelta(days=next(days))
            done = await asyncio.gather(*(follow_calendar(pool, clock=lambda at=moment: at) for _ in range(2)))
            assert any(each.closed is not None for each in done)
        results = [json.loads(result) for each in await work for result in each]

    assert {result["verdict"] for result in results} == {"booked"}
    rows = await pool.fetch("SELECT operation_id, window_no FROM journal WHERE operation_id IS NOT NULL")
    found = {row[0]: row[1] for row in rows}
    assert len(found) == len(rows) == len(results) + len(cards)
    assert {result["id"]: result["window"] for result in results}.items() <= found.items()
    windows = await pool.fetch("SELECT window_no, state FROM clearing_window ORDER BY window_no")
    assert [tuple(row) for row in windows] == [
        *((number, "CLOSED") for number in range(1, CLOSES + 1)),
        (CLOSES + 1, "OPEN"),
    ]
    by_window = Counter(found.values())
    for number in range(1, CLOSES + 1):
        await calculate_window(pool, number, now=now(), actor="anna")
        report = await report_window(pool, number)
        assert report.control is not None
        assert report.control.operations == by_window[number]
    assert [finding for finding in (await check_sums(pool)).findings if finding.broken] == []
