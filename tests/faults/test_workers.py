"""Several processes at one address: spread, replaced, drained, reloaded, counted; and gone with their parent."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import ClientOSError, ClientSession, ClientTimeout, TCPConnector

from coalition.cli.listening import bind_shared
from coalition.cli.workers import EARLY_DEATHS_MAX
from coalition.database.embedded import EmbeddedPostgres
from coalition.database.migrate import ProgrammeSettings, migrate
from coalition.errors import SettingError
from tests.faults.conftest import FaultyWorld, HubProcess
from tests.faults.test_killed_hub import MESSAGES, OPERATIONS, SHOPS, faults_during, replay, results_of
from tests.shop import Answered, operation

CONNECTIONS = 32
ANSWERED = 'coalition_requests_total{status="200"}'
DIED = "coalition_workers_died_total"
# What other processes do is asked again and again: no event tells it.
PAUSE_S = 0.01
# They share a hub.
pytestmark = pytest.mark.xdist_group("workers")


@dataclass
class Crew(FaultyWorld):
    """A hub of two workers with their figures."""

    def workers(self) -> set[int]:
        """Return the processes that listen at the hub's address."""
        return {child.pid for child in psutil.Process(self.hub.pid).children() if is_worker(child)}

    async def figure(self, name: str) -> float:
        async with self.session.get(f"http://127.0.0.1:{self.hub.flags[-1]}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    async def kill_a_worker(self) -> int:
        """As the kernel does when memory runs out; return which it was, when the two are at work again."""
        before = self.workers()
        victim = before.pop()
        died = await self.figure(DIED)
        os.kill(victim, signal.SIGKILL)
        while await self.figure(DIED) == died:  # noqa: ASYNC110
            await asyncio.sleep(PAUSE_S)
        await until(lambda: len(self.workers()) == 2)
        return victim


@pytest.fixture(scope="module")
async def process(postgres: EmbeddedPostgres, data_root: Path) -> AsyncIterator[HubProcess]:
    await migrate(postgres.url, ProgrammeSettings())
    hub = HubProcess(
        data_root / "faults",
        flags=("--workers", "2", "--metrics-port", str(free_port())),
        # The folder of figures that a killed parent leaves.
        environment={"TMPDIR": str(data_root)},
    )
    yield hub
    await hub.stop()


@pytest.fixture
async def crew(process: HubProcess, postgres: EmbeddedPostgres) -> AsyncIterator[Crew]:
    """The two workers of the test before, or new ones where it has ended them: both answer."""
    if not process.is_running:
        await process.start()
    # Each request on a connection of its own, so that both workers get some.
    async with ClientSession(timeout=ClientTimeout(total=30), connector=TCPConnector(force_close=True)) as session:
        crew = Crew(process, postgres, session)
        # One that was started by the test before, in the place of another, may only be about to be ready.
        while await crew.figure("coalition_workers ") < 2:  # noqa: ASYNC110
            await asyncio.sleep(PAUSE_S)
        yield crew


def is_worker(process: psutil.Process) -> bool:
    try:
        return "serve-worker" in process.cmdline()
    except psutil.Error:
        # Ended, or about to be.
        return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110
        await asyncio.sleep(PAUSE_S)


async def test_both_workers_answer_at_one_address(crew: Crew) -> None:
    """Each holds some of the connections that stay open, and what they count stands on one page."""
    shop, (card,) = await crew.shop("Spread"), await crew.cards("spread", 1)
    answered = await crew.figure(ANSWERED)
    async with ClientSession(connector=TCPConnector(limit=CONNECTIONS)) as session:
        shop.session = session
        bodies = [message(card) for _ in range(CONNECTIONS)]
        answers = await asyncio.gather(*(shop.post(body) for body in bodies))
        holders = {pid: len(connections_of(pid)) for pid in crew.workers()}

    assert [answer.status for answer in answers] == [200] * CONNECTIONS
    assert len(holders) == 2
    assert min(holders.values()) > 0
    assert await crew.figure(ANSWERED) == answered + CONNECTIONS
    assert await crew.figure("coalition_workers ") == 2
    assert await crew.figure("coalition_waiting_operations") == 0

    victim = await crew.kill_a_worker()
    assert await crew.figure(ANSWERED) == answered + CONNECTIONS
    # Its counts are with those of all that ended: what it kept itself does not pile up, and its gauges are gone.
    assert list(crew.hub.data_dir.parent.glob(f"coalition-figures-*/*_{victim}.db")) == []
    shop.session = crew.session
    assert (await crew.send_until_answered(shop, bodies[0])).body in {answer.body for answer in answers}
    assert await crew.figure(ANSWERED) == answered + CONNECTIONS + 1


async def test_a_worker_killed_in_the_middle_of_a_replay(crew: Crew) -> None:
    """kill -9, several times: others answer meanwhile, and what is repeated is recognised by whoever gets it."""
    since = await crew.booked()
    work = asyncio.ensure_future(replay(crew, "crew"))
    kills = await faults_during(crew, work, crew.kill_a_worker, every=300)
    answers, _ = await work
    assert kills >= 2
    operations = SHOPS * MESSAGES * OPERATIONS
    await crew.assert_nothing_lost_or_doubled(results_of(answers), operations=operations, since=since)


async def test_a_reload_answers_all_the_time(crew: Crew) -> None:
    """SIGHUP under load, to all of its processes as a terminal sends it: every new connection is answered, none refused
    or cut, there are never fewer workers, and in the end all of them are new ones."""
    shop, cards = await crew.shop("Reload"), await crew.cards("reload", 4)
    answered, died = await crew.figure(ANSWERED), await crew.figure(DIED)
    before, is_over = crew.workers(), False

    async def ask(card: str) -> list[Answered]:
        answers = []
        while not is_over:
            answers.append(await shop.post(message(card)))
        return answers

    work = asyncio.gather(*(ask(card) for card in cards))
    for pid in (*before, crew.hub.pid):
        os.kill(pid, signal.SIGHUP)
    living = []
    while not work.done() and not (before.isdisjoint(crew.workers()) and len(crew.workers()) == 2):
        living.append(await crew.figure("coalition_workers "))
    is_over = True
    assert min(living) == 2
    answers = [answer for some in await work for answer in some]
    assert {answer.status for answer in answers} == {200}
    assert await crew.figure(ANSWERED) == answered + len(answers)
    assert await crew.figure(DIED) == died


async def test_who_keeps_a_connection_is_sent_away_by_a_worker_that_stops(crew: Crew) -> None:
    """With the last answer, so that he comes back by a new connection, to one that goes on; nothing of his is cut."""
    reader, writer = await asyncio.open_connection(*crew.hub.authority.split(":"))

    def holders() -> list[int]:
        return [pid for pid in crew.workers() if any(is_to(writer, one) for one in connections_of(pid))]

    # The kernel says that it is open before a worker has taken it.
    await until(lambda: len(holders()) == 1)
    (holder,) = holders()
    heads = []
    while not heads or b"\r\nConnection: close" not in heads[-1]:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n")
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        await reader.readuntil(b"}")
        if len(heads) == 10:
            os.kill(holder, signal.SIGTERM)
    assert {head.split(b"\r\n")[0] for head in heads} == {b"HTTP/1.1 200 OK"}
    assert await reader.read() == b""
    writer.close()
    await until(lambda: holder not in crew.workers())


async def test_told_to_stop_the_workers_finish_what_they_accepted(crew: Crew) -> None:
    """SIGTERM in the middle: every message that was taken is answered, and whatever is in the journal was; the parent
    is the last to go."""
    shop, cards = await crew.shop("Drain"), await crew.cards("drain", 8)
    since, is_over = await crew.booked(), False

    async def send(card: str) -> int:
        answered = 0
        while True:
            try:
                answered += len((await shop.send(*(operation("earn", card, points=1) for _ in range(20)))).results)
            except ClientOSError:
                # Refused. A connection that was taken and closed without an answer is another error, and a failure.
                if is_over:
                    return answered
                raise

    work = asyncio.gather(*(send(card) for card in cards))
    while await crew.booked() == since:  # noqa: ASYNC110
        await asyncio.sleep(PAUSE_S)
    is_over = True
    workers = [psutil.Process(pid) for pid in crew.workers()]
    await crew.hub.stop()
    assert [worker.pid for worker in workers if worker.is_running()] == []
    assert sum(await work) == await crew.booked() - since


async def test_workers_stop_when_their_parent_is_gone(crew: Crew) -> None:
    """kill -9 of the parent leaves no process behind, and the port free."""
    workers = [psutil.Process(pid) for pid in crew.workers()]
    await crew.hub.kill()
    await until(lambda: not any(worker.is_running() for worker in workers))
    for socket_of_worker in bind_shared("127.0.0.1", int(crew.hub.authority.rpartition(":")[2]), count=1)[0]:
        socket_of_worker.close()


async def test_workers_that_die_again_and_again_end_the_hub(crew: Crew) -> None:
    """A key that can't be read: a reload is given up, and those that work go on; others are tried in a dead worker's
    place, and the worker that is left answers meanwhile; once there is none, the hub ends with an error."""
    shop, (card,) = await crew.shop("Left"), await crew.cards("left", 1)
    key = crew.hub.data_dir / "hub-key.pem"
    pem = key.read_bytes()
    died, (victim, last) = await crew.figure(DIED), crew.workers()
    try:
        key.write_bytes(b"no key")
        os.kill(crew.hub.pid, signal.SIGHUP)
        await until(lambda: len(crew.workers()) == 3)
        await until(lambda: len(crew.workers()) == 2)
        assert (crew.workers(), await crew.figure(DIED)) == ({victim, last}, died)
        os.kill(victim, signal.SIGKILL)
        while await crew.figure(DIED) < died + EARLY_DEATHS_MAX + 2:  # noqa: ASYNC110
            await asyncio.sleep(PAUSE_S)
        assert (await crew.send_until_answered(shop, message(card))).result["verdict"] == "booked"
        os.kill(last, signal.SIGKILL)
        assert await crew.hub.ended() == 1
    finally:
        key.write_bytes(pem)


async def test_a_port_that_another_hub_has_is_refused() -> None:
    """Sockets that share a port would share it with strangers too."""
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingError, match=f"can not listen on 127.0.0.1 port {port}: Address already in use"):
            bind_shared("127.0.0.1", port, count=2)


def message(card: str) -> bytes:
    return json.dumps({"operations": [operation("earn", card, points=1)]}).encode()


def is_to(writer: asyncio.StreamWriter, connection: Any) -> bool:
    """Say whether a connection of another process is the other end of ours."""
    ours: object = writer.get_extra_info("sockname")
    return (connection.raddr.ip, connection.raddr.port) == ours


def connections_of(pid: int) -> list[Any]:
    return [one for one in psutil.Process(pid).net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED]
