"""A load generator that is cheaper than the hub: requests made to the byte beforehand, answers read for three things.

Many times what a hub can take has to be made on the same machine; a full HTTP client would take a core for it.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from random import Random
from typing import cast

import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.bench.generator import PATH, Prepare, SendClosed, SendOpen
from coalition.bench.workload import message_bodies
from coalition.signatures.keys import keyid_of
from coalition.signatures.sign import sign_request

CONNECTIONS_MAX = 4_000
ANSWER_TIMEOUT_S = 30.0
HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\nContent-Length: (\d+)", re.IGNORECASE)
RETRY_AFTER = re.compile(rb"\r\nRetry-After: (\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Came:
    """What came back. `accepted_ms` and `refused_ms` count from when a message was due; `failed`: no answer of 200 or
    503; `decided` are operations, booked or refused for good."""

    accepted_ms: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)
    retry_after_s: list[int] = field(default_factory=list)
    failed: int = 0
    decided: int = 0
    seconds: float = 0.0


class Till(asyncio.Protocol):
    """A connection; one request at a time."""

    def __init__(self) -> None:
        self._received = b""
        self._end = 0
        self._transport: asyncio.Transport
        self._answered: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._end and (head := self._received.find(HEAD_END)) >= 0:
            length = LENGTH.search(self._received, 0, head + 2)
            self._end = head + len(HEAD_END) + (int(length[1]) if length else 0)
        if self._end and len(self._received) >= self._end and self._answered and not self._answered.done():
            self._answered.set_result(self._received)

    def connection_lost(self, _: Exception | None) -> None:
        if self._answered and not self._answered.done():
            self._answered.set_exception(ConnectionResetError())

    async def ask(self, request: bytes) -> bytes:
        """Send a request; return the whole answer."""
        self._received, self._end = b"", 0
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await asyncio.wait_for(self._answered, ANSWER_TIMEOUT_S)

    @property
    def is_open(self) -> bool:
        return not self._transport.is_closing()

    def close(self) -> None:
        self._transport.close()


class Tills:
    """Connections to one server, as many as are asked at once."""

    def __init__(self, authority: str) -> None:
        host, _, port = authority.rpartition(":")
        self._address = host, int(port)
        self._idle: list[Till] = []
        self._slots = asyncio.Semaphore(CONNECTIONS_MAX)

    async def send(self, request: bytes, due_s: float, came: Came) -> None:
        """Send one message and count what comes of it."""
        try:
            async with self._slots:
                till = await self._till()
                answer = await till.ask(request)
            self._idle.append(till)
        except (OSError, TimeoutError):
            came.failed += 1
            return
        took_ms, status = (time.perf_counter() - due_s) * 1_000, answer[9:12]
        if status == b"200":
            came.accepted_ms.append(took_ms)
            came.decided += answer.count(b'"verdict":"')
        elif status == b"503" and (told := RETRY_AFTER.search(answer)):
            came.refused_ms.append(took_ms)
            came.retry_after_s.append(int(told[1]))
        else:
            came.failed += 1

    def close(self) -> None:
        for till in self._idle:
            till.close()

    async def _till(self) -> Till:
        while self._idle:
            till = self._idle.pop()
            if till.is_open:
                return till
        return await self._open()

    async def _open(self) -> Till:
        _, till = await asyncio.get_running_loop().create_connection(Till, *self._address)
        return till


def run_tills(parent: Connection, cards: Sequence[str], private_keys: Sequence[bytes]) -> None:
    """Obey the parent's commands, one at a time, until it hangs up. `private_keys` are raw, one a partner."""
    uvloop.run(_obey(parent, cards, [Ed25519PrivateKey.from_private_bytes(raw) for raw in private_keys]))


async def _obey(parent: Connection, cards: Sequence[str], keys: Sequence[Ed25519PrivateKey]) -> None:
    requests: list[bytes] = []
    authority = ""
    while True:
        try:
            command = await asyncio.to_thread(parent.recv)
        except EOFError:
            return
        if isinstance(command, Prepare):
            authority = command.authority
            bodies = message_bodies(command.workload, cards)
            requests = [_request(body, keys[index % len(keys)], authority) for index, body in enumerate(bodies)]
            parent.send(sum(len(request) for request in requests))
        else:
            parent.send(await _send(command, requests, authority))


def _request(body: bytes, key: Ed25519PrivateKey, authority: str) -> bytes:
    headers = sign_request(
        private_key=key,
        keyid=keyid_of(key.public_key()),
        method="POST",
        authority=authority,
        path=PATH,
        body=body,
        created_s=int(time.time()),
    )
    headers |= {"Host": authority, "Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {PATH} HTTP/1.1\r\n{lines}\r\n".encode() + body


async def _send(command: SendClosed | SendOpen, requests: Sequence[bytes], authority: str) -> Came:
    came, tills, started_s = Came(), Tills(authority), time.perf_counter()
    if isinstance(command, SendClosed):
        await _send_closed(tills, requests, command.in_flight, came)
    else:
        await _send_open(tills, requests, command.messages_per_s, came)
    came.seconds = time.perf_counter() - started_s
    tills.close()
    return came


async def _send_closed(tills: Tills, requests: Sequence[bytes], in_flight: int, came: Came) -> None:
    waiting = iter(requests)

    async def work() -> None:
        for request in waiting:
            await tills.send(request, time.perf_counter(), came)

    await asyncio.gather(*(work() for _ in range(in_flight)))


async def _send_open(tills: Tills, requests: Sequence[bytes], messages_per_s: float, came: Came) -> None:
    random = Random(len(requests))
    due_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for request in requests:
            due_s += random.expovariate(messages_per_s)
            if (pause_s := due_s - time.perf_counter()) > 0:
                await asyncio.sleep(pause_s)
            group.create_task(tills.send(request, due_s, came))
