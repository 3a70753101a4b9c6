"""Points come in, are spent at another partner and come back: what shops see over HTTP."""

import asyncio
import json
from datetime import timedelta

from tests.http.conftest import RunningHub, now
from tests.shop import operation


async def test_points_earned_at_one_partner_are_spent_at_another(hub: RunningHub) -> None:
    """One currency: B accepts what A issued, and the balance follows at once."""
    bakery, garage, card = await hub.shop("Bakery"), await hub.shop("Garage"), await hub.card()

    earned = await bakery.earn(card, 300)
    burned = await garage.burn(card, 120)

    assert (earned["verdict"], earned["points"], earned["balance"], earned["available"]) == ("booked", 300, 300, 300)
    assert (burned["verdict"], burned["points"], burned["balance"]) == ("booked", 120, 180)
    assert burned["window"] == 1
    assert burned["lane"] == earned["lane"]
    assert burned["leaf"] == earned["leaf"] + 1
    answer = await garage.get(f"/v1/cards/{card}")
    assert (answer.document["balance"], answer.document["available"], answer.document["held"]) == (180, 180, 0)
    assert sum(expiry["points"] for expiry in answer.document["expiries"]) == 180


async def test_a_burn_never_takes_more_than_is_available(hub: RunningHub) -> None:
    """Twenty tills burn the last points at the same time: as many succeed as there are points for."""
    shop, card = await hub.shop(), await hub.card()
    await shop.earn(card, 1_000)

    results = await asyncio.gather(*(shop.burn(card, 300) for _ in range(20)))

    booked = [result for result in results if result["verdict"] == "booked"]
    refused = [result for result in results if result["verdict"] == "refused"]
    assert len(booked) == 3
    assert {result["code"] for result in refused} == {"insufficient_points"}
    assert (await shop.get(f"/v1/cards/{card}")).document["balance"] == 100


async def test_the_same_message_a_hundred_times_counts_once(hub: RunningHub) -> None:
    """Whatever the network repeats, points move once and the answer stays the same, byte for byte."""
    shop, card = await hub.shop(), await hub.card()
    body = json.dumps({"operations": [operation("earn", card, points=7), operation("burn", card, points=9)]}).encode()

    answers = await asyncio.gather(*(shop.post(body) for _ in range(100)))

    assert {answer.body for answer in answers} == {answers[0].body}
    assert [result["verdict"] for result in answers[0].results] == ["booked", "refused"]
    assert await hub.pool.fetchval("SELECT sum(balance) FROM account") == 7
    assert await hub.pool.fetchval("SELECT count(*) FROM journal") == 2


async def test_a_refusal_stays_a_refusal(hub: RunningHub) -> None:
    """What was refused is refused again under its id, also when the points would be there by now."""
    shop, card = await hub.shop(), await hub.card()
    burn = operation("burn", card, points=50)

    first = (await shop.send(burn)).result
    await shop.earn(card, 1_000)
    again = (await shop.send(burn)).result

    assert first["code"] == "insufficient_points"
    assert again == first


async def test_an_id_with_other_content_is_refused_and_the_first_stays(hub: RunningHub) -> None:
    """An id means one operation for ever, whichever card or lane the second one names."""
    shop, cards = await hub.shop(), await hub.cards(5)
    first = operation("earn", cards[0], points=100)
    booked = (await shop.send(first)).result

    for other in (
        {**first, "points": 101},
        *({**first, "card": card} for card in cards[1:]),
        {**first, "card": "404404"},
    ):
        refused = (await shop.send(other)).result
        assert (refused["verdict"], refused["code"]) == ("refused", "operation_id_reused")

    assert (await shop.send(first)).result == booked
    assert await hub.pool.fetchval("SELECT sum(balance) FROM account") == 100


async def test_two_partners_may_use_the_same_operation_id(hub: RunningHub) -> None:
    """Ids are a partner's own: also in the very same bytes."""
    first, second, card = await hub.shop("First"), await hub.shop("Second"), await hub.card()
    body = json.dumps({"operations": [operation("earn", card, points=5)]}).encode()

    results = [(await shop.post(body)).result for shop in (first, second)]

    assert [result["balance"] for result in results] == [5, 10]
    assert await hub.pool.fetchval("SELECT count(*) FROM message") == 2


async def test_an_earn_is_taken_back_in_parts_that_add_up(hub: RunningHub) -> None:
    """33 + 34 + 33 of 100, never one more."""
    shop, card = await hub.shop(), await hub.card()
    earned = await shop.earn(card, 100)

    parts = [await shop.reverse(card, earned["id"], points=points) for points in (33, 34)]
    rest = await shop.reverse(card, earned["id"])
    more = await shop.reverse(card, earned["id"])

    assert [part["points"] for part in [*parts, rest]] == [33, 34, 33]
    assert rest["balance"] == 0
    assert (more["code"], more["left"]) == ("more_than_left", 0)


async def test_a_returned_sale_whose_points_are_spent_leaves_a_debt_that_earns_repay(hub: RunningHub) -> None:
    """Own lots first, then the others, then a debt; the next earn repays it."""
    shop, card = await hub.shop(), await hub.card()
    earned = await shop.earn(card, 100)
    await shop.burn(card, 80)

    reversed_earn = await shop.reverse(card, earned["id"])
    burn = await shop.burn(card, 1)
    repaid = await shop.earn(card, 100)

    assert (reversed_earn["balance"], reversed_earn["available"]) == (-80, -80)
    assert burn["code"] == "insufficient_points"
    assert repaid["balance"] == 20
    assert await hub.pool.fetchrow("SELECT debt, balance FROM account WHERE balance <> 0") == (0, 20)


async def test_a_reversed_burn_brings_the_same_lots_back(hub: RunningHub) -> None:
    """The lots return with their age: what was to expire first still does."""
    shop, card = await hub.shop(), await hub.card()
    older, younger = now() - timedelta(days=300), now() - timedelta(days=30)
    await shop.earn(card, 100, occurred_at=older.isoformat())
    await shop.earn(card, 100, occurred_at=younger.isoformat())
    before = (await shop.get(f"/v1/cards/{card}")).document["expiries"]
    burned = await shop.burn(card, 150)
    between = (await shop.get(f"/v1/cards/{card}")).document["expiries"]

    half = await shop.reverse(card, burned["id"], points=75)
    rest = await shop.reverse(card, burned["id"])

    assert [expiry["points"] for expiry in before] == [100, 100]
    assert before[0]["on"] < before[1]["on"]
    assert between == [{"on": before[1]["on"], "points": 50}]
    assert (half["points"], rest["points"], rest["balance"]) == (75, 75, 200)
    assert (await shop.get(f"/v1/cards/{card}")).document["expiries"] == before


async def test_what_lacks_its_card_or_original_may_be_repeated(hub: RunningHub) -> None:
    """Two refusals are not final: the card may be issued, the original may still arrive."""
    shop, card = await hub.shop(), await hub.card()
    earn = operation("earn", card, points=40)
    reverse = operation("reverse", card, operation_id=earn["id"])

    too_early = (await shop.send(reverse)).result
    unknown = await shop.earn("2760000000000", 5)
    await shop.send(earn)
    in_time = (await shop.send(reverse)).result

    assert (too_early["code"], too_early["retryable"]) == ("unknown_original", True)
    assert (unknown["code"], unknown["retryable"]) == ("unknown_card", True)
    assert (in_time["verdict"], in_time["balance"]) == ("booked", 0)


async def test_an_original_and_its_reversal_may_come_in_one_message(hub: RunningHub) -> None:
    shop, card = await hub.shop(), await hub.card()
    earn = operation("earn", card, points=40, vat=[{"rate": "19", "points": 30}, {"rate": "7", "points": 10}])
    burn = operation("burn", card, points=25)

    answer = await shop.send(
        earn,
        burn,
        operation("reverse", card, operation_id=burn["id"], points=5),
        operation("reverse", card, operation_id=earn["id"], points=35),
        operation("reverse", card, operation_id=burn["id"]),
    )

    assert [result["verdict"] for result in answer.results] == ["booked"] * 5
    assert [result["balance"] for result in answer.results] == [40, 15, 20, -15, 5]
    totals = await hub.pool.fetch("SELECT kind, vat_rate, points FROM window_total ORDER BY kind, vat_rate")
    assert [tuple(row) for row in totals] == [
        ("issue_reversed", "19", 30),
        ("issue_reversed", "7", 5),
        ("issued", "19", 30),
        ("issued", "7", 10),
        ("redeem_reversed", "", 25),
        ("redeemed", "", 25),
    ]


async def test_points_are_computed_by_the_partners_earn_rule(hub: RunningHub) -> None:
    """Without points, the terms' rate on the purchase decides; parts of a point are dropped."""
    shop, plain, card = await hub.shop("With a rate", earn_rate="0.5"), await hub.shop("Without"), await hub.card()
    purchase = {"amount": "59.90", "currency": "EUR"}

    computed = (await shop.send(operation("earn", card, purchase=purchase))).result
    missing = (await plain.send(operation("earn", card, purchase=purchase))).result
    small = (await shop.send(operation("earn", card, purchase={"amount": "1.99", "currency": "EUR"}))).result

    assert computed["points"] == 29
    assert missing["code"] == "points_missing"
    assert small["code"] == "no_points_earned"


async def test_a_partner_that_may_only_earn_is_told_so(hub: RunningHub) -> None:
    earns, burns, card = (
        await hub.shop("Earns", may_burn=False),
        await hub.shop("Burns", may_earn=False),
        await hub.card(),
    )

    assert (await burns.earn(card, 10))["code"] == "earn_not_allowed"
    assert (await earns.earn(card, 10))["verdict"] == "booked"
    assert (await earns.burn(card, 10))["code"] == "burn_not_allowed"
    assert (await burns.burn(card, 10))["verdict"] == "booked"


async def test_an_operations_result_can_be_looked_up_by_its_partner_alone(hub: RunningHub) -> None:
    """Byte for byte as it was given; to others it does not exist."""
    shop, other, card = await hub.shop("Own"), await hub.shop("Other"), await hub.card()
    sent = operation("earn", card, points=3)
    answer = await shop.send(sent)

    found = await shop.get(f"/v1/operations/{sent['id']}")
    missing = await other.get(f"/v1/operations/{sent['id']}")

    assert found.body in answer.body
    assert found.document == answer.result
    assert (missing.status, missing.document["code"]) == (404, "not_found")


async def test_evidence_is_kept_byte_for_byte(hub: RunningHub) -> None:
    """The bytes and the signature that came are what is kept, odd spacing included."""
    shop, card = await hub.shop(), await hub.card()
    body = json.dumps({"operations": [operation("earn", card, points=3)]}, indent=7).encode()

    await shop.post(body)

    row = await hub.pool.fetchrow("SELECT body, keyid, authority, signature_input FROM message")
    assert row is not None
    assert (row["body"], row["keyid"], row["authority"]) == (body, shop.keyid, hub.authority)
    assert 'tag="coalition-message-v1"' in row["signature_input"]


async def test_a_message_of_one_lane_is_kept_with_what_it_books(hub: RunningHub) -> None:
    """In its operations' lane, by the same commit; one of several lanes in that of its digest; what comes again is not
    kept again."""
    shop, card, cards = await hub.shop(), await hub.card(), await hub.cards(5)
    single = shop.operation("earn", card, points=3)
    booked = [(await shop.send(single)).result for _ in range(2)]
    await shop.send(*(shop.operation("earn", other, points=1) for other in cards))

    kept = {row["digest"]: row["lane"] for row in await hub.pool.fetch("SELECT digest, lane FROM message")}
    of_single = await hub.pool.fetchval("SELECT message FROM journal WHERE operation_id = $1", single["id"])

    assert booked[0] == booked[1]
    assert len(kept) == 2
    assert kept.pop(of_single) == booked[0]["lane"]
    ((digest, lane),) = kept.items()
    assert lane == digest[0] % 4


async def test_one_operation_however_its_card_is_written(hub: RunningHub) -> None:
    """Spaces and dashes in a card's number don't make another content under the same id."""
    shop, card = await hub.shop(), await hub.card()
    earn = operation("earn", card, points=5)

    first = (await shop.send(earn)).result
    spaced = (await shop.send({**earn, "card": f"{card[:4]} {card[4:8]}-{card[8:]}"})).result

    assert spaced == first


async def test_a_reversal_with_anothers_card_is_refused_for_good(hub: RunningHub) -> None:
    """In the same lane or another one: what was booked on one account is not undone on another."""
    shop, cards = await hub.shop(), await hub.cards(5)
    earned = await shop.earn(cards[0], 100)

    refused = [await shop.reverse(card, earned["id"]) for card in cards[1:]]

    assert [(result["code"], "leaf" in result) for result in refused] == [("other_account", True)] * 4
    assert (await shop.reverse(cards[0], earned["id"]))["verdict"] == "booked"
