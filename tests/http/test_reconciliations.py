"""POST /v1/reconciliations: a partner's own books against the journal, day by day, then line by line."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from coalition.database.pool import Connection
from coalition.http import reconciliations
from coalition.journal.reconciliation import OwnLine, day_totals
from coalition.lanes.close_window import close_window
from tests.http.conftest import RunningHub, now
from tests.shop import Answered, Shop

ZONE = ZoneInfo("Europe/Berlin")
NO_TOTALS = day_totals(())


def day_of(moment: datetime) -> str:
    return moment.astimezone(ZONE).date().isoformat()


async def post(shop: Shop, **asked: Any) -> Answered:
    return await shop.request("POST", "/v1/reconciliations", json.dumps(asked).encode())


async def compare(shop: Shop, **asked: Any) -> Any:
    answer = await post(shop, **asked)
    assert answer.status == 200, answer.body
    return answer.document


def control(day: str, lines: Sequence[OwnLine]) -> dict[str, Any]:
    totals = day_totals(lines)
    return {"day": day, "count": totals.count, "points": totals.points, "digest": totals.digest}


def wire(lines: Sequence[OwnLine]) -> list[dict[str, Any]]:
    every = [dict(zip(("id", "type", "points", "window"), line, strict=True)) for line in lines]
    return [{name: value for name, value in one.items() if value is not None} for one in every]


def classes(document: Any) -> dict[str, str]:
    return {one["id"]: one["difference"] for one in document["differences"]}


async def test_books_that_agree_and_books_that_do_not(hub: RunningHub) -> None:
    """The totals name the days that differ, the lines name each operation, with what either side has of it."""
    shop, other, cards = await hub.shop(), await hub.shop("Other"), await hub.cards(6)
    before = now() - timedelta(days=2)
    booked = [await shop.earn(card, 100 + number, id=f"e{number}") for number, card in enumerate(cards)]
    await shop.earn(cards[0], 30, id="before", occurred_at=before.isoformat())
    await shop.burn(cards[0], 40, id="b")
    await shop.reverse(cards[1], booked[1]["id"], id="r", points=1)
    await shop.burn(cards[2], 9_999, id="refused")
    held = await shop.operate("reserve", cards[3], id="hold", points=50)
    await shop.operate("capture", cards[3], id="c", reserve_id=held["id"], points=20)
    await other.earn(cards[0], 77)
    mine = [OwnLine(f"e{number}", "earn", 100 + number) for number in range(6)]
    mine = sorted([*mine, OwnLine("b", "burn", 40), OwnLine("r", "reverse", 1), OwnLine("c", "capture", 20)])
    today, earlier = day_of(now()), day_of(before)
    period = {"from": earlier, "until": today}

    agreed = await compare(
        shop, **period, days=[control(today, mine), control(earlier, [OwnLine("before", "earn", 30)])]
    )
    assert [(one["day"], one["agrees"], one["late"]) for one in agreed["days"]] == [
        (earlier, True, 0),
        (today, True, 0),
    ]
    assert agreed["days"][1]["hub"]["points"] == {"earn": 615, "burn": 40, "capture": 20, "reverse": 1}

    wrong = [line._replace(points=99) if line.id == "e1" else line for line in mine if line.id != "e2"]
    wrong = sorted(
        [*wrong, OwnLine("invented", "earn", 5), OwnLine("refused", "burn", 9_999), OwnLine("before", "earn", 30)]
    )
    differing = await compare(shop, **period, days=[control(today, wrong)])
    assert [(one["day"], one["agrees"]) for one in differing["days"]] == [(earlier, False), (today, False)]
    lines = await compare(shop, day=today, lines=wire(wrong))
    assert lines["next"] is None
    assert classes(lines) == {
        "before": "other_day",
        "e1": "other_amount",
        "e2": "missing_at_partner",
        "invented": "missing_at_hub",
        "refused": "missing_at_hub",
    }
    told = {one["id"]: one for one in lines["differences"]}
    assert (told["refused"]["hub"]["code"], told["invented"]["hub"]) == ("insufficient_points", None)
    assert (told["e1"]["partner"]["points"], told["e1"]["hub"]["points"]) == (99, 101)
    assert classes(await compare(shop, day=today, lines=wire(mine))) == {}


async def test_what_is_booked_after_its_window_is_late(hub: RunningHub) -> None:
    """Occurred in one period, booked in another: named by the day, by the line, and seen from either window."""
    shop, card = await hub.shop(), await hub.card()
    hub.clock.forward(timedelta(seconds=1))
    occurred_at = hub.clock()
    hub.clock.forward(timedelta(seconds=1))
    await shop.earn(card, 10, id="in-time")
    hub.clock.forward(timedelta(seconds=1))
    await close_window(hub.pool, clock=hub.clock, actor="test")
    hub.clock.forward(timedelta(seconds=1))
    await shop.earn(card, 20, id="late", occurred_at=occurred_at.isoformat())
    await shop.earn(card, 30, id="next")
    today = day_of(occurred_at)
    every = [OwnLine("in-time", "earn", 10), OwnLine("late", "earn", 20), OwnLine("next", "earn", 30)]
    named = [line._replace(window=1 if line.id == "in-time" else 2) for line in every]

    by_day = await compare(shop, **{"from": today}, until=today, days=[control(today, every)])
    assert [(one["agrees"], one["late"]) for one in by_day["days"]] == [(True, 1)]
    assert classes(await compare(shop, day=today, lines=wire(every))) == {"late": "late"}

    period = {"from": today, "until": today, "names_windows": True}
    assert (await compare(shop, **period, days=[control(today, named)]))["days"][0]["agrees"]
    assert classes(await compare(shop, day=today, names_windows=True, lines=wire(named))) == {}
    by_period = [line._replace(window=1 if line.id != "next" else 2) for line in every]
    wrong = [line._replace(window=2 if line.id != "next" else 1) for line in every]
    assert not (await compare(shop, **period, days=[control(today, wrong)]))["days"][0]["agrees"]
    assert classes(await compare(shop, day=today, names_windows=True, lines=wire(by_period))) == {"late": "late"}
    assert classes(await compare(shop, day=today, names_windows=True, lines=wire(wrong))) == {
        "in-time": "other_window",
        "next": "other_window",
    }

    first = await compare(shop, window=1, days=[control(today, every[:2])])
    assert [one["hub"]["count"] for one in first["days"]] == [1]
    assert classes(await compare(shop, window=1, day=today, lines=wire(every[:2]))) == {"late": "late"}
    second = await compare(shop, window=2, day=today, lines=wire(every[2:]))
    assert classes(second) == {"late": "missing_at_partner"}
    assert second["differences"][0]["hub"]["late"]


async def test_more_lines_than_fit_come_in_pages(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever side has more, every id is compared once."""
    monkeypatch.setattr(reconciliations, "LINES_MAX", 3)
    shop, card = await hub.shop(), await hub.card()
    booked = [OwnLine(f"a{number}", "earn", 1) for number in range(8)]
    await shop.send(*(shop.operation("earn", card, id=line.id, points=1) for line in booked))
    invented = [OwnLine(f"{letter}{number}", "earn", 1) for letter in "ab" for number in range(5, 10)]
    every = sorted({*invented} - {OwnLine("a6", "earn", 1)})
    found: list[str] = []
    after: str | None = None
    for _ in range(20):
        lines = [line for line in every if line.id > (after or "")]
        start = {} if after is None else {"after": after}
        page = await compare(shop, day=day_of(now()), lines=wire(lines[:2]), more=len(lines) > 2, **start)
        found += [f"{one['id']} {one['difference']}" for one in page["differences"]]
        after = page["next"]
        if after is None:
            break
    at_partner = [f"a{number} missing_at_partner" for number in (0, 1, 2, 3, 4, 6)]
    at_hub = [f"{name} missing_at_hub" for name in ("a8", "a9", "b5", "b6", "b7", "b8", "b9")]
    assert found == sorted(at_partner + at_hub)


async def test_what_can_not_be_compared_is_refused_with_each_field(hub: RunningHub) -> None:
    shop = await hub.shop()
    totals = {"day": "2026-01-31", "count": 0, "points": {}, "digest": NO_TOTALS.digest}
    line = {"id": "a", "type": "earn", "points": 1}
    asked: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["days"]),
        ({"days": []}, ["from"]),
        ({"days": [], "from": "2026-01-01"}, ["from"]),
        ({"days": [], "from": "2026-01-01", "until": "2026-02-01"}, ["until"]),
        ({"days": [], "from": "2026-01-02", "until": "2026-01-01"}, ["until"]),
        ({"days": [], "from": "0001-01-01", "until": "0001-01-02"}, ["from", "until"]),
        (
            {"days": [totals, totals], "from": "2026-01-01", "until": "2026-01-30"},
            ["days.0.day", "days.1.day", "days.1.day"],
        ),
        ({"days": [{**totals, "digest": "E3", "count": -1}], "window": 1}, ["days.0.count", "days.0.digest"]),
        ({"days": [{**totals, "points": {"gift": 1}}], "window": 1}, ["days.0.points.gift.[key]"]),
        ({"days": [], "lines": [], "window": 1}, ["days"]),
        ({"days": [], "window": 99}, ["window"]),
        ({"lines": [], "day": "2026-01-01", "window": 99}, ["window"]),
        ({"lines": []}, ["day"]),
        ({"lines": [], "day": "2026-01-01", "more": True}, ["more"]),
        ({"lines": [line, line], "day": "2026-01-01"}, ["lines.1.id"]),
        ({"lines": [line], "day": "2026-01-01", "after": "b"}, ["lines.0.id"]),
        ({"lines": [line], "day": "2026-01-01", "names_windows": True}, ["lines.0.window"]),
        ({"lines": [{**line, "type": "gift", "points": 0}], "day": "2026-01-01"}, ["lines.0.points", "lines.0.type"]),
    ]
    for request, fields in asked:
        answer = await post(shop, **request)
        assert (answer.status, answer.document["code"]) == (422, "request_invalid"), (request, answer.body)
        assert "booked" not in answer.document["detail"]
        assert sorted(fault["field"] for fault in answer.document["errors"]) == sorted(fields), request
    for again in (b'"window":1', b'"window" :2', b'"w\\u0069ndow":9'):
        body = b'{"days":[],' + again + b',"window":1}'
        answer = await shop.request("POST", "/v1/reconciliations", body)
        assert (answer.status, answer.document["code"]) == (400, "key_twice"), again
    assert (await compare(shop, window=1, days=[]))["days"] == []
    empty = await compare(shop, window=1, days=[{**totals, "count": 1}])
    assert [(one["day"], one["agrees"]) for one in empty["days"]] == [("2026-01-31", False)]
    guide = (await shop.get("/v1/reconciliations")).document
    assert guide == {"time_zone": "Europe/Berlin", "window": 1, "days_max": 31, "lines_max": 5_000}


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many reconciliations are under way as may be."""
    monkeypatch.setattr(reconciliations, "AT_ONCE_MAX", 0)


async def test_who_comes_while_others_compare_is_told_to_come_back(no_room: None, hub: RunningHub) -> None:
    """Tills are served first: a reconciliation may read a whole window."""
    answer = await post(await hub.shop(), window=1, days=[])
    assert (answer.status, answer.document["code"], answer.document["retryable"]) == (429, "reconciliations_busy", True)
    assert answer.headers["Retry-After"] == "2"


async def test_a_partner_that_floods_takes_one_place_and_leaves_the_other(hub: RunningHub) -> None:
    """While its first comparison waits its next is refused; another partner's is taken all the same."""
    flooding, quiet, card = await hub.shop("Flooding"), await hub.shop("Quiet"), await hub.card()
    for shop in (flooding, quiet):
        await shop.earn(card, 5)
    async with hub.pool.acquire() as connection, connection.transaction():
        # Whoever reads the journal waits until the end of this block.
        await connection.execute("LOCK TABLE journal")
        first = asyncio.create_task(post(flooding, window=1, days=[]))
        await wait_for_readers(connection, 1)
        again = await post(flooding, window=1, days=[])
        other = asyncio.create_task(post(quiet, window=1, days=[]))
        await wait_for_readers(connection, 2)
    assert (again.status, again.document["code"]) == (429, "reconciliations_busy")
    assert [(await one).status for one in (first, other)] == [200, 200]
    assert (await post(flooding, window=1, days=[])).status == 200


async def wait_for_readers(connection: Connection, count: int) -> None:
    """Return when so many wait for the journal."""
    waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'journal'::regclass AND NOT granted"
    while await connection.fetchval(waiting) < count:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_who_has_left_still_compares_and_proves(hub: RunningHub) -> None:
    """Its last bill is checked like the others."""
    shop, card = await hub.shop(), await hub.card()
    lane = (await shop.earn(card, 5))["lane"]
    await hub.pool.execute("UPDATE partner SET status = 'left'")
    await hub.clearing.registry.load()
    assert (await shop.send(shop.operation("earn", card, points=1))).status == 403
    today = day_of(now())
    assert (await compare(shop, **{"from": today}, until=today, days=[]))["days"][0]["hub"]["count"] == 1
    for path in ("reconciliations", "checkpoint", f"proofs/inclusion?lane={lane}&leaf=0&size=1"):
        assert (await shop.get(f"/v1/{path}")).status == 200
