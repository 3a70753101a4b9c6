"""Calls for one card at the same time: what they send, and what each of them hears."""

import asyncio
import json

import pytest
from aiohttp import web

from partner_sdk import HubUnreachableError, MessageRejectedError, RefusedError, new_operation_id

CARD = "2760 0000 0001 8"


async def first_on_its_way(hub, signing_hub):
    """Return a call whose message the hub holds back, so that all later ones for the card wait behind it."""
    signing_hub.open.clear()
    first = asyncio.create_task(hub.earn(card=CARD, points=1))
    await signing_hub.arrivals(1)
    return first


async def called(*calls):
    """Return these calls as tasks that have saved their operations and wait."""
    tasks = [asyncio.create_task(call) for call in calls]
    await asyncio.sleep(0)
    return tasks


async def test_each_operation_is_sent_once_and_each_call_hears_its_own_result(connect, signing_hub):
    async with connect(operations_per_message=30) as hub:
        first = await first_on_its_way(hub, signing_hub)
        spellings = [CARD, CARD.replace(" ", "-")]
        calls = await called(*(hub.earn(card=spellings[points % 2], points=points) for points in range(2, 52)))
        other = await hub_answers_another_card(hub, signing_hub)
        signing_hub.open.set()
        results = await asyncio.gather(first, *calls)
        assert (await other).is_booked
        assert (await hub.burn(card=CARD, points=1)).is_booked
    assert [result.points for result in results] == list(range(1, 52))
    of_card = [one for one in signing_hub.operations() if one["card"] != "other"]
    assert [one["points"] for one in of_card] == [*range(1, 52), 1]
    # The first, two full messages of those behind it, another card's, and the burn.
    assert [len(json.loads(body)["operations"]) for body in signing_hub.bodies] == [1, 1, 30, 20, 1]


async def hub_answers_another_card(hub, signing_hub):
    """Return the call of another card, whose message is on its way beside the first card's."""
    call = asyncio.create_task(hub.earn(card="other", points=1))
    await signing_hub.arrivals(2)
    return call


async def test_a_refusal_is_its_own_call_s_alone(connect, signing_hub):
    bad = new_operation_id()
    signing_hub.bad_ids.add(bad)
    async with connect() as hub:
        first = await first_on_its_way(hub, signing_hub)
        calls = await called(
            hub.earn(card=CARD, points=2), hub.burn(card=CARD, points=50), hub.earn(card=CARD, points=3, id=bad)
        )
        signing_hub.open.set()
        earned, refused, rejected = await asyncio.gather(*calls, return_exceptions=True)
        await first
    assert earned.balance == 3
    assert isinstance(refused, RefusedError)
    assert refused.available == 3
    assert isinstance(rejected, MessageRejectedError)


@pytest.mark.parametrize("cancelled", [0, 2])
async def test_a_call_that_is_cancelled_leaves_the_others_theirs(connect, signing_hub, cancelled):
    """Be it the one whose message is on its way or one behind it: what was saved is sent all the same, and once."""
    async with connect() as hub:
        calls = [await first_on_its_way(hub, signing_hub)]
        calls += await called(*(hub.earn(card=CARD, points=points) for points in range(2, 6)))
        calls[cancelled].cancel()
        await asyncio.wait([calls[cancelled]])
        signing_hub.open.set()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert (await hub.flush()).answered == 0
    assert isinstance(results.pop(cancelled), asyncio.CancelledError)
    assert all(result.is_booked for result in results)
    assert [one["points"] for one in signing_hub.operations()] == [1, 2, 3, 4, 5]


async def test_a_send_for_which_nobody_waits_ends_and_the_next_call_is_not_held_up(connect, signing_hub):
    async with connect() as hub:
        first = await first_on_its_way(hub, signing_hub)
        (second,) = await called(hub.earn(card=CARD, points=2))
        for call in (first, second):
            call.cancel()
        await asyncio.wait([first, second])
        third = asyncio.create_task(hub.earn(card=CARD, points=3))
        await signing_hub.arrivals(2)
        signing_hub.open.set()
        assert (await third).balance == 6
    assert signing_hub.balances == {CARD: 6}


async def test_a_send_that_fails_is_told_to_its_calls_and_not_to_the_next_ones(connect, signing_hub):
    signing_hub.problems += [(500, {"code": "fine_as_yet", "retryable": True})]
    signing_hub.problems += [(500, {"code": "broken", "retryable": False})]
    async with connect(give_up_after_s=5.0) as hub:
        first = await first_on_its_way(hub, signing_hub)
        behind = await called(hub.earn(card=CARD, points=2), hub.earn(card=CARD, points=3))
        signing_hub.open.set()
        with pytest.raises(MessageRejectedError, match="broken"):
            await first
        assert [result.balance for result in await asyncio.gather(*behind)] == [3, 6]


async def test_each_call_gives_up_in_its_own_time(connect, signing_hub):
    """The hub asks for more patience than the first call has left, and than the later one has not."""
    async with connect(give_up_after_s=1.9) as hub:
        first = await first_on_its_way(hub, signing_hub)
        await asyncio.sleep(1.0)
        (later,) = await called(hub.earn(card=CARD, points=2))
        signing_hub.plain.append(web.Response(status=503, headers={"Retry-After": "1"}))
        signing_hub.open.set()
        with pytest.raises(HubUnreachableError) as fault:
            await first
        assert (fault.value.attempts, fault.value.retry_after_s) == (1, 1.0)
        assert not later.done()
        assert (await later).balance == 3
