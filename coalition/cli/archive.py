"""`coalition archive`: old windows leave the database for files, and come back."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, run, show
from coalition.errors import CoalitionError, SettingError
from coalition.ledger.operation import PAST_DAYS_MAX
from coalition.operations.archive_file import Progress, Seal, verify_archive
from coalition.operations.archive_window import archive_window
from coalition.operations.restore_window import restore_window
from coalition.stores.archives import Archive, load_archives, set_archive_after

archive_app = typer.Typer(help="Old windows: out of the database into files, and back.", no_args_is_help=True)

DAYS_MAX = 36_500

ArchiveFile = Annotated[Path, typer.Argument(metavar="FILE", help="A file that `coalition archive window` wrote.")]


@archive_app.callback()
def _group() -> None:
    """Old windows: out of the database into files, and back."""


@archive_app.command("window")
def archive(
    window_no: Annotated[int, typer.Argument(metavar="N", help="A settled window.", min=1, max=2_147_483_647)],
    to: Annotated[Path, typer.Option("--to", help="The folder for the file; it will hold card numbers.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a window's archive, verify it, and let its records and messages leave. Killed, run it again."""
    # Imported here: with it comes the server, for which no other command should wait.
    from coalition.http.hub_key import load_signer

    async def work() -> Archive:
        async with open_session(data_dir, database_url) as session:
            signer = load_signer(session.settings.hub_key_path)
            async with session.pool.acquire() as connection:
                await signer.publish(connection, now=now())
            with _bars() as progress:
                return await archive_window(
                    session.pool,
                    window_no,
                    to.resolve(),
                    seal=Seal(signer.keyid, signer.sign_content),
                    now=now(),
                    actor=session.actor,
                    progress=progress,
                )

    archived = run(work())
    text = (
        f"Window {window_no}: {archived.records:,} records and {archived.messages:,} messages are in {archived.path} "
        f"({archived.file_bytes:,} bytes). Keep a second copy elsewhere: of the messages there is no other."
    )
    show(_document(archived), as_json=as_json, text=text)


@archive_app.command("list")
def list_archives(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Show which windows are archived, and where."""

    async def work() -> list[Archive]:
        async with open_session(data_dir, database_url) as session, session.pool.acquire() as connection:
            return await load_archives(connection)

    archives = run(work())
    lines = [
        f"{one.window_no:>6}  {'archived' if one.archived_at else 'under way'}  {one.records:>12,} records  "
        f"{one.messages:>10,} messages  {one.path}{'' if Path(one.path).exists() else '  (the file is not there)'}"
        for one in archives
    ]
    text = "\n".join(lines) or "No window is archived."
    show({"archives": [_document(one) for one in archives]}, as_json=as_json, text=text)


@archive_app.command("verify")
def verify(file: ArchiveFile, as_json: AsJson = False) -> None:
    """Verify an archive offline: signature, every leaf, message and total; exit 1 and the line if one is broken."""
    try:
        with _bars() as progress:
            verified = verify_archive(file, progress=progress)
    except CoalitionError as error:
        typer.echo(f"coalition: {error}", err=True)
        raise typer.Exit(1) from error
    roots = "\n".join(
        f"lane {one.lane}: leaves {one.first_leaf:,} to {one.end_leaf - 1:,}, root {one.root.hex()}"
        for one in verified.ranges
    )
    text = (
        f"Window {verified.window_no} of {verified.programme}: {verified.records:,} records, "
        f"{verified.messages:,} messages, {verified.statements:,} statements; all of it holds.\n{roots}\n"
        f"Signed with the hub's key {verified.keyid}: compare it, and the roots, with what you know of the hub."
    )
    document = {
        "window": verified.window_no,
        "programme": verified.programme,
        "records": verified.records,
        "messages": verified.messages,
        "statements": verified.statements,
        "sha256": verified.digest.hex(),
        "keyid": verified.keyid,
        "lanes": [one.document for one in verified.ranges],
    }
    show(document, as_json=as_json, text=text)


@archive_app.command("restore")
def restore(
    file: ArchiveFile, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Put an archived window back into the database; the file stays. Killed, run it again."""

    async def work() -> Archive:
        async with open_session(data_dir, database_url) as session:
            with _bars() as progress:
                return await restore_window(session.pool, file, progress=progress)

    restored = run(work())
    text = (
        f"Window {restored.window_no} is back: {restored.records:,} records and {restored.messages:,} messages. "
        "Archived again it is a new file: then replace every copy of this one."
    )
    show(_document(restored), as_json=as_json, text=text)


@archive_app.command("after")
def set_after(
    days: Annotated[int, typer.Argument(help="Days after a window's close; above 400, but for trials.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Say how old a window must be before it can be archived; 410 days unless changed."""

    async def work() -> None:
        if not 0 <= days <= DAYS_MAX:
            raise SettingError(f"days: expected 0 to {DAYS_MAX}, {days} came")
        async with open_session(data_dir, database_url) as session, session.pool.acquire() as connection:
            await set_archive_after(connection, days)

    run(work())
    text = f"Windows can be archived {days} {'day' if days == 1 else 'days'} after their close."
    if days <= PAST_DAYS_MAX:
        text += f" For trials only: a message may be {PAST_DAYS_MAX} days old, and come again after its archive."
    show({"archive_after_days": days}, as_json=as_json, text=text)


def _document(archive: Archive) -> dict[str, object]:
    return {**archive._asdict(), "digest": archive.digest.hex()}


@contextmanager
def _bars() -> Iterator[Progress]:
    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f}"), TimeElapsedColumn())
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("", total=None)

        def progress(what: str, done: int, total: int) -> None:
            bars.update(task, description=what, completed=done, total=total or None)

        yield progress
