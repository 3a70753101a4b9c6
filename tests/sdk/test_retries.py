"""What the SDK does when the hub does not answer, or asks for patience."""

import asyncio
import json
import socket

import pytest
from aiohttp import web

from partner_sdk import Coalition, Earn, HubUnreachableError, MessageRejectedError

CARD = "2760 0000 0001 8"


def problem(status, *, headers=None, **content):
    return web.Response(
        status=status, headers=headers, text=json.dumps(content), content_type="application/problem+json"
    )


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_passing_fault_is_asked_again_with_the_same_bytes(connect, signing_hub, status):
    signing_hub.plain += [web.Response(status=status, text="<html>busy"), problem(status)]
    async with connect() as hub:
        assert (await hub.earn(card=CARD, points=5)).is_booked
    assert len(signing_hub.bodies) == 3
    assert len(set(signing_hub.bodies)) == 1


async def test_each_attempt_is_signed_anew(connect, signing_hub):
    """A signature grows stale while the hub is away; the clock is the only thing that may differ."""
    signing_hub.plain.append(web.Response(status=503, headers={"Retry-After": "1"}))
    async with connect(give_up_after_s=5.0) as hub:
        await hub.earn(card=CARD, points=5)
    first, second = signing_hub.signature_inputs
    assert first != second


async def test_retry_after_is_honoured(connect, signing_hub):
    """A hub that asks for more patience than there is left is not asked again at all."""
    signing_hub.plain.append(web.Response(status=503, headers={"Retry-After": "30"}))
    async with connect(give_up_after_s=5.0) as hub:
        with pytest.raises(HubUnreachableError) as fault:
            await hub.earn(card=CARD, points=5)
    assert (fault.value.retry_after_s, fault.value.attempts) == (30.0, 1)
    assert len(signing_hub.bodies) == 1


async def test_a_signed_fault_that_is_not_retryable_is_final(connect, signing_hub):
    signing_hub.problems.append((500, {"code": "broken", "retryable": False, "request_id": "r-9"}))
    async with connect() as hub:
        with pytest.raises(MessageRejectedError) as fault:
            await hub.earn(card=CARD, points=5)
        assert (fault.value.code, fault.value.request_id) == ("broken", "r-9")
        assert (await hub.flush()).booked == 1


async def test_a_signed_fault_that_is_retryable_is_asked_again(connect, signing_hub):
    signing_hub.problems.append((409, {"code": "busy", "retryable": True}))
    async with connect() as hub:
        assert (await hub.earn(card=CARD, points=5)).is_booked


async def test_an_unsigned_refusal_ends_the_call_but_decides_nothing(connect, signing_hub):
    """Anyone on the way can write a 422; only the hub can sign one."""
    signing_hub.plain.append(problem(422, code="invalid_message", errors=[{"field": "points", "detail": "no"}]))
    async with connect() as hub:
        with pytest.raises(MessageRejectedError, match="unsigned") as fault:
            await hub.earn(card=CARD, points=5)
        assert fault.value.receipt is None
        assert (await hub.flush()).booked == 1


async def test_giving_up_keeps_the_operation_for_the_next_flush(connect, signing_hub):
    signing_hub.plain += [web.Response(status=503) for _ in range(400)]
    async with connect() as hub:
        with pytest.raises(HubUnreachableError) as fault:
            await hub.earn(card=CARD, points=5)
        assert fault.value.is_retryable
        signing_hub.plain.clear()
        flushed = await hub.flush()
    assert (flushed.booked, flushed.waiting) == (1, 0)
    assert len(set(signing_hub.bodies)) == 1


async def test_a_hub_that_hangs_is_asked_again(connect, signing_hub):
    signing_hub.open.clear()
    async with connect(timeout_s=0.05, give_up_after_s=5.0) as hub:
        call = asyncio.create_task(hub.earn(card=CARD, points=5))
        await signing_hub.arrivals(2)
        signing_hub.open.set()
        assert (await call).is_booked
    assert signing_hub.balances == {CARD: 5}


async def test_an_offline_till_saves_and_sends_later(connect, partner_key, outbox_path):
    """Not even the hub's key is known yet: the first contact may come after the first sale."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with Coalition(nobody, partner_key, outbox=outbox_path, give_up_after_s=0.01) as hub:
            with pytest.raises(HubUnreachableError):
                await hub.earn(card=CARD, points=5)
            hub.put(Earn(card=CARD, points=7))
    async with connect() as hub:
        assert (await hub.flush()).booked == 2
        assert (await hub.balance(CARD)).balance == 12
