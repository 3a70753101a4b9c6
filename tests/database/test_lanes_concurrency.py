"""Two hubs on one database: they share nothing but PostgreSQL, and every operation counts once."""

import asyncio
import json
from datetime import timedelta
from random import Random
from typing import Any

import asyncpg

from coalition.database.pool import Pool, open_pool
from coalition.errors import OverloadedError
from coalition.operations.check_sums import check_sums
from coalition.operations.manage_cap import set_cap
from coalition.operations.manage_promotion import NewPromotion, add_promotion
from tests.database.lane_books import new_cards, new_partners, now, open_hub
from tests.shop import operation

END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'coalition'
"""


async def assert_every_answer_is_the_journals(pool: Pool, answers: list[str]) -> None:
    """What was answered with a place is what the journal keeps there, to the byte."""
    journal = {row[0] for row in await pool.fetch("SELECT result FROM journal")}
    assert {answer for answer in answers if '"leaf"' in answer} == journal
    report = await check_sums(pool)
    assert [finding for finding in report.findings if finding.broken] == []


def purchases(random: Random, cards: list[str], count: int) -> list[dict[str, Any]]:
    """Earns, burns and reversals over a few cards."""
    made: list[dict[str, Any]] = []
    for _ in range(count):
        card = random.choice(cards)
        own = [one for one in made if one["card"] == card and one["type"] != "reverse"]
        kind = random.choice(["earn", "earn", "burn", "reverse" if own else "earn"])
        if kind == "reverse":
            made.append(operation("reverse", card, operation_id=random.choice(own)["id"]))
        else:
            made.append(operation(kind, card, points=random.randint(1, 30)))
    return made


async def test_different_operations_through_two_hubs(pool: Pool, database_url: str) -> None:
    """Conservation: what both hubs answered is exactly what the journal holds, and all sums are right."""
    other = await open_pool(database_url, size_max=8)
    partners, cards = await new_partners(pool, "Bakery", "Garage"), await new_cards(pool, 6)
    async with open_hub(pool) as first, open_hub(other) as second:
        hubs = [first, second]
        jobs = [
            hubs[number % 2].send(partners[number % 3 % 2], *purchases(Random(number), cards, 8))
            for number in range(30)
        ]
        answers = [result for results in await asyncio.gather(*jobs) for result in results]
    await other.close()

    await assert_every_answer_is_the_journals(pool, answers)
    assert await pool.fetchval("SELECT count(*) FROM journal") == 30 * 8


async def test_the_same_operations_through_two_hubs_at_once(pool: Pool, database_url: str) -> None:
    """A till that gives up on one hub and asks the other: once booked, one answer from both."""
    other = await open_pool(database_url, size_max=8)
    (partner,), cards = await new_partners(pool, "Bakery"), await new_cards(pool, 6)
    messages = [purchases(Random(number), cards, 8) for number in range(10)]
    async with open_hub(pool) as first, open_hub(other) as second:
        jobs = [hub.send(partner, *message) for message in messages for hub in (first, second, first)]
        answers = await asyncio.gather(*jobs)
    await other.close()

    for start in range(0, len(answers), 3):
        assert answers[start] == answers[start + 1] == answers[start + 2]
    await assert_every_answer_is_the_journals(pool, [result for results in answers for result in results])
    assert await pool.fetchval("SELECT count(*) FROM message") == 10


async def test_the_last_points_are_spent_once_through_two_hubs(pool: Pool, database_url: str) -> None:
    """However many tills ask at however many hubs: as many burns as there are points for."""
    other = await open_pool(database_url, size_max=8)
    (partner,), (card,) = await new_partners(pool, "Bakery"), await new_cards(pool, 1)
    async with open_hub(pool) as first, open_hub(other) as second:
        await first.send(partner, operation("earn", card, points=1_000))
        burns = [hub.send(partner, operation("burn", card, points=300)) for hub in (first, second) * 8]
        verdicts = [json.loads(result)["verdict"] for (result,) in await asyncio.gather(*burns)]
    await other.close()

    assert sorted(verdicts) == ["booked"] * 3 + ["refused"] * 13
    assert await pool.fetchval("SELECT sum(balance) FROM account") == 100


async def test_an_id_with_other_content_at_the_same_moment(pool: Pool) -> None:
    """One of them is the first, the others are told so; also where their cards lie in other lanes."""
    (partner,), cards = await new_partners(pool, "Bakery"), await new_cards(pool, 8)
    asked = [operation("earn", card, points=5, id="the-one") for card in cards]
    async with open_hub(pool) as hub:
        answers = await asyncio.gather(*(hub.send(partner, one) for one in asked * 2))

    booked = {result for (result,) in answers if '"booked"' in result}
    reused = [result for (result,) in answers if '"operation_id_reused"' in result]
    assert (len(booked), len(reused)) == (1, 14)
    assert await pool.fetchval("SELECT sum(balance) FROM account") == 5


async def test_an_id_with_cards_of_two_lanes_at_two_hubs(pool: Pool, database_url: str) -> None:
    """Neither sees the other's record before its commit: one is booked, the other is told that the id is taken; alone
    in a message, and among others of several lanes."""
    other = await open_pool(database_url, size_max=8)
    (partner,), cards = await new_partners(pool, "Bakery"), await new_cards(pool, 8)
    async with open_hub(pool) as first, open_hub(other) as second:
        for turn in range(12):
            one, two = (
                operation("earn", card, points=5, id=f"id-{turn}") for card in (cards[turn % 4], cards[4 + turn // 3])
            )
            others = [[operation("earn", card, points=5) for card in cards] if turn % 2 else [] for _ in range(2)]
            answers = await asyncio.gather(first.send(partner, one, *others[0]), second.send(partner, two, *others[1]))
            assert sorted(json.loads(results[0])["verdict"] for results in answers) == ["booked", "refused"]
            assert all(json.loads(result)["verdict"] == "booked" for results in answers for result in results[1:])
    await other.close()

    twice = "SELECT count(*) FROM (SELECT FROM operation GROUP BY operation_id HAVING count(*) > 1) AS twice"
    assert await pool.fetchval(twice) == 0


async def test_full_queues_refuse_whole_messages(pool: Pool) -> None:
    """What does not fit is refused before anything of it is done, and fits again later."""
    (partner,), cards = await new_partners(pool, "Bakery"), await new_cards(pool, 4)
    messages = [[operation("earn", card, points=1) for card in cards * 5] for _ in range(10)]
    async with open_hub(pool, waiting_max=45) as hub:
        outcomes = await asyncio.gather(*(hub.send(partner, *message) for message in messages), return_exceptions=True)
        refused = [index for index, outcome in enumerate(outcomes) if isinstance(outcome, OverloadedError)]
        assert refused == list(range(2, 10))
        assert hub.clearing.backlog.operations == 0
        assert await pool.fetchval("SELECT count(*) FROM message") == 2
        later = [await hub.send(partner, *messages[index]) for index in refused]

    assert all(len(results) == 20 for results in later)
    assert await pool.fetchval("SELECT sum(balance) FROM account") == 200


async def test_a_caller_that_gives_up_leaves_no_trace_but_the_booking(pool: Pool) -> None:
    """Its operations are booked or not, never half; the queue goes on, and the same message gets its answer."""
    (partner,), cards = await new_partners(pool, "Bakery"), await new_cards(pool, 4)
    messages = [[operation("earn", card, points=1) for card in cards] for _ in range(20)]
    async with open_hub(pool) as hub:
        tasks = [asyncio.ensure_future(hub.send(partner, *message)) for message in messages]
        for turn, task in enumerate(tasks):
            await asyncio.sleep(0)
            if turn % 2:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert hub.clearing.backlog.operations == 0
        answers = [await hub.send(partner, *message) for message in messages]

    await assert_every_answer_is_the_journals(pool, [result for results in answers for result in results])
    assert await pool.fetchval("SELECT sum(balance) FROM account") == 80


async def test_closing_a_hub_finishes_what_it_accepted(pool: Pool) -> None:
    """Also what has not come to its lane yet."""
    (partner,), cards = await new_partners(pool, "Bakery"), await new_cards(pool, 4)
    async with open_hub(pool) as hub:
        jobs = [
            asyncio.ensure_future(hub.send(partner, *(operation("earn", card, points=1) for card in cards)))
            for _ in range(10)
        ]
        await asyncio.sleep(0)
    answers = await asyncio.gather(*jobs)
    assert all(len(results) == 4 for results in answers)


async def test_connections_that_the_database_ends_lose_and_double_nothing(pool: Pool, database_url: str) -> None:
    """All of a hub's connections are ended in the middle, ten times; every message is answered, and counts once."""
    (partner,), cards = await new_partners(pool, "Bakery"), await new_cards(pool, 6)
    messages = [purchases(Random(number), cards, 6) for number in range(40)]
    ender = await asyncpg.connect(database_url)
    async with open_hub(pool) as hub:
        jobs = [asyncio.ensure_future(hub.send(partner, *message)) for message in messages]
        for _ in range(10):
            await ender.execute(END_OTHERS)
            await asyncio.wait(jobs, timeout=0.05)
        outcomes = await asyncio.gather(*jobs)
    await ender.close()

    await assert_every_answer_is_the_journals(pool, [result for results in outcomes for result in results])


async def test_a_budget_and_a_cap_are_neither_passed_nor_left_through_two_hubs(pool: Pool, database_url: str) -> None:
    """Lanes of both hubs ask for more at the same time, and take from each other what is unused."""
    other = await open_pool(database_url, size_max=8)
    (bakery, garage), cards = await new_partners(pool, "Bakery", "Garage"), await new_cards(pool, 8)
    starts_at, ends_at = now() - timedelta(days=1), now() + timedelta(days=1)
    promotion = NewPromotion("double", [("Bakery", 1), ("Garage", 1)], starts_at, ends_at, budget=300)
    await add_promotion(pool, promotion, now=now(), actor="test")
    await set_cap(pool, "Garage", 400, now=now(), actor="test")
    async with open_hub(pool) as first, open_hub(other) as second:
        jobs = []
        for number in range(60):
            hub, card = [first, second][number % 2], cards[number % 8]
            jobs.append(hub.send(bakery, operation("earn", card, points=10, promotion="double")))
            jobs.append(hub.send(garage, operation("earn", card, points=10)))
        answers = [result for results in await asyncio.gather(*jobs) for result in results]
    await other.close()

    await assert_every_answer_is_the_journals(pool, answers)
    issued = dict(await pool.fetch("SELECT partner, sum(points)::int FROM window_total GROUP BY partner"))
    # Garage's own earns and its half of the promoted ones end together at its cap of 400 points.
    assert 395 <= issued[garage.partner] <= 400
    assert issued[bakery.partner] <= 150
