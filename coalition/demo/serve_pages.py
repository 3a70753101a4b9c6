"""Leaves the hub up after the run, with a member's and an operator's sign-in printed."""

import asyncio
import secrets
import signal
import socket
from collections.abc import Sequence

from coalition.demo.commands import Commands
from coalition.demo.errors import PortTakenError
from coalition.demo.folder import DemoFolder
from coalition.demo.hub_process import HubProcess
from coalition.demo.members import LANGUAGES, Member
from coalition.demo.screen import Screen

HOST = "127.0.0.1"
PORT_FIRST = 8080
PORTS_TRIED = 50

OPERATOR = "demo"
ROLES = ("read", "operate", "approve")

# The members' addresses cannot receive mail.
PAGE_SETTINGS = {"print_codes": "true"}


def free_port(named: int | None) -> int:
    """Return the named port, or the first free one from 8080 on. Raises PortTakenError."""
    ports = range(PORT_FIRST, PORT_FIRST + PORTS_TRIED) if named is None else (named,)
    for port in ports:
        if _is_free(port):
            return port
    raise PortTakenError(f"port {ports[0]} is taken" if named is not None else f"no port of {ports} is free")


async def serve_pages(
    hub: HubProcess, commands: Commands, folder: DemoFolder, screen: Screen, members: Sequence[Member]
) -> None:
    """Print the sign-ins and wait for Ctrl-C. Raises CommandFailedError, HubDiedError."""
    password = await _add_operator(commands, folder)
    sign_ins = " or ".join(f"{member.email} (in {LANGUAGES[member.language]})" for member in members)
    screen.say(
        f"\nMembers:   {hub.url}/  sign in as {sign_ins}; the code is printed here\n"
        f"Operators: {hub.url}/finance  sign in as {OPERATOR} with {password}\n"
        f"API:       {hub.url}/openapi.json\n"
        "Ctrl-C ends it."
    )
    hub.echo()
    await hub.while_alive(_told_to_stop())


async def _add_operator(commands: Commands, folder: DemoFolder) -> str:
    password = secrets.token_urlsafe(12)
    file = folder.path / "operator-password"
    with folder.open_private(file) as opened:
        opened.write(password)
    roles = [argument for role in ROLES for argument in ("--role", role)]
    await commands.run("operator", "add", OPERATOR, *roles, "--password-file", str(file))
    return password


async def _told_to_stop() -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await stopping.wait()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
