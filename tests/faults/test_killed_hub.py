"""Kills in the middle of a replay: nothing is lost, nothing is doubled, every answer is the journal's."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from partner_sdk import Backoff, Burn, Coalition, Earn
from tests.faults.conftest import FaultyWorld
from tests.shop import Answered, Shop, operation

SHOPS = 4
MESSAGES = 20
OPERATIONS = 10


def purchases(random: Random, cards: list[str]) -> list[dict[str, Any]]:
    """Earns, burns and a reversal of the message's first operation."""
    made = [operation("earn", random.choice(cards), points=random.randint(1, 50))]
    for _ in range(OPERATIONS - 2):
        made.append(operation(random.choice(["earn", "burn"]), random.choice(cards), points=random.randint(1, 50)))
    return [*made, operation("reverse", made[0]["card"], operation_id=made[0]["id"])]


async def replay(world: FaultyWorld, name: str) -> tuple[list[Answered], list[tuple[Shop, bytes]]]:
    """Send the messages of some shops, each shop's one after the other, while faults happen."""
    cards = await world.cards(name, 12)
    shops = [await world.shop(f"{name} {number}") for number in range(SHOPS)]
    sent: list[tuple[Shop, bytes]] = []

    async def work(number: int, shop: Shop) -> list[Answered]:
        answers = []
        for turn in range(MESSAGES):
            body = json.dumps({"operations": purchases(Random(f"{number} {turn}"), cards)}).encode()
            sent.append((shop, body))
            answers.append(await world.send_until_answered(shop, body))
        return answers

    done = await asyncio.gather(*(work(number, shop) for number, shop in enumerate(shops)))
    return [answer for answers in done for answer in answers], sent


async def faults_during(
    world: FaultyWorld, work: "asyncio.Future[Any]", fault: Callable[[], Awaitable[None]], *, every: int
) -> int:
    """Let a fault happen each time that the journal has grown by so many records; return how many there were."""
    faults, next_at = 0, await world.booked() + every
    while not work.done():
        if await world.booked() >= next_at:
            await fault()
            faults += 1
            next_at = await world.booked() + every
        await asyncio.wait([work], timeout=0.01)
    return faults


def results_of(answers: list[Answered]) -> list[bytes]:
    """Return the results as they came, to the byte."""
    return [
        json.dumps(result, separators=(",", ":"), ensure_ascii=False).encode()
        for answer in answers
        for result in answer.results
    ]


async def test_a_hub_killed_in_the_middle_of_a_replay(world: FaultyWorld) -> None:
    """kill -9, several times; shops repeat the same bytes until they are answered."""
    since = await world.booked()

    async def kill() -> None:
        await world.hub.kill()
        await world.hub.start()

    work = asyncio.ensure_future(replay(world, "killed"))
    kills = await faults_during(world, work, kill, every=220)
    answers, sent = await work

    assert kills >= 3
    operations = SHOPS * MESSAGES * OPERATIONS
    await world.assert_nothing_lost_or_doubled(results_of(answers), operations=operations, since=since)
    again = [await world.send_until_answered(shop, body) for shop, body in sent[:: MESSAGES // 2]]
    assert {answer.body for answer in again} <= {answer.body for answer in answers}
    assert await world.booked() == since + operations


async def test_postgresql_stopped_in_the_middle_of_a_replay(world: FaultyWorld) -> None:
    """As by a crash (immediate: no checkpoint, connections cut); the hub starts it again and goes on itself."""
    since = await world.booked()

    async def crash() -> None:
        await asyncio.to_thread(world.postgres.stop, "immediate")
        await world.until_back()

    work = asyncio.ensure_future(replay(world, "stopped"))
    crashes = await faults_during(world, work, crash, every=300)
    answers, _ = await work

    assert crashes >= 2
    operations = SHOPS * MESSAGES * OPERATIONS
    await world.assert_nothing_lost_or_doubled(results_of(answers), operations=operations, since=since)


async def test_the_sdk_replays_through_a_hub_that_is_killed(world: FaultyWorld, tmp_path: Path) -> None:
    """The outbox sends what has no answer yet, and keeps a receipt for each operation; nothing counts twice."""
    cards = await world.cards("sdk", 8)
    shop = await world.shop("SDK")
    since = await world.booked()
    operations = [
        Earn(card=card, points=3) if turn % 3 else Burn(card=card, points=2) for turn in range(80) for card in cards
    ]

    async def kill() -> None:
        await world.hub.kill()
        await world.hub.start()

    async with Coalition(
        f"http://{world.hub.authority}",
        shop.private_key,
        outbox=tmp_path / "outbox.sqlite",
        operations_per_message=20,
        backoff=Backoff(first_s=0.02, pause_max_s=0.2),
    ) as hub:
        ids = hub.put_many(operations)
        work = asyncio.ensure_future(hub.flush())
        kills = await faults_during(world, work, kill, every=90)
        flushed = await work
        receipts = [hub.receipt(operation_id).result_of(operation_id) for operation_id in ids]
        balances = [(await hub.balance(card)).balance for card in cards]

    assert kills >= 2
    assert (flushed.waiting, flushed.booked + flushed.refused) == (0, len(ids))
    assert await world.booked() - since == len(ids)
    booked = [(one, result) for one, result in zip(operations, receipts, strict=True) if result.is_booked]
    earned = sum(3 for one, _ in booked if isinstance(one, Earn))
    assert sum(balances) == earned - sum(2 for one, _ in booked if isinstance(one, Burn))


async def test_a_hub_told_to_stop_finishes_what_it_accepted(world: FaultyWorld) -> None:
    """SIGTERM in the middle: every message has its answer, or was not taken at all."""
    since = await world.booked()
    work = asyncio.ensure_future(replay(world, "told"))

    async def restart() -> None:
        await world.hub.stop()
        await world.hub.start()

    restarts = await faults_during(world, work, restart, every=300)
    answers, _ = await work
    assert restarts >= 1
    operations = SHOPS * MESSAGES * OPERATIONS
    await world.assert_nothing_lost_or_doubled(results_of(answers), operations=operations, since=since)


async def test_a_hub_of_one_process_stops_at_a_hang_up_unless_it_was_started_to_ignore_it(
    world: FaultyWorld, capfd: pytest.CaptureFixture[str]
) -> None:
    """SIGHUP, as when its terminal closes: what it took is answered, and it ends well. Under nohup it goes on. Its log
    says by what it was told to stop."""
    shop, (card,) = await world.shop("Hang-up"), await world.cards("hang-up", 1)
    since = await world.booked()
    bodies = [json.dumps({"operations": [operation("earn", card, points=1)]}).encode() for _ in range(80)]
    work = asyncio.gather(*(shop.post(body) for body in bodies), return_exceptions=True)
    while await world.booked() == since:  # noqa: ASYNC110
        await asyncio.sleep(0)
    os.kill(world.hub.pid, signal.SIGHUP)
    assert await world.hub.ended() == 0
    answered = [answer for answer in await work if isinstance(answer, Answered) and answer.status == 200]
    assert answered
    assert await world.booked() - since == sum(len(answer.results) for answer in answered)

    # Who starts a process hands on what it ignores.
    handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        await world.hub.start()
    finally:
        signal.signal(signal.SIGHUP, handler)
    os.kill(world.hub.pid, signal.SIGHUP)
    assert {(await shop.post(body)).status for body in bodies[:20]} == {200}

    capfd.readouterr()
    await world.hub.stop()
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "hub.stopping" in line]
    assert "SIGTERM" in line
    await world.hub.start()
