"""`coalition window bill`: a month's end by hand in one command, up to the files for the bank and the tax adviser."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import Session, now, open_session, show
from coalition.database.pool import Pool
from coalition.lanes.close_window import close_window
from settlement.cli.documents import write_documents
from settlement.cli.window import EXIT_INCOMPLETE, run_work, write_output
from settlement.engine.payment_reference import message_reference
from settlement.errors import DatevRefusedError, PaymentFileRefusedError
from settlement.operations.approve_window import approve_window
from settlement.operations.book_in_datev import book_in_datev
from settlement.operations.calculate_window import calculate_window
from settlement.operations.find_documents import list_documents, why_no_documents
from settlement.operations.invoice_window import invoice_window
from settlement.operations.make_payments import WindowPayments, make_payments
from settlement.operations.report_window import report_window
from settlement.text.bank import payments_document, payments_text
from settlement.text.remedy import remedy_of
from settlement.text.report import report_document, report_text
from settlement.text.tax_document import NO_DOCUMENTS


@dataclass(slots=True)
class BillFiles:
    """What was written of a billed window, and what of it was not: each folder with its reasons."""

    payments: WindowPayments | None = None
    documents: int | None = None
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)


def add_window_bill(window_app: typer.Typer) -> None:
    """Add the command to those of windows."""
    window_app.command("bill")(bill)


def bill(
    window_no: Annotated[
        int | None, typer.Argument(help="The window's number, to repeat safely; without it the open one.", min=1)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Folder for the files: bank/, datev/, documents/; none: no files."),
    ] = None,
    with_documents: Annotated[
        bool,
        typer.Option("--documents/--no-documents", help="Whether statements and tax documents are written as well."),
    ] = True,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Take a window through every step up to its invoices: closed, calculated, approved, invoiced.

    With --output, write the SEPA files, the DATEV batch, statements and invoices; what can't be written is told at the
    end, with the command that helps, and exit code 3. Whoever holds this shell acts for both persons that an approval
    needs; each step is recorded with the actor.
    """

    async def work() -> BillFiles:
        async with open_session(data_dir, database_url) as session:
            billed = await _invoice(session, window_no)
            report = await report_window(session.pool, billed)
            document: dict[str, Any] = report_document(report)
            text = f"{report_text(report)}\nEvery step is recorded with the actor {session.actor}."
            files = BillFiles()
            if output is not None:
                files = await _write_files(
                    session.pool, billed, output, with_documents=with_documents, is_quiet=as_json
                )
                document |= _files_document(files)
                text += f"\n{await _files_text(session.pool, files, billed, output)}"
        show(document, as_json=as_json, text=text)
        return files

    if run_work(work()).missing:
        raise typer.Exit(EXIT_INCOMPLETE)


async def _invoice(session: Session, window_no: int | None) -> int:
    pool, actor = session.pool, session.actor
    closed = await close_window(pool, clock=now, actor=actor, expected=window_no)
    await calculate_window(pool, closed, now=now(), actor=actor)
    await approve_window(pool, closed, now=now(), actor=actor, is_second_person_needed=False)
    await invoice_window(pool, closed, now=now(), actor=actor)
    return closed


async def _write_files(pool: Pool, window_no: int, folder: Path, *, with_documents: bool, is_quiet: bool) -> BillFiles:
    """Write all that can be written, what others wait for first; none keeps another from being written."""
    files = BillFiles()
    try:
        files.payments = await make_payments(pool, window_no)
    except PaymentFileRefusedError as refusal:
        files.missing["bank"] = refusal.problems
    else:
        if files.payments.order.left_out:
            files.missing["bank"] = files.payments.order.left_out
        for file in files.payments.files:
            write_output(file.content, folder / "bank" / file.name, is_quiet=is_quiet)
    try:
        batch = await book_in_datev(pool, window_no)
    except DatevRefusedError as refusal:
        files.missing["datev"] = refusal.problems
    else:
        write_output(batch, folder / "datev" / f"EXTF_{message_reference(window_no)}.csv", is_quiet=is_quiet)
    if with_documents:
        files.documents = await write_documents(pool, window_no, folder / "documents")
    return files


def _files_document(files: BillFiles) -> dict[str, Any]:
    return {
        "payments": None if files.payments is None else payments_document(files.payments),
        "documents": files.documents,
        "missing": [
            {"folder": folder, "problem": problem, "command": remedy_of(problem)}
            for folder, problems in files.missing.items()
            for problem in problems
        ],
    }


async def _files_text(pool: Pool, files: BillFiles, window_no: int, folder: Path) -> str:
    """Return what was written, and last what was not, with the commands that help."""
    lines = []
    if files.documents is not None:
        lines.append(f"{files.documents:,} statements and tax documents are in {folder / 'documents'}.")
    if files.payments is not None:
        lines.insert(0, payments_text(files.payments))
    if not (await list_documents(pool, window_no))[0]:
        lines.append(NO_DOCUMENTS[await why_no_documents(pool, window_no)])
    if files.missing:
        lines.append(f"Window {window_no} is billed; missing:")
        for name, problems in files.missing.items():
            for problem in problems:
                lines.append(f"  {name}/: {problem}")
                remedy = remedy_of(problem)
                lines += [f"    {remedy}"] if remedy else []
        # Without the number it would bill the next window.
        lines.append(f"Then: coalition window bill {window_no} --output {shlex.quote(str(folder))}")
    return "\n".join(lines)
