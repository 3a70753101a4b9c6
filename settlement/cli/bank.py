"""`coalition partner bank`, `coalition operator bank`, `coalition bank` and `coalition window payments`."""

import shlex
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, read_file, show
from coalition.database.pool import Pool
from settlement.cli.window import EXIT_INCOMPLETE, Partner, WindowNo, run_work, window_app, write_output
from settlement.engine.bank_account import Mandate, MandateScheme
from settlement.engine.entry_split import parse_pieces
from settlement.operations.find_partner import find_partner
from settlement.operations.import_bank_file import import_bank_file
from settlement.operations.make_payments import make_payments
from settlement.operations.manage_bank_account import BankDetails, list_bank_accounts, set_bank_account
from settlement.operations.split_bank_entry import list_unmatched, set_entry_aside, split_bank_entry
from settlement.stores.hub import load_programme
from settlement.text.bank import (
    account_document,
    accounts_text,
    import_document,
    import_text,
    left_out_text,
    payments_document,
    payments_text,
    split_document,
    split_text,
    unmatched_document,
    unmatched_text,
)

partner_bank_app = typer.Typer(help="Where partners are paid, and their mandates: set, show.", no_args_is_help=True)
operator_bank_app = typer.Typer(help="The operator's bank account: set, show.", no_args_is_help=True)
bank_app = typer.Typer(
    help="What the operator's bank says: take its files in, and say what was not matched.", no_args_is_help=True
)

Holder = Annotated[str | None, typer.Option(help="Whose account it is; without it the party in law.")]
Iban = Annotated[str, typer.Option(help="The account's IBAN, with blanks or without.")]
Bic = Annotated[str | None, typer.Option(help="The bank's BIC; without it as the IBAN tells, where it does.")]
Street = Annotated[str | None, typer.Option(help="Street of the holder.")]
Building = Annotated[str | None, typer.Option(help="House number.")]
PostCode = Annotated[str | None, typer.Option(help="Post code.")]
Town = Annotated[str | None, typer.Option(help="Town; without it the address of the party in law.")]
Country = Annotated[str | None, typer.Option(help="Country, two letters.")]


@partner_bank_app.command("set")
def set_partner(
    partner: Partner,
    iban: Iban,
    holder: Holder = None,
    town: Town = None,
    bic: Bic = None,
    street: Street = None,
    building: Building = None,
    post_code: PostCode = None,
    country: Country = None,
    mandate_id: Annotated[str | None, typer.Option(help="Reference of the SEPA mandate; without it no debits.")] = None,
    mandate_signed_on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day on which the mandate was signed.")
    ] = None,
    mandate_scheme: Annotated[MandateScheme, typer.Option(help="CORE, or B2B for a mandate between firms.")] = "CORE",
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write down where a partner is paid; what was there before is kept, and counts no more."""
    if (mandate_id is None) != (mandate_signed_on is None):
        raise typer.BadParameter("a mandate needs both --mandate-id and --mandate-signed-on")

    async def work() -> None:
        mandate = None
        if mandate_id is not None and mandate_signed_on is not None:
            mandate = Mandate(mandate_id=mandate_id, signed_on=mandate_signed_on.date(), scheme=mandate_scheme)
        details = BankDetails(
            holder=holder, iban=iban, bic=bic, street=street, building=building, post_code=post_code, town=town,
            country=country, mandate=mandate,
        )  # fmt: skip
        async with open_session(data_dir, database_url) as session:
            number = await find_partner(session.pool, partner)
            await _set(session.pool, number, details, actor=session.actor, as_json=as_json)

    run_work(work())


@partner_bank_app.command("show")
def show_partner(
    partner: Partner, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Show a partner's bank details, the newest first."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            versions = await list_bank_accounts(session.pool, await find_partner(session.pool, partner))
            show([account_document(stored) for stored in versions], as_json=as_json, text=accounts_text(versions))

    run_work(work())


@operator_bank_app.command("set")
def set_operator(
    iban: Iban,
    holder: Holder = None,
    town: Town = None,
    bic: Bic = None,
    street: Street = None,
    building: Building = None,
    post_code: PostCode = None,
    country: Country = None,
    creditor_id: Annotated[
        str | None, typer.Option(help="SEPA creditor identifier (Gläubiger-ID), for direct debits.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write down the account from which the operator pays and into which it is paid."""

    async def work() -> None:
        details = BankDetails(
            holder=holder, iban=iban, bic=bic, street=street, building=building, post_code=post_code, town=town,
            country=country, creditor_id=creditor_id,
        )  # fmt: skip
        async with open_session(data_dir, database_url) as session:
            await _set(session.pool, None, details, actor=session.actor, as_json=as_json)

    run_work(work())


@operator_bank_app.command("show")
def show_operator(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Show the operator's bank details, the newest first."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            versions = await list_bank_accounts(session.pool, None)
            show([account_document(stored) for stored in versions], as_json=as_json, text=accounts_text(versions))

    run_work(work())


async def _set(pool: Pool, partner: int | None, details: BankDetails, *, actor: str, as_json: bool) -> None:
    stored = await set_bank_account(pool, partner, details, now=now(), actor=actor)
    show(account_document(stored), as_json=as_json, text=accounts_text([stored]))


@window_app.command("payments")
def payments(
    window_no: WindowNo,
    output: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder for the files; none: they are only listed.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write the SEPA files of an invoiced window: what the operator pays, and what it debits by mandate.

    Who lacks bank details is left out of them and told, with exit code 3; once they are there, the command writes a
    further file for that partner alone.
    """

    async def work() -> bool:
        async with open_session(data_dir, database_url) as session:
            made = await make_payments(session.pool, window_no)
        show(payments_document(made), as_json=as_json, text=payments_text(made))
        if output is not None:
            for file in made.files:
                write_output(file.content, output / file.name, is_quiet=as_json)
        folder = f" --output {shlex.quote(str(output))}" if output is not None else ""
        left_out = left_out_text(made, f"coalition window payments {window_no}{folder}")
        if left_out and not as_json:
            typer.echo(left_out)
        return bool(left_out)

    if run_work(work()):
        raise typer.Exit(EXIT_INCOMPLETE)


@bank_app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A bank's camt.053, as it came.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Take a bank's file in: shares that it pays are PAID, and what does not match is listed. Twice is once."""
    content = read_file(file)

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            report = await import_bank_file(session.pool, content, now=now(), actor=session.actor)
            show(import_document(report), as_json=as_json, text=import_text(report))

    run_work(work())


@bank_app.command("unmatched")
def unmatched(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """List what the bank has told and nobody has said yet what it is of, the oldest first."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            currency, entries = await list_unmatched(session.pool)
            show(unmatched_document(entries, currency), as_json=as_json, text=unmatched_text(entries, currency))

    run_work(work())


@bank_app.command("split")
def split(
    statement: Annotated[str, typer.Argument(help="The statement's id, as `bank unmatched` tells it.")],
    entry: Annotated[str, typer.Argument(help="The entry's reference in it.")],
    pieces: Annotated[
        list[str],
        typer.Argument(
            help="Shares, as W00007-P00012, with =AMOUNT for a part of one and +FEE for what the bank took."
        ),
    ],
    part: Annotated[int, typer.Option(help="Which part of the entry.", min=1)] = 1,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Say of which shares an entry is that was not matched: payments, what came back, and the bank's fees."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            told = parse_pieces(pieces)
            matches = await split_bank_entry(
                session.pool, statement, entry, told, detail=part, now=now(), actor=session.actor
            )
            async with session.pool.acquire() as connection:
                currency = (await load_programme(connection)).currency
            show(split_document(matches, currency), as_json=as_json, text=split_text(matches, currency))

    run_work(work())


@bank_app.command("aside")
def aside(
    statement: Annotated[str, typer.Argument(help="The statement's id, as `bank unmatched` tells it.")],
    entry: Annotated[str, typer.Argument(help="The entry's reference in it.")],
    part: Annotated[int, typer.Option(help="Which part of the entry.", min=1)] = 1,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Say that an entry that was not matched is of no share, as a rent."""

    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            await set_entry_aside(session.pool, statement, entry, detail=part, now=now(), actor=session.actor)
            typer.echo(f"Entry {entry} of statement {statement} is of no share.")

    run_work(work())
