"""A connection lost during COMMIT: the database has booked, the hub did not hear of it, and nothing is booked twice."""

import asyncio
import json
from random import Random
from urllib.parse import parse_qs, urlsplit

from coalition.database.pool import Pool, open_pool
from coalition.operations.check_sums import check_sums
from tests.database.lane_books import new_cards, new_partners, open_hub
from tests.faults.test_killed_hub import purchases

COMMIT = b"COMMIT"


class CommitCutter:
    """A proxy in front of PostgreSQL that lets a COMMIT through, waits until it is done, and cuts the connection
    before the answer comes back; so many times as `cuts` says."""

    def __init__(self, socket_path: str, cuts: int) -> None:
        self._socket_path = socket_path
        self.cuts_left = cuts

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        their_reader, their_writer = await asyncio.open_unix_connection(self._socket_path)
        is_cut = asyncio.Event()
        there = asyncio.ensure_future(self._forward(reader, their_writer, is_cut))
        back = asyncio.ensure_future(self._answer(their_reader, writer, is_cut))
        await asyncio.wait([there, back], return_when=asyncio.FIRST_COMPLETED)
        there.cancel()
        back.cancel()
        await asyncio.gather(there, back, return_exceptions=True)
        their_writer.close()
        writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_cut: asyncio.Event) -> None:
        while sent := await reader.read(65_536):
            if COMMIT in sent and self.cuts_left:
                self.cuts_left -= 1
                is_cut.set()
            writer.write(sent)
            await writer.drain()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_cut: asyncio.Event) -> None:
        while answered := await reader.read(65_536):
            if is_cut.is_set():
                # PostgreSQL has answered: it is committed, and nobody will know.
                return
            writer.write(answered)
            await writer.drain()


async def test_commits_that_nobody_heard_of_count_once(pool: Pool, database_url: str) -> None:
    """The batch is looked up, not repeated blindly; answers are the journal's."""
    address = urlsplit(database_url)
    cutter = CommitCutter(f"{parse_qs(address.query)['host'][0]}/.s.PGSQL.5432", cuts=6)
    server = await asyncio.start_server(cutter.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    (partner,), cards = await new_partners(pool, "Bakery"), await new_cards(pool, 6)
    cut_url = f"postgresql://{address.username}:{address.password}@127.0.0.1:{port}{address.path}"
    async with server, await open_pool(cut_url) as cut_pool, open_hub(cut_pool) as hub:
        answers = await asyncio.gather(*(hub.send(partner, *purchases(Random(number), cards)) for number in range(20)))

    assert cutter.cuts_left == 0
    results = [result for results in answers for result in results]
    assert {row[0] for row in await pool.fetch("SELECT result FROM journal")} == set(results)
    assert await pool.fetchval("SELECT count(*) FROM journal") == len(results) == 200
    assert all(json.loads(result)["id"] for result in results)
    report = await check_sums(pool)
    assert [finding for finding in report.findings if finding.broken] == []
