"""The hub as a server, in one process or in several at one address."""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import structlog
import typer
import uvloop
from aiohttp import web
from prometheus_client import CollectorRegistry

from coalition.cli.keep_database import keeping_up
from coalition.cli.listening import address_of, bind_shared, listen
from coalition.cli.passed_over import passed_over
from coalition.cli.session import Session, now, open_session, run
from coalition.cli.workers import READY, Workers, figures_folder
from coalition.config import Settings
from coalition.database.pool import Pool
from coalition.http.app import SHUTDOWN_TIMEOUT_S, build_app, make_runner
from coalition.http.hub_key import load_signer, load_voucher
from coalition.http.listener import Listener, allow_files
from coalition.http.metrics import build_metrics_app, registry
from coalition.http.routes import Route
from coalition.http.runner import Runner
from coalition.lanes.book_batch import Clock
from coalition.lanes.clearing import Clearing
from coalition.lanes.settle_due import settling_due
from coalition.stores.programme import load_programme
from coalition.webhooks.deliver import deliver_webhooks

log = structlog.get_logger()

# Operations in flight are not garbage, about 20 objects each: below this there is no looking for cycles among the most
# that may wait. Hardly anything here is one; measured, a hub that never looks holds no more after a million operations.
OBJECTS_BEFORE_COLLECTION = 500_000
# For connections that a worker accepted just before it was told to stop: their request is on its way.
LINGER_S = 0.5


class Job(Protocol):
    """What runs as long as a hub does; of several hubs, each runs it."""

    def __call__(self, pool: Pool, *, clock: Clock) -> AbstractAsyncContextManager[None]: ...


@dataclass(frozen=True, slots=True)
class Extensions:
    """What the composition root mounts beside the hub: routes for partners, pages, and jobs."""

    routes: Sequence[Route] = ()
    pages: Sequence[Callable[[web.Application, Session], None]] = field(default_factory=list)
    jobs: Sequence[Job] = ()


def serve_hub(extensions: Extensions, data_dir: Path | None, database_url: str | None, **flags: Any) -> None:
    """Run the hub until it is told to stop."""
    _run(_serve(extensions, data_dir, database_url, **flags))


def serve_as_worker(extensions: Extensions, lifeline: int, sockets: Sequence[int]) -> None:
    """Run one of a hub's processes until it is told to stop; the numbers are those of open sockets."""
    _run(_serve_worker(extensions, lifeline, sockets))


def _run(work: Coroutine[Any, Any, None]) -> None:
    uvloop.install()
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION)
    run(work)


async def _serve(extensions: Extensions, data_dir: Path | None, database_url: str | None, **flags: Any) -> None:
    async with open_session(data_dir, database_url, **flags) as session, keeping_up(session.database.embedded):
        async with session.pool.acquire() as connection:
            programme = await load_programme(connection)
        for variable, given, holds in passed_over(session.settings, programme):
            log.warning("setting.passed_over", setting=variable, given=str(given), holds=str(holds))
        if session.settings.workers == 1:
            await _serve_alone(session, extensions)
        else:
            await _serve_by_workers(session)


async def _serve_alone(session: Session, extensions: Extensions) -> None:
    # There is nobody to take over at a hang-up; unless it is to be ignored, as under nohup.
    also = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    settings, stopping = session.settings, _told_to_stop(*also)
    async with _hub(session, extensions) as runner, _metrics(settings, registry):
        (sockets,) = bind_shared(settings.host, settings.port, count=1)
        address = address_of(sockets[0].getsockname())
        listeners = [Listener(runner, one, connections_max=settings.connections_max) for one in sockets]
        typer.echo(f"coalition is ready at {address}")
        await stopping.wait()
        for listener in listeners:
            listener.stop()


async def _serve_by_workers(session: Session) -> None:
    settings, stopping = session.settings, _told_to_stop()
    # Made before the workers start, so that it is made once.
    load_signer(settings.hub_key_path)
    sockets = bind_shared(settings.host, settings.port, count=settings.workers)
    with figures_folder() as figures:
        workers = Workers(session, figures=Path(figures))
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, workers.reload)
        async with _metrics(settings, workers.registry):
            try:
                await workers.start(sockets)
                typer.echo(f"coalition is ready at {address_of(sockets[0][0].getsockname())}")
                await workers.keep(stopping)
            finally:
                await workers.stop()


async def _serve_worker(extensions: Extensions, lifeline: int, sockets: Sequence[int]) -> None:
    stopping = _told_to_stop()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: None)
    parent, to_parent = await asyncio.open_unix_connection(sock=socket.socket(fileno=lifeline))
    structlog.contextvars.bind_contextvars(worker=os.getpid())

    async def close_when_stopping(_: web.Request, response: web.StreamResponse) -> None:
        # Who keeps a connection comes back by a new one, to a worker that goes on.
        if stopping.is_set():
            response.headers["Connection"] = "close"
            response.force_close()

    async with open_session(None, None) as session, _hub(session, extensions, close_when_stopping) as runner:
        most = session.settings.connections_max
        listeners = [Listener(runner, socket.socket(fileno=number), connections_max=most) for number in sockets]
        to_parent.write(READY)
        gone = asyncio.create_task(parent.read())
        gone.add_done_callback(lambda _: stopping.set())
        await stopping.wait()
        for listener in listeners:
            listener.stop()
        await asyncio.sleep(LINGER_S)
    to_parent.close()


@asynccontextmanager
async def _hub(
    session: Session,
    extensions: Extensions,
    *before_answers: Callable[[web.Request, web.StreamResponse], Coroutine[Any, Any, None]],
) -> AsyncIterator[web.AppRunner]:
    """Give the hub, not listening yet; at the end it finishes what it accepted."""
    settings = session.settings
    allow_files(settings.connections_max)
    clearing = Clearing(session.pool, clock=now, waiting_max=settings.waiting_max)
    signer = load_signer(settings.hub_key_path)
    voucher = None if settings.hub_key_before is None else load_voucher(settings.hub_key_before)
    app = build_app(clearing, signer, voucher=voucher, more_routes=extensions.routes)
    for mount in extensions.pages:
        mount(app, session)
    app.on_response_prepare.extend(before_answers)
    runner = make_runner(app)
    await runner.setup()
    try:
        async with (
            settling_due(session.pool, clearing.registry, clock=now),
            deliver_webhooks(session.pool, signer.sign_content, clock=now, is_http_allowed=settings.webhook_allow_http),
            AsyncExitStack() as jobs,
        ):
            for job in extensions.jobs:
                await jobs.enter_async_context(job(session.pool, clock=now))
            yield runner
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _metrics(settings: Settings, shown: CollectorRegistry) -> AsyncIterator[None]:
    """Answer /metrics on its own port, where there is one."""
    runner = Runner(build_metrics_app(shown), shutdown_timeout=SHUTDOWN_TIMEOUT_S, access_log=None)
    try:
        if settings.metrics_port is not None:
            await runner.setup()
            await listen(runner, settings.host, settings.metrics_port)
        yield
    finally:
        await runner.cleanup()


def _told_to_stop(*also: signal.Signals) -> asyncio.Event:
    """Return what is set by the first SIGINT, SIGTERM or one of these; the log says by which."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(told: signal.Signals) -> None:
        if not stopping.is_set():
            log.info("hub.stopping", signal=told.name)
        stopping.set()

    for number in (signal.SIGINT, signal.SIGTERM, *also):
        loop.add_signal_handler(number, stop, number)
    return stopping
