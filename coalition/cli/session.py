"""What a command needs: settings, the database (started if it is the embedded one), errors told in one line."""

import asyncio
import getpass
import json
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import typer

from coalition.config import Settings, load_settings
from coalition.database.embedded import EmbeddedPostgres
from coalition.database.migrate import migrate
from coalition.database.pool import Pool, open_pool
from coalition.errors import CoalitionError, DatabaseUnreachableError, SettingError
from coalition.log import set_up_logging
from coalition.signatures.errors import KeyUnreadableError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Database:
    """Where a database is; `embedded` is the server when it is our own."""

    url: str
    embedded: EmbeddedPostgres | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """An open database with the settings that led to it."""

    settings: Settings
    pool: Pool
    database: Database

    @property
    def actor(self) -> str:
        """Who acts, for the record: whoever holds the shell."""
        return f"shell:{getpass.getuser()}"


@contextmanager
def database_of(settings: Settings) -> Iterator[Database]:
    """Give the database; the embedded one runs as long as the block."""
    if settings.database_url is not None:
        yield Database(settings.database_url)
        return
    with EmbeddedPostgres(settings.data_dir) as server:
        yield Database(server.url, server)


@asynccontextmanager
async def open_session(data_dir: Path | None, database_url: str | None, **flags: Any) -> AsyncIterator[Session]:
    """Open the database that the flags or the environment name, at this version's schema."""
    settings = load_settings(data_dir=data_dir, database_url=database_url, **flags)
    set_up_logging(level=settings.log_level, as_json=settings.log_json)
    with database_of(settings) as database:
        try:
            await migrate(database.url, settings.programme)
            pool = await open_pool(database.url, size_max=settings.pool_size)
        except asyncpg.ClientConfigurationError as error:
            raise SettingError(f"database_url (COALITION_DATABASE_URL): {error}") from error
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise DatabaseUnreachableError(f"the database can not be used: {error}") from error
        try:
            yield Session(settings, pool, database)
        finally:
            await pool.close()


# A full disk, no memory, no free connection; a database that went down under the command, or is only read for now: a
# standby, or one that is being restored.
DATABASE_LOST = (
    *(asyncpg.InsufficientResourcesError, asyncpg.PostgresConnectionError),
    *(asyncpg.AdminShutdownError, asyncpg.CrashShutdownError, asyncpg.CannotConnectNowError),
    asyncpg.ReadOnlySQLTransactionError,
)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work; a foreseen error, or the loss of the database, becomes one line and exit code 1."""
    try:
        return asyncio.run(work)
    except (CoalitionError, KeyUnreadableError) as error:
        typer.echo(f"coalition: {error}", err=True)
        raise typer.Exit(1) from error
    except DATABASE_LOST as error:
        typer.echo(f"coalition: the database can not be used: {error}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def read_file(path: Path) -> bytes:
    """Read a file that a flag names; exit with a line if it can't be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        typer.echo(f"coalition: {path}: {error.strerror}", err=True)
        raise typer.Exit(1) from error


def show(document: Any, *, as_json: bool, text: str) -> None:
    """Print a command's outcome for a machine or for a person."""
    typer.echo(json.dumps(document, default=str) if as_json else text)


def now() -> datetime:
    return datetime.now(UTC)
