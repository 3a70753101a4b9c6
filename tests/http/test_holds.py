"""Holds over HTTP: set aside, spent, freed, timed out; each at most once, whoever races."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from coalition.operations.check_sums import check_sums
from tests.http.conftest import RunningHub
from tests.shop import Shop


async def assert_sums_hold(hub: RunningHub) -> None:
    report = await check_sums(hub.pool)
    assert [finding for finding in report.findings if finding.broken] == []


async def member_with(hub: RunningHub, points: int) -> tuple[Shop, str]:
    shop, card = await hub.shop(), await hub.card()
    await shop.earn(card, points)
    return shop, card


def figures(result: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(result.get(name) for name in ("verdict", "points", "balance", "available"))


async def test_a_part_is_captured_and_the_rest_is_free(hub: RunningHub) -> None:
    shop, card = await member_with(hub, 1_000)

    reserved = await shop.operate("reserve", card, points=500, timeout_s=900)
    captured = await shop.operate("capture", card, reserve_id=reserved["id"], points=480)

    assert figures(reserved) == ("booked", 500, 1_000, 500)
    left = datetime.fromisoformat(reserved["expires_at"]) - datetime.fromisoformat(reserved["booked_at"])
    assert left == timedelta(seconds=900)
    assert figures(captured) == ("booked", 480, 520, 520)
    await assert_sums_hold(hub)


async def test_a_release_frees_all(hub: RunningHub) -> None:
    shop, card = await member_with(hub, 1_000)
    reserved = await shop.operate("reserve", card, points=500)
    released = await shop.operate("release", card, reserve_id=reserved["id"])
    assert figures(released) == ("booked", 500, 1_000, 1_000)
    await assert_sums_hold(hub)


async def test_held_points_can_not_be_burned_or_held_again(hub: RunningHub) -> None:
    shop, card = await member_with(hub, 1_000)
    await shop.operate("reserve", card, points=600)
    burned = await shop.burn(card, 401)
    again = await shop.operate("reserve", card, points=401)
    assert [(result["code"], result["available"]) for result in (burned, again)] == [("insufficient_points", 400)] * 2
    assert (await shop.burn(card, 400))["available"] == 0
    await assert_sums_hold(hub)


async def test_a_hold_is_resolved_at_most_once_whoever_races(hub: RunningHub) -> None:
    """Twenty captures and releases at the same moment: one is booked, the others learn what became of the hold."""
    shop, card = await member_with(hub, 1_000)
    reserved = await shop.operate("reserve", card, points=500)

    results = await asyncio.gather(
        *(shop.operate(kind, card, reserve_id=reserved["id"]) for kind in ("capture", "release") for _ in range(10))
    )

    booked = [result for result in results if result["verdict"] == "booked"]
    refused = [result for result in results if result["verdict"] == "refused"]
    assert len(booked) == 1
    assert {result["code"] for result in refused} == {"hold_resolved"}
    assert {result["state"] for result in refused} <= {"captured", "released"}
    assert len({result["state"] for result in refused}) == 1
    await assert_sums_hold(hub)


async def test_many_tills_never_hold_more_than_there_is(hub: RunningHub) -> None:
    shop, card = await member_with(hub, 1_000)
    results = await asyncio.gather(*(shop.operate("reserve", card, points=300) for _ in range(12)))
    assert [result["verdict"] for result in results].count("booked") == 3
    await assert_sums_hold(hub)


async def test_a_hold_times_out_by_itself(hub: RunningHub) -> None:
    """Nobody looks at the moment itself; whoever looks later sees what was true from then on."""
    shop, card = await member_with(hub, 1_000)
    reserved = await shop.operate("reserve", card, points=500, timeout_s=60)
    hub.clock.forward(timedelta(seconds=59))
    assert (await shop.get(f"/v1/cards/{card}")).document["held"] == 500

    hub.clock.forward(timedelta(seconds=2))

    standing = (await shop.get(f"/v1/cards/{card}")).document
    assert (standing["available"], standing["held"], standing["holds"]) == (1_000, 0, [])
    late = await shop.operate("capture", card, reserve_id=reserved["id"])
    assert (late["code"], late["state"], late["available"]) == ("hold_resolved", "timed_out", 1_000)
    record = await hub.pool.fetchrow("SELECT * FROM journal WHERE kind = 'time_out'")
    assert (record["points"], record["original_leaf"]) == (500, reserved["leaf"])
    assert record["occurred_at"] == datetime.fromisoformat(reserved["expires_at"])
    await assert_sums_hold(hub)


async def test_what_can_not_be_captured_says_why(hub: RunningHub) -> None:
    shop, card = await member_with(hub, 1_000)
    other = await hub.card()
    reserved = await shop.operate("reserve", card, points=500)
    refused = await shop.operate("reserve", card, points=900)
    earned = await shop.earn(card, 5)

    async def code(card: str, reserve_id: str, **fields: Any) -> dict[str, Any]:
        return await shop.operate("capture", card, reserve_id=reserve_id, **fields)

    assert (await code(card, "never-sent")) | {"id": ""} == {
        "id": "",
        "verdict": "refused",
        "code": "unknown_original",
        "retryable": True,
    }
    assert (await code(card, refused["id"]))["code"] == "original_refused"
    assert (await code(card, earned["id"]))["code"] == "not_a_reserve"
    assert (await code(other, reserved["id"]))["code"] == "other_account"
    over = await code(card, reserved["id"], points=501)
    assert (over["code"], over["left"]) == ("more_than_left", 500)
    assert (await code(card, reserved["id"]))["verdict"] == "booked"
    await assert_sums_hold(hub)


async def test_a_hold_is_made_and_captured_in_one_message(hub: RunningHub) -> None:
    shop, card = await member_with(hub, 1_000)
    answer = await shop.send(
        shop.operation("reserve", card, id="r-1", points=300),
        shop.operation("capture", card, reserve_id="r-1", points=100),
        shop.operation("release", card, reserve_id="r-1"),
    )
    assert [figures(result) for result in answer.results[:2]] == [
        ("booked", 300, 1_000, 700),
        ("booked", 100, 900, 900),
    ]
    assert (answer.results[2]["code"], answer.results[2]["state"]) == ("hold_resolved", "captured")
    await assert_sums_hold(hub)


async def test_a_capture_is_reversed_like_a_burn_and_a_reserve_is_not(hub: RunningHub) -> None:
    shop, card = await member_with(hub, 1_000)
    reserved = await shop.operate("reserve", card, points=500)
    captured = await shop.operate("capture", card, reserve_id=reserved["id"], points=480)

    part = await shop.reverse(card, captured["id"], points=80)
    rest = await shop.reverse(card, captured["id"])
    more = await shop.reverse(card, captured["id"], points=1)

    assert (await shop.reverse(card, reserved["id"]))["code"] == "not_reversible"
    assert [figures(result)[:3] for result in (part, rest)] == [("booked", 80, 600), ("booked", 400, 1_000)]
    assert (more["code"], more["left"]) == ("more_than_left", 0)
    totals = await hub.pool.fetch("SELECT kind, sum(points)::int AS points FROM window_total GROUP BY kind")
    assert {row["kind"]: row["points"] for row in totals} == {"issued": 1_000, "redeemed": 480, "redeem_reversed": 480}
    await assert_sums_hold(hub)


async def test_points_on_hold_are_safe_from_a_return(hub: RunningHub) -> None:
    """The shop has been promised them: what the return can't take is owed, and a later earn repays it."""
    shop, card = await hub.shop(), await hub.card()
    earned = await shop.earn(card, 1_000)
    reserved = await shop.operate("reserve", card, points=900)

    returned = await shop.reverse(card, earned["id"])
    captured = await shop.operate("capture", card, reserve_id=reserved["id"])
    repaid = await shop.earn(card, 950)

    assert figures(returned) == ("booked", 1_000, 0, -900)
    assert figures(captured) == ("booked", 900, -900, -900)
    assert figures(repaid) == ("booked", 950, 50, 50)
    await assert_sums_hold(hub)


async def test_a_partner_sees_all_holds_and_the_ids_of_its_own(hub: RunningHub) -> None:
    shop, card = await member_with(hub, 1_000)
    other = await hub.shop("Other")
    own = await shop.operate("reserve", card, points=100, timeout_s=60)
    await other.operate("reserve", card, points=200, timeout_s=600)

    holds = (await shop.get(f"/v1/cards/{card}")).document["holds"]

    assert [(hold["points"], hold.get("operation_id")) for hold in holds] == [(100, own["id"]), (200, None)]
    assert datetime.fromisoformat(holds[0]["expires_at"]) > datetime.now(UTC)


async def test_a_hold_that_ends_repays_what_is_owed(hub: RunningHub) -> None:
    """A sale returned while its points were on hold: owed until the hold ends, then nothing is left of either."""
    for ending in ("release", "time-out"):
        shop, card = await hub.shop(f"Shop {ending}"), await hub.card()
        earned = await shop.earn(card, 100)
        reserved = await shop.operate("reserve", card, points=100, timeout_s=60)
        assert (await shop.reverse(card, earned["id"]))["available"] == -100
        if ending == "release":
            await shop.operate("release", card, reserve_id=reserved["id"])
        else:
            hub.clock.forward(timedelta(seconds=61))
            await shop.burn(card, 1)
    accounts = await hub.pool.fetch("SELECT balance, debt, held FROM account")
    lots = await hub.pool.fetch("SELECT remaining FROM lot")
    assert {tuple(account) for account in accounts} == {(0, 0, 0)}
    assert [lot["remaining"] for lot in lots] == [0, 0]
    await assert_sums_hold(hub)
