"""GET /v1/events: each partner reads what happened to its own operations, all of it, once, in order."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from coalition.http.events import cursor_of, positions_of
from coalition.lanes.close_window import close_window
from coalition.operations import read_events
from tests.http.conftest import RunningHub, now
from tests.shop import Shop, operation

MANY_PAGES = 300


async def page_after(shop: Shop, cursor: str | None, *, limit: int = 100) -> dict[str, Any]:
    after = "" if cursor is None else f"&after={cursor}"
    answer = await shop.get(f"/v1/events?limit={limit}{after}")
    assert answer.status == 200, answer.body
    document: dict[str, Any] = answer.document
    return document


async def read_on(shop: Shop, cursor: str | None = None, *, limit: int = 100) -> tuple[list[dict[str, Any]], str]:
    """Read until there is no more at once; return the events and the last cursor."""
    events: list[dict[str, Any]] = []
    for _ in range(MANY_PAGES):
        page = await page_after(shop, cursor, limit=limit)
        assert len(page["events"]) <= limit
        events += page["events"]
        cursor = page["cursor"]
        if not page["more"]:
            return events, page["cursor"]
    raise AssertionError(f"more after {MANY_PAGES} pages")


def assert_in_lane_order(events: list[dict[str, Any]]) -> None:
    for lane in range(4):
        leaves = [event["leaf"] for event in events if event["lane"] == lane]
        assert leaves == sorted(set(leaves))


def ids_of(events: list[dict[str, Any]]) -> list[str]:
    return sorted(event["operation_id"] for event in events)


async def test_a_partner_reads_what_was_answered(hub: RunningHub) -> None:
    """Bookings, refusals and reversals, with the result byte for byte; nothing of other partners, no closes."""
    shop, other, card = await hub.shop(), await hub.shop("Other"), await hub.card()
    earned = await shop.earn(card, 100)
    await other.earn(card, 7)
    refused = await shop.burn(card, 1_000)
    await close_window(hub.pool, clock=now, actor="test")
    reversed_ = await shop.reverse(card, earned["id"], points=40)

    answer = await shop.get("/v1/events")

    events = answer.document["events"]
    assert [event["result"] for event in events] == [earned, refused, reversed_]
    assert [event["kind"] for event in events] == ["earn", "burn", "reverse_earn"]
    assert [event["operation_id"] for event in events] == [earned["id"], refused["id"], reversed_["id"]]
    assert [event["window"] for event in events] == [1, 1, 2]
    assert [(event["lane"], event["leaf"]) for event in events] == [
        (result["lane"], result["leaf"]) for result in (earned, refused, reversed_)
    ]
    assert [event["booked_at"] for event in events] == [event["result"]["booked_at"] for event in events]
    assert all(datetime.fromisoformat(event["occurred_at"]).tzinfo is not None for event in events)
    stored = await hub.pool.fetch("SELECT result FROM journal WHERE partner = 1 ORDER BY leaf")
    assert all(row["result"].encode() in answer.body for row in stored)
    assert "Signature" in answer.headers


async def test_small_pages_hold_what_one_page_holds(hub: RunningHub) -> None:
    """Over all lanes; what a page is cut off before comes with the next, once."""
    shop, other, cards = await hub.shop(), await hub.shop("Other"), await hub.cards(12)
    for points in range(1, 5):
        await shop.send(*(operation("earn", card, points=points) for card in cards))
        await other.send(*(operation("earn", card, points=points) for card in cards))

    whole, _ = await read_on(shop, limit=1_000)

    assert len(whole) == 48
    assert len({event["lane"] for event in whole}) == 4
    for limit in (1, 5, 7):
        events, _ = await read_on(shop, limit=limit)
        assert_in_lane_order(events)
        assert ids_of(events) == ids_of(whole)
    assert await read_on(other, limit=48) != (whole, "")


async def test_an_empty_answer_has_a_cursor_that_goes_on(hub: RunningHub) -> None:
    shop, card = await hub.shop(), await hub.card()
    empty = await page_after(shop, None)
    assert (empty["events"], empty["more"]) == ([], False)
    earned = await shop.earn(card, 5)

    events, cursor = await read_on(shop, empty["cursor"])

    assert [event["result"] for event in events] == [earned]
    assert await read_on(shop, cursor) == ([], cursor)


async def test_others_rows_are_passed_over_in_bounded_steps(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page looks at so many leaves at most, says that there is more, and the cursor moves though nothing came."""
    shop, other, card = await hub.shop(), await hub.shop("Other"), await hub.card()
    await other.send(*(operation("earn", card, points=1) for _ in range(35)))
    earned = await shop.earn(card, 5)
    monkeypatch.setattr(read_events, "LEAVES_MAX", 10)

    pages, cursor, more = [], None, True
    while more:
        page = await page_after(shop, cursor)
        assert page["cursor"] != cursor
        pages.append(len(page["events"]))
        cursor, more = page["cursor"], page["more"]

    assert pages == [0, 0, 0, 1]
    assert earned["leaf"] == 35


async def test_nothing_is_skipped_or_doubled_while_tills_book(hub: RunningHub) -> None:
    """The order in a lane is the order of its commits: a reader that follows closely misses none of them."""
    shop, other, cards = await hub.shop(), await hub.shop("Other"), await hub.cards(8)
    booked: list[str] = []

    async def book(who: Shop) -> None:
        for turn in range(12):
            answer = await who.send(*(operation("earn", card, points=turn + 1) for card in cards))
            if who is shop:
                booked.extend(result["id"] for result in answer.results)

    tills = asyncio.gather(*(book(who) for who in (shop, other, shop)))
    events: list[dict[str, Any]] = []
    cursor: str | None = None
    while not tills.done():
        page = await page_after(shop, cursor, limit=9)
        events += page["events"]
        cursor = page["cursor"]
    await tills
    rest, _ = await read_on(shop, cursor)

    events += rest
    assert_in_lane_order(events)
    assert ids_of(events) == sorted(booked)


async def test_what_is_not_committed_is_neither_read_nor_passed_over(hub: RunningHub) -> None:
    shop, card = await hub.shop(), await hub.card()
    before = (await page_after(shop, None))["cursor"]
    lane = await hub.pool.fetchval("SELECT lane FROM card WHERE card = $1", card)
    async with hub.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM lane WHERE lane = $1 FOR UPDATE", lane)
        earn = asyncio.create_task(shop.earn(card, 5))
        assert (await page_after(shop, before))["cursor"] == before
    earned = await earn
    assert [event["result"] for event in (await page_after(shop, before))["events"]] == [earned]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "none",
        "AQ",
        "AQAAAA",
        "AQAAAAAA",
        "AQAAAAA=",
        "AQAAAIAA",
        "AgAAAAA",
        "AQAAAAE",
        "AQAAAAB_",
        "AQ" + "__" * 3_000,
        "%00",
        "%C3%A9",
        "../../etc/passwd",
        cursor_of([2**62] * 4),
        cursor_of([0] * 1_024),
    ],
)
async def test_a_cursor_that_no_answer_gave_is_refused(hub: RunningHub, cursor: str) -> None:
    """One that lies ahead of the journal as well: it would silently skip what comes."""
    shop = await hub.shop()
    answer = await shop.get(f"/v1/events?after={cursor}")
    assert answer.status == 422, answer.body
    assert answer.document["code"] == "cursor_invalid"
    assert [fault["field"] for fault in answer.document["errors"]] == ["after"]


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "1.5", "", "x", "%D9%A3", "1" * 5_000])
async def test_a_limit_out_of_range_is_refused(hub: RunningHub, limit: str) -> None:
    answer = await (await hub.shop()).get(f"/v1/events?limit={limit}")
    assert answer.status == 422, answer.body
    assert [fault["field"] for fault in answer.document["errors"]] == ["limit"]


def test_a_cursor_of_the_most_lanes_fits_an_address() -> None:
    positions = tuple(10**9 + lane for lane in range(1_024))
    cursor = cursor_of(positions)
    assert positions_of(cursor) == positions
    assert len(cursor) < 7_500
