"""`coalition database`: the tables over several servers, where the database is a Citus cluster."""

from collections.abc import Awaitable
from dataclasses import asdict
from typing import TypeVar

import asyncpg
import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import database_of, run, show
from coalition.config import load_settings
from coalition.database.distribute import Distribution, distribute, level
from coalition.database.migrate import migrate
from coalition.errors import DatabaseError

T = TypeVar("T")

database_app = typer.Typer(help="The database over several servers (Citus).", no_args_is_help=True)


@database_app.callback()
def _group() -> None:
    """The database over several servers (Citus)."""


@database_app.command("distribute")
def distribute_tables(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Distribute the lanes over a Citus cluster's nodes, with all hubs stopped. May be repeated, after upgrades too."""

    async def work() -> Distribution:
        # The schema by a connection of its own, gone before anything is looked at: no pool stays that counts as a hub.
        settings = load_settings(data_dir=data_dir, database_url=database_url)
        with database_of(settings) as database:
            await _told(migrate(database.url, settings.programme))
            return await _told(distribute(database.url, progress=_say))

    _show(run(work()), as_json=as_json)


@database_app.command("level")
def level_lanes(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Move lanes until each node has about as many, while hubs go on; after a node was added. May be repeated."""

    async def work() -> Distribution:
        with database_of(load_settings(data_dir=data_dir, database_url=database_url)) as database:
            return await _told(level(database.url, progress=_say))

    _show(run(work()), as_json=as_json)


def _say(what: str) -> None:
    typer.echo(f"... {what}", err=True)


async def _told(work: Awaitable[T]) -> T:
    try:
        return await work
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseError(f"it stopped here, and may be run again: {error}") from error


def _show(done: Distribution, *, as_json: bool) -> None:
    lines = [
        f"{len(done.distributed)} tables distributed by lane, {len(done.references)} copied to every node, "
        f"{len(done.moved)} lanes moved."
    ]
    nodes = sorted({shard.node for shard in done.shards})
    for node in nodes:
        lanes = sorted(lane for shard in done.shards if shard.node == node for lane in shard.lanes)
        lines.append(f"{node}: lanes {', '.join(map(str, lanes))}")
    show(asdict(done), as_json=as_json, text="\n".join(lines))
