"""`coalition window documents` and `coalition invoice`: tax documents, and what corrects them."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, show
from coalition.database.pool import Pool
from settlement.cli.window import WindowNo, parse_decimal, run_work, window_app, write_output
from settlement.operations.correct_document import (
    approve_correction,
    draft_correction,
    list_corrections,
    withdraw_correction,
)
from settlement.operations.find_documents import (
    DocumentFormat,
    format_document,
    list_documents,
    open_document,
    why_no_documents,
    window_files,
)
from settlement.stores.hub import load_partner_names
from settlement.text.tax_document import (
    NO_DOCUMENTS,
    correction_document,
    corrections_text,
    tax_document_document,
    tax_documents_text,
)

invoice_app = typer.Typer(help="Tax documents: write one out, correct one.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="The document's number, like INV-2027-000012.")]
CorrectionNo = Annotated[int, typer.Argument(help="The correction's number.", min=1)]
LINE_DIGITS_MAX = 6


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
            if not listed:
                text = NO_DOCUMENTS[await why_no_documents(session.pool, window_no)]
            if output is not None:
                count = await write_documents(session.pool, window_no, output)
                text += f"\n{count} files are in {output}."
            shown = [
                {"partner": document.partner, **tax_document_document(document, currency.code)} for document in listed
            ]
            show(shown, as_json=as_json, text=text)

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


@invoice_app.command("correct")
def correct(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why; it stands on the document.")],
    line: Annotated[
        list[str] | None, typer.Option(help="LINE=AMOUNT without VAT to take back, like 1=100.00; as often as needed.")
    ] = None,
    take_back_all: Annotated[bool, typer.Option("--all", help="Take back all that is left.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Draft a credit note; without --line and --all a document of the same amounts and the parties' data of today.

    Nothing is issued before it is approved, by a second person on the pages.
    """
    if line and take_back_all:
        raise typer.BadParameter("give --line or --all, not both")
    taken_back = None if take_back_all else _taken_back(line or [])

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            drafted = await draft_correction(
                session.pool, number, reason=reason, taken_back=taken_back, now=now(), actor=session.actor
            )
            show(correction_document(drafted), as_json=as_json, text=corrections_text([drafted]))

    run_work(work())


@invoice_app.command("corrections")
def corrections(
    window_no: Annotated[int | None, typer.Option("--window", help="Of this window's documents.", min=1)] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """List corrections: drafts, and what came of them."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            listed = await list_corrections(session.pool, window_no=window_no)
            document = [correction_document(correction) for correction in listed]
            show(document, as_json=as_json, text=corrections_text(listed) if listed else "There are no corrections.")

    run_work(work())


@invoice_app.command("approve")
def approve(
    correction: CorrectionNo, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Issue the document of a draft; what it takes back is part of the partner's next payment.

    Whoever holds this shell may approve what it drafted itself: the second person is asked for on the pages.
    """

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            issued = await approve_correction(
                session.pool, correction, now=now(), actor=session.actor, is_second_person_needed=False
            )
            show(correction_document(issued), as_json=as_json, text=corrections_text([issued]))

    run_work(work())


@invoice_app.command("withdraw")
def withdraw(
    correction: CorrectionNo, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Let nothing come of a draft."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            withdrawn = await withdraw_correction(session.pool, correction, now=now(), actor=session.actor)
            show(correction_document(withdrawn), as_json=as_json, text=corrections_text([withdrawn]))

    run_work(work())


def _taken_back(texts: list[str]) -> dict[int, Decimal]:
    taken_back: dict[int, Decimal] = {}
    for text in texts:
        line, sign, amount = text.partition("=")
        if not (sign and line.isascii() and line.isdigit() and len(line) <= LINE_DIGITS_MAX):
            raise typer.BadParameter(f"expected LINE=AMOUNT like 1=100.00, {text!r} came", param_hint="--line")
        money = parse_decimal("line", amount)
        assert money is not None, "an amount that is not there is no number"
        if int(line) in taken_back:
            raise typer.BadParameter(f"line {int(line)} is named twice", param_hint="--line")
        taken_back[int(line)] = money
    return taken_back


async def write_documents(pool: Pool, window_no: int, folder: Path) -> int:
    """Write a window's statements and tax documents into a folder; return how many files they are."""
    count = 0
    async for file in window_files(pool, window_no):
        write_output(file.content, folder / file.name, is_quiet=True)
        count += 1
    return count
