"""Batches: order by card, messages in flight, what is deferred, what spoils a message."""

import asyncio
from datetime import UTC, datetime

import pytest
from aiohttp import web

from partner_sdk import Burn, Earn, HubUnreachableError, OperationIdReusedError, Outbox, Reverse, new_operation_id
from partner_sdk.backoff import LACKING_ANSWERS_MAX

CARD = "2760 0000 0001 8"


def earns(count, *, cards=7):
    return [Earn(card=f"card-{number % cards}", points=number + 1) for number in range(count)]


async def test_send_returns_the_results_in_the_order_of_the_operations(connect, signing_hub):
    operations = [Earn(card=CARD, points=10), Burn(card=CARD, points=99), *earns(20)]
    async with connect(operations_per_message=5) as hub:
        results = await hub.send(operations)
    assert [result.id for result in results] == [operation.id for operation in operations]
    assert [result.verdict for result in results] == ["booked", "refused"] + ["booked"] * 20
    assert len(signing_hub.bodies) >= 5


async def test_send_of_ids_answered_before_asks_nobody(connect, signing_hub):
    operations = earns(3)
    async with connect() as hub:
        first = await hub.send(operations)
        assert await hub.send(operations) == first
    assert len(signing_hub.bodies) == 1


async def test_an_id_with_other_content_is_refused_and_nothing_saved(connect):
    operation = Earn(card=CARD, points=1)
    async with connect() as hub:
        hub.put(operation)
        with pytest.raises(OperationIdReusedError) as fault:
            hub.put_many([Earn(card=CARD, points=2), operation.model_copy(update={"points": 3})])
        assert fault.value.operation_ids == (operation.id,)
        assert (await hub.flush()).booked == 1


async def test_operations_of_one_card_never_overtake_each_other(connect, signing_hub):
    """Several messages are in flight, and each card's operations still arrive in the order in which they were put."""
    async with connect(operations_per_message=10, messages_in_flight=4) as hub:
        operations = earns(400, cards=40)
        hub.put_many(operations)
        signing_hub.open.clear()
        flush = asyncio.create_task(hub.flush())
        await signing_hub.arrivals(4)
        in_flight = len(signing_hub.bodies)
        signing_hub.open.set()
        flushed = await flush
    assert (in_flight, flushed.booked) == (4, 400)
    arrived = signing_hub.operations()
    for card in {operation.card for operation in operations}:
        expected = [operation.id for operation in operations if operation.card == card]
        assert [one["id"] for one in arrived if one["card"] == card] == expected


async def test_a_few_operations_of_many_cards_are_one_message(connect, signing_hub):
    async with connect() as hub:
        hub.put_many(earns(20, cards=20))
        await hub.flush()
    assert len(signing_hub.bodies) == 1


async def test_a_single_call_takes_along_what_waits_for_its_card_and_nothing_else(connect, signing_hub):
    async with connect() as hub:
        older = hub.put(Earn(card=CARD, points=100))
        hub.put(Earn(card="other", points=1))
        burned = await hub.burn(card=CARD, points=60)
    assert burned.balance == 40
    assert [one["id"] for one in signing_hub.operations()] == [older, burned.id]


async def test_a_card_is_the_same_however_it_is_written(connect, signing_hub):
    """The hub reads over spaces and dashes, so the order by card must, too."""
    async with connect() as hub:
        spellings = ["2760 0000 0001 8", "2760000000018", "2760-0000-0001-8"]
        older = [hub.put(Earn(card=card, points=1)) for card in spellings]
        earned = await hub.earn(card=CARD, points=1)
    assert [one["id"] for one in signing_hub.operations()] == [*older, earned.id]
    assert [one["card"] for one in signing_hub.operations()] == [*spellings, CARD]


async def test_messages_stay_below_a_mebibyte(connect, signing_hub):
    line = {"article": "x" * 64, "amount": "1", "category": "y" * 64}
    purchase = {"amount": "1", "currency": "EUR", "lines": [line] * 500}
    async with connect() as hub:
        results = await hub.send([Earn(card=CARD, points=1, purchase=purchase) for _ in range(24)])
    assert all(result.is_booked for result in results)
    assert 1 << 19 < max(map(len, signing_hub.bodies)) <= 1 << 20


async def test_progress_tells_the_figures_after_each_message(connect):
    steps = []
    async with connect(operations_per_message=10, messages_in_flight=1) as hub:
        hub.put_many(earns(25))
        await hub.flush(steps.append)
    assert [(step.booked, step.waiting) for step in steps] == [(10, 15), (20, 5), (25, 0)]


async def test_a_callback_that_fails_raises_as_itself(connect):
    def fail(figures):
        raise LookupError("mine")

    async with connect() as hub:
        hub.put(Earn(card=CARD, points=1))
        with pytest.raises(LookupError, match="mine"):
            await hub.flush(fail)


async def test_one_bad_operation_does_not_hold_up_the_rest(connect, signing_hub):
    operations = earns(40)
    bad = {operations[3].id, operations[29].id}
    signing_hub.bad_ids |= bad
    async with connect() as hub:
        results = await hub.send(operations)
        assert {result.id for result in results if result.verdict == "rejected"} == bad
        assert sum(result.is_booked for result in results) == 38
        assert (await hub.flush()).answered == 0
        receipt = hub.receipt(operations[3].id)
    assert (receipt.status, receipt.verify(signing_hub.key.public_key()) != "") == (422, True)


async def test_an_unknown_card_is_asked_again_later_and_nothing_of_it_overtakes(connect, signing_hub):
    signing_hub.unknown_cards.add(CARD)
    async with connect() as hub:
        hub.put(Earn(card=CARD, points=10))
        flushed = await hub.flush()
        assert (flushed.deferred, flushed.waiting) == (1, 1)
        signing_hub.unknown_cards.clear()
        hub.put(Burn(card=CARD, points=10))
        held = await hub.flush()
        assert (held.answered, held.waiting) == (0, 2)
        assert hub.retry() == 1
        assert (await hub.flush()).booked == 2
    assert signing_hub.balances == {CARD: 0}


async def test_an_unknown_original_holds_up_only_itself(connect, signing_hub):
    reversal = Reverse(card=CARD, operation_id=new_operation_id())
    signing_hub.unknown_originals.add(reversal.operation_id)
    async with connect() as hub:
        hub.put(reversal)
        assert (await hub.flush()).deferred == 1
        hub.put(Earn(card=CARD, points=10))
        assert (await hub.flush()).booked == 1


async def test_what_is_lacking_too_often_is_set_aside(connect, signing_hub, outbox_path):
    signing_hub.unknown_cards.add(CARD)
    async with connect() as hub:
        operation_id = hub.put(Earn(card=CARD, points=10))
        for _ in range(LACKING_ANSWERS_MAX):
            await hub.send([])
        assert (await hub.flush()).waiting == 0
        outbox = Outbox(outbox_path)
        assert (outbox.entry(operation_id).state, outbox.entry(operation_id).code) == ("set_aside", "unknown_card")
        outbox.close()
        signing_hub.unknown_cards.clear()
        hub.retry()
        assert (await hub.flush()).booked == 1


async def test_a_failure_stops_all_streams_and_loses_nothing(connect, signing_hub):
    async with connect(operations_per_message=10, give_up_after_s=0.01) as hub:
        hub.put_many(earns(200, cards=50))
        signing_hub.plain += [web.Response(status=503) for _ in range(100)]
        with pytest.raises(HubUnreachableError):
            await hub.flush()
        signing_hub.plain.clear()
        assert (await hub.flush()).waiting == 0
    assert sum(signing_hub.balances.values()) == sum(range(1, 201))


async def test_the_moment_saved_is_the_moment_it_happened(connect, signing_hub):
    """An operation that waits a weekend still says when it happened at the till."""
    happened = datetime(2026, 11, 20, 18, 4, 11, tzinfo=UTC)
    async with connect() as hub:
        hub.put(Earn(card=CARD, points=1, occurred_at=happened))
        await hub.flush()
    assert signing_hub.operations()[0]["occurred_at"] == "2026-11-20T18:04:11Z"
