"""Webhooks: partners are told what happened, signed, at least once, in order, by a real HTTP server's account."""

import asyncio
import json
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from typer.testing import CliRunner, Result

from coalition.__main__ import app as coalition_command
from coalition.database.pool import Pool, open_pool
from coalition.errors import AlreadyThereError, NotFoundError, WebhookRefusedError
from coalition.http.hub_key import load_signer
from coalition.operations.manage_partner import set_status
from coalition.stores.webhooks import ListedWebhook, list_webhooks
from coalition.webhooks import deliver, manage_webhook
from coalition.webhooks.deliver import Rhythm, deliver_webhooks
from coalition.webhooks.message import EVENTS_MAX
from coalition.webhooks.schedule import GIVE_UP_AFTER
from partner_sdk import read_webhook
from tests.http.conftest import RunningHub, now
from tests.shop import Shop, operation

LOOKS_MAX = 1_500
LOOK_PAUSE_S = 0.01

Answer = Callable[[], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Posted:
    """One POST as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def webhook_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self.document["data"]["events"]
        return events


@dataclass
class Receiver:
    """A partner's server: answers as told, in turn, then 204."""

    url: str = ""
    answers: list[int | web.Response | Answer] = field(default_factory=list)
    posted: list[Posted] = field(default_factory=list)
    accepted: list[Posted] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.posted.append(Posted(headers, await request.read()))
        answer = self.answers.pop(0) if self.answers else 204
        if answer == 204:
            self.accepted.append(self.posted[-1])
        if isinstance(answer, int):
            return web.Response(status=answer)
        return answer if isinstance(answer, web.Response) else await answer()

    @property
    def results(self) -> list[dict[str, Any]]:
        return [event["result"] for posted in self.posted for event in posted.events]

    async def has(self, count: int) -> list[Posted]:
        """Wait for so many POSTs, and a little for one too many."""
        await until(lambda: len(self.posted) >= count)
        await asyncio.sleep(LOOK_PAUSE_S * 10)
        assert len(self.posted) == count
        return self.posted


@dataclass
class Clock:
    """The time as the deliveries see it; it moves when a test says so."""

    moment: datetime = field(default_factory=now)

    def __call__(self) -> datetime:
        return self.moment


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(LOOKS_MAX):
        if is_so():
            return
        await asyncio.sleep(LOOK_PAUSE_S)
    raise AssertionError("it did not come to that")


@dataclass
class Partnership:
    """A hub, a shop with a card, and the server that is told."""

    hub: RunningHub
    shop: Shop
    card: str
    receiver: Receiver
    clock: Clock
    key_path: Path

    def delivering(
        self, pool: Pool | None = None, *, is_http_allowed: bool = True
    ) -> AbstractAsyncContextManager[None]:
        return deliver_webhooks(
            pool or self.hub.pool,
            load_signer(self.key_path).sign_content,
            clock=self.clock,
            is_http_allowed=is_http_allowed,
            rhythm=Rhythm(poll_s=LOOK_PAUSE_S, standby_s=LOOK_PAUSE_S),
            chance=lambda: 0.0,
        )

    async def add(self, *, partner: str = "Shop", url: str | None = None, is_from_beginning: bool = False) -> int:
        return await manage_webhook.add_webhook(
            self.hub.pool,
            partner=partner,
            url=url or self.receiver.url,
            is_from_beginning=is_from_beginning,
            is_http_allowed=True,
            now=self.clock(),
        )

    async def listed(self) -> ListedWebhook:
        async with self.hub.pool.acquire() as connection:
            (only,) = await list_webhooks(connection)
        return only

    async def fault(self) -> ListedWebhook:
        """Wait for the first fault."""
        for _ in range(LOOKS_MAX):
            if (listed := await self.listed()).last_fault is not None:
                return listed
            await asyncio.sleep(LOOK_PAUSE_S)
        raise AssertionError("no fault")


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hooks", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def partnership(hub: RunningHub, receiver: Receiver, tmp_path: Path) -> Partnership:
    return Partnership(hub, await hub.shop(), await hub.card(), receiver, Clock(), tmp_path / "hub-key.pem")


async def test_a_receiver_verifies_with_the_published_key(partnership: Partnership) -> None:
    """As Standard Webhooks says for v1a: Ed25519 over id.timestamp.body, in base64."""
    await partnership.add()
    async with partnership.delivering():
        earned = await partnership.shop.earn(partnership.card, 5)
        (posted,) = await partnership.receiver.has(1)

    async with partnership.hub.session.get(f"http://{partnership.hub.authority}/v1/keys") as answer:
        (key,) = (await answer.json())["keys"]
    public_key = Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(key["x"] + "="))
    version, _, signature = posted.headers["webhook-signature"].partition(",")
    content = f"{posted.webhook_id}.{posted.headers['webhook-timestamp']}.".encode() + posted.body
    assert version == "v1a"
    public_key.verify(b64decode(signature), content)
    with pytest.raises(InvalidSignature):
        public_key.verify(b64decode(signature), content + b" ")
    assert int(posted.headers["webhook-timestamp"]) == int(partnership.clock().timestamp())
    assert "." not in posted.webhook_id
    assert posted.headers["content-type"] == "application/json"
    assert posted.document["type"] == "coalition.events"
    assert posted.document["timestamp"] == earned["booked_at"]
    assert posted.document["data"]["partner"] == "Shop"
    # And with the SDK, by the key as the operator tells it.
    key_told = f"whpk_{b64encode(public_key.public_bytes_raw()).decode()}"
    told = read_webhook(
        posted.headers, posted.body, keys=[key_told], partner="Shop", now=partnership.clock() + timedelta(minutes=4)
    )
    assert (told.id, [event.operation_id for event in told.events]) == (posted.webhook_id, [earned["id"]])


async def test_events_are_those_of_the_api(partnership: Partnership) -> None:
    shop, other = partnership.shop, await partnership.hub.shop("Other")
    await partnership.add()
    async with partnership.delivering():
        await shop.earn(partnership.card, 5)
        await other.earn(partnership.card, 6)
        await shop.burn(partnership.card, 50)
        await until(lambda: len(partnership.receiver.results) == 2)

    asked = (await shop.get("/v1/events")).document["events"]
    assert [event for posted in partnership.receiver.posted for event in posted.events] == asked


async def test_each_partner_is_told_of_its_own(partnership: Partnership) -> None:
    """Two webhooks that read the journal together; one is added while the other is at work."""
    receiver, other = partnership.receiver, await partnership.hub.shop("Other")
    await partnership.add()
    async with partnership.delivering():
        first = await partnership.shop.earn(partnership.card, 5)
        before = await other.earn(partnership.card, 6)
        await receiver.has(1)
        await partnership.add(partner="Other", is_from_beginning=True)
        await receiver.has(2)
        second = await partnership.shop.earn(partnership.card, 7)
        after = await other.earn(partnership.card, 8)
        await until(lambda: len(receiver.results) == 4)

    told: dict[str, list[Any]] = {"Shop": [], "Other": []}
    for posted in receiver.posted:
        told[posted.document["data"]["partner"]] += [event["result"] for event in posted.events]
    assert told == {"Shop": [first, second], "Other": [before, after]}


async def test_what_was_before_is_told_only_if_asked_for(partnership: Partnership) -> None:
    await partnership.shop.earn(partnership.card, 5)
    await partnership.add()
    async with partnership.delivering():
        later = await partnership.shop.earn(partnership.card, 6)
        await until(lambda: bool(partnership.receiver.posted))
    assert partnership.receiver.results == [later]


async def test_a_failure_is_repeated_under_the_same_id_after_a_pause(partnership: Partnership) -> None:
    """The bytes as well, though more was booked meanwhile; the time of the attempt is another."""
    receiver, clock = partnership.receiver, partnership.clock
    receiver.answers = [500, 503]
    await partnership.add()
    async with partnership.delivering():
        first = await partnership.shop.earn(partnership.card, 5)
        await receiver.has(1)
        second = await partnership.shop.earn(partnership.card, 6)
        listed = await partnership.fault()
        assert (listed.last_fault, listed.failures, listed.failing_since) == ("answered 500", 1, clock())
        clock.moment += timedelta(seconds=5)
        await receiver.has(2)
        clock.moment += timedelta(seconds=14)
        await receiver.has(2)
        clock.moment += timedelta(seconds=1)
        posted = await receiver.has(4)

    assert len({(one.webhook_id, one.body) for one in posted[:3]}) == 1
    assert len({one.headers["webhook-timestamp"] for one in posted[:3]}) == 3
    assert len({one.headers["webhook-signature"] for one in posted[:3]}) == 3
    assert [event["result"] for one in posted[2:] for event in one.events] == [first, second]
    listed = await partnership.listed()
    assert (listed.failures, listed.failing_since, listed.last_fault) == (0, None, None)


async def test_nothing_is_lost_when_the_delivery_is_killed(partnership: Partnership, database_url: str) -> None:
    """In the middle of a POST, whose answer nobody hears; whoever comes next repeats it to the byte, then goes on."""
    receiver, never = partnership.receiver, asyncio.Event()

    async def no_answer() -> web.StreamResponse:
        await never.wait()
        return web.Response()

    receiver.answers = [no_answer]
    await partnership.add()
    pool = await open_pool(database_url, size_max=4)
    async with partnership.delivering(pool):
        first = await partnership.shop.earn(partnership.card, 5)
        await receiver.has(1)
        # No word to the database: its connections are cut.
        pool.terminate()
    second = await partnership.shop.earn(partnership.card, 6)

    async with partnership.delivering():
        posted = await receiver.has(3)

    never.set()
    assert posted[0].webhook_id == posted[1].webhook_id != posted[2].webhook_id
    assert posted[0].body == posted[1].body
    assert [event["result"] for one in posted[1:] for event in one.events] == [first, second]


async def test_a_connection_that_is_cut_is_followed_by_another(partnership: Partnership) -> None:
    """The lock goes with it; the hub takes it again on a new one."""
    await partnership.add()
    async with partnership.delivering():
        results = []
        for points in (1, 2, 3):
            results.append(await partnership.shop.earn(partnership.card, points))
            await until(lambda: arrived(partnership.receiver) == len(results))
            await partnership.hub.pool.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1::bigint",
                deliver.webhooks.DELIVERY_LOCK,
            )
    # What was cut before it was saved came again, under the same id.
    once = {posted.webhook_id: posted for posted in partnership.receiver.posted}
    assert [event["result"] for posted in once.values() for event in posted.events] == results


async def test_order_is_kept_and_nothing_left_out_through_many_failures(partnership: Partnership) -> None:
    """Several shops, all lanes, pages larger than one POST, every third answer a failure."""
    hub, receiver = partnership.hub, partnership.receiver
    receiver.answers = [204 if turn % 3 else 500 for turn in range(60)]
    cards, other = await hub.cards(8), await hub.shop("Other")
    await partnership.add()
    async with partnership.delivering():
        for turn in range(12):
            await partnership.shop.send(*(operation("earn", card, points=turn + 1) for card in cards))
            await other.send(*(operation("earn", card, points=turn + 1) for card in cards))
            partnership.clock.moment += timedelta(hours=5)
        for _ in range(LOOKS_MAX):
            if arrived(receiver) >= 96:
                break
            partnership.clock.moment += timedelta(minutes=1)
            await asyncio.sleep(LOOK_PAUSE_S)

    assert all(1 <= len(posted.events) <= EVENTS_MAX for posted in receiver.posted)
    once = {posted.webhook_id: posted for posted in receiver.accepted}
    events = [event for posted in once.values() for event in posted.events]
    booked = await hub.pool.fetch("SELECT lane, leaf FROM journal WHERE partner = 1 ORDER BY lane, leaf")
    by_lane = sorted(events, key=lambda event: event["lane"])
    assert [(event["lane"], event["leaf"]) for event in by_lane] == [tuple(row) for row in booked]
    assert len(booked) == 96


def arrived(receiver: Receiver) -> int:
    """Return how many events were accepted, repeats not counted."""
    return sum(len(posted.events) for posted in {one.webhook_id: one for one in receiver.accepted}.values())


async def test_of_two_hubs_one_delivers_and_the_other_takes_over(partnership: Partnership, database_url: str) -> None:
    receiver, pool = partnership.receiver, await open_pool(database_url, size_max=4)
    await partnership.add()
    async with partnership.delivering(pool):
        async with partnership.delivering():
            for points in range(1, 9):
                await partnership.shop.earn(partnership.card, points)
            await until(lambda: len(receiver.results) >= 8)
            await asyncio.sleep(LOOK_PAUSE_S * 10)
            assert [result["points"] for result in receiver.results] == list(range(1, 9))
        await partnership.shop.earn(partnership.card, 9)
        await until(lambda: len(receiver.results) == 9)
    await pool.close()


async def test_after_days_of_failure_it_is_disabled_and_says_so(partnership: Partnership) -> None:
    """Resumed, it goes on where it stopped."""
    receiver, clock = partnership.receiver, partnership.clock
    receiver.answers = [404, 404, 404]
    webhook = await partnership.add()
    async with partnership.delivering():
        earned = await partnership.shop.earn(partnership.card, 5)
        await receiver.has(1)
        since = (await partnership.fault()).failing_since
        clock.moment += GIVE_UP_AFTER - timedelta(seconds=1)
        await receiver.has(2)
        assert (await partnership.listed()).status == "active"
        clock.moment += timedelta(hours=4)
        await receiver.has(3)
        clock.moment += timedelta(days=30)
        await receiver.has(3)
        listed = await partnership.listed()
        assert (listed.status, listed.failures, listed.failing_since) == ("disabled", 3, since)
        assert listed.last_fault == "answered 404"

        await manage_webhook.resume_webhook(partnership.hub.pool, webhook=webhook, now=clock())
        posted = await receiver.has(4)
    assert [event["result"] for event in posted[3].events] == [earned]
    assert len({one.webhook_id for one in posted}) == 1
    assert (await partnership.listed()).status == "active"


async def test_a_success_ends_the_count_of_failures(partnership: Partnership) -> None:
    """What failed days ago, and worked in between, is not given up for it."""
    receiver, clock = partnership.receiver, partnership.clock
    receiver.answers = [500, 204, 500]
    await partnership.add()
    async with partnership.delivering():
        await partnership.shop.earn(partnership.card, 5)
        await receiver.has(1)
        await partnership.shop.earn(partnership.card, 6)
        await partnership.fault()
        clock.moment += GIVE_UP_AFTER
        await receiver.has(3)
        listed = await partnership.fault()
    assert (listed.status, listed.failures, listed.failing_since) == ("active", 1, clock())


async def test_gone_disables_at_once(partnership: Partnership) -> None:
    partnership.receiver.answers = [410]
    await partnership.add()
    async with partnership.delivering():
        await partnership.shop.earn(partnership.card, 5)
        assert (await partnership.fault()).status == "disabled"


async def test_a_receiver_may_ask_for_patience(partnership: Partnership) -> None:
    receiver = partnership.receiver
    receiver.answers = [web.Response(status=429, headers={"Retry-After": "600"})]
    await partnership.add()
    async with partnership.delivering():
        await partnership.shop.earn(partnership.card, 5)
        await partnership.fault()
        partnership.clock.moment += timedelta(seconds=599)
        await receiver.has(1)
        partnership.clock.moment += timedelta(seconds=1)
        await receiver.has(2)


async def test_a_redirect_is_not_followed(partnership: Partnership) -> None:
    receiver = partnership.receiver
    receiver.answers = [web.Response(status=307, headers={"Location": receiver.url})]
    await partnership.add()
    async with partnership.delivering():
        await partnership.shop.earn(partnership.card, 5)
        assert (await partnership.fault()).last_fault == "answered 307"
        await receiver.has(1)


async def test_an_endless_answer_is_not_read_to_its_end(partnership: Partnership) -> None:
    async def endless() -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65_536)

    request: Any = None
    receiver = partnership.receiver
    take = receiver.take

    async def take_endless(came: web.Request) -> web.StreamResponse:
        nonlocal request
        request = came
        return await take(came)

    app = web.Application()
    app.router.add_post("/endless", take_endless)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.answers = [endless]
    await partnership.add(url=f"http://127.0.0.1:{runner.addresses[0][1]}/endless")
    async with partnership.delivering():
        await partnership.shop.earn(partnership.card, 5)
        await receiver.has(1)
        await partnership.shop.earn(partnership.card, 6)
        await receiver.has(2)
    await runner.cleanup()


async def test_a_suspended_partner_is_told_when_it_is_back(partnership: Partnership) -> None:
    pool, receiver = partnership.hub.pool, partnership.receiver
    await partnership.add()
    earned = await partnership.shop.earn(partnership.card, 5)
    await set_status(pool, name="Shop", status="suspended")
    async with partnership.delivering():
        await receiver.has(0)
        await set_status(pool, name="Shop", status="active")
        await receiver.has(1)
    assert receiver.results == [earned]


async def test_a_removed_webhook_is_called_no_more(partnership: Partnership) -> None:
    receiver = partnership.receiver
    receiver.answers = [500]
    webhook = await partnership.add()
    async with partnership.delivering():
        await partnership.shop.earn(partnership.card, 5)
        await partnership.fault()
        await manage_webhook.remove_webhook(partnership.hub.pool, webhook=webhook)
        partnership.clock.moment += timedelta(days=1)
        await receiver.has(1)


async def test_others_rows_are_passed_over_and_the_place_is_saved(
    partnership: Partnership, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at every look, only after many rows."""
    monkeypatch.setattr(deliver, "UNSAVED_LEAVES_MAX", 10)
    other, pool = await partnership.hub.shop("Other"), partnership.hub.pool
    lane = await pool.fetchval("SELECT lane FROM card WHERE card = $1", partnership.card)
    await partnership.add()

    async def saved() -> int:
        return (await pool.fetchval("SELECT positions FROM webhook"))[lane]  # type: ignore[no-any-return]

    async with partnership.delivering():
        await other.send(*(operation("earn", partnership.card, points=1) for _ in range(9)))
        await asyncio.sleep(LOOK_PAUSE_S * 20)
        assert await saved() == 0
        await other.send(*(operation("earn", partnership.card, points=1) for _ in range(3)))
        for _ in range(LOOKS_MAX):
            if await saved():
                break
            await asyncio.sleep(LOOK_PAUSE_S)
        assert await saved() == 12
        earned = await partnership.shop.earn(partnership.card, 5)
        await partnership.receiver.has(1)
    assert partnership.receiver.results == [earned]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_an_address_inside_is_not_called_even_if_it_is_registered(partnership: Partnership, host: str) -> None:
    """Judged at the connection: a name may lead elsewhere than when it was added. No byte is sent."""
    connected = asyncio.Event()

    async def on_connection(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        writer.close()

    server = await asyncio.start_server(on_connection, ["127.0.0.1"])
    port = server.sockets[0].getsockname()[1]
    await partnership.add(url=f"https://{host}:{port}/")
    async with partnership.delivering(is_http_allowed=False):
        await partnership.shop.earn(partnership.card, 5)
        listed = await partnership.fault()
    server.close()
    await server.wait_closed()
    assert "not a public address" in (listed.last_fault or "")
    assert not connected.is_set()


async def test_plain_http_is_not_called_once_it_is_no_longer_allowed(partnership: Partnership) -> None:
    await partnership.add()
    async with partnership.delivering(is_http_allowed=False):
        await partnership.shop.earn(partnership.card, 5)
        assert "https" in ((await partnership.fault()).last_fault or "")
        await partnership.receiver.has(0)


async def test_what_can_not_be_added_is_refused(partnership: Partnership) -> None:
    await partnership.add()
    with pytest.raises(AlreadyThereError):
        await partnership.add()
    with pytest.raises(NotFoundError):
        await partnership.add(partner="Nobody")
    with pytest.raises(WebhookRefusedError):
        await partnership.add(url="ftp://127.0.0.1/")


@pytest.fixture
def command(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Awaitable[Result]]]:
    environment = {
        "COALITION_DATABASE_URL": database_url,
        "COALITION_HUB_KEY": str(tmp_path / "hub-key.pem"),
        "COALITION_WEBHOOK_ALLOW_HTTP": "true",
    }

    async def command(*arguments: str, **more: str) -> Result:
        # A command runs a loop of its own, so it gets a thread of its own.
        return await asyncio.to_thread(
            CliRunner().invoke, coalition_command, ["webhook", *arguments], env=environment | more
        )

    yield command
    # A command sets the logging up for its process, onto streams that end with it.
    structlog.reset_defaults()


async def test_the_operators_commands(partnership: Partnership, command: Callable[..., Awaitable[Result]]) -> None:
    receiver = partnership.receiver
    added = json.loads((await command("add", "Shop", receiver.url, "--json")).stdout)
    async with partnership.hub.session.get(f"http://{partnership.hub.authority}/v1/keys") as answer:
        (key,) = (await answer.json())["keys"]
    (shown,) = added["keys"]
    assert b64decode(shown.removeprefix("whpk_")) == urlsafe_b64decode(key["x"] + "=")
    number = str(added["webhook"])

    receiver.answers = [204, 500]
    tried = [await command("test", number), await command("test", number, "--json")]
    assert [result.exit_code for result in tried] == [0, 1]
    assert json.loads(tried[1].stdout) == {"webhook": added["webhook"], "delivered": False, "fault": "answered 500"}
    assert [posted.document["type"] for posted in receiver.posted] == ["coalition.test"] * 2

    (listed,) = json.loads((await command("list", "--json")).stdout)
    assert (listed["partner"], listed["url"], listed["status"]) == ("Shop", receiver.url, "active")
    assert (await command("resume", number)).exit_code == 0
    assert (await command("remove", number)).exit_code == 0
    assert [(await command(act, number)).exit_code for act in ("remove", "resume", "test")] == [1, 1, 1]
    assert "no webhooks" in (await command("list")).stdout

    refused = await command("add", "Shop", receiver.url, COALITION_WEBHOOK_ALLOW_HTTP="false")
    assert refused.exit_code == 1
    assert "https://host" in refused.stderr


async def test_the_list_says_what_fails_and_since_when(
    partnership: Partnership, command: Callable[..., Awaitable[Result]]
) -> None:
    partnership.receiver.answers = [410]
    await partnership.add()
    async with partnership.delivering():
        await partnership.shop.earn(partnership.card, 5)
        await partnership.fault()
    line = (await command("list")).stdout
    assert "disabled" in line
    assert "answered 410, 1 times since" in line
