"""More than the hub can take, and callers that hang up: refused whole, signed, and nothing half done."""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, TCPConnector
from structlog.testing import capture_logs

from coalition.lanes.backlog import CROWD, RETRY_AFTER_MAX_S, Backlog
from coalition.signatures.sign import sign_request
from tests.faults.conftest import FaultyWorld
from tests.http.conftest import RunningHub
from tests.shop import Answered, Shop, operation

MESSAGES = 6
FIRST, LATER = CROWD.requests + 10, 5


@dataclass
class DoubleSigner(Shop):
    """Puts a signature that nobody asked for, with somebody else's key, before its own."""

    claimed_keyid: str = ""

    async def request(self, method: str, path: str, body: bytes = b"", **changes: Any) -> Answered:
        headers = sign_message(self, body)
        headers["Signature-Input"] = f'x=("@method");keyid="{self.claimed_keyid}", {headers["Signature-Input"]}'
        headers["Signature"] = f"x=:AA==:, {headers['Signature']}"
        return await super().request(method, path, body, headers={**headers}, **changes)


@dataclass
class Pretender(Shop):
    """Signs with its own key, and says that it is somebody else."""

    claimed_keyid: str = ""

    @property
    def keyid(self) -> str:
        return self.claimed_keyid


async def test_full_queues_answer_503_and_the_same_message_is_taken_later(hub: RunningHub) -> None:
    """Retry-After, problem details, the hub's signature; not one operation of a refused message is booked."""
    shop, cards = await hub.shop(), await hub.cards(4)
    # What COALITION_WAITING_MAX sets; the default would take half a minute to fill.
    hub.clearing.backlog.operations_max = 1_000
    bodies = [
        json.dumps({"operations": [operation("earn", cards[n % 4], points=1) for n in range(600)]}).encode()
        for _ in range(MESSAGES)
    ]

    answers = await asyncio.gather(*(shop.post(body) for body in bodies))

    refused = [index for index, answer in enumerate(answers) if answer.status == 503]
    assert 0 < len(refused) < MESSAGES
    for index in refused:
        assert_is_a_signed_refusal(answers[index])
        first = json.loads(bodies[index])["operations"][0]["id"]
        assert (await shop.get(f"/v1/operations/{first}")).status == 404
    assert await hub.pool.fetchval("SELECT count(*) FROM journal") == 600 * (MESSAGES - len(refused))
    assert await hub.pool.fetchval("SELECT count(*) FROM message") == MESSAGES - len(refused)
    for index in refused:
        assert len((await shop.post(bodies[index])).results) == 600
    assert await hub.pool.fetchval("SELECT sum(balance) FROM account") == 600 * MESSAGES


async def test_a_crowd_that_waits_too_long_is_enough(hub: RunningHub) -> None:
    """Whoever comes then is turned away unread, told when to come again; health checks stay green, those that wait are
    answered, and then everybody is. The database stands still meanwhile: that is slow enough on any machine."""
    shop, (card,) = await hub.shop(), await hub.cards(1)
    hub.session = shop.session = ClientSession(connector=TCPConnector(limit=0))
    bodies = [json.dumps({"operations": [operation("earn", card, points=1)]}).encode() for _ in range(FIRST + LATER)]
    async with hub.session, hub.pool.acquire() as connection:
        async with connection.transaction():
            await connection.execute("SELECT FROM lane FOR UPDATE")
            waiting = [asyncio.create_task(shop.post(body)) for body in bodies[:FIRST]]
            while hub.clearing.backlog.requests < CROWD.requests:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            # Nothing is answered: so long is the wait, and has it been.
            await asyncio.sleep(2 * CROWD.wait_max_s)
            later = [await shop.post(body) for body in bodies[FIRST:]]
            read = await shop.get(f"/v1/cards/{card}")
            health = [(await shop.get(path)).status for path in ("/healthz", "/readyz")]
        answers = [*await asyncio.gather(*waiting), *later]
        booked = await hub.pool.fetchval("SELECT count(*) FROM journal")
        refused = [index for index, answer in enumerate(answers) if answer.status != 200]
        again = [await shop.post(bodies[index]) for index in refused]

    assert len(refused) >= LATER
    assert booked == len(bodies) - len(refused) >= CROWD.requests
    for answer in (*(answers[index] for index in refused), read):
        assert (answer.status, answer.document["code"], answer.document["retryable"]) == (503, "overloaded", True)
        assert 1 <= int(answer.headers["Retry-After"]) <= RETRY_AFTER_MAX_S
        # It was not looked at who asked.
        assert "Signature" not in answer.headers
    assert health == [200, 200]
    assert {answer.status for answer in again} == {200}
    assert await hub.pool.fetchval("SELECT count(*) FROM journal") == len(bodies)
    assert (hub.clearing.backlog.operations, hub.clearing.backlog.wait_s(time.monotonic())) == (0, 0)


async def test_one_partners_crowd_turns_away_no_other_partner(hub: RunningHub) -> None:
    """Nor is it let in for saying that it is that other one: whose a request is, its signature proves.

    Time stands still but for the moment in which the crowd has waited for too long."""
    crowding, other, (card,) = await hub.shop("Crowding"), await hub.shop("Other"), await hub.cards(1)
    now_s = 1_000.0
    hub.clearing.backlog = Backlog(seconds=lambda: now_s)
    hub.session = crowding.session = other.session = ClientSession(connector=TCPConnector(limit=0))
    pretender = Pretender(**vars(crowding), claimed_keyid=other.keyid)
    # A second signature before the one that counts, by a key of the other's.
    double = DoubleSigner(**vars(crowding), claimed_keyid=other.keyid)
    body = json.dumps({"operations": [operation("earn", card, points=1)]}).encode()
    async with hub.session, hub.pool.acquire() as connection:
        async with connection.transaction():
            await connection.execute("SELECT FROM lane FOR UPDATE")
            waiting = [asyncio.create_task(crowding.post(body)) for _ in range(CROWD.requests)]
            while hub.clearing.backlog.requests < CROWD.requests:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            now_s += 2 * CROWD.wait_max_s
            with capture_logs() as logs:
                turned_away = await crowding.post(body)
            claimed = await pretender.post(body)
            beside, let_in = asyncio.create_task(double.post(body)), asyncio.create_task(other.post(body))
            while not beside.done() or hub.clearing.backlog.requests == CROWD.requests:
                await asyncio.sleep(0.01)
                if hub.clearing.backlog.requests > CROWD.requests + 1:
                    break
        answers = await asyncio.gather(*waiting, let_in)
    told = [entry for entry in logs if entry["event"] == "http.turning_away"]
    assert [(entry["most_from"], entry["their_requests"]) for entry in told] == [("Crowding", CROWD.requests)]
    assert (turned_away.status, claimed.status, (await beside).status) == (503, 401, 503)
    assert {answer.status for answer in answers} == {200}


def assert_is_a_signed_refusal(answer: Answered) -> None:
    problem = answer.document
    assert (problem["status"], problem["code"], problem["retryable"]) == (503, "overloaded", True)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) >= 1
    assert 'tag="coalition-receipt-v1"' in answer.headers["Signature-Input"]


async def test_callers_that_hang_up_in_the_middle(hub: RunningHub) -> None:
    """In the headers, in the body, or before the answer: what was whole is booked once, what was not is not."""
    shop, cards = await hub.shop(), await hub.cards(4)
    bodies = [
        json.dumps({"operations": [operation("earn", card, points=1) for card in cards]}).encode() for _ in range(24)
    ]
    requests = [raw_request(shop, body) for body in bodies]
    for turn, request in enumerate(requests):
        host, _, port = hub.authority.partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        cut = {0: len(request), 1: len(request) - 1, 2: len(request) // 2, 3: 40}[turn % 4]
        writer.write(request[:cut])
        await writer.drain()
        writer.transport.abort()

    # Every message again, as a shop would that heard nothing.
    answers = [await shop.post(body) for body in bodies]

    assert all([result["verdict"] for result in answer.results] == ["booked"] * 4 for answer in answers)
    assert await hub.pool.fetchval("SELECT sum(balance) FROM account") == 24 * 4
    assert await hub.pool.fetchval("SELECT count(*) FROM journal") == 24 * 4
    assert hub.clearing.backlog.operations == 0


def sign_message(shop: Shop, body: bytes) -> dict[str, str]:
    return sign_request(
        private_key=shop.private_key,
        keyid=shop.keyid,
        method="POST",
        authority=shop.authority,
        path="/v1/messages",
        query="?",
        body=body,
        created_s=int(time.time()),
    )


def raw_request(shop: Shop, body: bytes) -> bytes:
    headers = sign_message(shop, body)
    headers |= {"Host": shop.authority, "Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /v1/messages HTTP/1.1\r\n{lines}\r\n".encode() + body


async def test_a_database_that_is_away_is_503_in_reads_too(world: FaultyWorld) -> None:
    """Until it is back; nothing is called a fault of the hub, and a health check tells the operator."""
    shop, (card,) = await world.shop("Away"), await world.cards("away", 1)
    assert (await shop.get(f"/v1/cards/{card}")).status == 200
    stopped = world.postgres.stopped()
    await asyncio.to_thread(stopped.__enter__)
    try:
        away = [await shop.get(path) for path in (f"/v1/cards/{card}", "/v1/operations/x", "/v1/windows")]
        ready = await shop.get("/readyz")
        alive = await shop.get("/healthz")
        keys = await shop.get("/v1/keys")
    finally:
        await asyncio.to_thread(stopped.__exit__, None, None, None)

    assert [answer.status for answer in away] == [503] * 3
    assert {answer.document["code"] for answer in away} == {"database_unreachable"}
    assert all('tag="coalition-receipt-v1"' in answer.headers["Signature-Input"] for answer in away)
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in [*away, keys])
    assert (ready.status, alive.status, keys.status) == (503, 200, 503)
    body = json.dumps({"operations": [operation("earn", card, points=1)]}).encode()
    assert (await world.send_until_answered(shop, body)).result["balance"] == 1
