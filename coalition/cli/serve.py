"""`coalition serve`: the hub."""

import asyncio
import gc
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from aiohttp import web

from coalition.cli.options import DatabaseUrl, DataDir
from coalition.cli.session import Session, now, open_session, run
from coalition.errors import SettingError
from coalition.http.app import build_app, make_runner
from coalition.http.hub_key import load_signer
from coalition.http.metrics import build_metrics_app
from coalition.http.routes import Route
from coalition.lanes.clearing import Clearing

ACCESS_LOG_OFF = None
# Thousands of operations in flight are not garbage; looking for cycles among them took a quarter of the hub's time.
OBJECTS_BEFORE_COLLECTION = 100_000


@dataclass(frozen=True, slots=True)
class Extensions:
    """What the composition root mounts beside the hub: routes for partners, and pages."""

    routes: Sequence[Route] = ()
    pages: Sequence[Callable[[web.Application, Session], None]] = field(default_factory=list)


def add_serve(app: typer.Typer, extensions: Extensions) -> None:
    """Add the command to the application."""

    @app.command("serve")
    def serve(
        host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
        port: Annotated[int | None, typer.Option(help="Port to listen on; 0: any free one.")] = None,
        metrics_port: Annotated[int | None, typer.Option(help="Port of /metrics; none: off.")] = None,
        data_dir: DataDir = None,
        database_url: DatabaseUrl = None,
    ) -> None:
        """Run the hub until it is told to stop; prints one line with its address once it is ready."""
        uvloop.install()
        gc.set_threshold(OBJECTS_BEFORE_COLLECTION)
        run(_serve(extensions, data_dir, database_url, host=host, port=port, metrics_port=metrics_port))


async def _serve(extensions: Extensions, data_dir: Path | None, database_url: str | None, **flags: Any) -> None:
    async with open_session(data_dir, database_url, **flags) as session:
        settings = session.settings
        clearing = Clearing(session.pool, clock=now, waiting_max=settings.waiting_max)
        app = build_app(clearing, load_signer(settings.hub_key_path), more_routes=extensions.routes)
        for mount in extensions.pages:
            mount(app, session)
        runner = make_runner(app)
        await runner.setup()
        metrics = web.AppRunner(build_metrics_app(clearing), access_log=ACCESS_LOG_OFF)
        try:
            await _listen(runner, settings.host, settings.port)
            if settings.metrics_port is not None:
                await metrics.setup()
                await _listen(metrics, settings.host, settings.metrics_port)
            typer.echo(f"coalition is ready at {_address(runner)}")
            await _told_to_stop()
        finally:
            await runner.cleanup()
            await metrics.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise SettingError(f"can not listen on {host} port {port}: {error.strerror}") from error


def _address(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _told_to_stop() -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await stopping.wait()
