"""Two hubs over one database, one of them of two workers: what they must agree on is agreed on there."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import psutil
import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from coalition.database.embedded import EmbeddedPostgres
from coalition.database.migrate import ProgrammeSettings, migrate
from tests.faults.conftest import PAUSE_S, FaultyWorld, HubProcess
from tests.faults.test_killed_hub import MESSAGES, OPERATIONS, SHOPS, faults_during, replay, results_of
from tests.faults.test_workers import is_worker
from tests.shop import Answered, Shop

ATTEMPTS_MAX = 600
KILLS_EVERY = 120


@dataclass
class TwoHubs(FaultyWorld):
    """Shops that send to whichever hub is next, and every third message to both at once."""

    other: HubProcess = field(kw_only=True)
    _numbers: "count[int]" = field(default_factory=count)

    async def send_until_answered(self, shop: Shop, body: bytes) -> Answered:
        number = next(self._numbers)
        if number % 3:
            return await self._ask_around(shop, body, first=number)
        one, two = await asyncio.gather(*(self._ask_around(shop, body, first=first) for first in (0, 1)))
        assert one.body == two.body
        return one

    async def _ask_around(self, shop: Shop, body: bytes, *, first: int) -> Answered:
        for attempt in range(first, first + ATTEMPTS_MAX):
            hub = (self.hub, self.other)[attempt % 2]
            try:
                answer = await replace(shop, authority=hub.authority).post(body)
            except (ClientError, OSError, TimeoutError):
                await asyncio.sleep(PAUSE_S)
                continue
            if answer.status == 200:
                return answer
            assert (answer.status, answer.document["retryable"]) == (503, True), answer.body
        raise AssertionError(f"no answer after {ATTEMPTS_MAX} attempts")

    async def kill_hub_and_worker(self) -> None:
        """At the same moment: for a while one worker of three is left."""
        workers = [child for child in psutil.Process(self.hub.pid).children() if is_worker(child)]
        os.kill(workers[0].pid, signal.SIGKILL)
        await self.other.kill()
        await self.other.start()


@pytest.fixture
async def hubs(postgres: EmbeddedPostgres, data_root: Path) -> AsyncIterator[TwoHubs]:
    await migrate(postgres.url, ProgrammeSettings())
    first, second = HubProcess(data_root / "faults", flags=("--workers", "2")), HubProcess(data_root / "faults")
    try:
        await asyncio.gather(first.start(), second.start())
        async with ClientSession(timeout=ClientTimeout(total=30), connector=TCPConnector(force_close=True)) as session:
            yield TwoHubs(first, postgres, session, other=second)
    finally:
        await asyncio.gather(first.stop(), second.stop())


async def test_two_hubs_with_kills_lose_nothing_and_double_nothing(hubs: TwoHubs) -> None:
    """The same cards through both, some messages through both at once, kill -9 of a hub and of workers meanwhile: one
    answer for each operation, whoever gives it, and every sum of the books holds."""
    since = await hubs.booked()
    work = asyncio.ensure_future(replay(hubs, "hubs"))
    kills = await faults_during(hubs, work, hubs.kill_hub_and_worker, every=KILLS_EVERY)
    answers, _ = await work

    assert kills >= 1
    operations = SHOPS * MESSAGES * OPERATIONS
    await hubs.assert_nothing_lost_or_doubled(results_of(answers), operations=operations, since=since)
