"""What a run measures: a database with partners and members, hubs on it, and the generator. The database is an embedded
one of its own, or an empty one that is named: a cluster's, say."""

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

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coalition.bench.bare import run_bare
from coalition.bench.generator import Prepare, PrepareReads, SendClosed, SendOpen, Sent, run_generator
from coalition.bench.sizes import Sizes
from coalition.config import Settings
from coalition.database.distribute import distribute
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
    """Addresses and process ids of everything that a run measures, but for the hub, which is started by `hub`.
    `postgres_pid` None: the database is elsewhere."""

    url: str
    pool: Pool
    cards: list[str]
    folder: Path
    workers: int
    bare: str
    bare_pid: int
    postgres_pid: int | None
    generator: Worker

    @property
    def hub_key(self) -> Path:
        return self.folder / "hub-key.pem"

    @contextmanager
    def hub(self) -> Iterator[Hub]:
        """Start a hub on this database; it is stopped at the end. A second one has the same key."""
        with _hub(self.folder, self.url, self.workers) as hub:
            yield hub


@asynccontextmanager
async def open_world(
    sizes: Sizes,
    progress: Progress,
    *,
    database_url: str | None = None,
) -> AsyncIterator[World]:
    """Make everything, in a folder that is gone afterwards; a named database has to be empty, and stays full."""
    with _folder() as folder, _database(folder, database_url) as (url, postgres_pid):
        await _make_schema(url, Settings(data_dir=folder, lanes=sizes.lanes), progress)
        if sizes.confirm_ms:
            await _confirm_later(url, sizes.confirm_ms)
        pool = await open_pool(url)
        try:
            keys = [generate_private_key() for _ in range(sizes.partners)]
            await _add_partners(pool, keys)
            cards = await _add_members(pool, sizes.members, progress)
            with (
                _worker(run_generator, cards, [key.private_bytes_raw() for key in keys]) as generator,
                _bare(url, cards, keys) as bare,
            ):
                yield World(
                    url=url,
                    pool=pool,
                    cards=cards,
                    folder=folder,
                    workers=sizes.workers,
                    bare=f"127.0.0.1:{bare.pipe.recv()}",
                    bare_pid=bare.pid,
                    postgres_pid=postgres_pid,
                    generator=generator,
                )
        finally:
            await pool.close()


@contextmanager
def _database(folder: Path, named: str | None) -> Iterator[tuple[str, int | None]]:
    if named is not None:
        yield named, None
        return
    with EmbeddedPostgres(folder) as server:
        yield server.url, _postgres_pid(server.cluster)


async def _make_schema(url: str, settings: Settings, progress: Progress) -> None:
    connection = await asyncpg.connect(url)
    try:
        if await connection.fetchval("SELECT to_regclass('programme') IS NOT NULL"):
            raise BenchError("the database named is in use: expected an empty one")
        is_cluster = await connection.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'citus'")
    finally:
        await connection.close()
    await migrate(url, settings.programme)
    if is_cluster:
        await distribute(url, progress=lambda what: progress(what, 0, 1))


async def _confirm_later(url: str, confirm_ms: float) -> None:
    """Have each write of the log take so much longer, as on a slower disk: PostgreSQL's own delay, for all sessions."""
    connection = await asyncpg.connect(url)
    try:
        name = await connection.fetchval("SELECT quote_ident(current_database())")
        # Whoever writes the log waits with the lock, and those who come meanwhile are confirmed by the next write.
        await connection.execute(f"ALTER DATABASE {name} SET commit_delay = {round(confirm_ms * 1000)}")
        await connection.execute(f"ALTER DATABASE {name} SET commit_siblings = 0")
    except asyncpg.InsufficientPrivilegeError as error:
        raise BenchError("--confirm-ms needs a superuser of the database") from error
    finally:
        await connection.close()


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
def _hub(folder: Path, url: str, workers: int) -> Iterator[Hub]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COALITION_")}
    # Not on the command line, where all could read a password.
    environment["COALITION_DATABASE_URL"] = url
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
