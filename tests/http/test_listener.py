"""Connections that send no request, and more of them than the hub holds."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from coalition.cli.listening import bind_shared
from coalition.http.app import answer_errors, make_runner
from coalition.http.listener import SILENT, Listener, Silent

CONNECTIONS_MAX = 5
REQUEST = b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n"

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server that answers "here", with the hub's door and a short patience."""

    async def here(_: web.Request) -> web.Response:
        return web.Response(text="here")

    app = web.Application(middlewares=[answer_errors])
    app[SILENT] = Silent()
    app.router.add_get("/", here)
    runner = make_runner(app)
    await runner.setup()
    ((listening,),) = bind_shared("127.0.0.1", 0, count=1)
    listener = Listener(runner, listening, connections_max=CONNECTIONS_MAX, head_timeout_s=0.3)
    yield listening.getsockname()[1]
    listener.stop()
    await runner.cleanup()


async def ask(wire: Wire) -> bytes:
    """Send a request on a connection that stays; return the answer, empty when it was closed instead."""
    reader, writer = wire
    writer.write(REQUEST)
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        return head + (await reader.readexactly(4) if head.startswith(b"HTTP/1.1 200") else b"")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def test_a_connection_that_only_dribbles_is_closed(port: int) -> None:
    """Byte after byte of a head that never ends; who has sent a whole one meanwhile stays, also while he is silent."""
    silent, dribbling, good = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    assert (await ask(good)).endswith(b"here")
    reading = asyncio.create_task(dribbling[0].read())
    sent = 0
    while not reading.done():
        dribbling[1].write(REQUEST[sent % 20 : sent % 20 + 1])
        sent += 1
        await asyncio.wait([reading], timeout=0.02)

    assert isinstance(reading.exception(), ConnectionError) or reading.result() == b""
    assert await silent[0].read() == b""
    assert (await ask(good)).endswith(b"here")
    for _, writer in (silent, dribbling, good):
        writer.close()


async def test_more_connections_than_fit_are_told_so(port: int) -> None:
    """At once, with Retry-After; those that are open go on, and when one ends another fits."""
    wires = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS_MAX)]
    answers = await asyncio.gather(*map(ask, wires))
    assert {answer[-4:] for answer in answers} == {b"here"}
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    refused = await reader.read()
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nRetry-After: 1\r\n" in refused
    writer.close()

    answers = await asyncio.gather(*map(ask, wires))
    assert {answer[-4:] for answer in answers} == {b"here"}
    wires[0][1].close()
    answer = b""
    while not answer.endswith(b"here"):
        wires[0][1].close()
        wires[0] = await asyncio.open_connection("127.0.0.1", port)
        answer = await ask(wires[0])
    for _, writer in wires:
        writer.close()
