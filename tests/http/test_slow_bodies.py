"""Bodies of signed requests that come byte by byte, or never: they keep nobody else from being served."""

import asyncio
import json
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp import ClientSession
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.cli.listening import bind_shared
from coalition.database.pool import Pool
from coalition.http.app import build_app, make_runner
from coalition.http.hub_key import load_signer
from coalition.http.listener import Listener
from coalition.lanes.clearing import Clearing
from coalition.signatures.sign import sign_request
from tests.http.conftest import Clock, RunningHub
from tests.shop import Shop

CONNECTIONS_MAX = 8
RESET = struct.pack("ii", 1, 0)

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def hub(pool: Pool, tmp_path: Path) -> AsyncIterator[RunningHub]:
    """A hub with room for few connections, and little patience."""
    clock = Clock()
    clearing = Clearing(pool, clock=clock)
    app = build_app(clearing, load_signer(tmp_path / "hub-key.pem"), body_timeout_s=0.5)
    runner = make_runner(app, linger_s=0.1)
    await runner.setup()
    ((listening,),) = bind_shared("127.0.0.1", 0, count=1)
    listener = Listener(runner, listening, connections_max=CONNECTIONS_MAX)
    host, port = listening.getsockname()
    async with ClientSession() as session:
        yield RunningHub(f"{host}:{port}", pool, session, clearing, clock)
    listener.stop()
    await runner.cleanup()


async def begin(
    shop: Shop, body: bytes, *, private_key: Ed25519PrivateKey | None = None, expect: str | None = None
) -> Wire:
    """Send the signed head of a message and none of its body; `private_key` None: the shop's own."""
    signed = sign_request(
        private_key=private_key or shop.private_key,
        keyid=shop.keyid,
        method="POST",
        authority=shop.authority,
        path="/v1/messages",
        query="?",
        body=body,
        created_s=int(shop.clock().timestamp()),
    )
    sent = {"Host": shop.authority, "Content-Type": "application/json", "Content-Length": str(len(body)), **signed}
    sent |= {} if expect is None else {"Expect": expect}
    head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    reader, writer = await asyncio.open_connection(*shop.authority.split(":"))
    writer.write(f"POST /v1/messages HTTP/1.1\r\n{head}\r\n".encode())
    return reader, writer


async def dribble(wire: Wire, body: bytes) -> tuple[bytes, Any]:
    """Send a body byte by byte until the hub answers, wait until it closes the connection; return the answer."""
    reader, writer = wire
    answering = asyncio.create_task(read_answer(reader))
    for sent in range(len(body)):
        writer.write(body[sent : sent + 1])
        await asyncio.wait([answering], timeout=0.05)
        if answering.done():
            break
    answer = await answering
    with suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()
    return answer


async def read_answer(reader: asyncio.StreamReader) -> tuple[bytes, Any]:
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = re.findall(rb"Content-Length: ([0-9]+)", head)
    return head, json.loads(await reader.readexactly(int(length)))


async def earn_as_soon_as_served(shop: Shop, card: str) -> None:
    async with asyncio.timeout(30):
        while (await shop.get(f"/v1/cards/{card}")).status == 503:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert (await shop.earn(card, 5))["verdict"] == "booked"


async def test_bodies_that_dribble_are_told_so_and_give_their_connections_back(hub: RunningHub) -> None:
    """Nothing of them is booked, who has a connection is served meanwhile, and who found none is as soon as they are
    gone. The same again may pass, and is marked so."""
    slow, other, card = await hub.shop("Slow"), await hub.shop("Other"), await hub.card()
    await earn_as_soon_as_served(other, card)
    body = json.dumps({"operations": [slow.operation("earn", card, points=7)]}).encode().ljust(5_000)
    # The session's own connection is one of those that fit.
    wires = [await begin(slow, body) for _ in range(CONNECTIONS_MAX - 1)]
    dribbling = [asyncio.create_task(dribble(wire, body)) for wire in wires]
    await earn_as_soon_as_served(other, card)
    async with ClientSession() as session:
        stranger = Shop(session, hub.authority, private_key=other.private_key)
        await earn_as_soon_as_served(stranger, card)

    for head, problem in await asyncio.gather(*dribbling):
        assert head.startswith(b"HTTP/1.1 408 ")
        assert b"\r\nConnection: close" in head
        assert (problem["code"], problem["retryable"]) == ("body_too_slow", True)
        assert problem["detail"] == "The body did not arrive within 0.5 s."
    assert (await other.get(f"/v1/cards/{card}")).document["balance"] == 15
    assert (await slow.post(body)).result["balance"] == 22


@pytest.mark.parametrize("ending", ["closed", "reset"])
async def test_a_client_that_disappears_in_the_middle_of_its_body_leaves_nothing(hub: RunningHub, ending: str) -> None:
    """No bug is logged, nothing is booked, and the connection is free at once: so many come one after the other."""
    shop, card = await hub.shop(), await hub.card()
    body = json.dumps({"operations": [shop.operation("earn", card, points=7)]}).encode()
    with structlog.testing.capture_logs() as logged:
        for _ in range(2 * CONNECTIONS_MAX):
            _, writer = await begin(shop, body)
            writer.write(body[:-1])
            await writer.drain()
            if ending == "reset":
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                writer.transport.abort()
            writer.close()
            await earn_as_soon_as_served(shop, card)
    assert {entry.get("code") for entry in logged if entry["event"].startswith("http.")} <= {"body_cut_off"}
    assert (await shop.get(f"/v1/cards/{card}")).document["balance"] == 2 * CONNECTIONS_MAX * 5


async def test_a_strangers_body_is_not_waited_for(hub: RunningHub) -> None:
    """Whose key nobody registered is refused by his head alone, and so is who knows no more of a key than its id."""
    body = b"{}".ljust(5_000)
    shop, stranger = await hub.shop(), Shop(hub.session, hub.authority, "Stranger")
    wires = [await begin(stranger, body), await begin(shop, body, private_key=stranger.private_key)]
    for (reader, writer), code in zip(wires, ("key_unknown", "signature_wrong"), strict=True):
        head, problem = await read_answer(reader)
        assert head.startswith(b"HTTP/1.1 401 ")
        assert problem["code"] == code
        writer.close()


async def test_a_body_is_asked_for_once_its_head_is_verified(hub: RunningHub) -> None:
    """Who sends it only when asked, as curl does, is not asked by a hub that will not read it. Expectations that the
    hub does not know are none of its own."""
    shop, card = await hub.shop(), await hub.card()
    body = json.dumps({"operations": [shop.operation("earn", card, points=7)]}).encode()
    reader, writer = await begin(shop, body, private_key=Ed25519PrivateKey.generate(), expect="100-continue")
    head, problem = await read_answer(reader)
    assert (head[:13], problem["code"]) == (b"HTTP/1.1 401 ", "signature_wrong")
    assert b"\r\nConnection: close\r\n" in head
    writer.close()
    for expect, asked in (("100-Continue", [b"HTTP/1.1 100 Continue\r\n\r\n"]), ("tea", [])):
        reader, writer = await begin(shop, body, expect=expect)
        for line in asked:
            assert await reader.readuntil(b"\r\n\r\n") == line
        writer.write(body)
        head, answer = await read_answer(reader)
        assert (head[:13], answer["results"][0]["balance"]) == (b"HTTP/1.1 200 ", 7)
        writer.close()
