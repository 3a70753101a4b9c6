"""`coalition window items`: the operations behind a partner's statement, as a file of any length."""

import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from coalition.cli.options import DatabaseUrl, DataDir
from coalition.cli.session import open_session
from coalition.cli.whole_file import whole_file
from coalition.database.pool import Pool
from settlement.cli.window import Partner, RefusedError, WindowNo, run_work
from settlement.documents.items_file import ItemsFormat, open_items_file
from settlement.operations.find_partner import find_partner
from settlement.operations.list_items import open_items


def add_items(window_app: typer.Typer) -> None:
    """Add the command to those of windows."""
    window_app.command("items")(items)


def items(
    window_no: WindowNo,
    partner: Partner,
    items_format: Annotated[ItemsFormat, typer.Option("--format", help="csv, jsonl or xlsx.")] = "csv",
    output: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File to write; none: standard output, but for xlsx.")
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write every operation that a statement counts, a row each: read from the journal as it is written."""
    if output is None and items_format == "xlsx":
        raise typer.BadParameter("a workbook needs a file to be written to", param_hint="--output")

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            number = await find_partner(session.pool, partner)
            if output is None:
                await _write(session.pool, window_no, number, items_format, sys.stdout.buffer)
                return
            try:
                with whole_file(output) as file:
                    count = await _write(session.pool, window_no, number, items_format, file)
            except OSError as error:
                raise RefusedError(f"{output}: {error.strerror}") from error
            typer.echo(f"{output}: {count:,} rows, {output.stat().st_size:,} bytes")

    run_work(work())


async def _write(pool: Pool, window_no: int, partner: int, items_format: ItemsFormat, file: BinaryIO) -> int:
    """Write all items and return how many; the bar goes to standard error, if somebody looks at it."""
    found = await open_items(pool, window_no, partner)
    statement = found.statement
    writer = open_items_file(items_format, file, statement, zone=found.zone)
    count = 0
    with _progress() as progress:
        task = progress.add_task(f"Items of {statement.number}", total=sum(statement.control.operations.values()))
        async for page in found.pages:
            writer.add(page)
            count += len(page)
            progress.update(task, advance=sum(item.booked.operations for item in page))
    writer.close()
    return count


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, disable=not console.is_terminal)
