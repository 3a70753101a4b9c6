"""Take connections in: all that wait at once, not more than so many, and none that only dribbles.

The event loop of the hub (uvloop) takes one connection at each of its turns. A hub with much to do has few turns a
second, so that new connections would wait outside, unseen by whatever measures its load. Here they are taken as they
come.
"""

import asyncio
import resource
import socket
import sys
from collections.abc import Callable

import structlog
from aiohttp import web

# Beside connections: the database's, webhooks' and mail's, files.
OTHER_FILES_MAX = 300
HEAD_TIMEOUT_S = 10.0
# Longer than the minute for which proxies keep their connections open: who keeps one must not lose it to us.
IDLE_TIMEOUT_S = 75.0
SWEEPS_PER_TIMEOUT = 10
# Who asks and then takes nothing of the answer would keep the connection for ever: nobody else ends it.
UNREAD_TIMEOUT_S = 30.0
# The process has no file left, or the kernel no memory.
PAUSE_S = 0.5
FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

log = structlog.get_logger()


class Silent:
    """Connections on which no whole request has come yet, since when."""

    def __init__(self) -> None:
        self._since_s: dict[object, tuple[float, Callable[[], None]]] = {}

    def add(self, protocol: object, close: Callable[[], None], *, now_s: float) -> None:
        self._since_s[protocol] = now_s, close

    def heard(self, protocol: object) -> None:
        """A whole head came on it; from now on `IDLE_TIMEOUT_S` holds between one answer and the next whole head."""
        self._since_s.pop(protocol, None)

    def close_older(self, than_s: float) -> None:
        """Close those that are silent since before."""
        old = [protocol for protocol, (since_s, _) in self._since_s.items() if since_s < than_s]
        for protocol in old:
            _, close = self._since_s.pop(protocol)
            close()


SILENT: web.AppKey[Silent] = web.AppKey("silent", Silent)


class Listener:
    """Lets a runner answer at a listening socket, until `stop`."""

    def __init__(
        self,
        runner: web.AppRunner,
        listening: socket.socket,
        *,
        connections_max: int,
        head_timeout_s: float = HEAD_TIMEOUT_S,
        unread_timeout_s: float = UNREAD_TIMEOUT_S,
    ) -> None:
        self._runner = runner
        self._socket = listening
        self._connections_max = connections_max
        self._head_timeout_s = head_timeout_s
        self._unread_timeout_ms = int(unread_timeout_s * 1000)
        self._silent = runner.app[SILENT]
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._sweeping = asyncio.create_task(self._sweep(), name="silent-connections")
        listening.setblocking(False)
        self._loop.add_reader(listening, self._accept)

    def stop(self) -> None:
        """Take no more connections; those that are open stay."""
        self._sweeping.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _accept(self) -> None:
        assert self._runner.server is not None
        room = self._connections_max - len(self._runner.server.connections) - len(self._opening)
        while True:
            try:
                connection, _ = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                log.error("http.not_accepting", reason=str(error))
                self._loop.remove_reader(self._socket)
                self._loop.call_later(PAUSE_S, self._go_on)
                return
            if room > 0:
                room -= 1
                opening = self._loop.create_task(self._open(connection))
                self._opening.add(opening)
                opening.add_done_callback(self._opening.discard)
            else:
                _turn_away(connection)

    def _go_on(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket, self._accept)

    async def _open(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        assert self._runner.server is not None
        try:
            if sys.platform == "linux":
                # The kernel's own clock; it begins anew with whatever is taken.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, self._unread_timeout_ms)
            transport, protocol = await self._loop.connect_accepted_socket(self._runner.server, connection)
        except OSError:
            connection.close()
            return
        self._silent.add(protocol, transport.abort, now_s=self._loop.time())

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._head_timeout_s / SWEEPS_PER_TIMEOUT)
            self._silent.close_older(self._loop.time() - self._head_timeout_s)


def _turn_away(connection: socket.socket) -> None:
    """Say so if it can be said at once."""
    connection.setblocking(False)
    try:
        connection.send(FULL)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    finally:
        connection.close()


def allow_files(connections_max: int) -> None:
    """Raise the limit of open files, where the system gives less at first than it allows, to what connections take."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections_max + OTHER_FILES_MAX
    if soft != resource.RLIM_INFINITY and soft < wanted:
        wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
