"""The load generator, a process of its own: makes and signs requests beforehand, sends them, counts the answers.

Closed loop: a fixed number of messages wait for their answers at any time; gives the throughput.
Open loop: messages are sent when they are due, whatever came back; a message's time counts from when it was due, so
that a hub which stands still for a moment is charged for everything that it kept waiting.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from random import Random

import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.bench.tills import HEAD_END, Tills
from coalition.bench.workload import Workload, message_bodies, read_cards
from coalition.signatures.keys import keyid_of
from coalition.signatures.sign import sign_request

PATH = "/v1/messages"
PATH_OF_CARD = "/v1/cards/"
SAMPLES = 8
# HTTP/1.1 200 OK
STATUS = slice(9, 12)
RETRY_AFTER = re.compile(rb"\r\nRetry-After: (\d+)", re.IGNORECASE)


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
    """A request that is ready to be sent; `head` is its first line and headers, to the byte."""

    method: str
    path: str
    body: bytes
    headers: dict[str, str]
    head: bytes


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
    """What came back. `latencies_ms` are of messages answered with 200, `turned_away_ms` of those answered with 503,
    which were told `retry_after_s`; `failed` had neither answer. `booked` and `refused` are operations."""

    latencies_ms: list[float] = field(default_factory=list)
    turned_away_ms: list[float] = field(default_factory=list)
    retry_after_s: list[int] = field(default_factory=list)
    failed: int = 0
    booked: int = 0
    refused: int = 0
    seconds: float = 0.0
    samples: list[Exchange] = field(default_factory=list)

    @property
    def messages(self) -> int:
        """Those answered with 200."""
        return len(self.latencies_ms)

    @property
    def dropped(self) -> int:
        """Messages without an answer of 200."""
        return self.failed + len(self.turned_away_ms)


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
        if body:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"{method} {path} HTTP/1.1\r\nHost: {authority}\r\n{lines}\r\n".encode()
        requests.append(Signed(method, path, body, headers, head))
    return requests


async def _send(command: SendClosed | SendOpen, messages: Sequence[Signed], authority: str) -> Sent:
    sending = _Sending(authority, sample_every=max(len(messages) // SAMPLES, 1))
    started_s = time.perf_counter()
    if isinstance(command, SendClosed):
        await _send_closed(sending, messages, command.in_flight)
    else:
        await _send_open(sending, messages, command.messages_per_s)
    sent = sending.sent
    sent.seconds = time.perf_counter() - started_s
    sending.close()
    return sent


class _Sending:
    """Sends messages to one server and counts what comes back; of the answers it keeps a sample."""

    def __init__(self, authority: str, *, sample_every: int) -> None:
        self.sent = Sent()
        self._authority = authority
        self._tills = Tills(authority)
        self._sample_every = sample_every
        self._sampled: list[tuple[Signed, bytes]] = []

    async def send(self, message: Signed, due_s: float) -> None:
        """Send one message, and count what comes of it; its time counts from when it was due."""
        sent = self.sent
        try:
            answer = await self._tills.ask(message.head, message.body)
        except OSError:
            sent.failed += 1
            return
        took_ms, status = (time.perf_counter() - due_s) * 1_000, answer[STATUS]
        if status == b"200":
            sent.latencies_ms.append(took_ms)
            sent.booked += answer.count(b'"verdict":"booked"')
            sent.refused += answer.count(b'"verdict":"refused"')
        elif status == b"503" and (told := RETRY_AFTER.search(answer)):
            sent.turned_away_ms.append(took_ms)
            sent.retry_after_s.append(int(told[1]))
            return
        else:
            sent.failed += 1
        if sent.messages % self._sample_every == 0 or (status != b"200" and len(self._sampled) < SAMPLES):
            self._sampled.append((message, answer))

    def close(self) -> None:
        """Hang up; what was kept of the answers is taken apart now, after the clock has stopped."""
        self._tills.close()
        self.sent.samples = [self._exchange(message, answer) for message, answer in self._sampled]

    def _exchange(self, message: Signed, answer: bytes) -> Exchange:
        head, _, body = answer.partition(HEAD_END)
        lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
        told = {name.lower(): value for name, _, value in lines}
        headers = {name: told.get(name.lower(), "") for name in ("Content-Digest", "Signature-Input", "Signature")}
        return Exchange(self._authority, message, int(answer[STATUS]), headers, body)


async def _send_closed(sending: _Sending, messages: Sequence[Signed], in_flight: int) -> None:
    waiting = iter(messages)

    async def work() -> None:
        for message in waiting:
            await sending.send(message, time.perf_counter())

    await asyncio.gather(*(work() for _ in range(in_flight)))


async def _send_open(sending: _Sending, messages: Sequence[Signed], messages_per_s: float) -> None:
    random = Random(len(messages))
    due_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for message in messages:
            due_s += random.expovariate(messages_per_s)
            if (pause_s := due_s - time.perf_counter()) > 0:
                await asyncio.sleep(pause_s)
            group.create_task(sending.send(message, due_s))
