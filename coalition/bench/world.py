"""What a run measures: an embedded database of its own with partners and members, hubs on it, and the generator."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.bench.bare import run_bare
from coalition.bench.generator import Prepare, PrepareReads, SendClosed, SendOpen, Sent, run_generator
from coalition.bench.sizes import Sizes
from coalition.config import Settings
from coalition.database.embedded import EmbeddedPostgres
from coalition.database.migrate import migrate
from coalition.database.pool import Pool, open_pool
from coalition.errors import CoalitionError
from coalition.operations.add_members import NewMember, add_members
from coalition.operations.manage_partner import FirstTerms, add_partner
from coalition.signatures.keys import generate_private_key, keyid_of, public_key_pem, raw_of_public_key

MEMBERS_PER_STEP = 5_000
READY = "coalition is ready at http://"
STOP_TIMEOUT_S = 30

Progress = Callable[[str, int, int], None]


class BenchError(CoalitionError):
    """The run can't be trusted: what was measured is not what was meant."""

    code = "bench"


@dataclass(frozen=True, slots=True)
class Worker:
    """A process of ours with the pipe on which it obeys."""

    process: BaseProcess
    pipe: Connection

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    async def call(self, command: Prepare | PrepareReads | SendClosed | SendOpen) -> Any:
        """Give a command; return the answer. Raises BenchError when the process has ended."""
        self.pipe.send(command)
        try:
            return await asyncio.to_thread(self.pipe.recv)
        except EOFError as error:
            raise BenchError("the load generator ended; its error stands above") from error

    async def send(self, command: SendClosed | SendOpen) -> Sent:
        sent: Sent = await self.call(command)
        return sent


@dataclass(frozen=True, slots=True)
class Hub:
    """A running hub: where it listens, and its first process."""

    authority: str
    pid: int


@dataclass(frozen=True, slots=True)
class World:
    """Addresses and process ids of everything that a run measures, but for the hub, which is started by `hub`."""

    url: str
    pool: Pool
    cards: list[str]
    folder: Path
    workers: int
    bare: str
    bare_pid: int
    postgres_pid: int
    generator: Worker

    @property
    def hub_key(self) -> Path:
        return self.folder / "hub-key.pem"

    @contextmanager
    def hub(self) -> Iterator[Hub]:
        """Start a hub on this database; it is stopped at the end. A second one has the same key."""
        with _hub(self.folder, self.workers) as hub:
            yield hub


@asynccontextmanager
async def open_world(
    sizes: Sizes, progress: Progress, *, run_generator: Callable[..., None] = run_generator
) -> AsyncIterator[World]:
    """Make everything, in a folder that is gone afterwards; `run_generator` is the load generator's process."""
    with _folder() as folder, EmbeddedPostgres(folder) as server:
        await migrate(server.url, Settings(data_dir=folder).programme)
        pool = await open_pool(server.url)
        try:
            keys = [generate_private_key() for _ in range(sizes.partners)]
            await _add_partners(pool, keys)
            cards = await _add_members(pool, sizes.members, progress)
            with (
                _worker(run_generator, cards, [key.private_bytes_raw() for key in keys]) as generator,
                _bare(server.url, cards, keys) as bare,
            ):
                yield World(
                    url=server.url,
                    pool=pool,
                    cards=cards,
                    folder=folder,
                    workers=sizes.workers,
                    bare=f"127.0.0.1:{bare.pipe.recv()}",
                    bare_pid=bare.pid,
                    postgres_pid=_postgres_pid(server.cluster),
                    generator=generator,
                )
        finally:
            await pool.close()


@contextmanager
def _folder() -> Iterator[Path]:
    # The database's own user must be able to pass through it.
    folder = Path(tempfile.mkdtemp(prefix="coalition-bench-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _add_partners(pool: Pool, keys: list[Ed25519PrivateKey]) -> None:
    for number, key in enumerate(keys):
        await add_partner(
            pool,
            name=f"Partner {number}",
            key_pem=public_key_pem(key.public_key()),
            terms=FirstTerms(),
            now=datetime.now(UTC),
            actor="bench",
        )


async def _add_members(pool: Pool, count: int, progress: Progress) -> list[str]:
    cards: list[str] = []
    while len(cards) < count:
        progress("opening accounts", len(cards), count)
        numbers = range(len(cards), min(len(cards) + MEMBERS_PER_STEP, count))
        members = [NewMember(f"member{number}@shop.example", f"Member {number}") for number in numbers]
        cards += [opened.card for opened in await add_members(pool, members, now=datetime.now(UTC))]
    progress("opening accounts", count, count)
    return cards


@contextmanager
def _hub(folder: Path, workers: int) -> Iterator[Hub]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COALITION_")}
    command = [sys.executable, "-m", "coalition", "serve", "--port", "0", "--data-dir", str(folder)]
    command += ["--workers", str(workers)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    try:
        line = process.stdout.readline().strip()
        if not line.startswith(READY):
            raise BenchError(f"the hub did not start; it said {line!r}")
        yield Hub(line.removeprefix(READY), process.pid)
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_S)
        process.stdout.close()


@contextmanager
def _bare(url: str, cards: list[str], keys: list[Ed25519PrivateKey]) -> Iterator[Worker]:
    accounts = {card: account for account, card in enumerate(cards)}
    public = [key.public_key() for key in keys]
    with _worker(run_bare, url, accounts, {keyid_of(key): raw_of_public_key(key) for key in public}) as worker:
        yield worker


@contextmanager
def _worker(run: Callable[..., None], *arguments: Any) -> Iterator[Worker]:
    # Spawned, not forked: a process of its own shares no lock and no loop with us.
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=run, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Worker(process, ours)
    finally:
        ours.close()
        process.join(STOP_TIMEOUT_S)
        if process.is_alive():
            process.kill()


def _postgres_pid(cluster: Path) -> int:
    return int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
