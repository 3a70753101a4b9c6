"""What is no HTTP, and what two readers may take for two things."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from coalition.cli.listening import address_of, listen
from coalition.http.app import answer_errors, make_runner
from coalition.http.listener import SILENT, Silent
from coalition.http.metrics import build_metrics_app
from coalition.http.partner_calls import BODY_PATIENCE, read_body
from coalition.http.runner import Runner

CHUNKED = b"POST / HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n"
NEXT = b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n"
MALFORMED = {
    "no request": b"GARBAGE\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00",
    "header too long": b"GET / HTTP/1.1\r\nHost: hub\r\nX: " + 9_000 * b"x" + b"\r\n\r\n",
    "too many headers": b"GET / HTTP/1.1\r\nHost: hub\r\n" + 200 * b"X: x\r\n" + b"\r\n",
    "header's name": b"GET / HTTP/1.1\r\nHost: hub\r\nX y: 1\r\n\r\n",
    "header's value": b"GET / HTTP/1.1\r\nHost: hub\r\nX: a\x00b\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: hub\r\nHost: other\r\n\r\n",
    "line ends without CR": b"GET / HTTP/1.1\nHost: hub\n\n",
    "bad chunk": CHUNKED + b"\r\nzz\r\nabc\r\n0\r\n\r\n" + NEXT,
    "two lengths": b"POST / HTTP/1.1\r\nHost: hub\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde" + NEXT,
    "length and chunks": CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n" + NEXT,
    "chunks, then more": CHUNKED + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n" + NEXT,
    "space before colon": b"POST / HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + NEXT,
}


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server with the hub's door that answers how many bytes came."""

    async def count(request: web.Request) -> web.Response:
        return web.Response(text=str(len(await read_body(request))))

    app = web.Application(middlewares=[answer_errors])
    app[SILENT], app[BODY_PATIENCE] = Silent(), 0.2
    app.router.add_route("*", "/", count)
    async for port in port_of(make_runner(app, linger_s=0.1)):
        yield port


@pytest.fixture
async def metrics_port() -> AsyncIterator[int]:
    async for port in port_of(Runner(build_metrics_app(CollectorRegistry()), shutdown_timeout=1, access_log=None)):
        yield port


async def port_of(runner: Runner) -> AsyncIterator[int]:
    await runner.setup()
    await listen(runner, "127.0.0.1", 0)
    assert address_of(runner.addresses[0]).startswith("http://127.0.0.1:")
    yield runner.addresses[0][1]
    await runner.cleanup()


async def sent(port: int, *parts: bytes) -> bytes:
    """Send parts, each once the one before has been read; return all that is answered until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
        await writer.drain()
        for _ in range(20):
            await asyncio.sleep(0)
    async with asyncio.timeout(30):
        answered = await reader.read()
    writer.close()
    return answered


@pytest.mark.parametrize("what", MALFORMED)
async def test_what_is_no_http_is_refused_as_all_that_is_refused(port: int, what: str) -> None:
    """Once, for the connection ends with it: nothing after it is taken for a request. No version is named, and a line
    of the log says it without a traceback."""
    with capture_logs() as logged:
        head, _, body = (await sent(port, MALFORMED[what])).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 400 ")
    assert b"Content-Type: application/problem+json\r\n" in head
    assert [line for line in head.split(b"\r\n") if line.startswith(b"Server:")] == [b"Server: coalition"]
    problem = json.loads(body)
    assert (problem["code"], problem["retryable"]) == ("http_malformed", False)
    assert [(entry["event"], entry["request_id"]) for entry in logged] == [("http.refused", problem["request_id"])]


async def test_a_body_that_breaks_off_in_its_chunks_is_answered_once(port: int) -> None:
    """The request is under way by then; a second answer would be taken for that of the next."""
    answered = await sent(port, CHUNKED + b"\r\n3\r\nabc\r\n", b"zz\r\n", NEXT)
    assert answered.startswith(b"HTTP/1.1 408 ")
    assert answered.count(b"HTTP/1.") == 1


async def test_what_is_sent_into_a_tunnel_that_nobody_opened_is_no_request(port: int) -> None:
    """A proxy before the hub may take it for the body, and would give its answer to whoever asks next."""
    tunnel = f"CONNECT hub:80 HTTP/1.1\r\nHost: hub\r\nContent-Length: {len(NEXT)}\r\n\r\n".encode()
    answered = await sent(port, tunnel, NEXT)
    assert answered.startswith(b"HTTP/1.1 404 ")
    assert answered.count(b"HTTP/1.") == 1


async def test_the_port_of_figures_names_no_version(metrics_port: int) -> None:
    good = await sent(metrics_port, b"GET /metrics HTTP/1.0\r\n\r\n")
    assert good.startswith(b"HTTP/1.0 200 ")
    for answer in (
        good,
        await sent(metrics_port, b"GET /nothing HTTP/1.0\r\n\r\n"),
        await sent(metrics_port, b"?\r\n"),
    ):
        assert b"aiohttp" not in answer
        assert b"Python" not in answer
