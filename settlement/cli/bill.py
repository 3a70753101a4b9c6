"""`coalition window bill`: a month's end by hand in one command, up to the files for the bank and the tax adviser."""

from pathlib import Path
from typing import Annotated, Any

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import Session, now, open_session, show
from coalition.lanes.close_window import close_window
from settlement.cli.window import RefusedError, run_work, write_output
from settlement.engine.payment_reference import message_reference
from settlement.errors import DatevRefusedError, PaymentFileRefusedError
from settlement.operations.approve_window import approve_window
from settlement.operations.book_in_datev import book_in_datev
from settlement.operations.calculate_window import calculate_window
from settlement.operations.invoice_window import invoice_window
from settlement.operations.make_payments import make_payments
from settlement.operations.report_window import report_window
from settlement.text.bank import payments_document, payments_text
from settlement.text.report import report_document, report_text


def add_window_bill(window_app: typer.Typer) -> None:
    """Add the command to those of windows."""
    window_app.command("bill")(bill)


def bill(
    window_no: Annotated[
        int | None, typer.Argument(help="The window's number, to repeat safely; without it the open one.", min=1)
    ] = None,
    output: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder for the files: bank/ and datev/; none: no files.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Take a window through every step up to its invoices: closed, calculated, approved, invoiced.

    With --output, write the SEPA files and the DATEV batch. Whoever holds this shell acts for both persons that an
    approval needs; each step is recorded with the actor.
    """

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            billed = await _invoice(session, window_no)
            report = await report_window(session.pool, billed)
            document: dict[str, Any] = report_document(report)
            text = f"{report_text(report)}\nEvery step is recorded with the actor {session.actor}."
            if output is not None:
                payments, told = await _write_files(session, billed, output, is_quiet=as_json)
                document["payments"] = payments
                text += f"\n{told}"
        show(document, as_json=as_json, text=text)

    run_work(work())


async def _invoice(session: Session, window_no: int | None) -> int:
    pool, actor = session.pool, session.actor
    closed = await close_window(pool, clock=now, actor=actor, expected=window_no)
    await calculate_window(pool, closed, now=now(), actor=actor)
    await approve_window(pool, closed, now=now(), actor=actor, is_second_person_needed=False)
    await invoice_window(pool, closed, now=now(), actor=actor)
    return closed


async def _write_files(session: Session, window_no: int, folder: Path, *, is_quiet: bool) -> tuple[dict[str, Any], str]:
    """Write the files, none before all are made; return the payments for machines and for people."""
    try:
        made = await make_payments(session.pool, window_no)
        batch = await book_in_datev(session.pool, window_no)
    except (PaymentFileRefusedError, DatevRefusedError) as refusal:
        # The same command without the number would bill the next window.
        again = f"coalition window bill {window_no} --output {folder}"
        raise RefusedError(
            f"window {window_no} is billed, its files are not written: {refusal}; then: {again}"
        ) from refusal
    files = {folder / "bank" / file.name: file.content for file in made.files}
    files[folder / "datev" / f"EXTF_{message_reference(window_no)}.csv"] = batch
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_output(content, path, is_quiet=is_quiet)
    return payments_document(made), payments_text(made)
