"""Connections that send no request, or only some of one, and more of them than the hub holds."""

import asyncio
import os
import resource
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from coalition.cli.listening import bind_shared
from coalition.http import app as http_app
from coalition.http import listener as listener_module
from coalition.http.app import answer_errors, make_runner
from coalition.http.listener import OTHER_FILES_MAX, SILENT, Listener, Silent, allow_files

CONNECTIONS_MAX = 5
# More than the kernel keeps for two ends of a connection.
MUCH = 50_000_000
REQUEST = b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n"

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def runner(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[web.AppRunner]:
    """A server that answers "here", with the hub's door and a short patience, a longer one for who was answered."""
    monkeypatch.setattr(http_app, "IDLE_TIMEOUT_S", 1.5)

    async def here(_: web.Request) -> web.Response:
        return web.Response(text="here")

    app = web.Application(middlewares=[answer_errors])
    app[SILENT] = Silent()

    async def much(_: web.Request) -> web.Response:
        return web.Response(body=bytes(MUCH))

    app.router.add_get("/", here)
    app.router.add_get("/much", much)
    runner = make_runner(app)
    await runner.setup()
    yield runner
    await runner.cleanup()


@pytest.fixture
async def port(runner: web.AppRunner) -> AsyncIterator[int]:
    ((listening,),) = bind_shared("127.0.0.1", 0, count=1)
    listener = Listener(runner, listening, connections_max=CONNECTIONS_MAX, head_timeout_s=0.3, unread_timeout_s=0.5)
    yield listening.getsockname()[1]
    listener.stop()


@contextmanager
def no_file_left() -> Iterator[None]:
    """Nothing can be opened within the block."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


async def ask(wire: Wire) -> bytes:
    """Send a request on a connection that stays; return the answer, empty when it was closed instead."""
    reader, writer = wire
    writer.write(REQUEST)
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        return head + (await reader.readexactly(4) if head.startswith(b"HTTP/1.1 200") else b"")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def dribble(wire: Wire) -> None:
    """Send byte after byte of a head that never ends, until the connection is closed."""
    reader, writer = wire
    reading = asyncio.create_task(reader.read())
    head = chain(REQUEST.removesuffix(b"\r\n") + b"X: ", repeat(ord("x")))
    while not reading.done():
        writer.write(bytes([next(head)]))
        await asyncio.wait([reading], timeout=0.02)
    assert isinstance(reading.exception(), ConnectionError) or reading.result() == b""


async def test_a_connection_that_only_dribbles_is_closed(port: int) -> None:
    """Also one that says nothing. Who has sent a whole head meanwhile stays, also while he is silent; but not for ever,
    and not by the beginning of another one."""
    silent, dribbling, good, answered = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
    assert (await ask(good)).endswith(b"here")
    assert (await ask(answered)).endswith(b"here")
    await dribble(dribbling)
    assert await silent[0].read() == b""
    assert (await ask(good)).endswith(b"here")

    async with asyncio.timeout(30):
        await dribble(answered)
        assert await good[0].read() == b""
    for _, writer in (silent, dribbling, good, answered):
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


async def test_as_many_as_come_at_one_moment_are_not_more_than_fit(port: int) -> None:
    wires = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(4 * CONNECTIONS_MAX)))
    answers = await asyncio.gather(*map(ask, wires))
    assert sum(answer.endswith(b"here") for answer in answers) == CONNECTIONS_MAX
    for _, writer in wires:
        writer.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels have no such clock")
async def test_who_takes_nothing_of_his_answer_gives_his_connection_back(port: int, runner: web.AppRunner) -> None:
    """Who takes it slowly gets all of it."""
    assert runner.server is not None
    with socket.create_connection(("127.0.0.1", port)) as idle:
        idle.sendall(REQUEST.replace(b"/", b"/much", 1))
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_000_000)
        writer.write(REQUEST.replace(b"/", b"/much", 1))
        await reader.readuntil(b"\r\n\r\n")
        left, pauses = MUCH, 0
        while left:
            left -= len(await reader.read(left))
            # Longer than the clock, but never for so long at one time.
            if (pauses := pauses + 1) < 10:
                await asyncio.sleep(0.1)
        writer.close()
        async with asyncio.timeout(10):
            while idle.getsockname() in [one.peername for one in runner.server.connections]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_those_that_are_being_opened_count(runner: web.AppRunner) -> None:
    """One that comes while the others are not with the server yet finds their places taken."""
    ((listening,),) = bind_shared("127.0.0.1", 0, count=1)
    listener = Listener(runner, listening, connections_max=CONNECTIONS_MAX)
    opened = [socket.create_connection(listening.getsockname()) for _ in range(CONNECTIONS_MAX)]
    # As the loop calls it at two turns, one right after the other.
    listener._accept()
    late = socket.create_connection(listening.getsockname(), timeout=10)
    listener._accept()
    assert late.recv(1_000).startswith(b"HTTP/1.1 503 ")
    wires = [await asyncio.open_connection(sock=one) for one in opened]
    assert {answer[-4:] for answer in await asyncio.gather(*map(ask, wires))} == {b"here"}
    for _, writer in wires:
        writer.close()
    late.close()
    listener.stop()


async def test_a_hub_without_a_file_left_takes_connections_when_it_has_one_again(port: int) -> None:
    """It says so once in a while, and those who came meanwhile wait; the kernel keeps them."""
    waiting = socket.create_connection(("127.0.0.1", port))
    with capture_logs() as logs, no_file_left():
        for _ in range(1_000):
            await asyncio.sleep(0)
    assert [log["event"] for log in logs] == ["http.not_accepting"]
    assert "Too many open files" in logs[0]["reason"]
    async with asyncio.timeout(30):
        wire = await asyncio.open_connection(sock=waiting)
        assert (await ask(wire)).endswith(b"here")
    wire[1].close()


async def test_who_stops_while_no_file_is_left_does_not_listen_again(
    runner: web.AppRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener_module, "PAUSE_S", 0.05)
    ((listening,),) = bind_shared("127.0.0.1", 0, count=1)
    address = listening.getsockname()
    listener = Listener(runner, listening, connections_max=CONNECTIONS_MAX)
    loop, faults = asyncio.get_running_loop(), list[dict[str, Any]]()
    monkeypatch.setattr(loop, "_exception_handler", lambda _, context: faults.append(context))
    with socket.create_connection(address), no_file_left(), capture_logs() as logs:
        while not logs:  # noqa: ASYNC110
            await asyncio.sleep(0)
        listener.stop()
    await asyncio.sleep(0.1)
    assert faults == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


def test_the_limit_of_files_is_raised_to_what_connections_need_and_never_lowered() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1_000, hard))
        limits = []
        for connections_max in (900, 10, 10**9 if hard != resource.RLIM_INFINITY else 1_000):
            allow_files(connections_max)
            limits.append(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert limits[:2] == [900 + OTHER_FILES_MAX] * 2
    assert limits[2] == (hard if hard != resource.RLIM_INFINITY else 1_000 + OTHER_FILES_MAX)
