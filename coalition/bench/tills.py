"""Connections that are cheaper than the hub: requests are made to the byte beforehand, and of an answer only its end is
looked for. A full HTTP client would take a core for what a hub can't take, and share the machine with what is measured.
"""

import asyncio
import re
from typing import cast

CONNECTIONS_MAX = 4_000
ANSWER_TIMEOUT_S = 30.0
HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\nContent-Length: (\d+)", re.IGNORECASE)


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

    async def ask(self, head: bytes, body: bytes) -> bytes:
        """Send a request; return the whole answer. Raises ConnectionResetError where none came in time."""
        loop = asyncio.get_running_loop()
        self._received, self._end = b"", 0
        self._answered = loop.create_future()
        self._transport.writelines((head, body))
        giving_up = loop.call_later(ANSWER_TIMEOUT_S, self._transport.abort)
        try:
            return await self._answered
        finally:
            giving_up.cancel()

    @property
    def is_open(self) -> bool:
        return not self._transport.is_closing()

    def close(self) -> None:
        self._transport.close()


class Tills:
    """Connections to one server, as many as are asked at once, at most CONNECTIONS_MAX."""

    def __init__(self, authority: str) -> None:
        host, _, port = authority.rpartition(":")
        self._address = host, int(port)
        self._idle: list[Till] = []
        self._slots = asyncio.Semaphore(CONNECTIONS_MAX)

    async def ask(self, head: bytes, body: bytes) -> bytes:
        """Send a request on a connection of its own; return the whole answer. Raises OSError where none came."""
        async with self._slots:
            till = self._open_till() or await self._connect()
            answer = await till.ask(head, body)
        self._idle.append(till)
        return answer

    def close(self) -> None:
        for till in self._idle:
            till.close()

    def _open_till(self) -> Till | None:
        while self._idle:
            till = self._idle.pop()
            if till.is_open:
                return till
        return None

    async def _connect(self) -> Till:
        _, till = await asyncio.get_running_loop().create_connection(Till, *self._address)
        return till
