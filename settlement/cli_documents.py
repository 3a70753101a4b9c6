"""`coalition window documents` and `coalition invoice`: tax documents, and what corrects them."""

from pathlib import Path
from typing import Annotated

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import Session, open_session, show
from settlement.cli import WindowNo, run_work, window_app, write_output
from settlement.operations.find_documents import (
    DocumentFormat,
    format_document,
    list_documents,
    open_document,
    window_files,
)
from settlement.stores.hub import load_partner_names
from settlement.tax_document_text import tax_document_document, tax_documents_text

invoice_app = typer.Typer(help="Tax documents: write one out, correct one.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="The document's number, like INV-2027-000012.")]

NO_DOCUMENTS = (
    "Window {window} has no tax documents. They are written when it is invoiced, once `coalition operator party` "
    "says who the operator is."
)


@window_app.command("documents")
def documents(
    window_no: WindowNo,
    output: Annotated[Path | None, typer.Option(help="Folder to write them all to, statements as well.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """List a window's tax documents; with --output, write them and the statements into a folder."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            listed, currency = await list_documents(session.pool, window_no)
            async with session.pool.acquire() as connection:
                names = await load_partner_names(connection)
            text = tax_documents_text(listed, currency.code, names)
            if output is not None:
                count = await _write_files(session, window_no, output)
                text += f"\n{count} files are in {output}."
            shown = [
                {"partner": document.partner, **tax_document_document(document, currency.code)} for document in listed
            ]
            show(shown, as_json=as_json, text=text if listed else NO_DOCUMENTS.format(window=window_no))

    run_work(work())


@invoice_app.command("show")
def show_document(
    number: Number,
    document_format: Annotated[DocumentFormat, typer.Option("--format", help="pdf, xml or json.")] = "json",
    output: Annotated[Path | None, typer.Option(help="File to write; none: standard output.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a tax document; --json is --format json."""

    async def work() -> bytes:
        async with open_session(data_dir, database_url) as session:
            found = await open_document(session.pool, number)
            return format_document(found, "json" if as_json else document_format)

    write_output(run_work(work()), output)


async def _write_files(session: Session, window_no: int, folder: Path) -> int:
    count = 0
    async for file in window_files(session.pool, window_no):
        _write_file(folder / file.name, file.content)
        count += 1
    return count


def _write_file(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        typer.echo(f"coalition: {path}: {error.strerror}", err=True)
        raise typer.Exit(1) from error
