"""`serve --workers N`: the parent, which keeps N processes that share one address; it answers no request itself.

    parent     binds the sockets, starts the workers, replaces those that end, sums up their figures at /metrics
    ├── worker `coalition serve-worker`: a hub of its own (event loop, pool, queues) on sockets of its own
    └── ...

Each worker has a socket of its own for the same port (SO_REUSEPORT), and the kernel spreads connections evenly: of 32,
each of two workers got 12 to 20. Of one socket that all accept from, 0 to 32: who wakes first takes all that wait.
The parent keeps every socket open as well, so that connections which wait for a worker that died wait for the next.

A pair of sockets, the lifeline, ties a worker to its parent: it writes one byte when it is ready, and stops when it
reads that the parent is gone.
"""

import asyncio
import os
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from prometheus_client import Counter, Gauge

from coalition.cli.session import Session
from coalition.errors import CoalitionError
from coalition.http.metrics import FOLDER_VARIABLE, fold_ended, registry_of_workers

READY = b"+"
STOP_TIMEOUT_S = 60
# A worker that ends sooner ended at once; so many in a row at one place, and another will not help. As long as other
# workers answer it is tried all the same, with pauses that grow: they must not end for it.
STEADY_S = 5.0
EARLY_DEATHS_MAX = 3
PAUSE_S = 0.25
PAUSE_MAX_S = 30.0

log = structlog.get_logger()


class WorkersDiedError(CoalitionError):
    """A worker does not start, or ends as soon as it has started, again and again; its own error stands above."""

    code = "workers_died"


@dataclass(eq=False, slots=True)
class Worker:
    """A process with our end of its lifeline. `ended` is done, with its exit code, once all about it is tidied up."""

    process: Process
    lifeline: asyncio.StreamReader
    our_end: asyncio.StreamWriter
    ended: "asyncio.Task[int]" = field(init=False)
    is_ready: bool = False
    started_s: float = field(default_factory=lambda: asyncio.get_running_loop().time())

    async def stop(self) -> None:
        """Let it finish what it accepted; killed only when it does not come to an end."""
        self._signal(signal.SIGTERM)
        await asyncio.wait({self.ended}, timeout=STOP_TIMEOUT_S)
        self._signal(signal.SIGKILL)
        await asyncio.wait({self.ended})

    def _signal(self, number: int) -> None:
        if not self.ended.done():
            with suppress(ProcessLookupError):
                self.process.send_signal(number)


@dataclass(eq=False, slots=True)
class Place:
    """Sockets on which one worker listens, always; `changing` is held while it is replaced."""

    sockets: Sequence[socket.socket]
    worker: Worker
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    early_deaths: int = 0


class Workers:
    """Use as: `start`, then `keep` until it is told to stop; `stop` in any case."""

    def __init__(self, session: Session, *, figures: Path) -> None:
        self.registry = registry_of_workers(figures)
        self._figures = figures
        self._environment = _environment(session, figures)
        self._places: list[Place] = []
        self._living: set[Worker] = set()
        self._reload_asked = asyncio.Event()
        self._died = Counter("coalition_workers_died", "Workers that ended untold.", registry=self.registry)
        living = Gauge("coalition_workers", "Processes that answer at the hub's address.", registry=self.registry)
        living.set_function(lambda: sum(worker.is_ready for worker in self._living))

    async def start(self, sockets: Sequence[Sequence[socket.socket]]) -> None:
        """Start a worker for each set of sockets; return when all are ready. Raises WorkersDiedError."""
        workers = await asyncio.gather(*(self._start(one_set) for one_set in sockets))
        if not all(worker.is_ready for worker in workers):
            raise WorkersDiedError("a worker did not start; its own error stands above")
        self._places = [Place(one_set, worker) for one_set, worker in zip(sockets, workers, strict=True)]

    async def keep(self, stopping: asyncio.Event) -> None:
        """Replace workers that died, and all of them when `reload` is called, until `stopping` is set.

        Raises WorkersDiedError when that does not help."""
        told = asyncio.create_task(stopping.wait())
        tasks = {told, asyncio.create_task(self._reload()), *(asyncio.create_task(self._keep(p)) for p in self._places)}
        done, going = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)
        for task in done:
            task.result()

    def reload(self) -> None:
        """Ask for new workers in the place of all, one after the other: they run the code that is installed by then."""
        self._reload_asked.set()

    async def stop(self) -> None:
        """Stop all workers; they finish what they accepted."""
        await asyncio.gather(*(worker.stop() for worker in list(self._living)))

    async def _start(self, sockets: Sequence[socket.socket]) -> Worker:
        """Return a worker that is ready, or has ended already."""
        ours, theirs = socket.socketpair()
        with theirs:
            numbers = [theirs.fileno(), *(one.fileno() for one in sockets)]
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "coalition", "serve-worker", *map(str, numbers)),
                env=self._environment,
                pass_fds=numbers,
                stdin=DEVNULL,
                # The terminal's signals come to the parent alone, which passes them on.
                start_new_session=True,
            )
        worker = Worker(process, *(await asyncio.open_unix_connection(sock=ours)))
        self._living.add(worker)
        worker.ended = asyncio.create_task(self._until_ended(worker))
        worker.is_ready = await worker.lifeline.read(1) == READY
        return worker

    async def _until_ended(self, worker: Worker) -> int:
        exit_code = await worker.process.wait()
        worker.our_end.close()
        self._living.discard(worker)
        fold_ended(self._figures, worker.process.pid)
        return exit_code

    async def _keep(self, place: Place) -> None:
        while True:
            worker = place.worker
            await asyncio.wait({worker.ended})
            async with place.changing:
                # Unless a reload has replaced it meanwhile.
                if place.worker is worker:
                    await self._replace_dead(place)

    async def _replace_dead(self, place: Place) -> None:
        worker = place.worker
        self._died.inc()
        has_been_steady = asyncio.get_running_loop().time() - worker.started_s > STEADY_S
        place.early_deaths = 0 if has_been_steady and worker.is_ready else place.early_deaths + 1
        log.error(
            "worker.died", worker=worker.process.pid, exit_code=worker.ended.result(), in_a_row=place.early_deaths
        )
        if place.early_deaths > EARLY_DEATHS_MAX and not any(living.is_ready for living in self._living):
            raise WorkersDiedError(f"{place.early_deaths} workers in a row died at once; their own errors stand above")
        # The first is replaced at once; the database or whatever is missing gets a moment before the next.
        if place.early_deaths > 1:
            await asyncio.sleep(min(PAUSE_S * 2 ** (place.early_deaths - 2), PAUSE_MAX_S))
        place.worker = await self._start(place.sockets)

    async def _reload(self) -> None:
        while True:
            await self._reload_asked.wait()
            self._reload_asked.clear()
            for place in self._places:
                async with place.changing:
                    fresh = await self._start(place.sockets)
                    if not fresh.is_ready:
                        log.error("workers.reload_given_up", worker=fresh.process.pid)
                        break
                    old, place.worker, place.early_deaths = place.worker, fresh, 0
                    await old.stop()
            else:
                log.info("workers.reloaded", workers=len(self._places))


def figures_folder() -> "tempfile.TemporaryDirectory[str]":
    """Return a folder for the workers' figures, gone after its block."""
    return tempfile.TemporaryDirectory(prefix="coalition-figures-", ignore_cleanup_errors=True)


def _environment(session: Session, figures: Path) -> Mapping[str, str]:
    """Return what tells a worker the parent's flags; never on the command line, where all could read a password."""
    settings = session.settings
    told = {"COALITION_DATA_DIR": str(settings.data_dir), FOLDER_VARIABLE: str(figures)}
    if settings.database_url is not None:
        told["COALITION_DATABASE_URL"] = settings.database_url
    return {**os.environ, **told}
