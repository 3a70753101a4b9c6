"""Addresses to listen on: bound here, told in words when they can't be, spelled as an address for people."""

import socket
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from coalition.errors import SettingError

BACKLOG = 1_024


async def listen(runner: web.AppRunner, host: str, port: int) -> None:
    """Let `runner` answer at this address. Raises SettingError when it can't be had."""
    try:
        await web.TCPSite(runner, host, port, backlog=BACKLOG).start()
    except OSError as error:
        raise _not_listening(host, port, error) from error


def bind_shared(host: str, port: int, *, count: int) -> list[list[socket.socket]]:
    """Return `count` sets of listening sockets for one address; port 0 becomes the same free port for all.

    A set has one socket for each address that the host's name stands for. Raises SettingError when it can't be had."""
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
        if port:
            _refuse_taken(addresses)
            return _bind_sets(addresses, port, count)
        with _bind(*addresses[0]) as first:
            return _bind_sets(addresses, first.getsockname()[1], count)
    except OSError as error:
        raise _not_listening(host, port, error) from error


def address_of(name: Any) -> str:
    """Return the address of a listening socket, by its `getsockname()`, as people and the SDK write it."""
    host, port = name[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _refuse_taken(addresses: Sequence[tuple[int, Any]]) -> None:
    # Sockets that may share a port would share it with those of another hub as well, and nobody would notice.
    for family, address in addresses:
        socket.create_server(address, family=family).close()


def _bind_sets(addresses: Sequence[tuple[int, Any]], port: int, count: int) -> list[list[socket.socket]]:
    return [[_bind(family, (address[0], port, *address[2:])) for family, address in addresses] for _ in range(count)]


def _bind(family: int, address: Any) -> socket.socket:
    return socket.create_server(address, family=family, backlog=BACKLOG, reuse_port=True)


def _not_listening(host: str, port: int, error: OSError) -> SettingError:
    return SettingError(f"can not listen on {host} port {port}: {error.strerror}")
