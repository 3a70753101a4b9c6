"""Fixtures of all tests: one embedded PostgreSQL for each process of tests, one database of its own for each test."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from coalition.database.embedded import EmbeddedPostgres
from coalition.database.migrate import ProgrammeSettings, migrate
from coalition.database.pool import Pool, open_pool

# pytest-xdist's name of this process: databases of two of them do not meet, be it on one named server.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")
TEMPLATE = f"coalition_template_{WORKER}"
database_numbers = count(1)


@pytest.fixture(scope="session")
def data_root() -> Iterator[Path]:
    """A folder that the database's own user may enter, which pytest's tmp_path is not for root."""
    folder = Path(tempfile.mkdtemp(prefix="coalition-tests-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class NamedServer:
    """A PostgreSQL that runs already; COALITION_TEST_SERVER=postgresql://user:password@host:port names it."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.url = self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"{self._address}/{database}"


@pytest.fixture(scope="session")
def cluster(data_root: Path) -> Iterator[EmbeddedPostgres | NamedServer]:
    address = os.environ.get("COALITION_TEST_SERVER")
    if address is not None:
        yield NamedServer(address)
        return
    with EmbeddedPostgres(data_root / "cluster") as server:
        yield server


@pytest.fixture(scope="session")
async def template(cluster: EmbeddedPostgres) -> str:
    """An empty programme of 4 lanes, copied for each test."""
    connection = await asyncpg.connect(cluster.url)
    if isinstance(cluster, EmbeddedPostgres):
        # Hundreds of databases are made and dropped, none needs to outlive the machine; tests of faults have a server
        # of their own, at full durability.
        await connection.execute("ALTER SYSTEM SET fsync = off")
        await connection.execute("SELECT pg_reload_conf()")
    # A named server may still have what an interrupted run left.
    await connection.execute(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    await connection.close()
    await migrate(cluster.url_of(TEMPLATE), ProgrammeSettings())
    return TEMPLATE


@pytest.fixture
async def database_url(cluster: EmbeddedPostgres, template: str) -> AsyncIterator[str]:
    name = f"test_{WORKER}_{next(database_numbers)}"
    connection = await asyncpg.connect(cluster.url)
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield cluster.url_of(name)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database_url)
    yield pool
    await pool.close()
