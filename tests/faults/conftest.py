"""A hub in a process of its own over a PostgreSQL of its own, both to be killed at will."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout

from coalition.database.embedded import EmbeddedPostgres
from coalition.database.migrate import ProgrammeSettings, migrate
from coalition.database.pool import Pool, open_pool
from coalition.operations.add_members import NewMember, add_members
from coalition.operations.check_sums import check_sums
from coalition.operations.manage_partner import FirstTerms, add_partner
from coalition.signatures.keys import public_key_pem
from tests.http.conftest import hub  # noqa: F401
from tests.shop import Answered, Shop

ATTEMPTS_MAX = 600
PAUSE_S = 0.05
READY = "coalition is ready at http://"


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class HubProcess:
    """`coalition serve` in a process of its own; after a kill it comes back at the same address."""

    data_dir: Path
    flags: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    authority: str = "127.0.0.1:0"
    _process: Process | None = None

    async def start(self) -> None:
        """Return when the hub says that it is ready."""
        port = self.authority.rpartition(":")[2]
        # Its log goes where pytest shows it for a test that fails.
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "coalition", "serve", "--port", port, "--data-dir", str(self.data_dir)),
            *self.flags,
            env={**os.environ, **self.environment},
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        line = (await self._process.stdout.readline()).decode().strip()
        assert line.startswith(READY), line
        self.authority = line.removeprefix(READY)

    @property
    def is_running(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def ended(self) -> int:
        """Wait until it has ended by itself; return its exit code."""
        assert self._process is not None
        await self._process.communicate()
        exit_code, self._process = self._process.returncode, None
        assert exit_code is not None
        return exit_code

    async def kill(self) -> None:
        """As the kernel does when memory runs out: no word, no clean-up."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    async def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            await self._process.communicate()
            self._process = None


@dataclass
class FaultyWorld:
    """A hub, its database, and shops that don't give up."""

    hub: HubProcess
    postgres: EmbeddedPostgres
    session: ClientSession

    async def shop(self, name: str, **rights: Any) -> Shop:
        shop = Shop(self.session, self.hub.authority, name)
        pem = public_key_pem(shop.private_key.public_key())
        pool = await open_pool(self.postgres.url, size_max=4)
        await add_partner(pool, name=name, key_pem=pem, terms=FirstTerms(), now=now(), actor="test", **rights)
        await pool.close()
        return shop

    async def cards(self, prefix: str, count: int) -> list[str]:
        members = [NewMember(f"{prefix}{number}@shop.example", "A member") for number in range(count)]
        pool = await open_pool(self.postgres.url, size_max=4)
        opened = await add_members(pool, members, now=now())
        await pool.close()
        return [account.card for account in opened]

    async def send_until_answered(self, shop: Shop, body: bytes) -> Answered:
        """Send the same bytes until the hub answers them; whatever else happens may be repeated by the protocol."""
        for _ in range(ATTEMPTS_MAX):
            try:
                answer = await shop.post(body)
            except (ClientError, OSError, TimeoutError):
                await asyncio.sleep(PAUSE_S)
                continue
            if answer.status == 200:
                return answer
            assert answer.document["retryable"], answer.body
            assert answer.status == 503, answer.body
            await asyncio.sleep(PAUSE_S)
        raise AssertionError(f"no answer after {ATTEMPTS_MAX} attempts")

    async def assert_nothing_lost_or_doubled(self, results: list[bytes], *, operations: int, since: int) -> None:
        """Every answer is what the journal keeps, each operation is in it once, and every sum of the domain holds."""
        pool = await open_pool(self.postgres.url, size_max=4)
        journal = await self.journal(pool)
        report = await check_sums(pool)
        await pool.close()
        assert len(journal) - since == operations
        assert {result.encode() for result in journal[-operations:]} == set(results)
        assert [finding for finding in report.findings if finding.broken] == []

    async def journal(self, pool: Pool) -> list[str]:
        """Return all results, as they were written."""
        return [row[0] for row in await pool.fetch("SELECT result FROM journal ORDER BY booked_at, lane, leaf")]

    async def booked(self) -> int:
        """Return how many records the journal has."""
        pool = await open_pool(self.postgres.url, size_max=4)
        records: int = await pool.fetchval("SELECT count(*) FROM journal")
        await pool.close()
        return records

    async def until_back(self) -> None:
        """Wait until somebody has started the database again."""
        for _ in range(ATTEMPTS_MAX):
            try:
                await self.booked()
            except (OSError, asyncpg.PostgresError):
                await asyncio.sleep(PAUSE_S)
            else:
                return
        raise AssertionError("nobody has started the database again")


@pytest.fixture(scope="session")
def postgres(data_root: Path) -> Iterator[EmbeddedPostgres]:
    """A server for these tests alone, since they stop it."""
    with EmbeddedPostgres(data_root / "faults") as server:
        yield server


@pytest.fixture
async def world(postgres: EmbeddedPostgres, data_root: Path) -> AsyncIterator[FaultyWorld]:
    await migrate(postgres.url, ProgrammeSettings())
    process = HubProcess(data_root / "faults")
    await process.start()
    async with ClientSession(timeout=ClientTimeout(total=30)) as session:
        yield FaultyWorld(process, postgres, session)
    await process.stop()
