"""Fixtures of all tests: one embedded PostgreSQL for each process of tests, one database for each test in turn."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from coalition.database.embedded import EmbeddedPostgres
from coalition.database.migrate import ProgrammeSettings, migrate
from coalition.database.pool import Pool, open_pool
from tests.restored_database import RestoredDatabase

# pytest-xdist's name of this process: databases of two of them do not meet, be it on one named server.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")
TEMPLATE = f"coalition_template_{WORKER}"


@pytest.fixture(scope="session")
def data_root() -> Iterator[Path]:
    """A folder that the database's own user may enter, which pytest's tmp_path is not for root."""
    folder = Path(tempfile.mkdtemp(prefix="coalition-tests-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class NamedServer:
    """A PostgreSQL that runs already, and a superuser of it: COALITION_TEST_SERVER=postgresql://user:password@host:port."""

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
        # No database needs to outlive the machine; tests of faults have a server of their own, at full durability.
        await connection.execute("ALTER SYSTEM SET fsync = off")
        # Statistics gathered at some moment would choose other plans for the tests after it.
        await connection.execute("ALTER SYSTEM SET autovacuum = off")
        await connection.execute("SELECT pg_reload_conf()")
    # A named server may still have what an interrupted run left.
    await connection.execute(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    await connection.close()
    await migrate(cluster.url_of(TEMPLATE), ProgrammeSettings())
    return TEMPLATE


@pytest.fixture(scope="session")
async def restored_database(cluster: EmbeddedPostgres | NamedServer, template: str) -> AsyncIterator[RestoredDatabase]:
    database = RestoredDatabase(name=f"test_{WORKER}", template=template, url_of=cluster.url_of)
    await database.make()
    yield database
    await database.drop()


@pytest.fixture
async def database_url(restored_database: RestoredDatabase) -> AsyncIterator[str]:
    """A database as the template is; what a test leaves in it, no other test sees."""
    yield restored_database.url
    await restored_database.restore()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database_url)
    yield pool
    await pool.close()
