"""The load generator, a process of its own: makes and signs requests beforehand, sends them, counts the answers.

Closed loop: a fixed number of messages wait for their answers at any time; gives the throughput.
Open loop: messages are sent when they are due, whatever came back; a message's time counts from when it was due, so
that a hub which stands still for a moment is charged for everything that it kept waiting.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from random import Random
from typing import Any

import aiohttp
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.bench.workload import Workload, message_bodies, read_cards
from coalition.signatures.keys import keyid_of
from coalition.signatures.sign import sign_request

PATH = "/v1/messages"
PATH_OF_CARD = "/v1/cards/"
CONNECTIONS_MAX = 512
TIMEOUT_S = 30.0
SAMPLES = 8


@dataclass(frozen=True, slots=True)
class Prepare:
    """Make a workload's messages and sign them for one server; answered with the bytes made."""

    workload: Workload
    authority: str


@dataclass(frozen=True, slots=True)
class PrepareReads:
    """Sign that many reads of balances for one server, of cards drawn evenly; answered with the reads made."""

    number: int
    reads: int
    authority: str


@dataclass(frozen=True, slots=True)
class SendClosed:
    """Send what was prepared, `in_flight` at a time; answered with Sent."""

    in_flight: int


@dataclass(frozen=True, slots=True)
class SendOpen:
    """Send what was prepared at a mean rate, with the random gaps of independent tills; answered with Sent."""

    messages_per_s: float


@dataclass(frozen=True, slots=True)
class Signed:
    """A request that is ready to be sent."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer, to be looked at after the clock has stopped."""

    authority: str
    request: Signed
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Sent:
    """What came back. `dropped` counts messages without an answer of 200; `refused` and `booked` are operations."""

    messages: int = 0
    booked: int = 0
    refused: int = 0
    dropped: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    samples: list[Exchange] = field(default_factory=list)


def run_generator(parent: Connection, cards: Sequence[str], private_keys: Sequence[bytes]) -> None:
    """Obey the parent's commands, one at a time, until it hangs up. `private_keys` are raw, one a partner."""
    uvloop.run(_obey(parent, cards, [Ed25519PrivateKey.from_private_bytes(raw) for raw in private_keys]))


async def _obey(parent: Connection, cards: Sequence[str], keys: Sequence[Ed25519PrivateKey]) -> None:
    messages: list[Signed] = []
    authority = ""
    while True:
        try:
            command = await asyncio.to_thread(parent.recv)
        except EOFError:
            return
        if isinstance(command, Prepare):
            authority = command.authority
            asked = [("POST", PATH, body) for body in message_bodies(command.workload, cards)]
            messages = _signed(asked, authority, keys)
            parent.send(sum(len(message.body) for message in messages))
        elif isinstance(command, PrepareReads):
            authority = command.authority
            read = read_cards(cards, number=command.number, reads=command.reads)
            messages = _signed([("GET", PATH_OF_CARD + card, b"") for card in read], authority, keys)
            parent.send(len(messages))
        else:
            parent.send(await _send(command, messages, authority))


def _signed(asked: Sequence[tuple[str, str, bytes]], authority: str, keys: Sequence[Ed25519PrivateKey]) -> list[Signed]:
    keyids = [keyid_of(key.public_key()) for key in keys]
    created_s = int(time.time())
    requests = []
    for index, (method, path, body) in enumerate(asked):
        partner = index % len(keys)
        headers = sign_request(
            private_key=keys[partner],
            keyid=keyids[partner],
            method=method,
            authority=authority,
            path=path,
            body=body,
            created_s=created_s,
        )
        content = {"Content-Type": "application/json"} if body else {}
        requests.append(Signed(method, path, body, content | headers))
    return requests


async def _send(command: SendClosed | SendOpen, messages: Sequence[Signed], authority: str) -> Sent:
    sent = Sent()
    connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session:
        exchange = _exchange(session, authority, sent, sample_every=max(len(messages) // SAMPLES, 1))
        cpu_before_s, started_s = time.process_time(), time.perf_counter()
        if isinstance(command, SendClosed):
            await _send_closed(exchange, messages, command.in_flight)
        else:
            await _send_open(exchange, messages, command.messages_per_s)
        sent.seconds = time.perf_counter() - started_s
        sent.cpu_s = time.process_time() - cpu_before_s
    return sent


Exchanging = Callable[[Signed, float], Coroutine[Any, Any, None]]


def _exchange(session: aiohttp.ClientSession, authority: str, sent: Sent, *, sample_every: int) -> Exchanging:
    server = f"http://{authority}"

    async def exchange(message: Signed, due_s: float) -> None:
        try:
            async with session.request(
                message.method, server + message.path, data=message.body or None, headers=message.headers
            ) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError):
            sent.dropped += 1
            return
        sent.latencies_ms.append((time.perf_counter() - due_s) * 1000)
        sent.messages += 1
        if response.status != 200:
            sent.dropped += 1
        sent.booked += body.count(b'"verdict":"booked"')
        sent.refused += body.count(b'"verdict":"refused"')
        if sent.messages % sample_every == 0 or (response.status != 200 and len(sent.samples) < SAMPLES):
            headers = {
                name: response.headers.get(name, "") for name in ("Content-Digest", "Signature-Input", "Signature")
            }
            sent.samples.append(Exchange(authority, message, response.status, headers, body))

    return exchange


async def _send_closed(exchange: Exchanging, messages: Sequence[Signed], in_flight: int) -> None:
    waiting = iter(messages)

    async def work() -> None:
        for message in waiting:
            await exchange(message, time.perf_counter())

    await asyncio.gather(*(work() for _ in range(in_flight)))


async def _send_open(exchange: Exchanging, messages: Sequence[Signed], messages_per_s: float) -> None:
    random = Random(len(messages))
    due_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for message in messages:
            due_s += random.expovariate(messages_per_s)
            if (pause_s := due_s - time.perf_counter()) > 0:
                await asyncio.sleep(pause_s)
            group.create_task(exchange(message, due_s))
