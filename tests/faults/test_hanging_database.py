"""Who hangs while others wait: a database that takes statements and gives no answer; a hub that holds a lane's lock."""

import asyncio
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from coalition.database import pool as pools
from coalition.database.pool import open_pool
from coalition.http.routes import POOL
from coalition.http.service import get_ready
from coalition.lanes.database_retry import may_pass


class Hanging:
    """A proxy in front of PostgreSQL that passes on what it answers only while it `goes`."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path
        self.goes = asyncio.Event()
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        their_reader, their_writer = await asyncio.open_unix_connection(self._socket_path)
        there = asyncio.ensure_future(self._pass_on(reader, their_writer))
        back = asyncio.ensure_future(self._pass_on(their_reader, writer))
        await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
        there.cancel()
        back.cancel()
        await asyncio.gather(there, back, return_exceptions=True)
        for one in (their_writer, writer):
            one.close()
            with suppress(OSError):
                await one.wait_closed()
        self.ended.set()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while passed := await reader.read(65_536):
            await self.goes.wait()
            writer.write(passed)


async def test_a_hub_whose_database_hangs_says_so_each_time(database_url: str) -> None:
    """Whoever asks has an answer, however many asked before: none waits for a connection that waits itself."""
    address = urlsplit(database_url)
    hanging = Hanging(f"{parse_qs(address.query)['host'][0]}/.s.PGSQL.5432")
    hanging.goes.set()
    server = await asyncio.start_server(hanging.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"postgresql://{address.username}:{address.password}@127.0.0.1:{port}{address.path}"
    async with await open_pool(url, size_max=2) as pool:
        app = web.Application()
        app[POOL] = pool
        app.router.add_get("/readyz", get_ready)
        async with TestClient(TestServer(app)) as client:

            async def told() -> int:
                async with client.get("/readyz") as answer:
                    return answer.status

            assert await told() == 200
            hanging.goes.clear()
            async with asyncio.timeout(30):
                assert await asyncio.gather(*(told() for _ in range(5))) == [503] * 5
                hanging.goes.set()
                while await told() != 200:
                    pass
    await hanging.ended.wait()
    server.close()
    await server.wait_closed()


async def test_a_hub_that_stopped_in_a_transaction_loses_its_lane(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database ends its transaction, another hub books on; it tries again itself when it goes on."""
    monkeypatch.setattr(pools, "PAUSE_IN_TRANSACTION_S", 1)
    async with (
        await open_pool(database_url, size_max=2) as pool,
        pool.acquire() as stopped,
        pool.acquire() as other,
    ):
        await stopped.execute("BEGIN")
        assert await stopped.fetchval("SELECT lane FROM lane WHERE lane = 1 FOR UPDATE") == 1
        assert await other.fetchval("SELECT lane FROM lane WHERE lane = 1 FOR UPDATE") == 1
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)) as ended:
            await stopped.fetchval("SELECT 1")
        assert may_pass(ended.value)
