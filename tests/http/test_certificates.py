"""Burns without a network over HTTP: within a certificate, booked later, and who bears what is gone by then."""

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coalition.http.answers import BookedResult, RefusedResult
from coalition.lanes.close_window import close_window
from coalition.ledger.certificate import OPEN_CERTIFICATES_MAX
from coalition.operations.check_sums import check_sums
from coalition.signatures.keys import public_key_of_raw
from settlement.operations.calculate_window import calculate_window
from settlement.operations.report_window import report_window
from tests.http.conftest import RunningHub
from tests.http.test_limits import set_limits
from tests.http.test_merges import OTHER_LANE, SAME_LANE, balance, merge, two_cards, unmerge
from tests.shop import Answered, Shop

HOUR_S = 3_600


async def assert_sums_hold(hub: RunningHub) -> None:
    report = await check_sums(hub.pool)
    assert [finding for finding in report.findings if finding.broken] == []


async def member_with(hub: RunningHub, points: int) -> tuple[Shop, str]:
    shop, card = await hub.shop(), await hub.card()
    await shop.earn(card, points)
    return shop, card


async def ask(shop: Shop, card: str, points: int, *, till: str = "3", valid_s: int = HOUR_S) -> Answered:
    body = {"card": card, "till": till, "points": points, "valid_s": valid_s}
    return await shop.request("POST", "/v1/certificates", json.dumps(body).encode())


async def certificate_of(shop: Shop, card: str, points: int, **asked: Any) -> dict[str, Any]:
    answered = await ask(shop, card, points, **asked)
    assert answered.status == 201, answered.body
    certificate: dict[str, Any] = json.loads(answered.document["certificate"])
    return certificate


async def set_loss(hub: RunningHub, rule: str) -> None:
    """Have all terms say who bears what is lost by offline burns, and wait until the hub has heard of it."""
    await hub.pool.execute("UPDATE terms SET offline_loss = $1", rule)
    await hub.pool.execute("SELECT pg_notify('registry', '')")
    async with asyncio.timeout(20):
        # Not loaded here: an earlier load of the hub's own might come after.
        while _rules(hub) != {rule}:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def _rules(hub: RunningHub) -> set[str]:
    return {terms.offline_loss for one in hub.clearing.registry.participants.values() for terms in one.terms}


def offline(shop: Shop, certificate: dict[str, Any], points: int, counter: int, **changes: Any) -> dict[str, Any]:
    """Return a burn as a till without a network saves it now."""
    named = {"certificate": certificate["id"], "counter": counter, "till": certificate["till"]}
    return shop.operation("burn", certificate["card"], **{"points": points, **named, **changes})


def told(result: dict[str, Any]) -> tuple[Any, ...]:
    model = BookedResult if result["verdict"] == "booked" else RefusedResult
    model.model_validate_json(json.dumps(result))
    return tuple(result[name] for name in ("code", "left", "points", "balance", "covered") if name in result)


async def test_a_certificate_is_what_the_hub_signed_to_the_letter(hub: RunningHub) -> None:
    """Who has the text, the signature and GET /v1/keys needs nothing else, and no JSON of his own spelling."""
    shop, card = await member_with(hub, 1_000)
    document = (await ask(shop, card, 400)).document
    keys = (await (await hub.session.get(f"http://{hub.authority}/v1/keys")).json())["keys"]
    [jwk] = [jwk for jwk in keys if jwk["kid"] == document["keyid"]]
    public_key = public_key_of_raw(base64.urlsafe_b64decode(jwk["x"] + "=="))

    public_key.verify(base64.b64decode(document["signature"]), document["certificate"].encode())

    certificate = json.loads(document["certificate"])
    assert {name: certificate[name] for name in ("type", "card", "till", "points", "counter_start")} == {
        "type": "coalition-certificate-v1",
        "card": card,
        "till": "3",
        "points": 400,
        "counter_start": 0,
    }
    starts, ends = (datetime.fromisoformat(certificate[name]) for name in ("not_before", "not_after"))
    assert ends - starts == timedelta(hours=1)
    assert (await shop.get(f"/v1/cards/{card}")).document["available"] == 1_000


async def test_burns_of_an_offline_till_are_booked_later_and_all_three_moments_are_kept(hub: RunningHub) -> None:
    shop, card = await member_with(hub, 1_000)
    certificate = await certificate_of(shop, card, 400)
    burns = [offline(shop, certificate, points, counter) for counter, points in ((0, 150), (2, 100), (1, 150))]
    occurred_at = shop.clock()
    hub.clock.forward(timedelta(hours=5))
    sent_at = hub.clock()

    results = (await shop.send(*burns)).results

    assert [told(result) for result in results] == [(150, 850), (100, 750), (150, 600)]
    kept = await hub.pool.fetch(
        "SELECT journal.occurred_at, message.received_at, journal.booked_at FROM journal"
        " JOIN message ON message.digest = journal.message WHERE kind = 'burn' ORDER BY leaf"
    )
    for row in kept:
        assert row["occurred_at"] <= occurred_at < sent_at <= row["received_at"] <= row["booked_at"]
    assert len(kept) == 3
    await assert_sums_hold(hub)


async def test_points_spent_online_meanwhile_are_the_shops_loss(hub: RunningHub) -> None:
    """The rule unless the terms say otherwise: the offline burn is refused, and shows in the partner's events."""
    shop, card = await member_with(hub, 100)
    certificate = await certificate_of(shop, card, 100)
    burned = offline(shop, certificate, 100, 0)
    await shop.burn(card, 60)

    refused = (await shop.send(burned)).result

    assert (refused["code"], refused["available"]) == ("insufficient_points", 40)
    # Nothing was spent of the certificate, and the same till may try less.
    assert told((await shop.send(offline(shop, certificate, 40, 0))).result) == (40, 0)
    events = (await shop.get("/v1/events")).document["events"]
    assert [event["result"].get("code") for event in events if event["kind"] == "burn"] == [
        None,
        "insufficient_points",
        None,
    ]
    await assert_sums_hold(hub)


async def test_points_spent_online_meanwhile_are_owed_by_the_member_and_repaid_by_earns(hub: RunningHub) -> None:
    shop, card = await member_with(hub, 100)
    await set_loss(hub, "member")
    certificate = await certificate_of(shop, card, 100)
    burned = offline(shop, certificate, 100, 0)
    await shop.burn(card, 60)

    first = (await shop.send(burned)).result
    assert told(first) == (100, -60, 40)
    assert (await shop.send(burned)).result == first
    assert (await shop.burn(card, 1))["code"] == "insufficient_points"
    await assert_sums_hold(hub)

    assert (await shop.earn(card, 70))["balance"] == 10
    await assert_sums_hold(hub)
    totals = await hub.pool.fetch("SELECT kind, sum(points)::int AS points FROM window_total GROUP BY kind ORDER BY 1")
    assert [tuple(row) for row in totals] == [("issued", 170), ("redeemed", 160)]


async def test_what_the_member_owes_is_paid_to_the_shop_in_the_settlement(hub: RunningHub) -> None:
    """The window ties out with an account below zero, and the whole burn is on the shop's statement."""
    shop, card = await member_with(hub, 100)
    other = await hub.shop("Other")
    await set_loss(hub, "member")
    burned = offline(other, await certificate_of(other, card, 100), 100, 0)
    await shop.burn(card, 60)
    assert (await other.send(burned)).result["covered"] == 40

    window_no = await close_window(hub.pool, clock=hub.clock, actor="test")
    await calculate_window(hub.pool, window_no, now=hub.clock(), actor="test")

    report = await report_window(hub.pool, window_no)
    points = {partner.name: (partner.points["issued"], partner.points["redeemed"]) for partner in report.partners}
    assert points == {"Shop": (100, 60), "Other": (0, 100)}
    await assert_sums_hold(hub)


@pytest.mark.parametrize("is_repaid", [False, True])
async def test_a_return_of_what_the_member_owed_frees_him(hub: RunningHub, is_repaid: bool) -> None:
    shop, card = await member_with(hub, 100)
    await set_loss(hub, "member")
    certificate = await certificate_of(shop, card, 100)
    burned = offline(shop, certificate, 100, 0)
    await shop.burn(card, 60)
    await shop.send(burned)
    if is_repaid:
        await shop.earn(card, 80)

    parts = [await shop.reverse(card, burned["id"], points=points) for points in (30, 50, 20)]

    before = 20 if is_repaid else -60
    assert [part["balance"] for part in parts] == [before + 30, before + 80, before + 100]
    assert await hub.pool.fetchval("SELECT sum(debt)::int FROM account") == 0
    assert (await shop.burn(card, before + 100))["balance"] == 0
    await assert_sums_hold(hub)


async def test_points_on_hold_stay_promised(hub: RunningHub) -> None:
    """An offline burn takes no point that another shop was promised, whichever rule holds."""
    shop, card = await member_with(hub, 100)
    await set_loss(hub, "member")
    certificate = await certificate_of(shop, card, 100)
    reserved = await shop.operate("reserve", card, points=70)

    burned = (await shop.send(offline(shop, certificate, 100, 0))).result

    assert (burned["balance"], burned["available"], burned["covered"]) == (0, -70, 30)
    assert (await shop.operate("capture", card, reserve_id=reserved["id"]))["balance"] == -70
    assert (await shop.earn(card, 100))["balance"] == 30
    await assert_sums_hold(hub)


async def test_two_copies_of_a_till_never_burn_more_than_the_certificate(hub: RunningHub) -> None:
    """All at the same moment, each counter twice: four of 100 points, each under a counter of its own."""
    shop, card = await member_with(hub, 10_000)
    certificate = await certificate_of(shop, card, 450)

    burns = [offline(shop, certificate, 100, counter) for _ in range(2) for counter in range(8)]
    results = [answered.result for answered in await asyncio.gather(*(shop.send(burn) for burn in burns))]

    booked = [result["id"] for result in results if result["verdict"] == "booked"]
    assert len({burn["counter"] for burn in burns if burn["id"] in booked}) == len(booked) == 4
    refused = {result["code"] for result in results if result["verdict"] == "refused"}
    assert refused <= {"certificate_spent", "certificate_counter_used"}
    await assert_sums_hold(hub)


Change = Callable[[dict[str, Any], str, datetime], dict[str, Any]]

OUTSIDE: dict[str, tuple[Change, tuple[Any, ...]]] = {
    "another till": (lambda burn, card, end: {**burn, "till": "4"}, ("certificate_other",)),
    "another card": (lambda burn, card, end: {**burn, "card": card}, ("certificate_unknown",)),
    "made up": (lambda burn, card, end: {**burn, "certificate": "made-up"}, ("certificate_unknown",)),
    "too late": (
        lambda burn, card, end: {**burn, "occurred_at": (end + timedelta(microseconds=1)).isoformat()},
        ("certificate_expired",),
    ),
    "too early": (
        lambda burn, card, end: {**burn, "occurred_at": (end - timedelta(hours=2)).isoformat()},
        ("certificate_expired",),
    ),
    "counter again": (lambda burn, card, end: {**burn, "counter": 5}, ("certificate_counter_used",)),
    "too much": (lambda burn, card, end: {**burn, "points": 301}, ("certificate_spent", 300)),
}


@pytest.mark.parametrize("case", OUTSIDE)
async def test_what_lies_outside_the_certificate_is_refused_and_changes_nothing(hub: RunningHub, case: str) -> None:
    shop, card = await member_with(hub, 1_000)
    other = await hub.card()
    certificate = await certificate_of(shop, card, 400)
    await shop.send(offline(shop, certificate, 100, 5))
    change, expected = OUTSIDE[case]
    end = datetime.fromisoformat(certificate["not_after"]).astimezone(UTC)
    burn = change(offline(shop, certificate, 100, 6), other, end)
    hub.clock.forward(timedelta(hours=2))

    assert told((await shop.send(burn)).result) == expected

    # On the last moment, and to the last point.
    last = offline(shop, certificate, 300, 6, occurred_at=end.isoformat())
    assert told((await shop.send(last)).result) == (300, 600)
    await assert_sums_hold(hub)


async def test_another_partner_can_not_use_it(hub: RunningHub) -> None:
    shop, card = await member_with(hub, 1_000)
    other = await hub.shop("Other")
    certificate = await certificate_of(shop, card, 400)
    assert told((await other.send(offline(other, certificate, 1, 0))).result) == ("certificate_other",)


async def test_a_certificate_without_a_counter_is_a_bad_field(hub: RunningHub) -> None:
    shop, card = await member_with(hub, 1_000)
    answered = await shop.send(shop.operation("burn", card, points=1, certificate="x"))
    assert (answered.status, [fault["field"] for fault in answered.document["errors"]]) == (
        422,
        ["operations.0.counter"],
    )


async def test_a_request_that_is_replayed_gives_the_same_certificate(hub: RunningHub) -> None:
    """Whoever repeats the bytes, and whichever process gets them, fills none of the account's places."""
    shop, card = await member_with(hub, 1_000)
    body = json.dumps({"card": card, "till": "3", "points": 400, "valid_s": HOUR_S}).encode()
    created_s = int(hub.clock().timestamp())
    first, *replayed = [
        await shop.request("POST", "/v1/certificates", body, created_s=created_s) for _ in range(OPEN_CERTIFICATES_MAX)
    ]
    anew = await shop.request("POST", "/v1/certificates", body, created_s=created_s - 1)

    assert {(answer.status, answer.body) for answer in replayed} == {(201, first.body)}
    assert anew.document["certificate"] != first.document["certificate"]
    assert await hub.pool.fetchval("SELECT count(*) FROM certificate") == 2


async def test_no_certificate_for_more_than_is_there_or_allowed(hub: RunningHub) -> None:
    shop, card = await member_with(hub, 1_000)
    earner = await hub.shop("Earner", may_burn=False)

    assert (await ask(shop, card, 1_001)).document["code"] == "insufficient_points"
    assert (await ask(shop, "9" * 13, 1)).document["code"] == "unknown_card"
    assert (await ask(earner, card, 1)).document["code"] == "burn_not_allowed"
    assert (await ask(shop, card, 1, valid_s=59)).status == 422
    statuses = [(await ask(shop, card, 1_000, till=str(till))).status for till in range(OPEN_CERTIFICATES_MAX)]
    assert statuses == [201] * OPEN_CERTIFICATES_MAX
    assert (await ask(shop, card, 1)).document["code"] == "too_many_certificates"
    hub.clock.forward(timedelta(hours=1))
    assert (await ask(shop, card, 1)).status == 201


async def test_a_blocked_card_gets_none_and_burns_no_more(hub: RunningHub) -> None:
    """Whoever found the card may not go on with what its member was trusted with."""
    shop, card = await member_with(hub, 1_000)
    certificate = await certificate_of(shop, card, 400)
    await hub.pool.execute("UPDATE card SET state = 'blocked' WHERE card = $1", card)
    await hub.clearing.registry.load()

    assert (await ask(shop, card, 1)).document["code"] == "card_blocked"
    assert told((await shop.send(offline(shop, certificate, 1, 0))).result) == ("card_blocked",)


async def test_limits_are_kept_to_when_it_is_given_out_and_not_when_the_goods_are_gone(hub: RunningHub) -> None:
    shop, card = await member_with(hub, 1_000)
    certificate = await certificate_of(shop, card, 400)
    await set_limits(hub, step_up_above=100, burn_points_per_day_max=300)

    assert (await ask(shop, card, 101)).document["code"] == "certificate_over_limit"
    assert told((await shop.send(offline(shop, certificate, 400, 0))).result) == (400, 600)
    # What was burned offline counts for what is burned online.
    assert (await shop.burn(card, 50))["used"] == 400


@pytest.mark.parametrize("apart", [OTHER_LANE, SAME_LANE])
async def test_a_merge_takes_certificates_along_and_back(hub: RunningHub, apart: int) -> None:
    """What is left of them is burned where the card leads; each counter once, wherever it was booked."""
    shop, first, second = await two_cards(hub, apart)
    await shop.earn(first, 1_000)
    await shop.earn(second, 500)
    certificate = await certificate_of(shop, first, 600)
    other = await certificate_of(shop, second, 50)

    async def burn(points: int, counter: int, of: dict[str, Any] = certificate) -> tuple[Any, ...]:
        result = (await shop.send(offline(shop, of, points, counter))).result
        return result.get("code"), result.get("left")

    booked, used = (None, None), ("certificate_counter_used", None)
    assert await burn(100, 0) == booked
    await merge(hub, first, into=second)
    assert await burn(100, 0) == used
    assert await burn(501, 1) == ("certificate_spent", 500)
    assert await burn(200, 1) == booked
    await assert_sums_hold(hub)
    await unmerge(hub, first)
    assert await burn(10, 0, other) == booked
    assert await burn(100, 1) == used
    assert await burn(301, 2) == ("certificate_spent", 300)
    assert await burn(50, 2) == booked
    await merge(hub, first, into=second)
    assert [await burn(1, counter) for counter in (0, 1, 2)] == [used] * 3
    assert await burn(250, 3) == booked
    assert await burn(1, 4) == ("certificate_spent", 0)
    assert await burn(40, 1, other) == booked
    assert await balance(shop, first) == 850
    await assert_sums_hold(hub)
